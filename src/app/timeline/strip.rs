//! The line that says which moment is shown.

use crate::app::keys::{self, UiAction};
use crate::app::text::{clock, plural};
use crate::app::{State, safe};
use crate::model::{ActionChange, Seq, SpanId, TraceBody, TraceEvent};

/// The texts of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// The place: `#41 of 812`.
    pub place: String,
    /// The time since the run's start, and that of its last event: `0:12 of 2:10`.
    pub time: String,
    /// The event that had just happened.
    pub event: String,
    /// The state of the run as it is now, where it waits for the user.
    pub waiting: Option<String>,
    /// The part of the run that lies before, of 1000.
    pub part: u16,
    /// The keys that go on from here.
    pub keys: Vec<(String, &'static str)>,
}

/// The line of a state; `None` while the run is shown as it is now.
#[must_use]
pub fn strip(state: &State) -> Option<Strip> {
    let past = state.timeline.past()?;
    let present = past.present();
    let start = present.trace.get(SpanId::RUN).map(|run| run.start.0).unwrap_or_default();
    let since = |at: u64| short_clock(at.saturating_sub(start));
    let (seq, last) = (past.seq().0, present.last.0.max(1));
    let key = |action: UiAction| keys::verb(action).keys_text();
    let events = format!("{} {}", key(UiAction::EventBack), key(UiAction::EventOn));
    let spans = format!("{} {}", key(UiAction::SpanBack), key(UiAction::SpanOn));
    Some(Strip {
        place: format!("{} of {last}", past.seq()),
        time: format!("{} of {}", since(state.run.last_at.0), since(present.last_at.0)),
        event: past.event().map(|event| event_words(state, event)).unwrap_or_default(),
        waiting: waiting(state),
        part: u16::try_from(seq.saturating_mul(1000) / last).unwrap_or(1000),
        keys: vec![(events, "event"), (spans, "span"), (key(UiAction::Back), "now")],
    })
}

/// A clock without a zero at its front.
fn short_clock(millis: u64) -> String {
    let clock = clock(millis);
    clock.strip_prefix('0').map_or(clock.clone(), str::to_owned)
}

/// Counts what waits for the user in the run as it is now.
fn waiting(state: &State) -> Option<String> {
    let present = state.timeline.past()?.present();
    let approvals = state.asked.pending(present).len();
    let paused = present.trace.paused().count();
    match (approvals, paused) {
        (0, 0) => None,
        (0, paused) => Some(format!("now: {paused} paused")),
        (approvals, _) => Some(format!("now: {} for you", plural(approvals, "question"))),
    }
}

/// An event in a few words: what happened, and to what.
fn event_words(state: &State, event: &TraceEvent) -> String {
    let key = |action: Seq| state.run.ledger.get(action).map(|entry| entry.record.key.to_string()).unwrap_or_default();
    let (what, about) = match &event.body {
        TraceBody::RunStarted { .. } => ("the run starts", None),
        TraceBody::RunStatus { status, .. } => (status.name(), None),
        TraceBody::SpanStarted(_) => ("starts", None),
        TraceBody::SpanEnded(_) => ("ends", None),
        TraceBody::SpanWaiting { on: Some(_), .. } => ("waits", None),
        TraceBody::SpanWaiting { .. } | TraceBody::Released { .. } => ("continues", None),
        TraceBody::Paused { .. } => ("stops", None),
        TraceBody::Action(record) => ("is about to change", Some(record.key.to_string())),
        TraceBody::ActionEvent(change) => {
            (change_word(&change.change), Some(format!("{} {}", change.action, key(change.action))))
        }
        TraceBody::Read { key, .. } => ("reads", Some(key.to_string())),
        TraceBody::Note { text, .. } => ("note", Some(text.clone())),
        TraceBody::Kept { action, .. } => ("content kept", Some(key(*action))),
        TraceBody::Renamed { from, .. } => ("is one rename with another", Some(key(*from))),
        TraceBody::ApprovalAsked(_) => ("asks for approval", None),
        TraceBody::ApprovalAnswered(_) => ("is answered", None),
        TraceBody::Sent { .. } => ("is sent", None),
        TraceBody::Invalidated { .. } => ("a retry starts", None),
        TraceBody::Restored(_) => ("an earlier try stands again", None),
        TraceBody::PromptEdited { .. } | TraceBody::MessagesEdited { .. } | TraceBody::EditedByHand { .. } => {
            ("an edit", None)
        }
        _ => ("recorded", None),
    };
    let span = event.body.span().filter(|span| *span != SpanId::RUN);
    let path = span.map(|span| format!("{} ", state.run.trace.path(span))).unwrap_or_default();
    let about = about.map(|about| format!(" {about}")).unwrap_or_default();
    safe::line(&format!("{path}{what}{about}")).into_owned()
}

fn change_word(change: &ActionChange) -> &'static str {
    match change {
        ActionChange::Applied { .. } => "changed",
        ActionChange::Failed { .. } | ActionChange::NotApplied => "not done",
        ActionChange::Held => "held",
        ActionChange::Discarded { .. } => "discarded",
        ActionChange::UndoStarted | ActionChange::Compensated { .. } => "undoing",
        ActionChange::Undone { .. } => "undone",
        ActionChange::RedoStarted => "redoing",
        ActionChange::Redone => "redone",
        ActionChange::Refused { .. } => "undo refused",
    }
}
