//! `tama-tui PIPELINE`: runs a pipeline under the debugger.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::{Global, check, data, screen, text};
use crate::model::{Breakpoint, Gate};
use crate::pipeline::{Loaded, load, nearest};
use crate::runtime::{self, Mode};

/// What a pipeline is run with.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A pipeline.toml, or a folder that holds one
    pub pipeline: Option<PathBuf>,
    /// The task, instead of the pipeline's own
    #[arg(long, requires = "pipeline")]
    task: Option<String>,
    /// Start stopped before the first call
    #[arg(long, requires = "pipeline")]
    step: bool,
    /// Stop before each call of this agent (a glob; may be given several times)
    #[arg(long = "break", value_name = "AGENT", requires = "pipeline")]
    breaks: Vec<String>,
    /// Run this agent alone
    #[arg(long, value_name = "NAME", requires = "pipeline")]
    agent: Option<String>,
}

/// Runs the pipeline under the screen.
pub(super) async fn run(args: Args, pipeline: &Path, global: &Global) -> color_eyre::Result<Exit> {
    if !pipeline.exists() {
        text::say(&neither(pipeline));
        return Ok(Exit::Usage);
    }
    let Some(mut loaded) = loaded(pipeline, global) else { return Ok(Exit::Usage) };
    choose(&mut loaded, args.agent.as_deref())?;
    let Some(task) = task(&loaded, args.task) else { return Ok(Exit::Usage) };
    let breakpoints = breakpoints(&loaded, &args.breaks);
    super::need_terminal("run", pipeline)?;
    runtime::prepare(&loaded).map_err(|error| eyre!("failed to {error}"))?;
    let data = data::beside(global, &loaded.base)?;
    let mode = Mode::Debug { step: args.step, breakpoints: breakpoints.clone() };
    let session = async move {
        let handle = tokio::runtime::Handle::current();
        let start = move || {
            let _entered = handle.enter();
            runtime::start(loaded, &data, task, mode)
        };
        tokio::task::spawn_blocking(start)
            .await
            .unwrap_or_else(|error| Err(runtime::SessionError::Models(error.to_string())))
    };
    screen::show(session, breakpoints, true, global).await
}

/// What a name can be told that is no command and no file: the command that is most like it.
fn neither(named: &Path) -> String {
    let named = named.display().to_string();
    let commands: Vec<String> =
        super::Cli::command().get_subcommands().map(|known| known.get_name().to_owned()).collect();
    let near = nearest(&named, commands.iter().map(String::as_str));
    let near = near.map(|near| format!(" Did you mean `tama-tui {near}`?")).unwrap_or_default();
    format!("error: {named} is neither a command nor a pipeline.toml or a folder.{near}")
}

/// The pipeline, or `None` after its faults were told.
pub(super) fn loaded(pipeline: &Path, global: &Global) -> Option<Loaded> {
    match load(pipeline) {
        Ok(loaded) => Some(loaded),
        Err(faults) => {
            check::tell(&faults, global);
            None
        }
    }
}

/// Runs one agent alone, as if it were the entrypoint.
pub(super) fn choose(loaded: &mut Loaded, agent: Option<&str>) -> color_eyre::Result<()> {
    let Some(agent) = agent else { return Ok(()) };
    if !loaded.pipeline.agents.contains_key(agent) {
        let known: Vec<&str> = loaded.pipeline.agents.keys().map(String::as_str).collect();
        return Err(eyre!("no agent is named \"{agent}\"; the pipeline has {}", known.join(", ")));
    }
    agent.clone_into(&mut loaded.pipeline.entrypoint);
    Ok(())
}

/// The task that was given, or the pipeline's own; `None` after telling what to do without one.
pub(super) fn task(loaded: &Loaded, given: Option<String>) -> Option<String> {
    let task = given.or_else(|| loaded.pipeline.task.clone());
    if task.is_none() {
        let file = loaded.file.display();
        text::say(&format!(
            "error: there is no task: give one with --task, or write `task = \"…\"` under [pipeline] in {file}"
        ));
    }
    task
}

fn breakpoints(loaded: &Loaded, agents: &[String]) -> Vec<Breakpoint> {
    let own = agents.iter().map(|agent| Breakpoint {
        at: Gate::BeforeLlm,
        agent: Some(agent.clone()),
        tool: None,
        model: None,
        enabled: true,
    });
    loaded.pipeline.breakpoints.iter().cloned().chain(own).collect()
}
