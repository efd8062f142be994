//! `retry`: undoes a span of a stored run and reruns it, without a screen.

use std::fs;
use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;
use serde_json::json;

use super::agent_output;
use super::answers::Answers;
use super::by_hand::ByHand;
use super::changeable::refusal_to_change;
use super::data;
use super::exit::Exit;
use super::global::Global;
use super::headless::Headless;
use super::outcome::conflict_reason;
use super::plan::{UndoneOutside, plan_lines};
use super::stored::{Stored, confirmed_workspace, find_span, open_log};
use super::text::{eprint_line, print, print_json, to_lines};
use super::tries::{self, Keep};
use crate::app::reuse_text;
use crate::model::{
    Command, EditScope, RetryEdits, RetryPlan, RunState, RunStatus, SpanId, SpanKind, TrySettings, Update, quoted,
};
use crate::rollback::{plan_retry, preview};
use crate::runtime::{self, Mode, foresee};
use crate::store::DataDir;

/// `tama-tui retry`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// The span: s12, or a path such as editor/writer#2
    #[arg(long)]
    span: String,
    #[command(flatten)]
    other: OtherPrompt,
    /// Another temperature for what reruns
    #[arg(long, value_name = "NUMBER")]
    temperature: Option<f64>,
    #[command(flatten)]
    by_hand: ByHand,
    /// Another model for what reruns: a role of the pipeline, or provider:model. Given more than once: each is tried, and
    /// undone before the next
    #[arg(long, value_name = "MODEL")]
    model: Vec<String>,
    /// Try it so often (with each model); each try is undone before the next, judged by the pipeline's [verify]
    /// command if there is one, and at the end the run is as it was before
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(TrySettings::MOST)))]
    times: Option<u32>,
    /// Keep one of the tries: its number, first-pass, or cheapest-pass (a try passes that [verify] passes; without
    /// [verify], one that did not fail) [default: none is kept]
    #[arg(long, value_name = "TRY", value_parser = Keep::parse)]
    keep: Option<Keep>,
    /// The run's workspace, or where it is now: retries a run that was made elsewhere too
    #[arg(long, value_name = "PATH")]
    workspace: Option<PathBuf>,
    /// Allow this tool where the policy would ask (a glob; may be given more than once)
    #[arg(long, value_name = "TOOL")]
    allow: Vec<String>,
    #[command(flatten)]
    answers: Answers,
    /// Take what the pipeline's file says today about policy, tools, network, limits and providers, where the run had it
    /// otherwise
    #[arg(long)]
    accept_changes: bool,
    /// Print the plan; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Another prompt.
#[derive(Debug, clap::Args)]
struct OtherPrompt {
    /// A file with the prompt to try instead; it holds for this retry
    #[arg(long, value_name = "FILE")]
    prompt: Option<PathBuf>,
    /// Have the prompt hold for the tries that follow, too
    #[arg(long, requires = "prompt")]
    keep_prompt: bool,
}

/// Prints the plan, or carries it out and follows the run to its end.
pub(super) async fn run(args: Args, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::open_existing(global)?;
    if let (Some(Keep::Number(number)), Some(settings)) = (args.keep, args.tries())
        && number > settings.total()
    {
        eprint_line(&format!(
            "error: failed to keep try {number}: there will be only {} (--times, --model)",
            settings.total()
        ));
        return Ok(Exit::Usage);
    }
    let prompt = args.other.prompt.as_deref().map(read_prompt).transpose()?;
    if args.dry_run {
        return dry_run(&args, prompt.as_deref(), &data);
    }
    let folder = data.find(&args.run).map_err(|error| eyre!("failed to {error}"))?;
    let mode =
        Mode::Headless(runtime::Headless { allow: args.allow.clone(), answers: args.answers.clone().into_texts() });
    let confirmed = args.workspace.as_deref().map(|named| confirmed_workspace(&data, named)).transpose()?;
    let opened = match &confirmed {
        Some(workspace) => runtime::open_in(folder, &data, mode, workspace).await,
        None => runtime::open(folder, &data, mode).await,
    };
    let mut session = opened.map_err(|error| eyre!("failed to {error}"))?;
    let printing = session.agent.take().map(|agent| tokio::spawn(agent_output::print(agent.output, args.json)));
    let known = session.log.with(RunState::clone);
    if let Some(why) = refusal_to_change(&session, "retry", &format!(" --span {}", quoted(&args.span)))? {
        Headless::new(session, known)?.abort().await?;
        return Err(why);
    }
    let mut headless = Headless::new(session, known)?;
    if printing.is_some() {
        // The agent has printed its own.
        headless = headless.without_result();
    }
    let edits = match args.edits(prompt.clone()) {
        Ok(edits) => edits,
        Err(why) => {
            headless.abort().await?;
            return Err(why);
        }
    };
    match begin(&mut headless, &args, prompt.filter(|_| args.tries().is_some())).await {
        Ok(Some((plan, outside))) => {
            let mut edits = edits;
            if let Some(text) = args.answers.single().filter(|_| edits.answer.is_none() && !asks(&headless, &plan)) {
                // No question is asked that it could be for.
                edits.answer = Some(text.to_owned());
                headless.use_answer(text);
            }
            if let Some(settings) = args.tries() {
                return tries::run(headless, plan, settings, args.keep, args.json).await;
            }
            let mut shown = outside.into_json();
            shown.insert("retried".to_owned(), saved_json(&headless, &plan));
            let saved = saved_line(&plan);
            let plan = Box::new(plan);
            headless.send(if edits.is_empty() {
                Command::Retry { plan, with_readers: true }
            } else {
                Command::RetryEdited { plan, edits: Box::new(edits), with_readers: true }
            });
            let exit = headless.run_to_end(args.json, shown).await;
            if let Some(printing) = printing {
                printing.await?;
            }
            eprint_line(&saved);
            exit
        }
        Ok(None) => {
            headless.abort().await?;
            Ok(Exit::Denied)
        }
        Err(error) => {
            headless.abort().await?;
            Err(error)
        }
    }
}

/// True when a person may be asked in what reruns.
fn asks(headless: &Headless, plan: &RetryPlan) -> bool {
    headless.log().with(|state| {
        let is_human = |span: &SpanId| {
            let kind = state.trace.get(*span).map(|found| found.kind);
            kind == Some(SpanKind::Human) || state.trace.pattern(*span) == "human"
        };
        plan.reruns.iter().any(is_human)
    })
}

/// Formats what is reused as JSON.
fn saved_json(headless: &Headless, plan: &RetryPlan) -> serde_json::Value {
    json!({
        "span": headless.log().with(|state| state.trace.path(plan.span)),
        "reused": plan.from_journal,
        "saved_tokens": plan.saved_tokens,
        "saved_cost_microusd": plan.saved_cost,
    })
}

/// Formats what the retry did not have to do again.
fn saved_line(plan: &RetryPlan) -> String {
    format!("the retry reused {}", reuse_text(plan).replacen("  ", ", ", 1).replace("  ", " "))
}

impl Args {
    /// The edits of the retry.
    fn edits(&self, prompt: Option<String>) -> color_eyre::Result<RetryEdits> {
        Ok(RetryEdits {
            prompt: prompt.filter(|_| self.tries().is_none()),
            keeps_prompt: self.other.keep_prompt,
            model: self.model.first().cloned().filter(|_| self.tries().is_none()),
            temperature: self.temperature,
            ..self.by_hand.edits()?
        })
    }

    /// The tries that are asked for; `None`: one retry.
    fn tries(&self) -> Option<TrySettings> {
        let settings = TrySettings { models: self.model.clone(), times: self.times.unwrap_or(1) };
        (settings.total() > 1 || self.keep.is_some()).then_some(settings)
    }
}

/// Requests the plan and prints it. `None`: it would let the run do other things than it could, and
/// nobody accepted that.
async fn begin(
    headless: &mut Headless,
    args: &Args,
    prompt: Option<String>,
) -> color_eyre::Result<Option<(RetryPlan, UndoneOutside)>> {
    let span = find_span(headless.log(), &args.span)?;
    if let Some(text) = prompt {
        headless.send(Command::SaveEdit { span, text, scope: EditScope::Agent });
    }
    headless.send(Command::Plan { span });
    let plan = headless
        .wait_for(|update| match update {
            Update::Plan(plan) => Some(plan.clone()),
            _ => None,
        })
        .await?;
    let (lines, outside) = headless.log().with(|state| {
        let outside = UndoneOutside::of(state, &plan);
        (plan_lines(state, &plan, &outside), outside)
    });
    let edited = args.other.prompt.as_ref().filter(|_| args.tries().is_none()).map(|file| {
        let holds = if args.other.keep_prompt { "for this retry and those that follow" } else { "for this retry" };
        format!("  prompt {}, {holds}", file.display())
    });
    for line in
        lines.into_iter().chain(edited).chain(args.tries().map(|settings| tries::settings_line(&settings, &plan)))
    {
        eprint_line(&line);
    }
    if !plan.authority.is_empty() && !args.accept_changes {
        eprint_line(
            "not retried: the pipeline's file lets the run do other things than it could (\"may now\" above); \
             --accept-changes takes them",
        );
        return Ok(None);
    }
    Ok(Some((plan, outside)))
}

/// Prints the plan and a conflict that would stop it; changes nothing.
fn dry_run(args: &Args, prompt: Option<&str>, data: &DataDir) -> color_eyre::Result<Exit> {
    let (folder, log, events) = open_log(data, &args.run)?;
    log.with(check_not_running)?;
    let span = find_span(&log, &args.span)?;
    let mut plan = log.with(|state| plan_retry(state, span, true)).map_err(|error| eyre!("failed to {error}"))?;
    let manifest = folder.manifest().map_err(|error| eyre!("failed to {error}"))?;
    // A file that somebody else names is not read.
    let source = manifest.pipeline_file.filter(|_| folder.foreign().is_none());
    let outlook = foresee(&log, &events, source.as_deref().map(Path::new), &plan, prompt);
    let outlook = outlook.map_err(|why| eyre!("{why}"))?;
    plan.changed = outlook.changed;
    plan.authority = outlook.authority;
    let stored = Stored::with_world(data, folder, log, args.workspace.as_deref())?;
    let conflict = preview(&stored.log, &stored.world, &plan.undoes, false).conflict;
    let outside = stored.log.with(|state| UndoneOutside::of(state, &plan));
    let exit = if conflict.is_some() { Exit::Failed } else { Exit::Done };
    if args.json {
        let mut shown = serde_json::to_value(&plan)?;
        if let Some(shown) = shown.as_object_mut() {
            shown.extend(outside.into_json());
            // As the other commands name money; the fields without a unit are older.
            shown.insert("cost_microusd".to_owned(), json!(plan.cost));
            shown.insert("saved_cost_microusd".to_owned(), json!(plan.saved_cost));
            shown.insert("conflict".to_owned(), serde_json::to_value(&conflict)?);
            shown.insert("notes".to_owned(), json!(outlook.notes));
        }
        print_json(&shown)?;
        return Ok(exit);
    }
    let mut lines = stored.log.with(|state| plan_lines(state, &plan, &outside));
    lines.extend(args.tries().map(|settings| tries::settings_line(&settings, &plan)));
    lines.extend(outlook.notes.iter().map(|note| format!("  note: {note}")));
    lines.extend(conflict.iter().map(|conflict| {
        format!("  refused, nothing changed: {} stays, because {}", conflict.action, conflict_reason(conflict))
    }));
    print(&to_lines(&lines))?;
    Ok(exit)
}

/// Fails for a run whose end is not recorded: a retry would see another one.
fn check_not_running(state: &RunState) -> color_eyre::Result<()> {
    if state.status == RunStatus::Running {
        return Err(eyre!(
            "failed to plan the retry: this run is under way, or its process died; `tama-tui resume --dry-run` shows how \
             it would continue"
        ));
    }
    Ok(())
}

fn read_prompt(file: &Path) -> color_eyre::Result<String> {
    fs::read_to_string(file).map_err(|error| eyre!("failed to read the prompt {}: {error}", file.display()))
}
