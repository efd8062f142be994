//! `resume`: a run whose process died goes on, without a screen.

use std::path::PathBuf;

use color_eyre::eyre::{Report, eyre};
use serde_json::{Map, Value as Json, json};

use super::answers::Answers;
use super::changeable::refusal_to_change;
use super::data;
use super::exit::Exit;
use super::global::Global;
use super::headless::Headless;
use super::plan::{UndoneOutside, resume_lines};
use super::run_name::RunName;
use super::stored::{confirmed_workspace, find_span};
use super::text::{eprint_line, print, print_json, shorten_reason, to_lines};
use crate::model::{Command, ResumeDecision, ResumePlan, RunState, SpanId, Update, quoted};
use crate::runtime::{self, Mode, Session};
use crate::store::{DataDir, RunLog};

/// The result of a call that was done, where its user says nothing more.
const DONE: &str = "[done; its output was lost when the run was interrupted]";

/// `tama-tui resume`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// Run this call again; for a call of which nobody knows if it was done (s12, or its path; may be given more than
    /// once)
    #[arg(long, value_name = "SPAN")]
    again: Vec<String>,
    /// This call was done, and this was its result; for a call of which nobody knows if it was done (may be given more
    /// than once)
    #[arg(long, value_name = "SPAN[=RESULT]", allow_hyphen_values = true)]
    done: Vec<String>,
    /// The run's workspace, or where it is now: resumes a run that was made elsewhere too
    #[arg(long, value_name = "PATH")]
    workspace: Option<PathBuf>,
    /// Allow this tool where the policy would ask (a glob; may be given more than once)
    #[arg(long, value_name = "TOOL")]
    allow: Vec<String>,
    #[command(flatten)]
    answers: Answers,
    /// Print the plan; nothing runs
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the plan, or carries it out and follows the run to its end.
pub(super) async fn run(args: Args, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::open_existing(global)?;
    let session = open(&args, &data).await?;
    let known = session.log.with(RunState::clone);
    let name = session.folder.as_ref().map(RunName::of);
    let refused = refusal_to_change(&session, "resume", "")?.or_else(|| half_copied(&session));
    let mut headless = Headless::new(session, known)?;
    if let Some(why) = refused {
        return abort(headless, why).await;
    }
    let planned = plan(&mut headless, &args).await;
    let (plan, decisions) = match planned {
        Ok(planned) => planned,
        Err(why) => return abort(headless, why).await,
    };
    let open: Vec<SpanId> = plan.undecided(&decisions).map(|question| question.span).collect();
    if args.dry_run || !open.is_empty() {
        let shown = Shown { plan: &plan, open: &open, name: name.as_ref(), is_dry: args.dry_run };
        let exit = shown.print(&headless, args.json)?;
        headless.abort().await?;
        return Ok(exit);
    }
    for line in headless.log().with(|state| resume_lines(state, &plan)) {
        eprint_line(&line);
    }
    carry_out(headless, plan, decisions, args.json, Map::new()).await
}

/// Goes on with a run that was just prepared, about which nothing has to be decided. Adds `more` to the JSON.
pub(super) async fn go_on(session: Session, as_json: bool, more: Map<String, Json>) -> color_eyre::Result<Exit> {
    let known = session.log.with(RunState::clone);
    let mut headless = Headless::new(session, known)?;
    match request_plan(&mut headless).await {
        Ok(plan) => carry_out(headless, plan, Vec::new(), as_json, more).await,
        Err(why) => abort(headless, why).await,
    }
}

async fn carry_out(
    headless: Headless,
    plan: ResumePlan,
    decisions: Vec<(SpanId, ResumeDecision)>,
    as_json: bool,
    more: Map<String, Json>,
) -> color_eyre::Result<Exit> {
    let outside = headless.log().with(|state| UndoneOutside::of(state, &plan.retry));
    let resumed = headless.log().with(|state| resumed_json(state, &plan));
    headless.send(Command::Resume { plan: Box::new(plan), decisions });
    let own = outside.into_json().into_iter().chain([("resumed".to_owned(), resumed)]);
    headless.run_to_end(as_json, own.chain(more).collect()).await
}

/// The refusal of a fork whose copy of its parent did not come to its end.
fn half_copied(session: &Session) -> Option<Report> {
    let folder = session.folder.as_ref().filter(|folder| !folder.is_whole_fork(&session.log))?;
    let id = folder.id();
    Some(eyre!(
        "failed to resume: this fork was interrupted before it was made; fork its parent again, and delete {id}"
    ))
}

async fn open(args: &Args, data: &DataDir) -> color_eyre::Result<Session> {
    let folder = data.find(&args.run).map_err(|error| eyre!("failed to {error}"))?;
    let mode =
        Mode::Headless(runtime::Headless { allow: args.allow.clone(), answers: args.answers.clone().into_texts() });
    let confirmed = args.workspace.as_deref().map(|named| confirmed_workspace(data, named)).transpose()?;
    let opened = match &confirmed {
        Some(workspace) => runtime::open_in(folder, data, mode, workspace).await,
        None => runtime::open(folder, data, mode).await,
    };
    opened.map_err(|error| eyre!("failed to {error}"))
}

async fn abort(headless: Headless, why: Report) -> color_eyre::Result<Exit> {
    headless.abort().await?;
    Err(why)
}

/// Requests the plan, and reads the decisions of the command line.
async fn plan(headless: &mut Headless, args: &Args) -> color_eyre::Result<(ResumePlan, Vec<(SpanId, ResumeDecision)>)> {
    let plan = request_plan(headless).await?;
    let decisions = decisions(headless.log(), args, &plan)?;
    Ok((plan, decisions))
}

async fn request_plan(headless: &mut Headless) -> color_eyre::Result<ResumePlan> {
    headless.send(Command::PlanResume);
    headless
        .wait_for(|update| match update {
            Update::Resume(plan) => Some((**plan).clone()),
            _ => None,
        })
        .await
}

fn decisions(log: &RunLog, args: &Args, plan: &ResumePlan) -> color_eyre::Result<Vec<(SpanId, ResumeDecision)>> {
    let asked = |named: &str| {
        let span = find_span(log, named)?;
        if plan.questions.iter().any(|question| question.span == span) {
            return Ok(span);
        }
        Err(eyre!("failed to resume: nothing has to be decided about {named}; --dry-run shows the plan"))
    };
    let again = args.again.iter().map(|named| Ok((asked(named)?, ResumeDecision::Again)));
    let done = args.done.iter().map(|said| {
        let (named, result) = said.split_once('=').unwrap_or((said, DONE));
        Ok((asked(named)?, ResumeDecision::Done(result.to_owned())))
    });
    let decisions: Vec<(SpanId, ResumeDecision)> = again.chain(done).collect::<color_eyre::Result<_>>()?;
    for (at, (span, _)) in decisions.iter().enumerate() {
        if decisions[..at].iter().any(|(earlier, _)| earlier == span) {
            return Err(eyre!("failed to resume: {span} is decided twice; name it once, with --again or with --done"));
        }
    }
    Ok(decisions)
}

/// A plan to print, which is not carried out.
struct Shown<'a> {
    plan: &'a ResumePlan,
    /// The calls that need a decision.
    open: &'a [SpanId],
    name: Option<&'a RunName>,
    is_dry: bool,
}

impl Shown<'_> {
    fn print(&self, headless: &Headless, as_json: bool) -> color_eyre::Result<Exit> {
        let exit = if self.open.is_empty() { Exit::Done } else { Exit::Denied };
        let lines = headless.log().with(|state| resume_lines(state, self.plan));
        if as_json {
            let mut shown = headless.log().with(|state| resumed_json(state, self.plan));
            shown["run"] = json!(headless.run_id());
            shown["exit"] = json!(exit.code());
            print_json(&shown)?;
        } else if self.is_dry {
            print(&to_lines(&lines))?;
        } else {
            for line in &lines {
                eprint_line(line);
            }
        }
        if !self.open.is_empty() {
            let how = headless.log().with(|state| self.how(state));
            eprint_line(&format!("not resumed, nothing ran: decide first. {how}"));
        }
        Ok(exit)
    }

    /// The command that decides.
    fn how(&self, state: &RunState) -> String {
        let command = self.name.map_or_else(|| "tama-tui resume RUN".to_owned(), |name| name.command("resume"));
        let each: Vec<String> = self.open.iter().map(|span| quoted(&state.trace.path(*span))).collect();
        let again: Vec<String> = each.iter().map(|path| format!("--again {path}")).collect();
        let done: Vec<String> = each.iter().map(|path| format!("--done {path}=RESULT")).collect();
        format!("Run again what was not done: {command} {}. What was done: {}", again.join(" "), done.join(" "))
    }
}

/// The plan as JSON.
fn resumed_json(state: &RunState, plan: &ResumePlan) -> Json {
    let path = |span: SpanId| state.trace.path(span);
    let done = plan.done.iter().map(|done| json!({ "span": done.span.to_string(), "path": path(done.span) }));
    let questions = plan.questions.iter().map(|question| {
        json!({
            "span": question.span.to_string(),
            "path": path(question.span),
            "what": question.what,
            "why": shorten_reason(&question.why),
            "actions": question.actions,
        })
    });
    json!({
        "done": done.collect::<Vec<_>>(),
        "questions": questions.collect::<Vec<_>>(),
        "reruns": plan.retry.reruns.iter().map(|span| path(*span)).collect::<Vec<_>>(),
        "undoes": plan.retry.undoes,
        "reused": plan.retry.from_journal,
        "saved_tokens": plan.retry.saved_tokens,
        "saved_cost_microusd": plan.retry.saved_cost,
    })
}
