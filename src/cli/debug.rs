//! `tama-tui PIPELINE`: runs a pipeline under the debugger.

use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;

use super::breakpoints::OwnBreakpoints;
use super::exit::Exit;
use super::global::Global;
use super::limits::Limits;
use super::screen::Shown;
use super::terminal::require_terminal;
use super::{check, data, screen, text};
use crate::model::{Breakpoint, Gate};
use crate::pipeline::{Loaded, load};
use crate::runtime::{self, Mode};

/// Arguments of `tama-tui PIPELINE`.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// A pipeline.toml, a tama.toml, or a folder that holds one
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
    #[command(flatten)]
    limits: Limits,
}

/// Runs the pipeline under the screen.
pub(super) async fn run(args: Args, pipeline: &Path, global: &Global) -> color_eyre::Result<Exit> {
    let Some(mut loaded) = load_or_print_faults(pipeline, global) else { return Ok(Exit::Usage) };
    select_agent(&mut loaded, args.agent.as_deref())?;
    let Some(task) = task_or_print_hint(&loaded, args.task) else { return Ok(Exit::Usage) };
    if let Err(why) = args.limits.apply(&mut loaded) {
        text::eprint_line(&format!("error: {why}"));
        return Ok(Exit::Usage);
    }
    require_terminal("run", pipeline)?;
    runtime::prepare(&loaded).map_err(|error| eyre!("failed to {error}"))?;
    let data = data::open_beside(global, &loaded.base)?;
    let shared = all_breakpoints(&loaded, &args.breaks);
    let own = OwnBreakpoints::new(data.path(), &loaded.pipeline.name, &shared);
    let (breakpoints, fault) = own.load();
    if let Some(fault) = fault {
        text::eprint_line(&format!("warning: {fault}"));
    }
    let mode = Mode::Debug { step: args.step, breakpoints: breakpoints.clone() };
    let beside = data.clone();
    let session = async move {
        let handle = tokio::runtime::Handle::current();
        let start = move || {
            let _entered = handle.enter();
            runtime::start(loaded, &data, task, mode)
        };
        tokio::task::spawn_blocking(start).await?
    };
    // A new run has nothing to tell before it is there.
    let (_, early) = tokio::sync::mpsc::channel(1);
    let shown =
        Shown { early, data: beside, breakpoints, own: Some(own), live: true, first: None, reopen: None, agent: None };
    screen::show(session, shown, global).await
}

/// Loads the pipeline; prints its faults and returns `None` when it has any.
pub(super) fn load_or_print_faults(pipeline: &Path, global: &Global) -> Option<Loaded> {
    match load(pipeline) {
        Ok(loaded) => Some(loaded),
        Err(faults) => {
            check::print_faults(&faults, global);
            None
        }
    }
}

/// Makes one agent the entrypoint, so that it runs alone.
pub(super) fn select_agent(loaded: &mut Loaded, agent: Option<&str>) -> color_eyre::Result<()> {
    let Some(agent) = agent else { return Ok(()) };
    if !loaded.pipeline.agents.contains_key(agent) {
        let known: Vec<&str> = loaded.pipeline.agents.keys().map(String::as_str).collect();
        return Err(eyre!("no agent is named \"{agent}\"; the pipeline has {}", known.join(", ")));
    }
    agent.clone_into(&mut loaded.pipeline.entrypoint);
    Ok(())
}

/// Returns the task of the command line or of the pipeline; prints how to give one and returns `None` when there is
/// none.
pub(super) fn task_or_print_hint(loaded: &Loaded, given: Option<String>) -> Option<String> {
    if given.as_ref().is_some_and(|task| task.trim().is_empty()) {
        text::eprint_line("error: --task is empty: write a task, or start without --task to use the pipeline's own");
        return None;
    }
    let task = given.or_else(|| loaded.pipeline.task.clone());
    if task.is_none() {
        let file = loaded.file.display();
        text::eprint_line(&format!(
            "error: there is no task: give one with --task, or write `task = \"…\"` under [pipeline] in {file}"
        ));
    }
    task
}

fn all_breakpoints(loaded: &Loaded, agents: &[String]) -> Vec<Breakpoint> {
    let own = agents.iter().map(|agent| Breakpoint { agent: Some(agent.clone()), ..Breakpoint::new(Gate::BeforeLlm) });
    loaded.pipeline.breakpoints.iter().cloned().chain(own).collect()
}
