//! `run`: runs a pipeline without a screen, for scripts and CI.

use std::path::PathBuf;

use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::global::Global;
use super::headless::Headless;
use super::limits::Limits;
use super::text::eprint_line;
use super::{data, debug};
use crate::model::Seq;
use crate::runtime::{self, Mode};

/// `tama-tui run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A pipeline.toml, a tama.toml, or a folder that holds one
    pipeline: PathBuf,
    /// The task [default: that of the pipeline]
    #[arg(long)]
    task: Option<String>,
    /// Allow this tool where the policy would ask (a glob; may be given more than once)
    #[arg(long, value_name = "TOOL")]
    allow: Vec<String>,
    #[command(flatten)]
    limits: Limits,
    /// Store nothing at all; nothing of the run can be undone
    #[arg(long)]
    no_record: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the pipeline to its end.
pub(super) async fn run(args: Args, global: &Global) -> color_eyre::Result<Exit> {
    let Some(mut loaded) = debug::load_or_print_faults(&args.pipeline, global) else { return Ok(Exit::Usage) };
    let Some(task) = debug::task_or_print_hint(&loaded, args.task) else { return Ok(Exit::Usage) };
    if let Err(why) = args.limits.apply(&mut loaded) {
        eprint_line(&format!("error: {why}"));
        return Ok(Exit::Usage);
    }
    for rule in args.allow.iter().filter(|rule| !runtime::names_a_tool(rule, &loaded.pipeline)) {
        eprint_line(&format!("warning: --allow {rule}: no agent of this pipeline has such a tool"));
    }
    let runs_commands = runtime::has_command(&loaded.pipeline);
    let mode = Mode::Headless(runtime::Headless { allow: args.allow });
    let session = if args.no_record {
        eprint_line("this run is not recorded; nothing of it can be undone");
        runtime::start_unrecorded(loaded, task, mode)
    } else {
        runtime::prepare(&loaded).map_err(|error| eyre!("failed to {error}"))?;
        let data = data::open_beside(global, &loaded.base)?;
        runtime::start(loaded, &data, task, mode)
    };
    let session = session.map_err(|error| eyre!("failed to {error}"))?;
    if !args.no_record {
        eprint_line(&format!("run {}", session.run));
    }
    Headless::new(session, Seq(0))?.say_gaps(runs_commands).run_to_end(args.json, serde_json::Map::new()).await
}
