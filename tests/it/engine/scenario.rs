//! Scenarios: one TOML file each under `tests/scenarios/`, with a pipeline, a script, what the user does, and what must
//! come out. They drive the engine as the screen does, with no terminal: commands down, updates up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tama_tui::model::{
    ActionStatus, Allow, Breakpoint, CaptureMode, Command, EditScope, Gate, Generation, LedgerEntry, PauseReason,
    Release, RetryEdits, RetryPlan, RunState, RunStatus, Seq, ShellMode, SpanEnd, SpanId, SpanStatus, TextHash,
    TraceBody, TriesReport, TrySettings, UndoReport, Update,
};
use tama_tui::pipeline::load;
use tama_tui::runtime::{self, Mode, Session};
use tama_tui::store::{Access, DataDir};

use crate::support::program::set_helper;
use crate::support::skip::{Capability, skip};
use crate::support::wait::PATIENCE;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A sentence about what it shows.
    pub about: String,
    /// pipeline.toml; its workspace is `work`, its default model `script:replies.toml`.
    pub pipeline: String,
    /// replies.toml.
    pub replies: String,
    /// Files beside the pipeline (prompts) by path.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Files in the workspace before the run.
    #[serde(default)]
    pub workspace: BTreeMap<String, String>,
    /// Starts paused at the first gate.
    #[serde(default)]
    pub step: bool,
    /// The steps of the user and the expected results, a line each.
    pub play: String,
}

/// A scenario being played.
pub struct Stage {
    /// The pipeline's folder; the workspace is `work` in it.
    pub folder: tempfile::TempDir,
    data: DataDir,
    /// The run under way.
    pub session: Session,
    /// The folded state.
    pub state: RunState,
    /// The plan shown last.
    pub plan: Option<RetryPlan>,
    report: Option<UndoReport>,
    refused: Option<String>,
    editable: Option<String>,
    /// The texts of the span looked at last.
    detail: Option<String>,
    /// The generation when a retry was asked for.
    before: Generation,
    /// True when the run has run again since.
    restarted: bool,
    chunks: String,
    notes: Vec<String>,
    outputs: BTreeMap<SpanId, TextHash>,
    edits: Option<Vec<String>>,
    /// The shell mode, once it is known.
    pub shell: Option<ShellMode>,
    /// The tries as they were told last.
    pub tries: Option<TriesReport>,
}

#[test]
fn every_scenario_comes_out_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let wanted = std::env::var("SCENARIO").unwrap_or_default();
    let mut played = 0;
    let mut failed = Vec::new();
    for file in files.iter().filter(|file| file.to_string_lossy().contains(&wanted)) {
        let text = fs::read_to_string(file).unwrap();
        let scenario: Scenario = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        eprintln!("{}: {}", file.file_stem().unwrap().to_string_lossy(), scenario.about);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        failed.extend(runtime.block_on(play(&scenario, file)).err());
        played += 1;
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    assert!(played > 0, "no scenario matches {wanted:?}");
}

/// Asserts that a stored run does the same when it is executed again from its record.
pub fn assert_verifies(data: &DataDir, run: &str) {
    let opened = data.find(run).unwrap().open(Box::new(|_| {}), Access::ReadOnly).unwrap();
    let found = runtime::verify(&opened.log, &opened.events, None).unwrap();
    assert_eq!(found.divergence, None, "run {run} does not verify");
}

async fn play(scenario: &Scenario, file: &Path) -> Result<(), String> {
    let mut stage = Stage::set(scenario);
    let played = stage.play(&scenario.play).await;
    stage.close().await;
    played.map_err(|why| format!("{}: {why}", file.display()))
}

impl Stage {
    /// Does what the user does, a line each.
    pub async fn play(&mut self, lines: &str) -> Result<(), String> {
        for (number, line) in lines.lines().map(str::trim).enumerate() {
            if !line.is_empty() && !line.starts_with('#') {
                let done = self.act(line).await;
                done.map_err(|why| format!("play line {}: {line}\n{why}\n{}", number + 1, self.dump()))?;
            }
        }
        Ok(())
    }

    /// True when commands run in this lane; where they can't, the test is skipped.
    pub async fn has_lane(&mut self, lane: CaptureMode) -> bool {
        self.until("shell", |stage| stage.shell.is_some()).await.unwrap();
        let found = self.shell.as_ref().unwrap();
        if found.capture != lane {
            let missing =
                if lane == CaptureMode::Overlay { Capability::Overlay } else { panic!("{lane:?}: {found:?}") };
            skip(missing, format_args!("the {} lane can't be had here: {:?}", lane.name(), found.gaps));
        }
        found.capture == lane
    }

    /// The stored output of a span.
    pub fn output_of(&self, path: &str) -> Result<String, String> {
        let hash = self.outputs.get(&self.span(path)?).ok_or("it has no output")?;
        self.session.log.recorder().text(*hash).map_err(|error| error.to_string())
    }

    /// The report of the last undo or redo.
    pub fn report(&self) -> Option<&UndoReport> {
        self.report.as_ref()
    }

    /// Sends a command, and waits for what it says of undone or redone actions.
    pub async fn reported(&mut self, command: Command) -> Result<UndoReport, String> {
        self.report = None;
        self.send(command)?;
        self.wait("report").await?;
        self.report.clone().ok_or_else(|| "no report".into())
    }

    /// Ends the session, and verifies the run; returns the run's folder and all around it.
    pub async fn close(self) -> tempfile::TempDir {
        let run = self.session.run.0.clone();
        self.session.engine.commands.send(Command::Quit).unwrap();
        self.session.engine.finish.await.unwrap();
        assert_verifies(&self.data, &run);
        self.folder
    }

    /// Prepares everything, and starts the run. The pipeline may name the folder it is in: `{folder}`.
    pub fn set(scenario: &Scenario) -> Self {
        set_helper();
        let folder = tempfile::tempdir().unwrap();
        let put = |path: PathBuf, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            if text.starts_with("#!") {
                fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
            }
        };
        let here = folder.path().display().to_string();
        let serves = scenario.files.values().any(|text| text.contains("{port}"));
        let port =
            if serves { crate::support::service::serve(folder.path().to_owned()).to_string() } else { String::new() };
        put(folder.path().join("pipeline.toml"), &scenario.pipeline.replace("{folder}", &here));
        put(folder.path().join("replies.toml"), &scenario.replies.replace("{folder}", &here));
        fs::create_dir_all(folder.path().join("work")).unwrap();
        for (path, text) in &scenario.files {
            put(folder.path().join(path), &text.replace("{port}", &port));
        }
        for (path, text) in &scenario.workspace {
            put(folder.path().join("work").join(path), text);
        }
        let loaded = load(folder.path()).unwrap_or_else(|faults| panic!("{faults}"));
        let data = DataDir::open_or_create(folder.path().join(".tama")).unwrap();
        let breakpoints = loaded.pipeline.breakpoints.clone();
        let task = loaded.pipeline.task.clone().unwrap_or_default();
        let mode = Mode::Debug { step: scenario.step, breakpoints };
        let session = runtime::start(loaded, &data, task, mode).unwrap();
        Self::over(folder, data, session)
    }

    /// Opens a stored run whose pipeline, data folder and workspace are in a folder.
    pub async fn open(folder: tempfile::TempDir, run: &str) -> Self {
        set_helper();
        let data = DataDir::open_or_create(folder.path().join(".tama")).unwrap();
        let mode = Mode::Debug { step: false, breakpoints: Vec::new() };
        let (run, work) = (data.find(run).unwrap(), folder.path().join("work"));
        let session = runtime::open_in(run, &data, mode, &work).await.unwrap();
        let mut stage = Self::over(folder, data, session);
        stage.wait("opened").await.unwrap();
        stage
    }

    /// Puts a session that was started elsewhere on the stage.
    pub fn over(folder: tempfile::TempDir, data: DataDir, session: Session) -> Self {
        Self {
            folder,
            data,
            session,
            state: RunState::default(),
            plan: None,
            report: None,
            refused: None,
            editable: None,
            detail: None,
            before: Generation(1),
            restarted: false,
            chunks: String::new(),
            notes: Vec::new(),
            outputs: BTreeMap::new(),
            edits: None,
            shell: None,
            tries: None,
        }
    }

    /// The held changes of a span with these keys, separated by spaces; none written: none named.
    fn held(&self, subject: &str, keys: &str) -> Result<Vec<Seq>, String> {
        let span = self.span(subject)?;
        let held = self.state.held.get(&span).cloned().unwrap_or_default();
        let find = |key: &str| {
            let is_it = |seq: &&Seq| self.state.ledger.get(**seq).is_some_and(|entry| entry.record.key.name == key);
            held.iter().find(is_it).copied().ok_or_else(|| format!("no held change of {key}"))
        };
        keys.split_whitespace().map(find).collect()
    }

    async fn act(&mut self, line: &str) -> Result<(), String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (subject, text) = rest.split_once(" :: ").unwrap_or((rest, ""));
        match verb {
            "wait" => self.wait(subject).await,
            "continue" => self.release(subject, Release::Continue { notify_model: false }),
            "continue-told" => self.release(subject, Release::Continue { notify_model: true }),
            "step" => self.release(subject, Release::Step),
            "over" => self.release(subject, Release::StepOver),
            "out" => self.release(subject, Release::StepOut),
            "answer" => self.release(subject, Release::Answer { text: text.to_owned() }),
            "allow" => self.release(subject, Release::Allow(Allow::Once)),
            "allow-held" => self.release(subject, Release::Allow(Allow::Held)),
            "allow-always" => self.release(subject, Release::Allow(Allow::Always)),
            "deny" => self.release(subject, Release::Deny { why: text.to_owned() }),
            "apply" => self.release(subject, Release::Apply { only: self.held(subject, text)?, notify_model: false }),
            "apply-told" => self.release(subject, Release::Apply { only: Vec::new(), notify_model: true }),
            "discard" => self.release(subject, Release::Discard { only: self.held(subject, text)? }),
            "continue-all" => self.send(Command::ReleaseAll),
            "pause" => self.send(Command::Pause),
            "cancel" => self.send(Command::Cancel),
            "break" => self.breakpoint(subject),
            "undo" => self.undo_next(subject, "", false),
            "force" => self.undo_next(subject, "", true),
            "undo-key" => self.undo_next(subject, text, false),
            "undo-first" => self.undo_first(),
            "undo-span" => {
                let span = self.span(subject)?;
                self.report = None;
                self.send(Command::UndoSpan { span, deep: true, skip: Vec::new() })
            }
            "redo" => self.redo(subject),
            "edit" => {
                let span = self.span(subject)?;
                let text = text.replace("\\n", "\n");
                self.send(Command::SaveEdit { span, text, scope: EditScope::Agent })
            }
            "edit-try" => self.replace(subject, text, EditScope::Agent).await,
            "edit-call" => self.replace(subject, text, EditScope::Call).await,
            "inspect" => {
                self.detail = None;
                let span = self.span(subject)?;
                self.send(Command::Inspect { span })
            }
            "write-back" => self.send(Command::WriteBack),
            "plan" => {
                self.plan = None;
                let span = self.span(subject)?;
                self.send(Command::Plan { span })
            }
            "retry" => self.retry(true),
            "retry-keep-readers" => self.retry(false),
            // How often, then the models.
            "try" => {
                let mut words = subject.split_whitespace();
                let times = words.next().and_then(|times| times.parse().ok()).ok_or("how often?")?;
                let settings = TrySettings { models: words.map(str::to_owned).collect(), times };
                let plan = Box::new(self.plan.take().ok_or("no plan was shown")?);
                self.tries = None;
                self.send(Command::Try { plan, settings })
            }
            "retry-with" => {
                let plan = Box::new(self.plan.take().ok_or("no plan was shown")?);
                self.before = self.state.generation;
                self.restarted = false;
                self.send(Command::RetryEdited {
                    plan,
                    edits: Box::new(RetryEdits { model: Some(subject.to_owned()), ..RetryEdits::default() }),
                    with_readers: true,
                })
            }
            "keep" => self.send(Command::KeepTry { number: subject.parse().ok() }),
            "reopen" => self.reopen().await,
            "put" => {
                let text = text.replace("\\n", "\n");
                fs::write(self.folder.path().join(subject), text).map_err(|error| error.to_string())
            }
            "remove" => fs::remove_file(self.folder.path().join(subject)).map_err(|error| error.to_string()),
            _ => self.check(verb, subject, text),
        }
    }

    fn check(&self, verb: &str, subject: &str, text: &str) -> Result<(), String> {
        let work = self.folder.path().join("work");
        match verb {
            "file" => same(&fs::read_to_string(work.join(subject)).map_err(|error| error.to_string())?, text),
            "beside" => {
                same(&fs::read_to_string(self.folder.path().join(subject)).map_err(|error| error.to_string())?, text)
            }
            "no-file" => same(&work.join(subject).exists().to_string(), "false"),
            "memory" => {
                let state = self.session.log.with(|state| state.ledger.memory(subject));
                same(&state.summary(), text)
            }
            "span" => {
                let span = self.span(subject)?;
                same(self.state.trace.get(span).map_or("", |found| found.status.name()), text)
            }
            "calls" => {
                let tries = self.tries(subject);
                same(&tries.to_string(), text)
            }
            "output" => same(&self.output()?, subject),
            "status" => same(self.state.status.name(), subject),
            "gate" => {
                let pause = self.state.trace.pause(self.span(subject)?).ok_or("it is not paused")?;
                contains(&format!("{} {:?}", pause.0.name(), pause.1), text)
            }
            "noted" => contains(&self.notes.join("\n"), subject),
            "gave" => same(&self.output_of(subject)?, text),
            "told" => contains(&self.output_of(subject)?, text),
            "left" => contains(&format!("{:?}", self.report.as_ref().ok_or("no undo report")?.left), subject),
            "compensated" => {
                let report = self.report.as_ref().ok_or("no undo report")?;
                same(&report.compensated.len().to_string(), subject)
            }
            "undone" => same(&self.report.as_ref().ok_or("no undo report")?.undone.len().to_string(), subject),
            "plan-leaves" => same(&self.shown()?.leaves.len().to_string(), subject),
            "plan-cancels" => same(&self.shown()?.cancels.to_string(), subject),
            "plan-undoes" => same(&self.shown()?.undoes.len().to_string(), subject),
            "plan-reruns" => same(&self.shown()?.rerun_names.join(" "), subject),
            "plan-journal" => same(&self.shown()?.from_journal.to_string(), subject),
            "plan-changed" => same(&self.shown()?.changed.join(" "), subject),
            "plan-readers" => {
                let labels: Vec<String> =
                    self.shown()?.readers.iter().map(|span| self.state.trace.path(*span)).collect();
                same(&labels.join(" "), subject)
            }
            "restored" => {
                let read_back = &self.report.as_ref().ok_or("no undo report")?.read_back;
                same(&format!("{}/{}", read_back.restored, read_back.total), subject)
            }
            "conflict" => {
                let conflict = self.report.as_ref().and_then(|report| report.conflict.as_ref());
                contains(&format!("{conflict:?}"), subject)
            }
            // The number of a try, and its verdict with its line.
            "verdict" => {
                let tries = self.tries.as_ref().ok_or("no tries")?;
                let made = tries.tries.iter().find(|made| made.number.to_string() == subject).ok_or("no such try")?;
                let line = made.verdict.line().map(|line| format!(": {line}")).unwrap_or_default();
                same(&format!("{}{line}", made.verdict.word()), text)
            }
            "tries-stopped" => {
                let tries = self.tries.as_ref().ok_or("no tries")?;
                contains(tries.stopped.as_deref().unwrap_or("not stopped"), subject)
            }
            "refused" => contains(self.refused.as_deref().unwrap_or("nothing was refused"), subject),
            "shows" => contains(self.detail.as_deref().unwrap_or("nothing was looked at"), subject),
            "streamed" => contains(&self.chunks, subject),
            _ => Err(format!("no such verb: {verb}")),
        }
    }

    fn shown(&self) -> Result<&RetryPlan, String> {
        self.plan.as_ref().ok_or_else(|| "no plan was shown".into())
    }

    /// The last output of the pipeline's entrypoint.
    fn output(&self) -> Result<String, String> {
        let recorder = self.session.log.recorder();
        let entry = self.state.trace.children(SpanId::RUN).last().unwrap_or_default();
        let events = recorder.span_events(entry, Seq(0)).map_err(|error| error.to_string())?;
        let ended = events.iter().rev().find_map(|event| match &event.body {
            TraceBody::SpanEnded(end) => end.output,
            _ => None,
        });
        recorder.text(ended.ok_or("it has no output")?).map_err(|error| error.to_string())
    }

    /// Counts the spans of a path (all tries).
    fn tries(&self, path: &str) -> usize {
        let spans = (1..self.state.trace.len()).map(|at| SpanId(u32::try_from(at).unwrap()));
        spans.filter(|span| self.state.trace.path(*span) == path).count()
    }

    fn span(&self, path: &str) -> Result<SpanId, String> {
        if path == "run" {
            return Ok(SpanId::RUN);
        }
        self.state.trace.find(path).ok_or_else(|| format!("there is no span {path}"))
    }

    fn send(&mut self, command: Command) -> Result<(), String> {
        self.refused = None;
        self.session.engine.commands.send(command).map_err(|_| "the engine is gone".to_owned())
    }

    fn release(&mut self, path: &str, how: Release) -> Result<(), String> {
        let span = self.span(path)?;
        self.send(Command::Release { span, how })
    }

    /// `before-tool tool=tama_files_write agent=writer`, or nothing to clear them all.
    fn breakpoint(&mut self, written: &str) -> Result<(), String> {
        let mut words = written.split_whitespace();
        let Some(gate) = words.next() else { return self.send(Command::SetBreakpoints(Vec::new())) };
        let at = Gate::ALL.into_iter().find(|known| known.name() == gate).ok_or("no such gate")?;
        let mut point = Breakpoint::new(at);
        for word in words {
            match word.split_once('=') {
                Some(("agent", glob)) => point.agent = Some(glob.into()),
                Some(("tool", glob)) => point.tool = Some(glob.into()),
                Some(("model", glob)) => point.model = Some(glob.into()),
                _ => return Err(format!("bad breakpoint word {word}")),
            }
        }
        self.send(Command::SetBreakpoints(vec![point]))
    }

    /// Replaces a part (`old => new`) of what can be edited at a span.
    async fn replace(&mut self, path: &str, change: &str, scope: EditScope) -> Result<(), String> {
        let (old, new) = change.split_once(" => ").ok_or("expected old => new")?;
        let span = self.span(path)?;
        self.editable = None;
        self.send(Command::Edit { span })?;
        self.wait("editable").await?;
        let text = self.editable.take().unwrap_or_default();
        contains(&text, old)?;
        self.send(Command::SaveEdit { span, text: text.replace(old, &new.replace("\\n", "\n")), scope })
    }

    /// Undoes the newest applied action of a span, or of one key in it.
    fn undo_next(&mut self, path: &str, key: &str, force: bool) -> Result<(), String> {
        let span = self.span(path)?;
        let next = self.session.log.with(|state| {
            let actions = state.actions(span, true);
            actions.into_iter().find(|action| {
                state.ledger.get(*action).is_some_and(|entry| {
                    entry.is_applied() && entry.is_undoable() && (key.is_empty() || entry.record.key.name == key)
                })
            })
        });
        let action = next.ok_or("nothing is applied there")?;
        self.report = None;
        self.send(Command::Undo { action, force })
    }

    fn undo_first(&mut self) -> Result<(), String> {
        use tama_tui::model::ConflictBy;
        let conflict = self.report.as_ref().and_then(|report| report.conflict.as_ref()).ok_or("no conflict")?;
        let ConflictBy::Actions { first } = &conflict.by else { return Err("changed outside".into()) };
        let actions: Vec<Seq> = first.iter().map(|(action, _)| *action).chain([conflict.action]).collect();
        self.report = None;
        self.send(Command::UndoList { actions })
    }

    fn redo(&mut self, key: &str) -> Result<(), String> {
        let action = self.session.log.with(|state| {
            let undone = state.ledger.entries().iter();
            let mut undone =
                undone.filter(|entry| entry.status == ActionStatus::Undone && entry.record.key.name == key);
            undone.next().map(|entry| entry.seq)
        });
        self.report = None;
        self.send(Command::Redo { action: action.ok_or("nothing of that key is undone")? })
    }

    fn retry(&mut self, with_readers: bool) -> Result<(), String> {
        let plan = self.plan.take().ok_or("no plan was shown")?;
        self.report = None;
        self.before = self.state.generation;
        self.restarted = self.state.status == RunStatus::Running;
        self.send(Command::Retry { plan: Box::new(plan), with_readers })
    }

    async fn reopen(&mut self) -> Result<(), String> {
        self.send(Command::Quit)?;
        let closed = async {
            let feed = &mut self.session.engine.feed;
            while feed.next().await.is_some_and(|update| update != Update::Closed) {}
        };
        tokio::time::timeout(PATIENCE, closed).await.map_err(|_| "the run did not close")?;
        let folder = self.session.folder.clone().ok_or("nothing is recorded")?;
        let mode = Mode::Debug { step: false, breakpoints: Vec::new() };
        self.session = runtime::open(folder, &self.data, mode).await.map_err(|error| error.to_string())?;
        self.state = RunState::default();
        self.wait("opened").await
    }

    /// Takes updates until what is waited for has come.
    async fn wait(&mut self, what: &str) -> Result<(), String> {
        self.until(what, |stage| stage.has_come(what)).await
    }

    /// Sends a command; what comes of it is waited for.
    pub fn order(&mut self, command: Command) -> Result<(), String> {
        self.send(command)
    }

    /// Takes updates until something holds; `what` names it.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<(), String> {
        loop {
            if holds(self) {
                return Ok(());
            }
            let next = tokio::time::timeout(Duration::from_secs(20), self.session.engine.feed.next()).await;
            match next.map_err(|_| format!("{what} did not come"))?.ok_or("the feed ended")? {
                Update::Events(events) => {
                    for event in &events {
                        match &event.body {
                            TraceBody::Note { text, .. } => self.notes.push(text.clone()),
                            TraceBody::SpanEnded(SpanEnd { span, output: Some(output), .. }) => {
                                self.outputs.insert(*span, *output);
                            }
                            TraceBody::RunStatus { status: RunStatus::Running, .. } => self.restarted = true,
                            _ => {}
                        }
                        self.state.apply(event);
                    }
                }
                Update::Editable(editable) => self.editable = Some(editable.text),
                Update::Detail(detail) => self.detail = Some(format!("{:?}", detail.sections)),
                Update::Plan(plan) => self.plan = Some(plan),
                Update::Undo(report) => self.report = Some(report),
                Update::Refused(why) => self.refused = Some(why),
                Update::Edits(edits) => self.edits = Some(edits.into_iter().map(|edit| edit.agent).collect()),
                Update::Shell(mode) => self.shell = Some(mode),
                Update::Tries(report) => self.tries = Some(*report),
                Update::Chunk { text, .. } => self.chunks.push_str(&text),
                _ => {}
            }
        }
    }

    fn has_come(&self, what: &str) -> bool {
        let trace = &self.state.trace;
        match what.split_once(' ').unwrap_or((what, "")) {
            ("paused", path) => trace.paused().any(|span| trace.path(span) == path),
            ("at", place) => {
                let at = |span: SpanId| {
                    trace.pause(span).is_some_and(|(gate, _)| format!("{} {}", trace.path(span), gate.name()) == place)
                };
                trace.paused().any(at)
            }
            ("paused-count", count) => trace.paused().count().to_string() == count,
            ("ended", path) => {
                trace.find(path).and_then(|span| trace.get(span)).is_some_and(|found| !found.status.is_live())
            }
            ("end", _) => self.state.status != RunStatus::Running && self.state.run.is_some(),
            ("retried", _) => self.restarted && self.state.generation > self.before,
            ("opened", _) => self.state.last > Seq(0),
            ("plan", _) => self.plan.is_some(),
            ("tries", step) => {
                let is_there =
                    self.tries.as_ref().is_some_and(|report| format!("{:?}", report.step).to_lowercase() == step);
                // The events that led there may come after it.
                is_there && self.state.last >= self.session.log.with(|state| state.last)
            }
            ("tried", count) => self.tries.as_ref().is_some_and(|report| report.tries.len().to_string() == count),
            ("detail", _) => self.detail.is_some(),
            ("report", _) => self.report.is_some(),
            ("editable", _) => self.editable.is_some(),
            ("text", part) => self.chunks.contains(part),
            ("reason", part) => {
                trace.paused().any(|span| trace.pause(span).is_some_and(|(_, why)| format!("{why:?}").contains(part)))
            }
            ("note", text) => self.notes.iter().any(|note| note.contains(text)),
            ("status", status) => self.state.status.name() == status,
            ("noted-conflict", _) => trace
                .paused()
                .any(|span| trace.pause(span).is_some_and(|(_, why)| matches!(why, PauseReason::Conflict { .. }))),
            ("shell", _) => self.shell.is_some(),
            // Stopped again, with so many changes left.
            ("held", rest) => rest.split_once(' ').is_some_and(|(path, count)| {
                let span = trace.find(path).filter(|span| trace.pause(*span).is_some());
                let held = span.and_then(|span| self.state.held.get(&span)).map_or(0, BTreeSet::len);
                held.to_string() == count
            }),
            // Its undo has started and has no end.
            ("undoing", tool) => {
                let undoing = |entry: &LedgerEntry| entry.half_done && entry.record.tool_name == tool;
                self.state.ledger.entries().iter().any(|entry| undoing(&entry))
            }
            ("edits", names) => self.edits.as_ref().is_some_and(|edits| edits.join(" ") == names),
            ("refused", part) => self.refused.as_ref().is_some_and(|why| why.contains(part)),
            ("seen", path) => trace.find(path).is_some(),
            ("waiting", path) => trace
                .find(path)
                .and_then(|span| trace.get(span))
                .is_some_and(|found| found.status == SpanStatus::Waiting),
            ("command", path) => {
                trace.find(path).is_some_and(|span| self.state.commands.values().any(|command| command.span == span))
            }
            _ => panic!("no such thing to wait for: {what}"),
        }
    }

    fn dump(&self) -> String {
        let trace = &self.state.trace;
        let spans = (0..trace.len()).map(|at| SpanId(u32::try_from(at).unwrap()));
        let mut lines: Vec<String> = spans
            .map(|span| {
                let found = trace.get(span).unwrap();
                let pause = trace.pause(span).map(|pause| format!("{pause:?}")).unwrap_or_default();
                format!("{span} {}~{} {} {pause}", trace.path(span), found.attempt.0, found.status.name())
            })
            .collect();
        lines.push(format!("status {:?} refused {:?}", self.state.status, self.refused));
        lines.push(format!("plan {:?}\nreport {:?}", self.plan, self.report));
        lines.join("\n")
    }
}

fn same(found: &str, expected: &str) -> Result<(), String> {
    let expected = expected.replace("\\n", "\n");
    if found == expected { Ok(()) } else { Err(format!("expected {expected:?}, found {found:?}")) }
}

fn contains(found: &str, part: &str) -> Result<(), String> {
    if found.contains(part) { Ok(()) } else { Err(format!("expected {part:?} in {found:?}")) }
}
