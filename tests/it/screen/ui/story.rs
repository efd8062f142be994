//! A run for the screen to show, told event by event.

use tama_tui::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, BlobHash, CaptureMode, CommandStart, EffectClass, EndCause, Fan,
    Finish, Gate, Generation, Key, KeyState, LlmRequestRecord, Millis, ModelName, ModelOptions, PauseReason, RunId,
    Section, SectionBody, Seq, SpanDetail, SpanEnd, SpanId, SpanSpec, SpanStart, SpanStatus, TextHash, TraceBody,
    TraceEvent, Try, Undoability, Usage,
};

const NONE: TextHash = TextHash([0; 16]);

/// Tells a run: each call appends one event; time goes on by what [`Story::after`] says.
#[derive(Clone, Default)]
pub struct Story {
    events: Vec<TraceEvent>,
    at: u64,
    seq: u64,
    spans: Vec<(String, SpanId)>,
    fan: Option<Fan>,
}

impl Story {
    pub fn new() -> Self {
        let mut story = Self { at: 1_700_000_000_000, seq: 0, ..Self::default() };
        story.spans.push((String::new(), SpanId::RUN));
        story.event(TraceBody::RunStarted {
            run: RunId("k7qd".into()),
            name: "release-notes".into(),
            entrypoint: "editor".into(),
            task: NONE,
            pipeline: NONE,
            workspace: "/home/user/notes/work".into(),
            provenance: tama_tui::model::Provenance::default(),
            hash: 1,
        });
        story
    }

    pub fn events(self) -> Vec<TraceEvent> {
        self.events
    }

    pub fn now(&self) -> Millis {
        Millis(self.at)
    }

    /// Lets time pass.
    pub fn after(&mut self, millis: u64) -> &mut Self {
        self.at += millis;
        self
    }

    pub fn event(&mut self, body: TraceBody) -> Seq {
        self.seq += 1;
        self.events.push(TraceEvent { seq: Seq(self.seq), at: Millis(self.at), happened: None, body });
        Seq(self.seq)
    }

    pub fn agent(&mut self, parent: SpanId, name: &str, visit: u32, pattern: &str) -> SpanId {
        let spec = SpanSpec::Agent {
            pattern: pattern.into(),
            input: NONE,
            prompt: Some(NONE),
            prompt_file: Some(format!("prompts/{name}.md")),
        };
        self.start(parent, name, visit, spec)
    }

    pub fn llm(&mut self, parent: SpanId, visit: u32) -> SpanId {
        let spec = SpanSpec::Llm(LlmRequestRecord {
            request: NONE,
            model: ModelName { provider: "openai".into(), model: "gpt-5-mini".into() },
            options: ModelOptions::default(),
            system: NONE,
            tools: vec!["tama_files_write".into()],
            after: None,
            messages: Vec::new(),
        });
        self.start(parent, "llm", visit, spec)
    }

    pub fn tool(&mut self, parent: SpanId, name: &str, visit: u32, effect: EffectClass) -> SpanId {
        self.start(parent, name, visit, SpanSpec::Tool { args: NONE, request: NONE, effect })
    }

    /// A worker of a fan-out.
    pub fn worker(&mut self, parent: SpanId, name: &str, index: u32) -> SpanId {
        let spec = SpanSpec::Agent { pattern: "react".into(), input: NONE, prompt: Some(NONE), prompt_file: None };
        self.fan = Some(Fan { group: 0, index });
        let span = self.start(parent, name, index + 1, spec);
        self.fan = None;
        span
    }

    /// The end of a tool that was no plain success.
    pub fn end_because(&mut self, span: SpanId, status: SpanStatus, cause: EndCause) {
        self.event(TraceBody::SpanEnded(SpanEnd { cause: Some(cause), ..SpanEnd::new(span, status) }));
    }

    /// A tool runs a command.
    pub fn command(&mut self, span: SpanId, command: &str) {
        let (command, capture, gaps) = (command.into(), CaptureMode::Overlay, Vec::new());
        self.event(TraceBody::CommandStarted(CommandStart { span, command, capture, snapshot: None, gaps }));
    }

    /// A tool reads a file.
    pub fn read(&mut self, span: SpanId, path: &str) {
        self.event(TraceBody::Read { span, key: Key::file(path), action: None });
    }

    /// A new file of a command that is held.
    pub fn held(&mut self, agent: SpanId, tool: SpanId, path: &str) -> Seq {
        self.held_as(agent, tool, path, KeyState::Absent, file(40))
    }

    /// A change of a command that is held.
    pub fn held_as(&mut self, agent: SpanId, tool: SpanId, path: &str, old: KeyState, new: KeyState) -> Seq {
        let action = self.intent(agent, tool, Key::file(path), old, new, Undoability::Undo);
        self.event(TraceBody::ActionEvent(ActionEvent { action, change: ActionChange::Held }));
        action
    }

    fn start(&mut self, parent: SpanId, name: &str, visit: u32, spec: SpanSpec) -> SpanId {
        let span = SpanId(u32::try_from(self.spans.len()).unwrap());
        let above = self.spans[parent.0 as usize].0.clone();
        let label = if visit > 1 { format!("{name}#{visit}") } else { name.to_owned() };
        let path = if above.is_empty() { label } else { format!("{above}/{label}") };
        self.spans.push((path.clone(), span));
        self.event(TraceBody::SpanStarted(SpanStart {
            span,
            parent,
            path,
            name: name.into(),
            visit,
            attempt: Try(1),
            generation: Generation(1),
            fan: self.fan,
            spec,
            step: None,
            attributes: std::collections::BTreeMap::new(),
        }));
        span
    }

    pub fn end(&mut self, span: SpanId, status: SpanStatus, finish: Option<&str>, tokens: (u64, u64)) -> Seq {
        let usage = (tokens != (0, 0)).then_some(Usage { input: tokens.0, output: tokens.1 });
        self.event(TraceBody::SpanEnded(SpanEnd {
            span,
            status,
            finish: finish.map(|key| Finish { key: key.into(), synthetic: false }),
            output: Some(NONE),
            so_far: None,
            usage,
            cost: usage.map(|usage| (usage.input * 25 + usage.output * 200) / 100),
            answered: false,
            cause: None,
            waited: None,
        }))
    }

    pub fn pause(&mut self, span: SpanId, gate: Gate, reason: PauseReason) {
        self.event(TraceBody::Paused { span, gate, reason });
    }

    /// An action that was done.
    pub fn action(&mut self, agent: SpanId, tool: SpanId, key: Key, old: KeyState, new: KeyState) -> Seq {
        self.row(agent, tool, key, old, new, Undoability::Undo)
    }

    /// An action that can't be taken back.
    pub fn permanent(&mut self, agent: SpanId, tool: SpanId, what: &str, why: &str) -> Seq {
        let key = Key { kind: tama_tui::model::KeyKind::External, name: what.into() };
        let undo = Undoability::NoUndo { why: why.into() };
        self.row(agent, tool, key, KeyState::Unknown, KeyState::Unknown, undo)
    }

    pub fn note(&mut self, text: &str) {
        self.event(TraceBody::Note { span: None, error: false, text: text.into() });
    }

    fn row(
        &mut self,
        span: SpanId,
        tool_span: SpanId,
        key: Key,
        old: KeyState,
        new: KeyState,
        undo: Undoability,
    ) -> Seq {
        let action = self.intent(span, tool_span, key, old, new.clone(), undo);
        self.event(TraceBody::ActionEvent(ActionEvent {
            action,
            change: ActionChange::Applied { after: new, kept: false },
        }));
        action
    }

    /// An action without an outcome.
    pub fn intent(
        &mut self,
        span: SpanId,
        tool_span: SpanId,
        key: Key,
        old: KeyState,
        new: KeyState,
        undo: Undoability,
    ) -> Seq {
        let tool_name = self.spans[tool_span.0 as usize].0.rsplit('/').next().unwrap_or_default().to_owned();
        let op = if matches!(undo, Undoability::Undo) { ActionOp::Set } else { ActionOp::External };
        self.event(TraceBody::Action(ActionRecord { span, tool_span, tool_name, key, op, old, intended: new, undo }))
    }
}

pub fn text(text: &str) -> KeyState {
    KeyState::Text { text: text.into() }
}

pub fn file(size: u64) -> KeyState {
    KeyState::File { blob: BlobHash([7; 16]), size, mode: 0o644 }
}

/// The run of the sketch: writer, reviewer, writer again, stopped before its second call.
pub fn paused_run() -> (Vec<TraceEvent>, Millis) {
    let mut story = Story::new();
    let editor = story.agent(SpanId::RUN, "editor", 1, "fsm");
    let writer = story.agent(editor, "writer", 1, "react");
    one_call(&mut story, writer, 1, 5_200, (2_400, 610));
    let set = story.tool(writer, "tama_mem_set", 1, EffectClass::Reversible);
    story.action(writer, set, Key::memory("outline"), KeyState::Absent, text("intro, fixes, thanks"));
    story.after(1).end(set, SpanStatus::Ok, None, (0, 0));
    let write = story.tool(writer, "tama_files_write", 1, EffectClass::Reversible);
    story.action(writer, write, Key::file("NOTES.md"), KeyState::Absent, file(812));
    story.after(2).end(write, SpanStatus::Ok, None, (0, 0));
    one_call(&mut story, writer, 2, 6_700, (2_700, 390));
    story.end(writer, SpanStatus::Ok, Some("done"), (0, 0));
    let reviewer = story.agent(editor, "reviewer", 1, "react");
    one_call(&mut story, reviewer, 1, 7_900, (2_100, 340));
    let post = story.tool(reviewer, "tama_http_post", 1, EffectClass::Irreversible);
    story.permanent(reviewer, post, "POST /hooks/ci", "a request has no undo");
    story.after(380).end(post, SpanStatus::Ok, None, (0, 0));
    story.end(reviewer, SpanStatus::Ok, Some("revise"), (0, 0));
    let again = story.agent(editor, "writer", 2, "react");
    one_call(&mut story, again, 1, 2_100, (1_000, 220));
    let write = story.tool(again, "tama_files_write", 1, EffectClass::Reversible);
    story.action(again, write, Key::file("NOTES.md"), file(812), file(1_900));
    story.after(1).end(write, SpanStatus::Ok, None, (0, 0));
    let append = story.tool(again, "tama_mem_set", 1, EffectClass::Reversible);
    story.action(again, append, Key::memory("outline"), text("intro, fixes, thanks"), text("intro, fixes"));
    story.after(1).end(append, SpanStatus::Ok, None, (0, 0));
    let call = story.llm(again, 2);
    let breakpoint = PauseReason::Breakpoint { breakpoint: "before-llm in writer".into() };
    story.pause(call, Gate::BeforeLlm, breakpoint);
    let now = story.after(1_900).now();
    (story.events(), now)
}

fn one_call(story: &mut Story, agent: SpanId, visit: u32, millis: u64, tokens: (u64, u64)) {
    let call = story.llm(agent, visit);
    story.after(millis).end(call, SpanStatus::Ok, None, tokens);
}

/// The texts of its paused call.
pub fn detail(span: SpanId) -> SpanDetail {
    let section =
        |title: &str, note: &str, body, folded| Section { title: title.into(), note: note.into(), body, folded };
    let prompt = "You write release notes for people who run the program, not for those who wrote it.\n\nOne line per \
                  change, the reader's gain first. Never invent a change.";
    let messages = vec![
        ("user".to_owned(), "Write the notes for 1.2.0".to_owned()),
        ("assistant".to_owned(), "start()".to_owned()),
        ("tool start".to_owned(), "The reviewer says: the second entry has no reason to be there.".to_owned()),
    ];
    let facts = vec![
        ("model".to_owned(), "openai:gpt-5-mini".to_owned()),
        ("temperature".to_owned(), "0.2".to_owned()),
        ("tools".to_owned(), "tama_mem_set tama_files_write finish".to_owned()),
    ];
    let json = "{\n  \"path\": \"NOTES.md\",\n  \"tries\": 2,\n  \"draft\": true\n}".to_owned();
    SpanDetail {
        span,
        path: "editor/writer#2/llm#2".into(),
        sections: vec![
            section("request", "", SectionBody::Facts(facts), false),
            section("system", "prompts/writer.md (changed on disk)", SectionBody::Text(prompt.into()), false),
            section("messages", "3", SectionBody::Messages(messages), false),
            section("arguments", "of the last tool call", SectionBody::Json(json), false),
            section("tools", "3", SectionBody::Text("…".into()), true),
        ],
    }
}

/// A run with a span in every state that a live run can have.
pub fn every_state() -> (Vec<TraceEvent>, Millis) {
    let mut story = Story::new();
    let editor = story.agent(SpanId::RUN, "editor", 1, "fsm");
    let writer = story.agent(editor, "writer", 1, "react");
    one_call(&mut story, writer, 1, 2_200, (2_400, 610));
    let read = story.tool(writer, "tama_files_read", 1, EffectClass::Read);
    story.read(read, "docs/guide/start.md");
    story.after(3).end(read, SpanStatus::Ok, None, (0, 0));
    let write = story.tool(writer, "tama_files_write", 1, EffectClass::Reversible);
    story.action(writer, write, Key::file("NOTES.md"), KeyState::Absent, file(812));
    story.after(1).end(write, SpanStatus::Ok, None, (0, 0));
    let make = story.tool(writer, "tama_bash", 1, EffectClass::Reversible);
    story.command(make, "make check && ./publish --all");
    story.after(900).end_because(make, SpanStatus::Ok, EndCause::Exit { code: 3 });
    let push = story.tool(writer, "tama_bash", 2, EffectClass::Reversible);
    story.end_because(push, SpanStatus::Error, EndCause::Denied);
    let clean = story.tool(writer, "tama_bash", 3, EffectClass::Reversible);
    story.command(clean, "rm -rf out");
    story.after(40).end_because(clean, SpanStatus::Ok, EndCause::Discarded);
    let post = story.tool(writer, "tama_http_post", 1, EffectClass::Irreversible);
    story.permanent(writer, post, "POST /hooks/ci", "a request has no undo");
    story.after(80).end(post, SpanStatus::Ok, None, (0, 0));
    story.end(writer, SpanStatus::Ok, Some("publish"), (0, 0));
    let diggers = story.agent(editor, "diggers", 1, "scatter");
    let workers: Vec<SpanId> = (0..6).map(|index| story.worker(diggers, "digger", index)).collect();
    for worker in &workers[..2] {
        one_call(&mut story, *worker, 1, 300, (100, 20));
        story.end(*worker, SpanStatus::Ok, Some("done"), (0, 0));
    }
    let call = story.llm(workers[2], 1);
    story.end(call, SpanStatus::Error, None, (0, 0));
    story.pause(call, Gate::Error, PauseReason::Error { error: "HTTP 529: the server is overloaded".into() });
    one_call(&mut story, workers[3], 1, 200, (150, 60));
    let ask = story.tool(workers[3], "tama_bash", 1, EffectClass::Reversible);
    story.pause(ask, Gate::BeforeTool, PauseReason::Policy { rule: "ask rule \"tama_bash:rm *\"".into() });
    let held = story.tool(workers[4], "tama_bash", 1, EffectClass::Reversible);
    story.command(held, "sed -i s/a/b/ *.md");
    story.held(workers[4], held, "a.md");
    story.held(workers[4], held, "b.md");
    story.pause(held, Gate::AfterTool, PauseReason::Step);
    let waits = story.tool(workers[5], "tama_files_write", 1, EffectClass::Reversible);
    story.event(TraceBody::SpanWaiting { span: waits, on: Some("#35".into()), why: tama_tui::model::WaitFor::Lock });
    let now = story.after(106_000).now();
    (story.events(), now)
}
