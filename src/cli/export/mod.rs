//! `runs export RUN --script DIR`: a run as a regression test that plays offline.
//!
//! The folder holds the pipeline with scripted models, their recorded answers, the files that the run began with as far
//! as its record knows them, and what must come of it. `tama-tui run DIR --expect DIR/expected.json` compares.

mod begin;
mod replies;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;
use serde_json::json;

use super::exit::Exit;
use super::expect::Expected;
use super::stored::open_log;
use super::text::{eprint_line, print, print_json, shorten};
use crate::app::text::plural;
use crate::model::{
    ApprovalAnswer, EffectClass, EndCause, ModelName, RunState, RunStatus, SpanKind, SpanStatus, TextHash, TraceBody,
    TraceEvent,
};
use crate::pipeline::{self, Fault, Faults, Pipeline, Roles};
use crate::store::{DataDir, RunLog};

/// The script's file.
const REPLIES: &str = "replies.toml";
/// The file with the result that is expected.
const EXPECTED: &str = "expected.json";
/// The workspace of the test.
const WORK: &str = "work";

/// `tama-tui runs export`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// Write it as a test that plays offline into this folder, which must be new or empty
    #[arg(long, value_name = "FOLDER", required = true)]
    script: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The gaps of a run's record, a line each.
type Gaps = Vec<String>;

/// Writes the test, and prints what could not be exported.
pub(super) fn run(args: &Args, data: &DataDir) -> color_eyre::Result<Exit> {
    let (_, log, events) = open_log(data, &args.run)?;
    let folder = &args.script;
    check_empty(folder)?;
    let mut gaps = Gaps::new();
    let mut own = Test::read(&log, &events, &mut gaps)?;
    let state = log.with(RunState::clone);
    tell_gaps(&state, &events, &own.pipeline, &mut gaps);
    let replies = replies::replies(&log, &events, &mut gaps)?;
    let files = begin::files(&log, &events, &mut gaps)?;
    let allowed = allowed(&state, &events);
    let command = command(folder, &allowed, &answers(&log, &state, &events)?);
    own.pipeline.task = Some(own.task.clone());
    let text = own.pipeline.to_toml().map_err(|error| eyre!("failed to write the pipeline: {error}"))?;
    write(
        folder,
        "pipeline.toml",
        format!("# A recorded run as a test: {}\n\n{text}", shorten(&command, 400)).as_bytes(),
    )?;
    write(folder, REPLIES, replies.as_bytes())?;
    for (path, text) in own.pipeline.skill_files() {
        write(folder, &path, text.as_bytes())?;
    }
    let output = state.status == RunStatus::Ok;
    let output = own.result.filter(|_| output);
    let expected = serde_json::to_string_pretty(&Expected::of(&state, output.as_deref()))?;
    write(folder, EXPECTED, format!("{expected}\n").as_bytes())?;
    fs::create_dir_all(folder.join(WORK)).map_err(|error| failed(&folder.join(WORK), &error))?;
    begin::write(&folder.join(WORK), &files)?;
    // A project has names that a pipeline.toml can't have.
    let faults = pipeline::check(folder).err();
    let lines = faults.iter().flat_map(Faults::all);
    gaps.extend(lines.map(|fault| {
        let Fault { file, line, column, message, .. } = fault;
        format!("the test can't be loaded before this is corrected: {file}:{line}:{column}: {message}")
    }));
    report(args, &command, &gaps)?;
    Ok(if faults.is_none() { Exit::Done } else { Exit::Failed })
}

/// The parts of the test that the run's own events tell.
struct Test {
    pipeline: Pipeline,
    task: String,
    result: Option<String>,
}

impl Test {
    fn read(log: &RunLog, events: &[TraceEvent], gaps: &mut Gaps) -> color_eyre::Result<Self> {
        let text = |hash: TextHash| log.recorder().text(hash).map_err(|error| eyre!("failed to {error}"));
        let mut found = None;
        let mut result = None;
        for event in events {
            match &event.body {
                TraceBody::RunStarted { pipeline, task, .. } => found = Some((*pipeline, *task)),
                TraceBody::PipelineChanged { pipeline, .. } => {
                    found = found.map(|(_, task)| (*pipeline, task));
                    gaps.push("a retry changed the pipeline: the test has the newest for all of it".into());
                }
                TraceBody::PromptEdited { .. } | TraceBody::MessagesEdited { .. } => {
                    gaps.push("an edit of a prompt or a conversation: the test sends what the code makes".into());
                }
                TraceBody::RunStatus { text, .. } => result = *text,
                _ => {}
            }
        }
        let (pipeline, task) =
            found.ok_or_else(|| eyre!("failed to export the run: it has no pipeline in its record"))?;
        let pipeline: Pipeline = serde_json::from_str(&text(pipeline)?)
            .map_err(|error| eyre!("failed to read the recorded pipeline: {error}"))?;
        Ok(Self { pipeline: scripted(pipeline, gaps), task: text(task)?, result: result.map(text).transpose()? })
    }
}

/// Puts the script in the place of every model.
fn scripted(mut pipeline: Pipeline, gaps: &mut Gaps) -> Pipeline {
    let model = ModelName { provider: "script".into(), model: REPLIES.into() };
    for agent in pipeline.agents.values_mut() {
        let steps = agent.steps.values_mut().filter_map(|step| step.model.as_mut());
        for used in agent.model.iter_mut().chain(steps) {
            used.name = model.clone();
        }
    }
    pipeline.providers.clear();
    pipeline.prices.clear();
    // Of tries, which are no part of a test.
    (pipeline.verify, pipeline.roles) = (None, Roles::default());
    if pipeline.limits.max_cost_usd.take().is_some() {
        gaps.push("the limit max_cost_usd: scripted models cost nothing".into());
    }
    WORK.clone_into(&mut pipeline.workspace);
    pipeline
}

/// Tells what of the run its pipeline does not do by itself.
fn tell_gaps(state: &RunState, events: &[TraceEvent], pipeline: &Pipeline, gaps: &mut Gaps) {
    let answered = |event: &&TraceEvent| {
        let TraceBody::SpanEnded(end) = &event.body else { return false };
        let span = state.trace.get(end.span);
        let is_call = |kind| !matches!(kind, SpanKind::Llm | SpanKind::Human);
        end.answered && span.is_some_and(|span| is_call(span.kind) && span.status != SpanStatus::Undone)
    };
    let count = events.iter().filter(answered).count();
    if count > 0 {
        gaps.push(format!("{}: the test calls the tool or agent itself", plural(count, "answer of yours")));
    }
    let discarded = events
        .iter()
        .filter(|event| matches!(&event.body, TraceBody::SpanEnded(end) if end.cause == Some(EndCause::Discarded)));
    let count = discarded.count();
    if count > 0 {
        gaps.push(format!("{} with discarded changes: the test applies them", plural(count, "command")));
    }
    let undone = state.ledger.entries().iter().any(|entry| {
        let by_hand = state.trace.get(entry.record.span).is_some_and(|span| span.status != SpanStatus::Undone);
        by_hand && entry.status == crate::model::ActionStatus::Undone
    });
    if undone {
        gaps.push("changes that you undid: the test does them, and expected.json lacks them".into());
    }
    if !matches!(state.status, RunStatus::Ok | RunStatus::Failed) {
        gaps.push(format!(
            "the end of the run: it is {}, and the test continues to where no answer is recorded",
            state.status.name()
        ));
    }
    for (name, agent) in &pipeline.agents {
        gaps.extend(agent.unwritable_steps().map(|why| format!("of `{name}`: {why}")));
    }
    for server in pipeline.mcp.keys() {
        gaps.push(format!("the MCP server `{server}`: the test starts it, or asks it, again"));
    }
    for tool in pipeline.tools.values().filter(|tool| tool.effect != EffectClass::Read || tool.network) {
        gaps.push(format!("the tool `{}`: the test runs {} again", tool.name, tool.command.join(" ")));
    }
}

/// The tools that the user allowed; the test has nobody to ask.
fn allowed(state: &RunState, events: &[TraceEvent]) -> BTreeSet<String> {
    let allowed = events.iter().filter_map(|event| match &event.body {
        TraceBody::ApprovalAnswered(answered) => {
            let runs = !matches!(answered.how, ApprovalAnswer::Deny | ApprovalAnswer::Answer);
            runs.then(|| state.trace.name(answered.span).to_owned())
        }
        _ => None,
    });
    allowed.collect()
}

/// The user's answers to questions of agents, in their order, each for its agent.
fn answers(log: &RunLog, state: &RunState, events: &[TraceEvent]) -> color_eyre::Result<Vec<String>> {
    let mut answers = Vec::new();
    for event in events {
        let TraceBody::SpanEnded(end) = &event.body else { continue };
        let asked = state.trace.get(end.span).filter(|span| span.kind == SpanKind::Human);
        if let (Some(span), Some(output)) = (asked.filter(|span| span.status == SpanStatus::Ok), end.output) {
            let text = log.recorder().text(output).map_err(|error| eyre!("failed to {error}"))?;
            answers.push(format!("{}={text}", state.trace.name(span.parent)));
        }
    }
    Ok(answers)
}

/// The command that plays the test.
fn command(folder: &Path, allowed: &BTreeSet<String>, answers: &[String]) -> String {
    let folder = folder.display().to_string();
    let expected = format!("{folder}/{EXPECTED}");
    let (folder, expected) = (shell_words::quote(&folder), shell_words::quote(&expected));
    let mut command = format!("tama-tui run {folder} --expect {expected}");
    let allowed = allowed.iter().map(|tool| ["--allow ", &shell_words::quote(tool)].concat());
    let answers = answers.iter().map(|text| ["--answer=", &shell_words::quote(text)].concat());
    for option in allowed.chain(answers) {
        command.push(' ');
        command.push_str(&option);
    }
    command
}

fn report(args: &Args, command: &str, gaps: &[String]) -> color_eyre::Result<()> {
    if args.json {
        return print_json(&json!({ "folder": args.script, "command": command, "not_exported": gaps }));
    }
    for gap in gaps {
        eprint_line(&format!("not exported: {gap}"));
    }
    print(&format!("Wrote {}. Play it with:\n\n    {command}\n", args.script.display()))?;
    Ok(())
}

fn check_empty(folder: &Path) -> color_eyre::Result<()> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(folder, &error)),
    };
    if is_empty {
        Ok(())
    } else {
        Err(eyre!("failed to write to {}: it is not empty. Name a new folder.", folder.display()))
    }
}

fn failed(path: &Path, error: &io::Error) -> color_eyre::Report {
    eyre!("failed to write {}: {error}", path.display())
}

/// Writes a file below the folder, with the folders above it.
fn write(folder: &Path, path: &str, bytes: &[u8]) -> color_eyre::Result<()> {
    let file = folder.join(path);
    let made = file.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(&file, bytes)).map_err(|error| failed(&file, &error))
}
