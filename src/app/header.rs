//! The line at the top: which run, what it does, what it took.

use super::keys::{self, UiAction};
use super::marks::{Mark, state_glyph};
use super::{State, pause_title, safe};
use crate::model::{PauseReason, RunStatus, SpanId, SpanState, Tally};

/// The texts of the header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// The pipeline's name.
    pub name: String,
    /// The last part of the run's id.
    pub run: String,
    /// The run's state, what matters most first.
    pub marks: Vec<HeaderMark>,
    /// Milliseconds that it worked.
    pub work: u64,
    /// Milliseconds since its start, waits included.
    pub open: u64,
    /// Tokens so far.
    pub tokens: u64,
    /// Cost so far, in millionths of a US dollar; 0 when no prices are known.
    pub cost: u64,
    /// Edits that are in no file.
    pub edits: usize,
    /// Events that are not here yet.
    pub lag: u64,
    /// The sandbox of commands, once it is known: `sandbox on`, `SANDBOX OFF: network, files outside`.
    pub sandbox: Option<String>,
    /// True when the sandbox leaves something open.
    pub is_open: bool,
}

/// One part of the run's state, in full and shorter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMark {
    /// In full: `◆ 1 NEEDS APPROVAL`.
    pub full: Mark,
    /// Shorter: `◆ 1`.
    pub short: String,
}

impl Header {
    /// The run's state in full.
    #[must_use]
    pub fn status(&self) -> String {
        self.marks.iter().map(|mark| mark.full.text.as_str()).collect::<Vec<_>>().join("  ")
    }
}

/// The header of a state.
#[must_use]
pub fn header(state: &State) -> Header {
    let run = &state.run;
    let counts = run.trace.get(SpanId::RUN).map(|found| found.counts).unwrap_or_default();
    Header {
        name: safe::line(&run.name).into_owned(),
        run: run.run.as_ref().map(|run| short(&run.0)).unwrap_or_default(),
        marks: marks(state),
        work: run.trace.work(SpanId::RUN, state.now),
        open: state.elapsed(SpanId::RUN),
        tokens: counts.usage.input + counts.usage.output,
        cost: counts.cost,
        edits: state.edits.len(),
        lag: state.lag,
        sandbox: state.shell.as_ref().map(|mode| safe::line(&mode.sandbox()).into_owned()),
        is_open: state.shell.as_ref().is_some_and(|mode| !mode.gaps.is_empty()),
    }
}

fn mark(state: SpanState, full: &str, short: &str) -> HeaderMark {
    let glyph = state_glyph(state);
    HeaderMark { full: Mark { state, text: format!("{glyph} {full}") }, short: format!("{glyph} {short}") }
}

fn same(state: SpanState, word: &str) -> Vec<HeaderMark> {
    vec![mark(state, word, word)]
}

/// The state of the log's check, while there is something to say, and the run's own state.
fn marks(state: &State) -> Vec<HeaderMark> {
    let mut marks = Vec::new();
    if let Some(checking) = state.checking {
        let progress = checking.progress();
        marks.push(mark(SpanState::Waiting, &format!("checking {progress}"), &progress));
    }
    if state.damaged {
        marks.push(mark(SpanState::Failed, "log damaged (4 tells more)", "damaged"));
    }
    if let Some(started) = state.rollback.under_way().started() {
        marks.push(mark(SpanState::Running, &started, &started));
    }
    if state.is_looked_at {
        marks.push(mark(SpanState::Waiting, "only looked at", "looked at"));
    }
    if state.foreign.is_some() {
        marks.push(mark(SpanState::Waiting, "made elsewhere", "elsewhere"));
    }
    // Of a run that is read from its start, the end is not known yet.
    if state.checking.is_none() || state.run.status != RunStatus::Running {
        marks.extend(run_marks(state));
    }
    marks
}

/// `finished: u undo  r retry  q quit`, with the keys of these verbs.
fn finished(state: &State) -> String {
    // Of a run that can't be retried, or not undone, the others are left.
    let able = |action: &UiAction| match (action, &state.abilities) {
        (UiAction::Retry, Some(abilities)) => abilities.retry.is_ok(),
        (UiAction::Undo, Some(abilities)) => abilities.undo.is_ok(),
        _ => true,
    };
    let offers = [UiAction::Undo, UiAction::Retry, UiAction::Quit].into_iter().filter(able).map(keys::verb);
    let offers: Vec<String> = offers.map(|verb| format!("{} {}", verb.keys_text(), verb.name)).collect();
    format!("finished: {}", offers.join("  "))
}

/// The run's state: what stands and what failed, counted; else what it does.
fn run_marks(state: &State) -> Vec<HeaderMark> {
    let Some(run) = state.run.trace.get(SpanId::RUN) else { return same(SpanState::Waiting, "starting") };
    let asking = state.run.trace.asking().count();
    let stands = asking > 0 || state.run.trace.paused().next().is_some();
    let mut marks = counted(state, run.tally, asking);
    // What was denied is over, and leaves the room to what waits for the user.
    marks.extend(denied(run.tally).filter(|_| !stands));
    let rest = match state.run.status {
        RunStatus::Interrupted => return same(SpanState::Interrupted, "interrupted"),
        RunStatus::Cancelled => return same(SpanState::Cancelled, "cancelled"),
        RunStatus::Running if state.closed => return same(SpanState::Interrupted, "closed"),
        RunStatus::Running if run.tally.working > 0 => Some(mark(SpanState::Running, "running", "running")),
        _ if stands => None,
        RunStatus::Running if run.tally.stopped > 0 => Some(mark(SpanState::Waiting, "waiting", "waiting")),
        RunStatus::Running => Some(mark(SpanState::Running, "running", "running")),
        RunStatus::Ok if state.closed => Some(mark(SpanState::Ok, "ok", "ok")),
        RunStatus::Ok if state.is_looked_at => Some(mark(SpanState::Ok, "finished", "finished")),
        RunStatus::Ok => Some(mark(SpanState::Ok, &finished(state), "finished")),
        // The run's own failure says more than how many calls failed.
        RunStatus::Failed => return same(SpanState::Failed, "FAILED"),
    };
    match rest {
        Some(ok) if ok.full.state == SpanState::Ok => marks.insert(0, ok),
        rest => marks.extend(rest),
    }
    marks
}

/// How many calls and agents stand at their errors.
fn failed_stops(state: &State) -> usize {
    let trace = &state.run.trace;
    let stops = trace.paused().filter_map(|span| trace.pause(span));
    stops.filter(|(_, reason)| matches!(reason, PauseReason::Error { .. })).count()
}

/// Approvals, questions, failures and stops, counted; the only stop by its place.
fn counted(state: &State, tally: Tally, asking: usize) -> Vec<HeaderMark> {
    let mut marks = Vec::new();
    let mut put = |state, count: u32, word: &str| {
        if count > 0 {
            marks.push(mark(state, &format!("{count} {word}"), &count.to_string()));
        }
    };
    put(SpanState::NeedsApproval, tally.approvals, "NEEDS APPROVAL");
    put(SpanState::NeedsAnswer, u32::try_from(asking).unwrap_or(u32::MAX), "NEEDS ANSWER");
    put(SpanState::Failed, tally.failed, "failed");
    let failed_stops = failed_stops(state);
    if failed_stops > 0
        && let Some(failed) = marks.iter_mut().find(|mark| mark.full.state == SpanState::Failed)
    {
        // The run stands there until somebody decides.
        let (waits, all) = if failed_stops == 1 { ("waits", tally.failed == 1) } else { ("wait", false) };
        let count = if all { String::new() } else { format!("{failed_stops} ") };
        *failed = self::mark(
            SpanState::Failed,
            &format!("{} failed, {count}{waits} for you", tally.failed),
            &if all { format!("1 {waits}") } else { format!("{}, {count}{waits}", tally.failed) },
        );
    }
    if state.pausing {
        marks.push(mark(SpanState::Paused, "pausing…", "pausing…"));
        return marks;
    }
    let trace = &state.run.trace;
    let mut stops = trace.paused().filter_map(|span| trace.pause(span));
    match (tally.paused, stops.next(), stops.next()) {
        (0, ..) => {}
        (1, Some((gate, reason)), None) => {
            marks.push(mark(SpanState::Paused, &pause_title(*gate, reason), "1 paused"));
        }
        (count, ..) => marks.push(mark(SpanState::Paused, &format!("{count} paused"), &count.to_string())),
    }
    marks
}

/// Denied calls, counted.
fn denied(tally: Tally) -> Option<HeaderMark> {
    let count = tally.denied;
    (count > 0).then(|| mark(SpanState::Denied, &format!("{count} denied"), &count.to_string()))
}

/// The part of a run's id that tells runs of one day apart: after its last dash.
fn short(id: &str) -> String {
    safe::line(id.rsplit('-').next().unwrap_or(id)).into_owned()
}
