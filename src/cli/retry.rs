//! `retry`: takes a span of a stored run back and runs it again, without a screen.

use std::fs;
use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::headless::Headless;
use super::plan::{Outside, dry_run, told};
use super::stored::find_span;
use super::text::say;
use super::{Global, data};
use crate::model::{Command, EditScope, RunState, RunStatus, Update};
use crate::runtime::{self, Mode};

/// `tama-tui retry`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    pub run: String,
    /// The span: s12, or a path such as editor/writer#2
    #[arg(long)]
    pub span: String,
    /// A file with the prompt to try instead
    #[arg(long, value_name = "FILE")]
    prompt: Option<PathBuf>,
    /// Let this tool run where the policy would ask (a glob; may be given more than once)
    #[arg(long, value_name = "TOOL")]
    allow: Vec<String>,
    /// Show the plan, and touch nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Shows the plan, or carries it out and follows the run to its end.
pub(super) async fn run(args: Args, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::existing(global)?;
    let prompt = args.prompt.as_deref().map(read_prompt).transpose()?;
    if args.dry_run {
        return dry_run(&args, prompt.as_deref(), &data).await;
    }
    let folder = data.find(&args.run).map_err(|error| eyre!("failed to {error}"))?;
    let mode = Mode::Headless(runtime::Headless { allow: args.allow.clone() });
    let session = runtime::open(folder, &data, mode).await.map_err(|error| eyre!("failed to {error}"))?;
    let known = session.log.with(|state| state.last);
    let mut headless = Headless::new(session, known)?;
    match begin(&mut headless, &args, prompt).await {
        Ok(outside) => headless.finish(args.json, outside.into_json()).await,
        Err(error) => {
            headless.leave().await?;
            Err(error)
        }
    }
}

/// Asks for the plan, tells it, and has it carried out.
async fn begin(headless: &mut Headless, args: &Args, prompt: Option<String>) -> color_eyre::Result<Outside> {
    headless.log().with(check_whole)?;
    let span = find_span(headless.log(), &args.span)?;
    if let Some(text) = prompt {
        headless.send(Command::SaveEdit { span, text, scope: EditScope::Agent });
    }
    headless.send(Command::Plan { span });
    let plan = headless
        .until(|update| match update {
            Update::Plan(plan) => Some(plan.clone()),
            _ => None,
        })
        .await?;
    let (lines, outside) = headless.log().with(|state| {
        let outside = Outside::of(state, &plan);
        (told(state, &plan, &outside), outside)
    });
    for line in lines {
        say(&line);
    }
    headless.send(Command::Retry { plan: Box::new(plan), with_readers: true });
    Ok(outside)
}

/// A run whose process died has no end to go on from. One that reads as running while nobody holds it is such a run.
pub(super) fn check_whole(state: &RunState) -> color_eyre::Result<()> {
    if matches!(state.status, RunStatus::Interrupted | RunStatus::Running) {
        return Err(eyre!(
            "this run was interrupted, so it can't be retried: resuming a run comes later. `tama-tui undo` takes back \
             what it did."
        ));
    }
    Ok(())
}

fn read_prompt(file: &Path) -> color_eyre::Result<String> {
    fs::read_to_string(file).map_err(|error| eyre!("failed to read the prompt {}: {error}", file.display()))
}
