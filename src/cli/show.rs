//! `runs show`: one run's spans and actions as plain text.

use color_eyre::eyre::eyre;
use serde_json::{Value as Json, json};

use super::exit::Exit;
use super::held_list::held_json;
use super::runs::shown_status;
use super::show_events::ShownEvents;
use super::span_words::span_words;
use super::stored::look;
use super::table::{Table, table};
use super::tama_db;
use super::text::{cut, dollars, duration, moment, print, print_json, shorten, size, to_lines};
use super::unfinished::UnfinishedCommand;
use crate::app::text::plural;
use crate::model::{ActionStatus, EndCause, LedgerEntry, RunState, Span, SpanId, SpanKind, Standing, TraceEvent};
use crate::store::{DataDir, Look, Manifest, TamaDatabase};

/// `tama-tui runs show`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub tama: tama_db::Args,
}

/// Shows one run.
pub(super) fn run(args: &Args, data: &DataDir) -> color_eyre::Result<Exit> {
    let (folder, Look { log, events, foreign, .. }) = look(data, &args.run)?;
    // Opening the log has printed its damage already.
    let mut manifest = folder.manifest().unwrap_or_else(|_| log.with(|state| folder.manifest_of(state, &events)));
    // Of a run whose process died, only the manifest says so.
    let state = log.with(|state| RunState { status: manifest.status, ..state.clone() });
    if manifest.is_behind() {
        manifest.follow(&state);
    }
    let foreign = foreign.as_ref().map(ToString::to_string);
    print_run(args, &Described { manifest, state, events, bytes: Some(folder.bytes()), foreign })
}

/// Shows one run of a database of tama.
pub(super) fn run_imported(args: &Args, database: &TamaDatabase) -> color_eyre::Result<Exit> {
    let imported = database.run(&args.run, Box::new(|_| {})).map_err(|error| eyre!("failed to {error}"))?;
    tama_db::print_notices(&imported.notices);
    let state = imported.log.with(Clone::clone);
    let manifest = imported.manifest();
    print_run(args, &Described { manifest, state, events: imported.events, bytes: None, foreign: None })
}

/// A run to be shown.
struct Described {
    manifest: Manifest,
    state: RunState,
    events: Vec<TraceEvent>,
    /// The size of its folder, where it has one.
    bytes: Option<u64>,
    /// Why it counts as made elsewhere.
    foreign: Option<String>,
}

fn print_run(args: &Args, run: &Described) -> color_eyre::Result<Exit> {
    let Described { manifest, state, events, bytes, foreign } = run;
    let mut unfinished = UnfinishedCommand::list_dropped(events);
    unfinished.extend(UnfinishedCommand::list_interrupted(state, SpanId::RUN, None));
    let shown = ShownEvents::of(events);
    if args.json {
        let mut json = run_json(manifest, state, &unfinished);
        json["made_elsewhere"] = json!(foreign);
        shown.to_json().into_iter().for_each(|(name, value)| json[name] = value);
        print_json(&json)?;
    } else {
        let facts = manifest_table(manifest, state, *bytes, foreign.is_some());
        let lines = shown.lines(state, manifest.format);
        let lines = if lines.is_empty() { lines } else { format!("\n{lines}") };
        print(&format!("{facts}\n{}\n{}{lines}", span_table(state), action_table(state, &unfinished)))?;
    }
    Ok(Exit::Done)
}

fn manifest_table(manifest: &Manifest, state: &RunState, bytes: Option<u64>, is_foreign: bool) -> String {
    const TASK: usize = 200;
    let facts = [
        ("run", manifest.run.to_string()),
        ("pipeline", manifest.pipeline_file.clone().unwrap_or_else(|| manifest.name.clone())),
        ("task", cut(&manifest.task, TASK)),
        ("workspace", manifest.workspace.clone()),
        ("status", shown_status(manifest.status, is_foreign)),
        ("started", moment(manifest.started)),
        ("took", duration(state.trace.work(SpanId::RUN, state.last_at))),
    ];
    let held = state.ledger.changes(&state.all_held()).count();
    let held = (held > 0).then(|| ("held", format!("{} (tama-tui apply, tama-tui discard)", plural(held, "change"))));
    let bytes = bytes.map(|bytes| ("size", size(bytes)));
    let from = manifest.provenance.words().map(|words| ("from", words));
    let facts = facts.into_iter().chain(held).chain(bytes).chain(from);
    let rows: Vec<Vec<String>> = facts.map(|(name, value)| vec![name.to_owned(), value]).collect();
    let drawn = table(&["", ""], &[], &rows);
    drawn.trim_start().to_owned()
}

/// The span tree, each below its parent.
fn span_table(state: &RunState) -> String {
    let head = ["span", "name", "kind", "status", "try", "took", "tokens", "cost", "changes"];
    let mut table = Table::new(&head, &["try", "took", "tokens", "cost"]);
    let mut open: Vec<(SpanId, usize)> = state.trace.children(SpanId::RUN).map(|span| (span, 0)).collect();
    open.reverse();
    while let Some((span, depth)) = open.pop() {
        if let Some(found) = state.trace.get(span) {
            add_span(&mut table, state, (span, found), depth);
        }
        let from = open.len();
        open.extend(state.trace.children(span).map(|child| (child, depth + 1)));
        open[from..].reverse();
    }
    table.draw()
}

fn add_span(table: &mut Table<'_>, state: &RunState, (span, found): (SpanId, &Span), depth: usize) {
    let trace = &state.trace;
    let tokens = found.counts.usage.input + found.counts.usage.output;
    let pattern = trace.pattern(span);
    let did = [(found.counts.undoable, "undo"), (found.counts.permanent, "no undo"), (found.counts.undone, "undone")];
    let did: Vec<String> = did.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    table.format(format_args!("{span}"));
    table.format(format_args!("{:1$}{2}", "", depth * 2, trace.label(span)));
    table.cell(if pattern.is_empty() { found.kind.name() } else { pattern });
    table.cell(&span_words(state, span));
    table.format(format_args!("{}", found.attempt.0));
    table.cell(&duration(trace.work(span, state.last_at)));
    if tokens > 0 {
        table.format(format_args!("{tokens}"));
    } else {
        table.cell("");
    }
    table.cell(&dollars(found.counts.cost));
    table.cell(&did.join(", "));
}

/// The run's actions, and the commands without recorded changes.
fn action_table(state: &RunState, unfinished: &[UnfinishedCommand]) -> String {
    let entries = state.ledger.entries();
    let lines: Vec<String> = unfinished.iter().map(|command| command.describe(state)).collect();
    let lines = to_lines(&lines);
    if entries.is_empty() {
        let none = if unfinished.iter().any(UnfinishedCommand::may_have_unrecorded_changes) {
            "No changes recorded yet."
        } else {
            "No changes yet."
        };
        return format!("{none}\n{lines}");
    }
    let mut table = Table::new(&["action", "span", "tool", "", "key", "change", "now"], &[]);
    entries.iter().for_each(|entry| add_action(&mut table, state, &entry));
    let drawn = table.draw();
    if lines.is_empty() { drawn } else { format!("{drawn}\n{lines}") }
}

fn add_action(table: &mut Table<'_>, state: &RunState, entry: &LedgerEntry) {
    const KEY: usize = 40;
    // Two short values with an arrow between them.
    const VALUE: usize = 64;
    table.format(format_args!("{}", entry.seq));
    table.format(format_args!("{}", entry.record.tool_span));
    table.cell(&entry.record.tool_name);
    table.format(format_args!("{}", entry.letter()));
    table.cell(&shorten(&entry.record.key.to_string(), KEY));
    table.cell(&shorten(&entry.change_text(), VALUE));
    table.cell(&standing_text(state, entry));
}

/// Says whether an action can be undone, as on the screen.
fn standing_text(state: &RunState, entry: &LedgerEntry) -> String {
    match state.ledger.standing(entry.seq) {
        Standing::Held => "held".into(),
        Standing::Free if entry.status == ActionStatus::Intent => "ready, outcome unknown".into(),
        Standing::Free => "ready".into(),
        Standing::Blocked { by, span } => format!("blocked by {by} in {span}"),
        Standing::NoUndo(why) => format!("no undo: {why}"),
        Standing::Undone => "undone".into(),
        Standing::NotApplied => "not done".into(),
    }
}

/// Says whether an action can be undone, in the words of the JSON format.
fn standing_json(state: &RunState, entry: &LedgerEntry) -> String {
    match state.ledger.standing(entry.seq) {
        Standing::Held => "not landed".into(),
        Standing::Free if entry.status == ActionStatus::Intent => "without outcome".into(),
        Standing::Free => "can be undone".into(),
        Standing::NoUndo(why) => format!("permanent: {why}"),
        Standing::NotApplied => "never happened".into(),
        Standing::Blocked { .. } | Standing::Undone => standing_text(state, entry),
    }
}

fn run_json(manifest: &Manifest, state: &RunState, unfinished: &[UnfinishedCommand]) -> Json {
    let spans: Vec<Json> =
        (0_u32..).zip(state.trace.spans().iter()).map(|(at, _)| span_json(state, SpanId(at))).collect();
    let actions: Vec<Json> = state.ledger.entries().iter().map(|entry| action_json(state, &entry)).collect();
    let (dropped, interrupted): (Vec<_>, Vec<_>) = unfinished.iter().partition(|command| command.is_dropped());
    let commands =
        |of: Vec<&UnfinishedCommand>| of.into_iter().map(|command| command.to_json(state)).collect::<Vec<_>>();
    json!({
        "manifest": manifest,
        "spans": spans,
        "actions": actions,
        "held": held_json(state),
        "interrupted_commands": commands(interrupted),
        "dropped_commands": commands(dropped),
    })
}

fn span_json(state: &RunState, span: SpanId) -> Json {
    let trace = &state.trace;
    let Some(found) = trace.get(span) else { return Json::Null };
    let placed = trace.has_known_times(span);
    json!({
        "span": span.to_string(),
        "parent": (span != SpanId::RUN).then(|| found.parent.to_string()),
        "path": trace.path(span),
        "kind": found.kind,
        "name": trace.name(span),
        "pattern": Some(trace.pattern(span)).filter(|pattern| !pattern.is_empty()),
        "status": found.status,
        "state": state.span_state(span).name(),
        "exit": exit_code(found.cause),
        "limited": found.kind == SpanKind::Llm && found.cause == Some(EndCause::Limit),
        "finish": trace.finish(span),
        "try": found.attempt,
        "generation": found.generation,
        "started_ms": placed.then_some(found.start),
        "ended_ms": found.end.filter(|_| placed),
        "work_ms": trace.work(span, state.last_at),
        "waited_ms": trace.waited(span, state.last_at),
        "tokens": found.counts.usage,
        "cost_microusd": found.counts.cost,
    })
}

/// The exit code of a tool's program that is not 0.
fn exit_code(cause: Option<EndCause>) -> Option<i32> {
    match cause {
        Some(EndCause::Exit { code }) => Some(code),
        Some(EndCause::Denied | EndCause::Discarded | EndCause::Limit | EndCause::Interrupted) | None => None,
    }
}

fn action_json(state: &RunState, entry: &LedgerEntry) -> Json {
    json!({
        "seq": entry.seq,
        "span": entry.record.span.to_string(),
        "tool_span": entry.record.tool_span.to_string(),
        "tool": entry.record.tool_name,
        "key": entry.record.key,
        "op": entry.record.op,
        "before": entry.record.old,
        "after": entry.after,
        "undo": entry.record.undo,
        "now": standing_json(state, entry),
    })
}
