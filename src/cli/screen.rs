//! A session under the screen: it starts in the background, so that the first frame does not wait for the database.

use std::collections::VecDeque;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use color_eyre::eyre::eyre;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::breakpoints::OwnBreakpoints;
use super::exit::Exit;
use super::forking::Forking;
use super::global::Global;
use super::replay::Open;
use super::run_name::RunName;
use super::stored::confirmed_workspace;
use super::summary;
use super::text::eprint_line;
use crate::app;
use crate::model::{Breakpoint, Command, ForkHow, Millis, RetryEdits, SpanId, TraceBody, Update};
use crate::runtime::{self, AgentScreen, LookOnly, Session, SessionError};
use crate::store::{DataDir, RunFolder, RunLog, StoreError};
use crate::term::{self, Notify};
use crate::ui::{ColorDepth, Ground, Theme};

/// Updates that may wait for the screen; more wait in the engine's own channel.
const UPDATES: usize = 64;

/// News of an opening that may wait.
const NEWS: usize = 8;

/// Said when the screen was closed before the run was open.
const LEFT_EARLY: &str = "closed before the run's log was checked; nothing was changed";

/// The variable that chooses how to call a person when the run stops.
const NOTIFY: &str = "TAMA_TUI_NOTIFY";

/// Opens a run anew whose workspace the user has confirmed; the channel takes the news of its opening.
pub(super) type Reopen =
    Box<dyn Fn(PathBuf, mpsc::Sender<Update>) -> BoxFuture<'static, Result<Session, SessionError>> + Send + Sync>;

/// The session's side of the screen.
pub(super) struct Shown {
    /// News of its opening.
    pub early: mpsc::Receiver<Update>,
    /// Its data folder: other runs of it that are live in its workspace are named at the start.
    pub data: DataDir,
    /// Its breakpoints.
    pub breakpoints: Vec<Breakpoint>,
    /// Where the user's own of them are kept.
    pub own: Option<OwnBreakpoints>,
    /// True for a new run, which is followed.
    pub live: bool,
    /// Sent to the session once it is open.
    pub first: Option<Command>,
    /// Opens a past run anew.
    pub reopen: Option<Reopen>,
    /// The line to the agent of another program that it watches; one of a past run is there once a retry starts it.
    pub agent: Option<AgentScreen>,
}

/// Shows a session until the user ends it; returns the exit code.
pub(super) async fn show(
    session: impl Future<Output = Result<Session, SessionError>> + Send + 'static,
    shown: Shown,
    global: &Global,
) -> color_eyre::Result<Exit> {
    let Some(notify) = notify_or_print_fault(global) else { return Ok(Exit::Usage) };
    let Shown { early, data, breakpoints, own, live, first, reopen, agent } = shown;
    let begun = agent.as_ref().filter(|_| live).map(|agent| agent.name.clone());
    let (commands, from_screen) = mpsc::unbounded_channel();
    if let Some(first) = first {
        // It waits for the session, as what the screen sends does.
        drop(commands.send(first));
    }
    let (to_screen, updates) = mpsc::channel(UPDATES);
    let relay = Relay { data, own, reopen, breakpoints: breakpoints.clone(), from_screen, to_screen };
    let session: JoinHandle<Result<String, SessionError>> = tokio::spawn(relay.run(session, early));
    let state = app::State::new(app::Setup { breakpoints, size: (80, 24), now: now(), follow: live, agent: begun });
    let shown = term::run(state, (commands, updates), agent, theme(global), notify).await;
    let code = shown.map_err(|error| eyre!("failed to {error}"))?;
    match session.await? {
        Ok(summary) => {
            eprint_line(&summary);
            Ok(Exit::Code(u8::try_from(code).unwrap_or(1)))
        }
        Err(error) => Err(eyre!("failed to {error}")),
    }
}

/// The way between a session and the screen.
struct Relay {
    data: DataDir,
    own: Option<OwnBreakpoints>,
    reopen: Option<Reopen>,
    breakpoints: Vec<Breakpoint>,
    from_screen: mpsc::UnboundedReceiver<Command>,
    to_screen: mpsc::Sender<Update>,
}

/// The end of a session under the screen.
enum Left {
    /// The screen or the engine has ended.
    Ended(String),
    /// The user has confirmed the workspace of a run that was made elsewhere.
    Confirmed(PathBuf),
    /// The user has forked the run: the fork is shown in its place, with this line.
    Forked(RunFolder, String),
}

impl Relay {
    /// Starts the session, then sends commands down and updates up; returns the line about the run's end.
    async fn run(
        mut self,
        session: impl Future<Output = Result<Session, SessionError>> + Send + 'static,
        early: mpsc::Receiver<Update>,
    ) -> Result<String, SessionError> {
        let mut opening = session.boxed();
        let mut early = early;
        loop {
            let (session, waiting) = match wait_for(opening, early, &mut self.from_screen, &self.to_screen).await {
                Ok(opened) => opened,
                Err(SessionError::Store(StoreError::Cancelled)) => return Ok(LEFT_EARLY.to_owned()),
                Err(error) => return Err(error),
            };
            let left = self.serve(session, waiting).await;
            let (news, next) = mpsc::channel(NEWS);
            let again = match left {
                Left::Ended(line) => return Ok(line),
                Left::Confirmed(workspace) => {
                    let Some(reopen) = &self.reopen else { return Ok(LEFT_EARLY.to_owned()) };
                    reopen(workspace, news)
                }
                Left::Forked(folder, line) => {
                    drop(self.to_screen.send(Update::Notice(line)).await);
                    // An agent of another program is not forked.
                    let (data, breakpoints) = (self.data.clone(), self.breakpoints.clone());
                    let open = Open { folder, data, breakpoints, line: None };
                    open.session(None, news).boxed()
                }
            };
            // A closed screen ends the next session at once.
            drop(self.to_screen.send(Update::OpenedAnew).await);
            (opening, early) = (again, next);
        }
    }

    /// Sends commands down and updates up until either end is closed, or the workspace is confirmed.
    async fn serve(&mut self, session: Session, waiting: Vec<Command>) -> Left {
        let notices =
            session.look_only.as_ref().map(LookOnly::notice).into_iter().chain(neighbours(&session, &self.data));
        let notices: Vec<String> = notices.collect();
        let Session { engine, log, folder, notices: lines, look_only, .. } = session;
        let mut feed = engine.feed;
        log.append(lines.into_iter().map(note).collect());
        if !notices.is_empty() {
            // A closed screen ends the loop below.
            drop(self.to_screen.send(Update::Notice(notices.join(" · "))).await);
        }
        let mut waiting = VecDeque::from(waiting);
        let (mut confirmed, mut forked) = (None, None);
        loop {
            let command = if let Some(command) = waiting.pop_front() {
                command
            } else {
                tokio::select! {
                    command = self.from_screen.recv() => match command {
                        Some(command) => command,
                        None => break,
                    },
                    update = feed.next() => {
                        let Some(update) = update else { break };
                        let closed = update == Update::Closed;
                        if self.to_screen.send(update).await.is_err() || closed {
                            break;
                        }
                        continue;
                    }
                }
            };
            self.keep_breakpoints(&command).await;
            match &command {
                Command::PlanFork { span, edits } => {
                    let update = self.plan_fork(folder.clone(), log.clone(), (*span, edits.clone())).await;
                    drop(self.to_screen.send(update).await);
                    continue;
                }
                Command::Fork { span, how, edits } => {
                    match self.fork(folder.clone(), log.clone(), (*span, *how, edits)).await {
                        Ok(made) => {
                            forked = Some(made);
                            break;
                        }
                        Err(why) => drop(self.to_screen.send(Update::Refused(why)).await),
                    }
                    continue;
                }
                _ => {}
            }
            let confirms = command == Command::ConfirmWorkspace && matches!(look_only, Some(LookOnly::Foreign(_)));
            if !confirms {
                // A closed engine has reported it already.
                drop(engine.commands.send(command));
                continue;
            }
            match self.usable_workspace(folder.as_ref(), &log) {
                Ok(workspace) => {
                    confirmed = Some(workspace);
                    break;
                }
                Err(why) => drop(self.to_screen.send(Update::Refused(why)).await),
            }
        }
        // Without its commands the engine ends in order: cancelled, recorded, closed.
        drop(engine.commands);
        // Nobody reads it any more, and the engine would wait for who does.
        drop(feed);
        drop(engine.finish.await);
        if let Some(workspace) = confirmed {
            return Left::Confirmed(workspace);
        }
        if let Some((folder, line)) = forked {
            return Left::Forked(folder, line);
        }
        let name = folder.as_ref().map(RunName::of);
        Left::Ended(log.with(|state| summary::end_line(state, name.as_ref())))
    }

    /// Keeps the breakpoints that the user has set.
    async fn keep_breakpoints(&self, command: &Command) {
        let (Command::SetBreakpoints(all), Some(own)) = (command, self.own.clone()) else { return };
        let all = all.clone();
        let saved = tokio::task::spawn_blocking(move || own.save(&all)).await;
        if let Ok(Err(why)) = saved {
            // A closed screen has nobody to tell.
            drop(self.to_screen.send(Update::Notice(why)).await);
        }
    }

    /// Plans a fork beside the loop; the screen waits for it.
    async fn plan_fork(
        &self,
        folder: Option<RunFolder>,
        log: RunLog,
        (span, edits): (SpanId, Box<RetryEdits>),
    ) -> Update {
        let data = self.data.clone();
        let plan = move || Forking::read(folder, log, &data).and_then(|forking| forking.plan(span, &edits));
        match tokio::task::spawn_blocking(plan).await {
            Ok(Ok(plan)) => Update::Fork(Box::new(Forking::outlook(plan))),
            Ok(Err(why)) => Update::Refused(why),
            Err(_) => Update::Refused("failed to fork: the program failed in it".to_owned()),
        }
    }

    /// Makes a fork; returns it, and a line about it.
    async fn fork(
        &self,
        folder: Option<RunFolder>,
        log: RunLog,
        (span, how, edits): (SpanId, ForkHow, &RetryEdits),
    ) -> Result<(RunFolder, String), String> {
        let data = self.data.clone();
        let read = tokio::task::spawn_blocking(move || Forking::read(folder, log, &data)).await;
        let forking = read.map_err(|_| "failed to fork: the program failed in it".to_owned())??;
        let made = forking.carry_out((span, edits), how, &self.data).await?;
        let line = format!("a fork of run {}, stopped right before the span: c continues, e edits first", forking.id());
        Ok((made, line))
    }

    /// The workspace that a run names, if it can be one here.
    fn usable_workspace(&self, folder: Option<&RunFolder>, log: &RunLog) -> Result<PathBuf, String> {
        let folder = folder.ok_or("the run is not recorded")?;
        let recorded = folder.workspace(log).map_err(|error| format!("failed to {error}"))?;
        confirmed_workspace(&self.data, Path::new(&recorded)).map_err(|error| {
            let command = RunName::of(folder).command("undo");
            format!("{error}; if the workspace is elsewhere now, name it: {command} --workspace PATH")
        })
    }
}

/// Waits for the session; meanwhile the screen has the news of its opening. Returns the commands that wait for it.
async fn wait_for(
    session: impl Future<Output = Result<Session, SessionError>> + Send + 'static,
    mut early: mpsc::Receiver<Update>,
    from_screen: &mut mpsc::UnboundedReceiver<Command>,
    to_screen: &mpsc::Sender<Update>,
) -> Result<(Session, Vec<Command>), SessionError> {
    let mut session = tokio::spawn(session);
    let (mut waiting, mut is_open) = (Vec::new(), true);
    loop {
        tokio::select! {
            biased;
            command = from_screen.recv(), if is_open => match command {
                Some(Command::Quit) | None => {
                    // The opening ends when it has news.
                    early.close();
                    is_open = false;
                    waiting.push(Command::Quit);
                }
                // Only the newest place that the user looked at still counts.
                Some(command) => {
                    if matches!(command, Command::Inspect { .. } | Command::Plan { .. }) {
                        waiting.retain(|known| std::mem::discriminant(known) != std::mem::discriminant(&command));
                    }
                    waiting.push(command);
                }
            },
            Some(update) = early.recv() => {
                if is_open && to_screen.send(update).await.is_err() {
                    early.close();
                }
            }
            opened = &mut session => return Ok((opened??, waiting)),
        }
    }
}

/// Names the other runs that are live in the session's workspace.
fn neighbours(session: &Session, data: &DataDir) -> Option<String> {
    let workspace = session.folder.as_ref()?.workspace(&session.log).ok()?;
    let beside = data.live_beside(&session.run, &workspace);
    (!beside.is_empty()).then(|| format!("{} (4 tells more)", runtime::name_neighbours(&beside)))
}

/// A line from the start as an event; only damage is an error.
fn note(text: String) -> TraceBody {
    TraceBody::Note { span: None, error: text.starts_with("damaged: "), text }
}

/// Reads how to call a person when the run stops; prints the fault and returns `None` when it has one.
pub(super) fn notify_or_print_fault(global: &Global) -> Option<Notify> {
    let Some(written) = std::env::var_os(NOTIFY).filter(|written| !written.is_empty()) else {
        return Some(global.settings.notify.unwrap_or(Notify::ALL));
    };
    match Notify::parse(&written.to_string_lossy()) {
        Ok(notify) => Some(notify),
        Err(part) => {
            eprint_line(&format!(
                "error: {NOTIFY} has \"{part}\" in it: write none, or any of bell, osc9, title with commas between"
            ));
            None
        }
    }
}

/// The theme that the options and the terminal allow.
pub(super) fn theme(global: &Global) -> Theme {
    let env = |name: &str| std::env::var(name).ok();
    let ground = global.settings.background.unwrap_or_else(|| Ground::detect(env));
    Theme::on(ColorDepth::detect(global.color().into(), env), ground).with(global.settings.colours)
}

/// The time now.
pub(super) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
