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
use crate::runtime::{Session, SessionError};
use crate::term;
use crate::ui::{ColorDepth, Ground, Theme};

/// Updates that may wait for the screen; more wait in the engine's own channel.
const UPDATES: usize = 64;

/// Shows a session until the user ends it; returns the exit code.
pub(super) async fn show(
    session: impl Future<Output = Result<Session, SessionError>> + Send + 'static,
    breakpoints: Vec<Breakpoint>,
    live: bool,
    global: &Global,
) -> color_eyre::Result<Exit> {
    let (commands, from_screen) = mpsc::unbounded_channel();
    let (to_screen, updates) = mpsc::channel(UPDATES);
    let session: JoinHandle<Result<String, SessionError>> = tokio::spawn(relay(session, from_screen, to_screen));
    let state = app::State::new(app::Setup { breakpoints, size: (80, 24), now: now(), follow: live });
    let code =
        term::run(state, (commands, updates), theme(global)).await.map_err(|error| eyre!("failed to {error}"))?;
    match session.await? {
        Ok(line) => {
            eprint_line(&line);
            Ok(Exit::Code(u8::try_from(code).unwrap_or(1)))
        }
        Err(error) => Err(eyre!("failed to {error}")),
    }
}

/// Starts the session, then sends commands down and updates up; returns the line about the run's end.
async fn relay(
    session: impl Future<Output = Result<Session, SessionError>>,
    mut from_screen: mpsc::UnboundedReceiver<Command>,
    to_screen: mpsc::Sender<Update>,
) -> Result<String, SessionError> {
    let Session { engine, log, folder, told: lines, .. } = session.await?;
    let mut feed = engine.feed;
    let notes = lines.into_iter().map(|text| TraceBody::Note { span: None, error: true, text });
    log.append(notes.collect());
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

fn theme(global: &Global) -> Theme {
    let env = |name: &str| std::env::var(name).ok();
    Theme::on(ColorDepth::detect(global.color.into(), env), Ground::detect(env))
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
