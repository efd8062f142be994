//! `retry`: takes a span of a stored run back and runs it again, without a screen.

use std::fs;
use std::path::PathBuf;

use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::headless::Headless;
use super::stored::find_span;
use super::text::{print, print_json, safe};
use super::{Global, data};
use crate::model::{Command, EditScope, RetryPlan, RunState, Seq, SpanId, Update};
use crate::rollback::plan_retry;
use crate::runtime::{self, Mode};
use crate::store::{Access, DataDir};

/// `tama-tui retry`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// The span: s12, or a path such as editor/writer#2
    #[arg(long)]
    span: String,
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
    json: bool,
}

/// Shows the plan, or carries it out and follows the run to its end.
pub(super) async fn run(args: Args, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::existing(global)?;
    if args.dry_run {
        return dry_run(&args, &data);
    }
    let prompt = args.prompt.as_ref().map(read_prompt).transpose()?;
    let folder = data.find(&args.run).map_err(|error| eyre!("failed to {error}"))?;
    let mode = Mode::Headless(runtime::Headless { allow: args.allow.clone() });
    let session = runtime::open(folder, &data, mode).await.map_err(|error| eyre!("failed to {error}"))?;
    let known = session.log.with(|state| state.last);
    let mut headless = Headless::new(session, known)?;
    match begin(&mut headless, &args, prompt).await {
        Ok(()) => headless.finish(args.json).await,
        Err(error) => {
            headless.leave().await?;
            Err(error)
        }
    }
}

/// Asks for the plan, tells it, and has it carried out.
async fn begin(headless: &mut Headless, args: &Args, prompt: Option<String>) -> color_eyre::Result<()> {
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
    super::text::say(headless.log().with(|state| told(state, &plan)).trim_end());
    headless.send(Command::Retry { plan: Box::new(plan), with_readers: true });
    Ok(())
}

fn dry_run(args: &Args, data: &DataDir) -> color_eyre::Result<Exit> {
    let (_, log) = super::stored::open_log(data, &args.run, Access::ReadOnly)?;
    let span = find_span(&log, &args.span)?;
    let plan = log.with(|state| plan_retry(state, span, true)).map_err(|error| eyre!("failed to {error}"))?;
    if args.json {
        print_json(&plan)?;
    } else {
        print(&safe(&log.with(|state| told(state, &plan))))?;
    }
    Ok(Exit::Done)
}

fn read_prompt(file: &PathBuf) -> color_eyre::Result<String> {
    fs::read_to_string(file).map_err(|error| eyre!("failed to read the prompt {}: {error}", file.display()))
}

/// A plan as lines.
fn told(state: &RunState, plan: &RetryPlan) -> String {
    let action = |action: &Seq| {
        let key = state.ledger.get(*action).map(|entry| entry.record.key.to_string());
        format!("{action} {}", key.unwrap_or_default())
    };
    let spans = |spans: &[SpanId]| spans.iter().map(|span| state.trace.path(*span)).collect::<Vec<_>>().join(", ");
    let mut lines = vec![format!("retry {}", state.trace.path(plan.span))];
    lines.extend(plan.undoes.iter().map(|undone| format!("  undoes {}", action(undone))));
    lines.extend(plan.leaves.iter().map(|left| format!("  leaves {}: {}", action(&left.action), left.why)));
    lines.push(format!(
        "  runs again {} ({} spans, {} tokens the last time)",
        plan.rerun_names.join(", "),
        plan.reruns.len(),
        plan.tokens
    ));
    if !plan.readers.is_empty() {
        lines.push(format!("  with them, because they read what is undone: {}", spans(&plan.readers)));
    }
    lines.push(format!("  {} effects from the journal", plan.from_journal));
    if !plan.changed.is_empty() {
        lines.push(format!("  changed since: {}", plan.changed.join(", ")));
    }
    lines.push(String::new());
    lines.join("\n")
}
