//! An agent under the screen: its terminal is a panel of it.

use std::path::Path;

use color_eyre::eyre::eyre;

use crate::app;
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::screen::{self, Shown};
use crate::cli::terminal::require_terminal;
use crate::effects::confine::TerminalSize;
use crate::model::Breakpoint;
use crate::runtime::{Mode, WrapSetup, start_wrapped};
use crate::store::DataDir;
use crate::term;

/// Fails unless there is a terminal to open the screen on.
pub(super) fn require_screen(program: &str) -> color_eyre::Result<()> {
    require_terminal("wrap --headless --", Path::new(program))
}

/// Runs the agent under the screen, until the user leaves it; returns the agent's exit code.
pub(super) async fn run(
    mut setup: WrapSetup,
    breakpoints: Vec<Breakpoint>,
    data: DataDir,
    global: &Global,
) -> color_eyre::Result<Exit> {
    setup.size = Some(first_size(&setup.name));
    let beside = data.clone();
    let mode = Mode::Debug { step: false, breakpoints: breakpoints.clone() };
    let started = start_wrapped(setup, &data, mode).await;
    let (session, line) = started.map_err(|error| eyre!("failed to {error}"))?;
    let (_, early) = tokio::sync::mpsc::channel(1);
    let shown =
        Shown { early, data: beside, breakpoints, own: None, live: true, first: None, reopen: None, agent: Some(line) };
    screen::show(async { Ok(session) }, shown, global).await
}

/// The size that the agent's terminal will have on the first frame, so that the agent draws once.
fn first_size(agent: &str) -> TerminalSize {
    let size = term::size().unwrap_or((80, 24));
    let state = app::State::new(app::Setup { size, agent: Some(agent.to_owned()), ..app::Setup::default() });
    let (rows, columns) = state.agent_size().unwrap_or((24, 80));
    TerminalSize { rows, columns }
}
