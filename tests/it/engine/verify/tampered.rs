//! Every single change of a record is a divergence: of a prompt, an input, a request, an outcome, an end, the order; an
//! entry that is missing, and one too many.

use tama_tui::model::{
    RunStatus, Seq, SpanEnd, SpanId, SpanKind, SpanSpec, SpanStart, SpanStatus, TextHash, TraceBody, TraceEvent,
};
use tama_tui::pipeline::Pipeline;
use tama_tui::runtime;

use super::{Ran, renumber};

/// A changed record, and the change in words.
type Change = (String, Vec<TraceEvent>);

impl Ran {
    fn assert_all_differ(&self, changes: Vec<Change>) {
        assert!(!changes.is_empty());
        let silent: Vec<String> = changes
            .into_iter()
            // A text that is no outcome is an error of its own.
            .filter(|(_, events)| {
                runtime::verify(&self.log, events, None).is_ok_and(|found| found.divergence.is_none())
            })
            .map(|(change, _)| change)
            .collect();
        assert!(silent.is_empty(), "not noticed: {silent:#?}");
    }

    /// Changes one event at a time; `change` returns what it did, or `None` where there is nothing to change.
    fn each(&self, change: impl Fn(&mut TraceBody) -> Option<&'static str>) -> Vec<Change> {
        let paths = self.paths();
        (0..self.events.len())
            .filter_map(|at| {
                let mut events = self.events.clone();
                let done = change(&mut events[at].body)?;
                let span = events[at].body.span().unwrap_or(SpanId::RUN);
                let path = paths.get(&span).map_or("run", |(path, _)| path);
                Some((format!("{done} of {path}"), events))
            })
            .collect()
    }

    fn other_text(&self) -> TextHash {
        self.log.text("\"another text\"")
    }
}

fn spec(body: &mut TraceBody) -> Option<&mut SpanSpec> {
    match body {
        TraceBody::SpanStarted(SpanStart { spec, .. }) => Some(spec),
        _ => None,
    }
}

#[tokio::test]
async fn a_changed_input_is_noticed() {
    let ran = Ran::with_items(3).await;
    let other = ran.other_text();
    ran.assert_all_differ(ran.each(|body| match spec(body)? {
        SpanSpec::Agent { input, .. } => {
            *input = other;
            Some("input")
        }
        _ => None,
    }));
    ran.assert_all_differ(ran.each(|body| match body {
        TraceBody::RunStarted { task, .. } => {
            *task = other;
            Some("task")
        }
        _ => None,
    }));
}

#[tokio::test]
async fn a_changed_request_is_noticed() {
    let ran = Ran::with_items(3).await;
    let other = ran.other_text();
    ran.assert_all_differ(ran.each(|body| match spec(body)? {
        SpanSpec::Llm(record) => {
            record.request = other;
            Some("request")
        }
        SpanSpec::Tool { request, .. } => {
            *request = other;
            Some("request")
        }
        _ => None,
    }));
}

#[tokio::test]
async fn a_changed_prompt_is_noticed_and_named() {
    let ran = Ran::with_items(3).await;
    let stored = ran.events.iter().find_map(|event| match &event.body {
        TraceBody::RunStarted { pipeline, .. } => Some(*pipeline),
        _ => None,
    });
    let text = ran.log.recorder().text(stored.unwrap()).unwrap();
    for (old, at) in [
        ("\"plan\"", "lead/plan/llm"),
        ("\"work\"", "lead/split/worker/llm"),
        ("\"reduce\"", "lead/split/reduce/llm"),
        ("\"right\"", "lead/both/right/llm"),
    ] {
        let changed = text.replace(&format!("\"text\":{old}"), "\"text\":\"another prompt\"");
        assert_ne!(changed, text, "{old}");
        serde_json::from_str::<Pipeline>(&changed).unwrap();
        let changed = ran.log.text(&changed);
        let mut events = ran.events.clone();
        for event in &mut events {
            if let TraceBody::RunStarted { pipeline, .. } = &mut event.body {
                *pipeline = changed;
            }
        }
        let first = ran.verify(&events).divergence.unwrap();
        assert_eq!(first.path, at);
        // Of a tool loop the words after the prompt are shown, too.
        let asked = first.asked.replace("\\n\\nCall start() first: it returns your input.", "");
        assert_eq!(asked, "the system prompt \"another prompt\"");
        let recorded = first.recorded.replace("\\n\\nCall start() first: it returns your input.", "");
        assert_eq!(recorded, format!("the system prompt {old}"));
    }
}

#[tokio::test]
async fn a_changed_end_is_noticed() {
    let ran = Ran::with_items(3).await;
    let other = ran.other_text();
    let kinds = ran.paths();
    let is_agent = |span: SpanId| kinds.get(&span).is_some_and(|(_, kind)| *kind == SpanKind::Agent);
    ran.assert_all_differ(ran.each(|body| match body {
        TraceBody::SpanEnded(SpanEnd { span, output, .. }) if is_agent(*span) => {
            *output = Some(other);
            Some("output")
        }
        TraceBody::RunStatus { text, .. } => {
            *text = Some(other);
            Some("output")
        }
        _ => None,
    }));
    ran.assert_all_differ(ran.each(|body| match body {
        TraceBody::SpanEnded(SpanEnd { span, finish: Some(finish), .. }) if is_agent(*span) => {
            finish.key = "elsewhere".into();
            Some("finish key")
        }
        TraceBody::RunStatus { status, .. } => {
            *status = if *status == RunStatus::Ok { RunStatus::Failed } else { RunStatus::Ok };
            Some("status")
        }
        _ => None,
    }));
    ran.assert_all_differ(ran.each(|body| match body {
        TraceBody::SpanEnded(end) => {
            end.status = if end.status == SpanStatus::Ok { SpanStatus::Error } else { SpanStatus::Ok };
            end.finish = None;
            Some("status")
        }
        _ => None,
    }));
}

#[tokio::test]
async fn a_changed_outcome_of_a_call_shows_in_what_follows() {
    let ran = Ran::with_items(3).await;
    let kinds = ran.paths();
    let response = ran.log.text(r#"{"text":"another text","calls":[],"usage":null}"#);
    let result = ran.other_text();
    ran.assert_all_differ(ran.each(|body| match body {
        TraceBody::SpanEnded(SpanEnd { span, output, .. }) => match kinds.get(span)?.1 {
            SpanKind::Llm => {
                *output = Some(response);
                Some("answer")
            }
            SpanKind::Tool => {
                *output = Some(result);
                Some("result")
            }
            _ => None,
        },
        _ => None,
    }));
}

#[tokio::test]
async fn a_missing_entry_and_one_too_many_are_noticed() {
    let ran = Ran::with_items(3).await;
    let mut changes = Vec::new();
    for (span, (path, _)) in ran.paths() {
        let of_span = |event: &TraceEvent| event.body.span() == Some(span);
        let mut events = ran.events.clone();
        events.retain(|event| !of_span(event));
        changes.push((format!("{path} missing"), events));

        let mut events = ran.events.clone();
        events.retain(|event| !(of_span(event) && matches!(event.body, TraceBody::SpanEnded(_))));
        changes.push((format!("the end of {path} missing"), events));

        let start = ran.events.iter().find(|event| of_span(event)).unwrap();
        let TraceBody::SpanStarted(start) = &start.body else { panic!("{start:?}") };
        let new = SpanId(10_000);
        let end = ran.events.iter().find_map(|event| match &event.body {
            TraceBody::SpanEnded(end) if end.span == span => Some(SpanEnd { span: new, ..end.clone() }),
            _ => None,
        });
        let end = end.unwrap();
        for more in [path.clone(), format!("{path}#99"), format!("{path}/extra")] {
            let started = SpanStart { span: new, path: more.clone(), ..start.clone() };
            let mut events = ran.events.clone();
            let at = events.last().unwrap().at;
            let place = events.len() - 1;
            let more_events = [TraceBody::SpanStarted(started), TraceBody::SpanEnded(end.clone())];
            for body in more_events.into_iter().rev() {
                events.insert(place, TraceEvent { seq: Seq(0), at, happened: None, body });
            }
            renumber(&mut events);
            changes.push((format!("{more} too many"), events));
        }
    }
    ran.assert_all_differ(changes);
}

#[tokio::test]
async fn another_order_is_noticed() {
    let ran = Ran::with_items(3).await;
    let paths = ran.paths();
    let mut changes = Vec::new();
    // Each span's whole life, moved before that of the span that it followed in its agent.
    for (span, (path, _)) in &paths {
        let Some((parent, _)) = path.rsplit_once('/') else { continue };
        let is_below = |event: &&TraceEvent, of: &str| {
            let found = event.body.span().and_then(|span| paths.get(&span));
            found.is_some_and(|(path, _)| path == of || path.starts_with(&format!("{of}/")))
        };
        let start = ran.events.iter().position(|event| event.body.span() == Some(*span)).unwrap();
        let TraceBody::SpanStarted(own) = &ran.events[start].body else { continue };
        let before = ran.events[..start].iter().rev().find_map(|event| match &event.body {
            TraceBody::SpanStarted(other) if other.path.rsplit_once('/').map(|(above, _)| above) == Some(parent) => {
                (other.fan.map(|fan| fan.group) != own.fan.map(|fan| fan.group) || own.fan.is_none())
                    .then(|| other.path.clone())
            }
            _ => None,
        });
        let Some(before) = before else { continue };
        let place = ran.events.iter().position(|event| is_below(&event, &before)).unwrap();
        let (moved, mut rest): (Vec<_>, Vec<_>) = ran.events.iter().cloned().partition(|event| is_below(&event, path));
        let _ = rest.splice(place..place, moved).count();
        renumber(&mut rest);
        changes.push((format!("{path} before {before}"), rest));
    }
    ran.assert_all_differ(changes);
}
