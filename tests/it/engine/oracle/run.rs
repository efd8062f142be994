//! A run of a case, driven by commands and updates.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use tama_tui::model::{
    Breakpoint, Command, EditScope, Editable, Gate, PauseReason, Release, ResumePlan, RetryPlan, RunState, RunStatus,
    ShellMode, SpanId, SpanKind, SpanStatus, TraceBody, TraceEvent, UndoReport, Update,
};
use tama_tui::pipeline::load;
use tama_tui::runtime::{self, Mode, Session};
use tama_tui::store::{DataDir, RunFolder};
use tempfile::TempDir;

use super::case::{Case, Change, Held};
use super::edit::{Deed, Edit};
use super::models::Sent;
use super::tools::command_number;
use crate::support::wait::PATIENCE;

/// A run under way.
pub struct Run {
    pub folder: TempDir,
    pub data: DataDir,
    pub session: Session,
    pub state: RunState,
    /// Everything that happened.
    pub events: Vec<TraceEvent>,
    pub sent: Sent,
    pub plan: Option<RetryPlan>,
    pub resume: Option<ResumePlan>,
    pub report: Option<UndoReport>,
    pub refused: Vec<String>,
    /// How commands run here, once it is known.
    pub shell: Option<ShellMode>,
    /// True while the held call, if it comes, does not end.
    pub holds: bool,
    /// True when the run has ended, and no retry began since.
    ended: bool,
    /// Stops that were let go.
    let_go: HashSet<(SpanId, Gate)>,
    stops_at_tools: bool,
    /// Edits that the user makes where the run stops.
    edits: Vec<Edit>,
    /// Where the workspace is, if not in the folder.
    pub elsewhere: Option<PathBuf>,
}

impl Run {
    /// Starts a case. `stops_at_tools`: every tool waits until it is let go. A run for comparison needs nobody.
    pub fn start(case: &Case, changes: &[Change], for_test: bool, stops_at_tools: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        case.write(folder.path(), changes, for_test);
        let loaded = load(folder.path()).unwrap_or_else(|faults| panic!("{faults}"));
        let data = DataDir::open_or_create(folder.path().join(".tama")).unwrap();
        let sent = Sent::default();
        let task = loaded.pipeline.task.clone().unwrap_or_default();
        let edits: Vec<Edit> = changes.iter().filter(|_| !for_test).filter_map(Change::edit).cloned().collect();
        let mode = mode(stops_at_tools, &edits);
        let models = sent.models(folder.path().to_owned());
        let session = runtime::start_with(loaded, &data, task, mode, models).unwrap();
        Self {
            folder,
            data,
            session,
            state: RunState::default(),
            events: Vec::new(),
            sent,
            plan: None,
            resume: None,
            report: None,
            refused: Vec::new(),
            shell: None,
            holds: for_test,
            ended: false,
            let_go: HashSet::new(),
            stops_at_tools,
            edits,
            elsewhere: None,
        }
    }

    pub fn work(&self) -> PathBuf {
        self.elsewhere.clone().unwrap_or_else(|| self.folder.path().join("work"))
    }

    pub fn send(&self, command: Command) {
        // A run that is gone is found by what it no longer says.
        drop(self.session.engine.commands.send(command));
    }

    /// Takes updates until something holds.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) -> Result<(), String> {
        while !holds(self) {
            self.step().await.map_err(|why| format!("waiting for {what}: {why}"))?;
        }
        Ok(())
    }

    /// Takes one update.
    pub async fn step(&mut self) -> Result<(), String> {
        let next = tokio::time::timeout(PATIENCE, self.session.engine.feed.next()).await;
        let update = next.map_err(|_| "nothing came".to_owned())?.ok_or("the feed ended")?;
        match update {
            Update::Events(events) => {
                for event in events {
                    match &event.body {
                        TraceBody::RunStatus { status, .. } => self.ended = *status != RunStatus::Running,
                        TraceBody::Invalidated { .. } => self.ended = false,
                        _ => {}
                    }
                    self.state.apply(&event);
                    self.events.push(event);
                }
                self.pass_stops()?;
            }
            Update::Editable(editable) => self.edit_message(&editable),
            Update::Plan(plan) => self.plan = Some(plan),
            Update::Resume(plan) => self.resume = Some(*plan),
            Update::Undo(report) => self.report = Some(report),
            Update::Refused(why) => self.refused.push(why),
            Update::Shell(mode) => self.shell = Some(mode),
            _ => {}
        }
        Ok(())
    }

    /// Lets go what stopped at an error, as a run without a screen does, and what stopped for an edit.
    fn pass_stops(&mut self) -> Result<(), String> {
        let trace = &self.state.trace;
        let paused = trace.paused().filter_map(|span| trace.pause(span).map(|(gate, why)| (span, *gate, why.clone())));
        let paused: Vec<(SpanId, Gate, PauseReason)> = paused.collect();
        self.let_go.retain(|(span, gate)| paused.iter().any(|(at, now, _)| at == span && now == gate));
        for (span, gate, why) in paused {
            let waits = self.stops_at_tools && gate == Gate::BeforeTool;
            match why {
                PauseReason::Error { error } if error.contains("divergence at") => {
                    return Err(format!("{}: {error}", self.state.trace.path(span)));
                }
                PauseReason::Breakpoint { .. } if waits => {}
                PauseReason::Error { .. } | PauseReason::Breakpoint { .. } => {
                    if self.let_go.insert((span, gate)) {
                        self.go_on(span);
                    }
                }
                why => return Err(format!("{} stopped {}: {why:?}", self.state.trace.path(span), gate.name())),
            }
        }
        Ok(())
    }

    /// Lets a call go, as the user of a run with its edits does.
    fn go_on(&self, span: SpanId) {
        let is_before = self.state.trace.pause(span).is_some_and(|(gate, _)| gate.is_before());
        match self.deed(span).filter(|_| is_before) {
            Some(Deed::Answer(text)) => return self.send(Command::Release { span, how: Release::Answer { text } }),
            // It goes on when its text came.
            Some(Deed::Message(_)) => return self.send(Command::Edit { span }),
            Some(Deed::Args(text)) => self.send(Command::SaveEdit { span, text, scope: EditScope::Call }),
            None => {}
        }
        self.send(Command::Release { span, how: Release::Continue { notify_model: false } });
    }

    fn deed(&self, span: SpanId) -> Option<Deed> {
        let path = self.state.trace.path(span);
        self.edits.iter().find_map(|edit| edit.deed(&path))
    }

    /// Puts one message in the place of a conversation.
    fn edit_message(&self, editable: &Editable) {
        let span = editable.span;
        let Some(Deed::Message(message)) = self.deed(span) else { return };
        let (system, _) = editable.text.split_once("\n=== user\n").unwrap();
        let text = format!("{system}\n=== user\n{message}\n");
        self.send(Command::SaveEdit { span, text, scope: EditScope::Call });
        self.send(Command::Release { span, how: Release::Continue { notify_model: false } });
    }

    /// True when the run has ended.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The tools that wait until they are let go.
    pub fn stopped_tools(&self) -> Vec<(String, SpanId)> {
        let trace = &self.state.trace;
        let stopped = trace.paused().filter(|span| is_at_tool(&self.state, *span));
        let mut found: Vec<(String, SpanId)> = stopped.map(|span| (trace.path(span), span)).collect();
        found.sort();
        found
    }

    /// True when nothing moves until a tool is let go. The call that is held does not move.
    pub fn is_quiet(&self, case: &Case) -> bool {
        let trace = &self.state.trace;
        let held = self.held(case);
        let is_leaf = |span: SpanId| !trace.children(span).any(|at| trace.get(at).is_some_and(|s| s.status.is_live()));
        let spans = (1..u32::try_from(trace.len()).unwrap()).map(SpanId);
        let live = spans.filter(|span| trace.get(*span).is_some_and(|found| found.status.is_live()));
        let mut leaves = live.filter(|span| is_leaf(*span)).peekable();
        if leaves.peek().is_none() {
            return false;
        }
        leaves.all(|span| {
            let waits = || trace.get(span).is_some_and(|found| found.status == SpanStatus::Waiting);
            Some(span) == held || is_at_tool(&self.state, span) || (held.is_some() && waits())
        })
    }

    /// The held call, once it is under way.
    pub fn held(&self, case: &Case) -> Option<SpanId> {
        let trace = &self.state.trace;
        let path = match case.held.as_ref().filter(|_| self.holds)? {
            Held::Llm { agent, call: 1 } => format!("{agent}/llm"),
            Held::Llm { agent, call } => format!("{agent}/llm#{call}"),
            Held::Command(number) => {
                let is_it = |text: &str| text.starts_with(&format!("echo {number} >>"));
                let held = self.state.commands.values().find(|command| is_it(&command.command))?;
                return Some(held.span);
            }
        };
        trace.find(&path).filter(|span| trace.get(*span).is_some_and(|found| found.status == SpanStatus::Running))
    }

    /// Lets one tool go, and waits until nothing moves again.
    pub async fn let_go(&mut self, case: &Case, span: SpanId) -> Result<(), String> {
        self.go_on(span);
        let path = self.state.trace.path(span);
        self.until(&format!("{path} goes on"), |run| !is_at_tool(&run.state, span)).await?;
        self.until_quiet(case).await
    }

    pub async fn until_quiet(&mut self, case: &Case) -> Result<(), String> {
        self.until("a quiet moment", |run| run.has_ended() || run.is_quiet(case)).await
    }

    /// Calls that have ended.
    pub fn ended_calls(&self) -> usize {
        let spans = self.state.trace.spans().iter();
        spans.filter(|span| span.ended.is_some() && matches!(span.kind, SpanKind::Llm | SpanKind::Tool)).count()
    }

    /// Ends the session.
    pub async fn quit(&mut self) -> Result<(), String> {
        self.send(Command::Quit);
        let closed = async {
            while let Some(update) = self.session.engine.feed.next().await {
                match update {
                    Update::Events(events) => {
                        for event in &events {
                            self.state.apply(event);
                        }
                        self.events.extend(events);
                    }
                    Update::Closed => break,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.map_err(|_| "the run did not close".to_owned())
    }

    /// Closes the run and opens it from disk.
    pub async fn reopen(&mut self) -> Result<(), String> {
        self.quit().await?;
        let last = self.state.last;
        let folder = self.session.folder.clone().ok_or("it has no folder")?;
        self.open(folder).await?;
        if self.stops_at_tools {
            self.send(Command::SetBreakpoints(vec![at_tools()]));
        }
        self.until("the opened run", |run| run.state.last >= last).await
    }

    /// Opens a run from disk in the place of this one, which is closed.
    pub async fn open(&mut self, folder: RunFolder) -> Result<(), String> {
        let models = self.sent.models(self.folder.path().to_owned());
        let mode = mode(self.stops_at_tools, &[]);
        self.session = runtime::open_with(folder, &self.data, mode, models).await.map_err(|error| error.to_string())?;
        self.state = RunState::default();
        self.events.clear();
        self.let_go.clear();
        self.refused.clear();
        self.edits.clear();
        Ok(())
    }

    /// Numbers of the commands that left a file outside of capture, one for each time.
    pub fn commands_run(&self) -> Vec<usize> {
        let ran = self.work().join(super::case::RAN);
        let files = std::fs::read_dir(ran).unwrap().map(|entry| entry.unwrap().path());
        let left = files.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("t.")));
        left.flat_map(|path| read(&path).lines().filter_map(|line| line.parse().ok()).collect::<Vec<usize>>()).collect()
    }

    /// The commands that were started, by number, with their spans.
    pub fn commands_started(&self) -> Vec<(usize, SpanId)> {
        let started = self.events.iter().filter_map(|event| match &event.body {
            TraceBody::CommandStarted(start) => Some(start),
            _ => None,
        });
        started
            .filter_map(|start| {
                let args = serde_json::json!({ "command": start.command });
                command_number(&args).map(|number| (number, start.span))
            })
            .collect()
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn is_at_tool(state: &RunState, span: SpanId) -> bool {
    state.trace.pause(span).is_some_and(|(gate, _)| *gate == Gate::BeforeTool)
}

fn mode(stops_at_tools: bool, edits: &[Edit]) -> Mode {
    let tools = stops_at_tools.then_some(Gate::BeforeTool);
    let gates: BTreeSet<&str> = tools.into_iter().chain(edits.iter().filter_map(Edit::gate)).map(Gate::name).collect();
    let gates = Gate::ALL.into_iter().filter(|gate| gates.contains(gate.name()));
    Mode::Debug { step: false, breakpoints: gates.map(Breakpoint::new).collect() }
}

fn at_tools() -> Breakpoint {
    Breakpoint::new(Gate::BeforeTool)
}
