//! A run made of events, and a state that is driven by keys.

use tama_tui::app::{Command, Key, Msg, Setup, State, update};
use tama_tui::model::{
    self, ActionChange, ActionEvent, ActionOp, ActionRecord, BlobHash, CaptureMode, CommandStart, EffectClass, Fan,
    Gate, Generation, KeyState, LlmRequestRecord, Millis, ModelName, ModelOptions, PauseReason, RunId, RunStatus, Seq,
    SpanEnd, SpanId, SpanSpec, SpanStart, SpanStatus, TextHash, TraceBody, TraceEvent, Try, Undoability, UnwrittenEdit,
    Update,
};

const HASH: TextHash = TextHash([0; 16]);

/// A state under test, with the run's side of it.
pub struct Bench {
    pub state: State,
    seq: u64,
    spans: u32,
    fan: Option<Fan>,
    /// Events that are recorded to be sent elsewhere.
    recorded: Vec<TraceEvent>,
    /// The generation that spans start in.
    pub generation: Generation,
}

impl Bench {
    /// A screen of 120x40 that opens a past run.
    pub fn past() -> Self {
        let setup = Setup { size: (120, 40), ..Setup::default() };
        let state = State::new(setup);
        Self { state, seq: 0, spans: 1, fan: None, recorded: Vec::new(), generation: Generation(1) }
    }

    /// The events that something makes.
    pub fn record(&mut self, make: impl FnOnce(&mut Self)) -> Vec<TraceEvent> {
        self.recorded.clear();
        make(self);
        std::mem::take(&mut self.recorded)
    }

    /// A started run on a screen of 120x40, following.
    pub fn new() -> Self {
        Self::started(Setup { size: (120, 40), follow: true, ..Setup::default() })
    }

    /// A started run that watches the agent `claude`, whose terminal has the keys.
    pub fn wrapped(size: (u16, u16)) -> Self {
        Self::started(Setup { size, follow: true, agent: Some("claude".into()), ..Setup::default() })
    }

    fn started(setup: Setup) -> Self {
        let mut bench = Self {
            state: State::new(setup),
            seq: 0,
            spans: 1,
            fan: None,
            recorded: Vec::new(),
            generation: Generation(1),
        };
        bench.event(TraceBody::RunStarted {
            run: RunId("20261122-k7qd".into()),
            name: "release-notes".into(),
            entrypoint: "editor".into(),
            task: HASH,
            pipeline: HASH,
            workspace: "/w".into(),
            provenance: tama_tui::model::Provenance::default(),
            hash: 1,
        });
        bench
    }

    /// `editor` with `writer`, which wrote NOTES.md (#6) and memory (#8) and is paused before its second call.
    pub fn paused() -> (Self, Spans) {
        let mut bench = Self::new();
        let editor = bench.agent(SpanId::RUN, "editor");
        let writer = bench.agent(editor, "writer");
        let llm = bench.llm(writer, 1);
        bench.end(llm, SpanStatus::Ok);
        let tool = bench.tool(writer, "tama_files_write");
        let first = bench.action(writer, tool, model::Key::file("NOTES.md"));
        let second = bench.action(writer, tool, model::Key::memory("outline"));
        bench.end(tool, SpanStatus::Ok);
        let call = bench.llm(writer, 2);
        bench.pause(call, Gate::BeforeLlm);
        (bench, Spans { editor, writer, llm, tool, call, first, second })
    }

    pub fn send(&mut self, update: Update) -> Vec<Command> {
        tama_tui::app::update(&mut self.state, Msg::Update(update))
    }

    pub fn event(&mut self, body: TraceBody) -> Vec<Command> {
        self.seq += 1;
        let event = TraceEvent { seq: Seq(self.seq), at: Millis(self.seq * 1000), happened: None, body };
        self.recorded.push(event.clone());
        self.send(Update::Events(vec![event]))
    }

    /// The run as it was at an event.
    pub fn folded(&self, seq: Seq) -> model::RunState {
        let mut run = model::RunState::default();
        for event in self.recorded.iter().filter(|event| event.seq <= seq) {
            run.apply(event);
        }
        run
    }

    /// Answers a question for a moment, as the run would; returns what is asked next.
    pub fn answer(&mut self, asked: model::MomentAsked) -> Vec<model::Command> {
        let seq = asked.from.0.saturating_add_signed(asked.by).clamp(1, self.seq);
        let event = self.recorded.iter().find(|event| event.seq == Seq(seq)).cloned();
        let run = self.folded(Seq(seq));
        let commands = self.send(Update::Moment(Box::new(model::Moment { asked, run, event })));
        run_commands(commands)
    }

    /// Shows the run as it was at an event of it.
    pub fn scrub(&mut self, asked: model::MomentAsked) {
        self.state.popup = None;
        self.keys(&format!(":#{}", asked.from.0));
        // The palette goes to an action of that number first.
        let sent = self.ask(Key::Enter);
        if sent == [model::Command::Moment(asked)] {
            self.answer(asked);
            return;
        }
        self.keys(":#1");
        self.ask(Key::Enter);
        self.answer(model::MomentAsked { from: Seq(1), by: 0 });
        while self.state.timeline.seq().is_some_and(|seq| seq < asked.from) {
            let from = self.state.timeline.seq().unwrap_or_default();
            self.keys(".");
            self.answer(model::MomentAsked { from, by: 1 });
        }
    }

    pub fn last(&self) -> Seq {
        Seq(self.seq)
    }

    pub fn start(&mut self, parent: SpanId, name: &str, visit: u32, attempt: u32, spec: SpanSpec) -> SpanId {
        let span = SpanId(self.spans);
        self.spans += 1;
        let above = self.state.run.trace.path(parent);
        let label = if visit > 1 { format!("{name}#{visit}") } else { name.to_owned() };
        let path = if above.is_empty() { label } else { format!("{above}/{label}") };
        self.event(TraceBody::SpanStarted(SpanStart {
            span,
            parent,
            path,
            name: name.into(),
            visit,
            attempt: Try(attempt),
            generation: self.generation,
            fan: self.fan,
            spec,
            step: None,
            attributes: std::collections::BTreeMap::new(),
        }));
        span
    }

    /// An agent that works in a fan-out.
    pub fn fanned(&mut self, parent: SpanId, name: &str, fan: Fan) -> SpanId {
        let span = SpanId(self.spans);
        self.spans += 1;
        let path = format!("{}/{name}", self.state.run.trace.path(parent));
        self.event(TraceBody::SpanStarted(SpanStart {
            span,
            parent,
            path,
            name: name.into(),
            visit: 1,
            attempt: Try(1),
            generation: Generation(1),
            fan: Some(fan),
            spec: agent(),
            step: None,
            attributes: std::collections::BTreeMap::new(),
        }));
        span
    }

    pub fn agent(&mut self, parent: SpanId, name: &str) -> SpanId {
        self.start(parent, name, 1, 1, agent())
    }

    pub fn llm(&mut self, parent: SpanId, visit: u32) -> SpanId {
        let record = LlmRequestRecord {
            request: HASH,
            model: ModelName { provider: "script".into(), model: "x".into() },
            options: ModelOptions::default(),
            system: HASH,
            tools: Vec::new(),
            after: None,
            messages: Vec::new(),
        };
        self.start(parent, "llm", visit, 1, SpanSpec::Llm(record))
    }

    /// A worker of a fan-out.
    pub fn worker(&mut self, parent: SpanId, index: u32) -> SpanId {
        self.fan = Some(Fan { group: 0, index });
        let span = self.start(parent, "worker", index + 1, 1, agent());
        self.fan = None;
        span
    }

    pub fn tool(&mut self, parent: SpanId, name: &str) -> SpanId {
        self.start(parent, name, 1, 1, tool())
    }

    /// A tool's command starts.
    pub fn command(&mut self, span: SpanId, command: &str) {
        let (command, capture, snapshot, gaps) = (command.to_owned(), CaptureMode::Overlay, None, Vec::new());
        self.event(TraceBody::CommandStarted(CommandStart { span, command, capture, snapshot, gaps }));
    }

    pub fn end(&mut self, span: SpanId, status: SpanStatus) -> Vec<Command> {
        let (finish, output, usage, cost) = (None, None, None, None);
        self.event(TraceBody::SpanEnded(SpanEnd {
            span,
            status,
            finish,
            output,
            so_far: None,
            usage,
            cost,
            answered: false,
            cause: None,
            waited: None,
        }))
    }

    pub fn pause(&mut self, span: SpanId, gate: Gate) {
        self.event(TraceBody::Paused { span, gate, reason: PauseReason::Step });
    }

    pub fn action(&mut self, agent: SpanId, tool: SpanId, key: model::Key) -> Seq {
        self.actions(agent, tool, [key]);
        Seq(self.seq - 1)
    }

    /// Actions that were done, all in one batch of events.
    pub fn actions(&mut self, agent: SpanId, tool: SpanId, keys: impl IntoIterator<Item = model::Key>) {
        let text = |text: &str| KeyState::Text { text: text.into() };
        let mut events = Vec::new();
        for key in keys {
            let record = TraceBody::Action(ActionRecord {
                span: agent,
                tool_span: tool,
                tool_name: "tama_files_write".into(),
                key,
                op: ActionOp::Set,
                old: KeyState::Absent,
                intended: text("new"),
                undo: Undoability::Undo,
            });
            let change = ActionChange::Applied { after: text("new"), kept: false };
            let change = TraceBody::ActionEvent(ActionEvent { action: Seq(self.seq + 1), change });
            for body in [record, change] {
                self.seq += 1;
                events.push(TraceEvent { seq: Seq(self.seq), at: Millis(self.seq * 1000), happened: None, body });
                self.recorded.extend(events.last().cloned());
            }
        }
        self.send(Update::Events(events));
    }

    /// A command whose changes have not landed: its span, paused after it, and the changes.
    pub fn held(&mut self, agent: SpanId, paths: &[&str]) -> (SpanId, Vec<Seq>) {
        let bash = self.tool(agent, "tama_bash");
        let changes = paths.iter().map(|path| {
            self.event(TraceBody::Action(ActionRecord {
                span: agent,
                tool_span: bash,
                tool_name: "tama_bash".into(),
                key: model::Key::file(*path),
                op: ActionOp::Set,
                old: KeyState::Absent,
                intended: KeyState::File { blob: BlobHash([1; 16]), size: 12, mode: 0o644 },
                undo: Undoability::Undo,
            }));
            let action = self.last();
            self.change(action, ActionChange::Held);
            action
        });
        let changes = changes.collect();
        self.pause(bash, Gate::AfterTool);
        (bash, changes)
    }

    /// An action that can't be taken back.
    pub fn permanent(&mut self, agent: SpanId, tool: SpanId, what: &str) -> Seq {
        self.event(TraceBody::Action(ActionRecord {
            span: agent,
            tool_span: tool,
            tool_name: "tama_http_post".into(),
            key: model::Key { kind: model::KeyKind::External, name: what.into() },
            op: ActionOp::External,
            old: KeyState::Unknown,
            intended: KeyState::Unknown,
            undo: Undoability::NoUndo { why: "a request has no undo".into() },
        }));
        let action = self.last();
        self.change(action, ActionChange::Applied { after: KeyState::Unknown, kept: false });
        action
    }

    /// A file that a command moved.
    pub fn renamed(&mut self, agent: SpanId, tool: SpanId, from: &str, to: &str) {
        let file = KeyState::File { blob: BlobHash([2; 16]), size: 12, mode: 0o644 };
        let halves = [(from, file.clone(), KeyState::Absent), (to, KeyState::Absent, file)].map(|(key, old, new)| {
            self.event(TraceBody::Action(ActionRecord {
                span: agent,
                tool_span: tool,
                tool_name: "tama_bash".into(),
                key: model::Key::file(key),
                op: if new == KeyState::Absent { ActionOp::Delete } else { ActionOp::Set },
                old,
                intended: new.clone(),
                undo: Undoability::Undo,
            }));
            let action = self.last();
            self.change(action, ActionChange::Applied { after: new, kept: false });
            action
        });
        self.event(TraceBody::Renamed { from: halves[0], to: halves[1] });
    }

    pub fn change(&mut self, action: Seq, change: ActionChange) {
        self.event(TraceBody::ActionEvent(ActionEvent { action, change }));
    }

    pub fn status(&mut self, status: RunStatus) {
        self.event(TraceBody::RunStatus { status, text: None });
    }

    pub fn key(&mut self, key: Key) -> Vec<Command> {
        update(&mut self.state, Msg::Key(key))
    }

    /// Types characters; returns the commands of the last one, without what the panels ask for themselves.
    pub fn keys(&mut self, text: &str) -> Vec<model::Command> {
        let mut last = Vec::new();
        for letter in text.chars() {
            last = self.key(Key::Char(letter));
        }
        run_commands(last)
    }

    /// Presses a key; returns what is asked of the run.
    pub fn ask(&mut self, key: Key) -> Vec<model::Command> {
        run_commands(self.key(key))
    }

    pub fn tick(&mut self) -> Vec<model::Command> {
        run_commands(update(&mut self.state, Msg::Tick(Millis(1_000_000))))
    }

    pub fn message(&self) -> &str {
        self.state.message.as_deref().unwrap_or_default()
    }
}

pub struct Spans {
    pub editor: SpanId,
    pub writer: SpanId,
    pub llm: SpanId,
    pub tool: SpanId,
    pub call: SpanId,
    pub first: Seq,
    pub second: Seq,
}

pub fn edit(agent: &str, file: Option<&str>) -> UnwrittenEdit {
    UnwrittenEdit { agent: agent.into(), file: file.map(str::to_owned) }
}

pub fn agent() -> SpanSpec {
    SpanSpec::Agent { pattern: "react".into(), input: HASH, prompt: None, prompt_file: None }
}

pub fn tool() -> SpanSpec {
    SpanSpec::Tool { args: HASH, request: HASH, effect: EffectClass::Reversible }
}

/// The commands to the run, without Inspect.
pub fn run_commands(commands: Vec<Command>) -> Vec<model::Command> {
    let run = commands.into_iter().filter_map(|command| match command {
        Command::Run(command) => Some(command),
        _ => None,
    });
    run.filter(|command| !matches!(command, model::Command::Inspect { .. })).collect()
}
