//! The spans, requests and ends of a run, as a test asks for them.

use std::collections::HashMap;
use std::fs;

use tama_tui::model::{LlmRequestRecord, SpanId, SpanSpec, TextHash, TraceBody, Update};
use tama_tui::pipeline::load;
use tama_tui::runtime::{self, Headless, Mode};

/// What a run did.
#[derive(Default)]
pub struct Seen {
    pub spans: HashMap<SpanId, String>,
    /// In the order in which they began.
    order: Vec<String>,
    calls: HashMap<SpanId, LlmRequestRecord>,
    asked: HashMap<String, (String, TextHash)>,
    ends: HashMap<String, (String, Option<TextHash>)>,
    texts: HashMap<TextHash, String>,
}

impl Seen {
    /// Runs the pipeline in these files. `name`: of the test, for its failures.
    pub async fn of(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let loaded = load(folder.path()).unwrap_or_else(|faults| panic!("{name}: {faults}"));
        let mode = Mode::Headless(Headless { answers: vec!["lead=THE ANSWER".into()], ..Headless::default() });
        let session = runtime::start_unrecorded(loaded, "TASK".into(), mode).unwrap();
        let (mut feed, mut seen) = (session.engine.feed, Self::default());
        while let Some(update) = feed.next().await {
            match update {
                Update::Events(events) => events.into_iter().for_each(|event| seen.take(event.body)),
                Update::Closed => break,
                _ => {}
            }
        }
        session.engine.finish.await.unwrap();
        let records = seen.calls.values();
        let of_calls = records.flat_map(|call| call.messages.iter().map(|message| message.text).chain([call.system]));
        let hashes: Vec<TextHash> = of_calls
            .chain(seen.asked.values().map(|(_, question)| *question))
            .chain(seen.ends.values().filter_map(|(_, output)| *output))
            .collect();
        seen.texts = session.log.recorder().texts(&hashes).unwrap();
        seen
    }

    fn take(&mut self, body: TraceBody) {
        match body {
            TraceBody::SpanStarted(start) => {
                self.spans.insert(start.span, start.path.clone());
                self.order.push(start.path.clone());
                match start.spec {
                    SpanSpec::Llm(record) => drop(self.calls.insert(start.span, record)),
                    SpanSpec::Human { question, channel, .. } => {
                        self.asked.insert(start.path, (channel, question));
                    }
                    _ => {}
                }
            }
            TraceBody::SpanEnded(end) => {
                let key = end.finish.map(|finish| finish.key).unwrap_or_default();
                self.ends.insert(self.spans[&end.span].clone(), (key, end.output));
            }
            _ => {}
        }
    }

    /// A thing that is known of a path, as text.
    pub fn field(&self, path: &str, field: &str) -> String {
        let text = |hash: TextHash| self.texts.get(&hash).cloned().unwrap_or_default();
        let output = || self.ends.get(path).cloned().unwrap_or_default();
        match field {
            "order" => {
                let below = self.order.iter().filter_map(|at| at.strip_prefix(path)?.strip_prefix('/'));
                let names = below.filter(|rest| !rest.contains('/')).map(|rest| rest.split('#').next().unwrap());
                return names.collect::<Vec<_>>().join(" ");
            }
            "ends" | "value-ends" => {
                let (key, value) = output();
                return format!("{key} {}", value.map(text).unwrap_or_default());
            }
            "fails" | "answers" => return output().1.map(text).unwrap_or_default(),
            "asks" => {
                return self
                    .asked
                    .get(path)
                    .map(|(channel, asked)| format!("{channel} {}", text(*asked)))
                    .unwrap_or_default();
            }
            _ => {}
        }
        let span = self.spans.iter().find(|(_, known)| *known == path).map(|(span, _)| *span);
        let Some((span, call)) = span.and_then(|span| Some((span, self.calls.get(&span)?))) else {
            return String::new();
        };
        let messages = call.conversation(span, |earlier| self.calls.get(&earlier)).unwrap();
        let message = |at: usize| {
            let found = messages.get(at).map(|message| text(message.text)).unwrap_or_default();
            let json: serde_json::Value = serde_json::from_str(&found).unwrap_or_default();
            json.get("text").and_then(|text| text.as_str()).unwrap_or_default().to_owned()
        };
        match field {
            "tools" => call.tools.join(" "),
            "roles" => messages.iter().map(|message| message.role.clone()).collect::<Vec<_>>().join(" "),
            "message-ends" => message(messages.len() - 1),
            "system" | "system-begins" | "system-ends" => text(call.system),
            _ => field
                .strip_prefix("message-")
                .and_then(|at| at.parse().ok())
                .map(|at: usize| message(at - 1))
                .unwrap_or_default(),
        }
    }

    /// Every span by its path: of a call its model, options, tools and messages, of others their end.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (span, path) in &self.spans {
            let text = |hash: TextHash| self.texts.get(&hash).cloned().unwrap_or_default();
            if let Some(call) = self.calls.get(span) {
                let messages = call.conversation(*span, |earlier| self.calls.get(&earlier)).unwrap();
                let messages: Vec<String> =
                    messages.iter().map(|message| format!("{}: {}", message.role, text(message.text))).collect();
                let (system, tools) = (text(call.system), call.tools.join(" "));
                let options = (call.options.temperature, call.options.max_tokens);
                lines.push(format!(
                    "{path} {} {options:?} [{tools}] system: {system} {}",
                    call.model,
                    messages.join(" ")
                ));
            }
            lines.push(format!("{path} ends {}", self.field(path, "ends")));
        }
        lines.sort();
        lines
    }
}
