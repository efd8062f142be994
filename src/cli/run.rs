//! `run`: runs a pipeline without a screen, for scripts and CI.

use std::path::PathBuf;

use clap::ValueEnum;
use color_eyre::eyre::eyre;

use super::answers::Answers;
use super::exit::Exit;
use super::expect::Expected;
use super::global::Global;
use super::headless::Headless;
use super::limits::Limits;
use super::text::eprint_line;
use super::{data, debug};
use crate::model::RunState;
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
    answers: Answers,
    #[command(flatten)]
    limits: Limits,
    /// Compare the run with this file of `runs export`: exit code 5 when it differs
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Store nothing at all; nothing of the run can be undone
    #[arg(long)]
    no_record: bool,
    /// Print the result as JSON; with `--json=events`, each event as a line of JSON while it happens, and the result last
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "result")]
    json: Option<Json>,
}

/// The JSON that is printed on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Json {
    /// The result, as one document.
    Result,
    /// Each event as a line of its own, then the result as the last line.
    Events,
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
    args.answers.warn_unless_asked(&loaded.pipeline);
    let expected = args.expect.as_deref().map(Expected::read).transpose()?;
    let runs_commands = runtime::has_command(&loaded.pipeline);
    let mode = Mode::Headless(runtime::Headless { allow: args.allow, answers: args.answers.into_texts() });
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
    let headless = Headless::new(session, RunState::default())?.say_gaps(runs_commands);
    let headless = headless.expect(expected);
    let headless = if args.json == Some(Json::Events) { headless.print_events() } else { headless };
    headless.run_to_end(args.json.is_some(), serde_json::Map::new()).await
}
