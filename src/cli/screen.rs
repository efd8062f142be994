//! A session under the screen: it starts in the background, so that the first frame does not wait for the database.

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use color_eyre::eyre::eyre;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::exit::Exit;
use super::global::Global;
use super::run_name::RunName;
use super::summary;
use super::text::eprint_line;
use crate::app;
use crate::model::{Breakpoint, Command, Millis, TraceBody, Update};
use crate::runtime::{self, Session, SessionError};
use crate::store::{DataDir, StoreError};
use crate::term::{self, Notify};
use crate::ui::{ColorDepth, Ground, Theme};

/// Updates that may wait for the screen; more wait in the engine's own channel.
const UPDATES: usize = 64;

/// Said when the screen was closed before the run was open.
const LEFT_EARLY: &str = "closed before the run's log was checked; nothing was changed";

/// The variable that chooses how to call a person when the run stops.
const NOTIFY: &str = "TAMA_TUI_NOTIFY";

/// Shows a session until the user ends it; returns the exit code. Other runs of `data` that are live in its workspace
/// are named at the start.
pub(super) async fn show(
    session: impl Future<Output = Result<Session, SessionError>> + Send + 'static,
    early: mpsc::Receiver<Update>,
    data: DataDir,
    breakpoints: Vec<Breakpoint>,
    live: bool,
    global: &Global,
) -> color_eyre::Result<Exit> {
    let Some(notify) = notify_or_print_fault() else { return Ok(Exit::Usage) };
    let (commands, from_screen) = mpsc::unbounded_channel();
    let (to_screen, updates) = mpsc::channel(UPDATES);
    let session: JoinHandle<Result<String, SessionError>> =
        tokio::spawn(relay(session, early, data, from_screen, to_screen));
    let state = app::State::new(app::Setup { breakpoints, size: (80, 24), now: now(), follow: live });
    let shown = term::run(state, (commands, updates), theme(global), notify).await;
    let code = shown.map_err(|error| eyre!("failed to {error}"))?;
    match session.await? {
        Ok(summary) => {
            eprint_line(&summary);
            Ok(Exit::Code(u8::try_from(code).unwrap_or(1)))
        }
        Err(error) => Err(eyre!("failed to {error}")),
    }
}

/// Starts the session, then sends commands down and updates up; returns the line about the run's end.
async fn relay(
    session: impl Future<Output = Result<Session, SessionError>> + Send + 'static,
    early: mpsc::Receiver<Update>,
    data: DataDir,
    mut from_screen: mpsc::UnboundedReceiver<Command>,
    to_screen: mpsc::Sender<Update>,
) -> Result<String, SessionError> {
    let (session, waiting) = match wait_for(session, early, &mut from_screen, &to_screen).await {
        Ok(opened) => opened,
        Err(SessionError::Store(StoreError::Cancelled)) => return Ok(LEFT_EARLY.to_owned()),
        Err(error) => return Err(error),
    };
    let notice = neighbours(&session, &data);
    let Session { engine, log, folder, notices: lines, .. } = session;
    let mut feed = engine.feed;
    log.append(lines.into_iter().map(note).collect());
    if let Some(line) = notice {
        // A closed screen ends the loop below.
        drop(to_screen.send(Update::Notice(line)).await);
    }
    for command in waiting {
        // A closed engine has reported it already.
        drop(engine.commands.send(command));
    }
    loop {
        tokio::select! {
            command = from_screen.recv() => match command {
                // A closed engine has reported it already.
                Some(command) => drop(engine.commands.send(command)),
                None => break,
            },
            update = feed.next() => match update {
                Some(update) => {
                    let closed = update == Update::Closed;
                    if to_screen.send(update).await.is_err() || closed {
                        break;
                    }
                }
                None => break,
            },
        }
    }
    // Without its commands the engine ends in order: cancelled, recorded, closed.
    drop(engine.commands);
    drop(engine.finish.await);
    let name = folder.as_ref().map(RunName::of);
    Ok(log.with(|state| summary::end_line(state, name.as_ref())))
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
pub(super) fn notify_or_print_fault() -> Option<Notify> {
    let Some(written) = std::env::var_os(NOTIFY).filter(|written| !written.is_empty()) else {
        return Some(Notify::ALL);
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
    Theme::on(ColorDepth::detect(global.color.into(), env), Ground::detect(env))
}

/// The time now.
pub(super) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
