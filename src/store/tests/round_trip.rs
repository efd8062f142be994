//! Every kind of event is read back as it was written.

use std::collections::HashSet;

use super::*;
use crate::model::{
    ActionChange, ActionEvent, AnsweredBy, ApprovalAnswer, ApprovalAnswered, ApprovalAsked, BlobHash, EditReach,
    Element, Fan, Gate, KeyKind, MessageRecord, Millis, ModelName, ModelOptions, PauseReason, RunState, SentModel, Seq,
    TextHash, TryGroup, WaitFor, WaitInterval,
};
use crate::store::{StoreError, Volatile, hash_text};

fn human(question: TextHash) -> SpanSpec {
    SpanSpec::Human { question, request: hash_text("asked"), channel: "approve".into() }
}

fn blob() -> BlobHash {
    BlobHash([7; 16])
}

fn states() -> Vec<KeyState> {
    vec![
        KeyState::Absent,
        KeyState::Text { text: String::new() },
        KeyState::Text { text: "a \"quoted\" line\nwith \0 and ü".into() },
        KeyState::List { elements: vec![Element { by: Seq(4), text: "one".into() }] },
        KeyState::List { elements: vec![] },
        KeyState::File { blob: blob(), size: 812, mode: 0o640 },
        KeyState::Directory { mode: 0o755 },
        KeyState::Symlink { target: "../x".into() },
        KeyState::Unknown,
    ]
}

fn actions() -> Vec<TraceBody> {
    let kinds = [
        KeyKind::Memory,
        KeyKind::File,
        KeyKind::Directory,
        KeyKind::Symlink,
        KeyKind::Compensation,
        KeyKind::External,
    ];
    let ops = [ActionOp::Set, ActionOp::Append, ActionOp::Delete, ActionOp::External];
    let mut bodies = Vec::new();
    for (at, old) in states().into_iter().enumerate() {
        let undo = if at % 2 == 0 { Undoability::Undo } else { Undoability::NoUndo { why: "not captured".into() } };
        bodies.push(TraceBody::Action(ActionRecord {
            key: Key { kind: kinds[at % kinds.len()], name: format!("k/{at}") },
            op: ops[at % ops.len()],
            intended: states()[states().len() - 1 - at].clone(),
            undo,
            ..memory_set("", old, "")
        }));
    }
    bodies
}

fn changes() -> Vec<TraceBody> {
    let mut changes: Vec<ActionChange> =
        states().into_iter().map(|after| ActionChange::Applied { after, kept: false }).collect();
    changes.extend([
        ActionChange::Failed { error: "no".into() },
        ActionChange::NotApplied,
        ActionChange::UndoStarted,
        ActionChange::Undone { forced: true },
        ActionChange::Compensated { result: "rolled back\nto v1".into() },
        ActionChange::RedoStarted,
        ActionChange::Redone,
        ActionChange::Refused { why: "changed since".into() },
    ]);
    let event = |change| TraceBody::ActionEvent(ActionEvent { action: Seq(9), change });
    changes.into_iter().map(event).collect()
}

fn others(log: &RunLog) -> Vec<TraceBody> {
    let text = log.text("t");
    let messages = vec![MessageRecord { role: "user".into(), text }];
    let span = SpanId(2);
    let mut bodies = vec![
        TraceBody::PipelineChanged { generation: Generation(2), pipeline: text, changed: vec!["writer".into()] },
        TraceBody::SpanWaiting { span, on: Some("#35".into()), why: WaitFor::Lock },
        TraceBody::SpanWaiting { span, on: None, why: WaitFor::Lock },
        TraceBody::Released { span, how: "step".into(), stale: true },
        TraceBody::Sent { span, system: Some(text), messages: Some(messages.clone()), args: None, model: None },
        TraceBody::Sent {
            span,
            system: None,
            messages: None,
            args: Some(text),
            model: Some(SentModel {
                name: ModelName { provider: "p".into(), model: "m".into() },
                options: ModelOptions::default(),
            }),
        },
        TraceBody::PromptEdited {
            reach: EditReach::Agent { name: "editor".into() },
            generation: Generation(2),
            text: Some(text),
        },
        TraceBody::PromptEdited {
            reach: EditReach::Agent { name: "editor".into() },
            generation: Generation(2),
            text: None,
        },
        TraceBody::MessagesEdited {
            reach: EditReach::Agent { name: "editor".into() },
            generation: Generation(1),
            call: SpanId(7),
            upto: 2,
            messages,
        },
        TraceBody::EditedByHand {
            generation: Generation(2),
            path: "editor/llm".into(),
            edits: text,
            lent: Some("editor".into()),
        },
        TraceBody::EditedByHand { generation: Generation(2), path: "editor".into(), edits: text, lent: None },
        TraceBody::Invalidated {
            generation: Generation(2),
            cause: span,
            spans: vec![span, SpanId(3)],
            paths: vec!["editor/llm".into()],
            reopened: vec![SpanId(1)],
            stale: vec![SpanId(9)],
        },
        TraceBody::Read { span, key: Key::file("a/b"), action: Some(Seq(3)) },
        TraceBody::Read { span, key: Key::memory("m"), action: None },
        TraceBody::RunStatus { status: RunStatus::Interrupted, text: None },
        TraceBody::Note { span: Some(span), error: true, text: "refused".into() },
        TraceBody::Kept { action: Seq(3), blob: blob() },
        TraceBody::TryGroup(TryGroup {
            tries: vec![SpanId(1), SpanId(6)],
            winner: Some(SpanId(6)),
            why: "its tests pass".into(),
        }),
        TraceBody::TryGroup(TryGroup { tries: vec![SpanId(1)], winner: None, why: "both fail".into() }),
        TraceBody::Unknown { event: "teleported".into(), body: UNKNOWN.into() },
        done(log),
    ];
    let reasons = [
        PauseReason::Step,
        PauseReason::Asked,
        PauseReason::Breakpoint { breakpoint: "error".into() },
        PauseReason::Policy { rule: "ask".into() },
        PauseReason::Error { error: "no".into() },
        PauseReason::Limit { limit: "tokens".into(), name: "max_tokens".into() },
    ];
    let paused = reasons.into_iter().zip(Gate::ALL);
    bodies.extend(paused.map(|(reason, gate)| TraceBody::Paused { span, gate, reason }));
    bodies.extend(approvals(text));
    bodies
}

/// An event as a newer minor version may write it: its spaces and the order of its members stay.
const UNKNOWN: &str = r#"{ "event": "teleported",  "to": {"y": 1.50, "x": []}, "span": 2 }"#;

/// Every answer to an approval, by a rule and without one.
fn approvals(request: TextHash) -> Vec<TraceBody> {
    let answers = [
        (ApprovalAnswer::Allow, AnsweredBy::User),
        (ApprovalAnswer::AllowHeld, AnsweredBy::User),
        (ApprovalAnswer::AllowAlways, AnsweredBy::Flag),
        (ApprovalAnswer::Deny, AnsweredBy::Nobody),
        (ApprovalAnswer::Answer, AnsweredBy::User),
    ];
    let both = |(at, (how, by)): (u32, (ApprovalAnswer, AnsweredBy))| {
        let (span, by_rule) = (SpanId(at), at % 2 == 0);
        let asked = ApprovalAsked {
            span,
            why: "ask rule \"tama_bash:rm *\"".into(),
            rule: by_rule.then(|| "tama_bash:rm *".into()),
            line: by_rule.then_some(12),
            request,
        };
        let word = (how == ApprovalAnswer::Deny).then(|| "ask me first".into());
        let answered = ApprovalAnswered { span, asked: Seq(9), how, by, word };
        [TraceBody::ApprovalAsked(asked), TraceBody::ApprovalAnswered(answered)]
    };
    (0..).zip(answers).flat_map(both).collect()
}

fn spans(log: &RunLog) -> Vec<TraceBody> {
    let mut fanned = start(5, 1, "editor/tool#2", 1, tool(log));
    if let TraceBody::SpanStarted(span) = &mut fanned {
        span.fan = Some(Fan { group: 1, index: 2 });
        span.step = Some("map".into());
        span.attributes = [("service".into(), "billing".into()), ("ünï".into(), String::new())].into();
    }
    let bare = SpanEnd {
        span: SpanId(3),
        status: SpanStatus::Error,
        finish: None,
        output: None,
        so_far: None,
        usage: None,
        cost: None,
        answered: true,
        cause: None,
        waited: Some(vec![
            WaitInterval { why: WaitFor::Lock, from: Millis(3), to: Millis(9) },
            WaitInterval { why: WaitFor::RetryAfter, from: Millis(10), to: Millis(11) },
        ]),
    };
    vec![
        run_started(log),
        start(1, 0, "editor", 1, agent(log)),
        start(2, 1, "editor/llm", 1, call(log)),
        end(2, response(log, "hi"), Some(Usage { input: 3, output: 4 })),
        start(3, 1, "editor/tool", 1, tool(log)),
        TraceBody::SpanEnded(bare),
        start(4, 1, "editor/human", 1, human(log.text("Which?"))),
        fanned,
    ]
}

#[test]
fn every_event_comes_back_as_it_was() {
    let (seen, publish) = collector();
    let (project, log) = project_with(publish);
    let mut bodies = spans(&log);
    bodies.extend(others(&log));
    bodies.extend(actions());
    bodies.extend(changes());
    // One by one and all together: few rows and many must be stored alike.
    for body in bodies.clone() {
        write_now(&log, vec![body]);
    }
    write_now(&log, bodies.clone());
    log.recorder().close().unwrap();
    let written = seen.lock().unwrap().clone();
    let expected: Vec<&TraceBody> = bodies.iter().chain(&bodies).collect();
    assert_eq!(written.iter().map(|event| &event.body).collect::<Vec<_>>(), expected);

    let opened = reopen(&project.folder);
    assert_eq!(opened.damage, Vec::<String>::new());
    assert_eq!(opened.events, written);
    assert_eq!(opened.log.recorder().events(Seq(0), usize::MAX).unwrap(), written);
    let five = opened.log.recorder().events(written[3].seq, 5).unwrap();
    assert_eq!(five, written[4..9]);
    let same = |log: &RunLog| log.with(|state| (state.last, state.generation, state.ledger.all_memory()));
    assert_eq!(same(&opened.log), same(&log));
    // A seek reads less of each event, and comes to the same.
    let mut folded = RunState::default();
    let to_fold = opened.log.recorder().events_to_fold(Seq(0), written[written.len() - 1].seq).unwrap();
    for event in &to_fold {
        folded.apply(event);
    }
    assert_eq!(opened.log.with(Clone::clone), folded);
}

#[test]
fn texts_are_stored_once_and_readable_at_once() {
    let (project, log) = project();
    let odd = "tab\t, nul \0, ü, \u{1b}[31m";
    let hash = log.text(odd);
    assert_eq!(log.recorder().text(hash).unwrap(), odd);
    assert_eq!(log.text(odd), hash);
    write_now(&log, vec![note("x")]);
    assert_eq!(log.recorder().text(hash).unwrap(), odd);
    log.recorder().close().unwrap();

    let opened = reopen(&project.folder);
    let recorder = opened.log.recorder();
    assert_eq!(recorder.text(hash).unwrap(), odd);
    assert!(matches!(recorder.text(TextHash([1; 16])), Err(StoreError::Missing(_))));
    assert_eq!(opened.log.text(odd), hash);
    write_now(&opened.log, vec![note("y")]);
    assert_eq!(recorder.committed(), Seq(3), "a text that is stored takes no second row");
    assert_eq!(hash, hash_text(odd));
}

#[test]
fn a_reopened_run_goes_on_where_it_ended() {
    let (project, log) = project();
    write_now(&log, vec![run_started(&log), note("first")]);
    log.recorder().close().unwrap();
    for round in 0..3 {
        let opened = reopen(&project.folder);
        assert_eq!(opened.damage, Vec::<String>::new());
        assert_eq!(opened.events.len(), 2 + round);
        write_now(&opened.log, vec![note("again")]);
        opened.log.recorder().close().unwrap();
    }
}

#[test]
fn a_spans_events_have_its_actions_and_what_became_of_them() {
    let (_project, log) = project();
    tell_a_span(&log);
    tell_a_span(&RunLog::new(Arc::new(Volatile::new(quiet())), RunState::default(), Seq(0), HashSet::new()));
}

/// Both recorders answer the same.
fn tell_a_span(log: &RunLog) {
    let action = memory_set("k", KeyState::Absent, "v");
    write_now(
        log,
        vec![
            run_started(log),
            start(1, 0, "editor", 1, agent(log)),
            start(2, 1, "editor/llm", 1, call(log)),
            start(3, 1, "editor/tool", 1, tool(log)),
            TraceBody::PromptEdited {
                reach: EditReach::Try { span: SpanId(1) },
                generation: Generation(1),
                text: None,
            },
        ],
    );
    let at = block_on(log.append_durable(vec![TraceBody::Action(action.clone())]).durable()).unwrap();
    let applied =
        ActionEvent { action: at, change: ActionChange::Applied { after: action.intended.clone(), kept: false } };
    write_now(log, vec![TraceBody::ActionEvent(applied.clone()), note("other")]);
    let bodies = |span| {
        let events = log.recorder().span_events(SpanId(span), Seq(0)).unwrap();
        let first = log.with(|state| state.trace.first_event(SpanId(span)));
        assert_eq!(log.recorder().span_events(SpanId(span), first).unwrap(), events, "none comes before");
        assert!(log.recorder().span_events(SpanId(span), Seq(first.0 + 1)).unwrap().len() < events.len());
        events.into_iter().map(|event| event.body).collect::<Vec<_>>()
    };
    let did = [TraceBody::Action(action), TraceBody::ActionEvent(applied)];
    assert_eq!(bodies(3)[1..], did);
    assert_eq!(bodies(1)[2..], did);
    assert!(matches!(bodies(1)[1], TraceBody::PromptEdited { .. }));
    assert_eq!(bodies(2).len(), 1);
}
