//! Driving a session without a screen: progress on stderr, its end as text, JSON and exit code.

use color_eyre::eyre::eyre;
use serde_json::{Value as Json, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;
use super::progress::Progress;
use super::text::{print, print_json, safe, say};
use crate::model::{Command, RunState, RunStatus, Seq, ShellMode, SpanId, TextHash, Update};
use crate::runtime::{Engine, Finish, Session};
use crate::store::{Access, RunFolder, RunLog};

/// A session driven by nobody.
pub(super) struct Headless {
    run: String,
    folder: Option<RunFolder>,
    log: RunLog,
    engine: Engine,
    progress: Progress,
    interrupt: Signal,
    terminate: Signal,
    cancelled: bool,
    shell: Option<ShellMode>,
    /// The result, read while the log was open.
    result: Option<(TextHash, String)>,
}

/// How it ended.
struct End {
    status: RunStatus,
    text: Option<String>,
    finish: Finish,
    shell: Option<ShellMode>,
}

impl Headless {
    /// Drives a session; what happened up to `known` is not told again.
    pub fn new(session: Session, known: Seq) -> color_eyre::Result<Self> {
        let Session { run, folder, engine, log, told } = session;
        for line in &told {
            say(line);
        }
        Ok(Self {
            run: run.to_string(),
            folder,
            log,
            engine,
            progress: Progress::new(known),
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            cancelled: false,
            shell: None,
            result: None,
        })
    }

    /// Its log.
    pub fn log(&self) -> &RunLog {
        &self.log
    }

    /// Sends a command.
    pub fn send(&self, command: Command) {
        // An engine that stopped has said so.
        drop(self.engine.commands.send(command));
    }

    /// Waits for an update that `wanted` picks; a refusal is an error.
    pub async fn until<T>(&mut self, wanted: impl Fn(&Update) -> Option<T>) -> color_eyre::Result<T> {
        loop {
            match self.next().await {
                None | Some(Update::Closed) => return Err(eyre!("the run's engine stopped")),
                Some(Update::Refused(why)) => return Err(eyre!("{why}")),
                Some(update) => {
                    if let Some(found) = wanted(&update) {
                        return Ok(found);
                    }
                }
            }
        }
    }

    /// Follows the run to its end and tells its result; `more` is added to the JSON. A run that did not go on has none
    /// of its own: what is stored is another session's.
    pub async fn finish(mut self, as_json: bool, more: serde_json::Map<String, Json>) -> color_eyre::Result<Exit> {
        let mut refused = None;
        loop {
            match self.next().await {
                None | Some(Update::Closed) => break,
                Some(Update::Refused(why)) => {
                    say(&format!("refused: {why}"));
                    refused = Some(why);
                    self.send(Command::Quit);
                }
                Some(_) => {}
            }
        }
        let Self { run, folder, log, engine, progress, shell, result, .. } = self;
        let finish = engine.finish.await?;
        if !progress.ended() {
            return Ok(Exit::Failed);
        }
        let text = match (progress.result(), result) {
            (Some(hash), Some((read, text))) if hash == read => Some(text),
            (hash, _) => hash.map(|hash| stored_text(folder.as_ref(), &log, hash)).transpose()?,
        };
        let end = End { status: log.with(|state| state.status), text, finish, shell };
        if as_json {
            let mut told = log.with(|state| end.json(&run, state));
            if let Some(told) = told.as_object_mut() {
                told.extend(more);
            }
            print_json(&told)?;
        } else {
            end.tell()?;
        }
        Ok(if refused.is_some() { Exit::Failed } else { end.exit() })
    }

    /// Ends the session without going on.
    pub async fn leave(mut self) -> color_eyre::Result<()> {
        self.send(Command::Quit);
        while !matches!(self.next().await, None | Some(Update::Closed)) {}
        self.engine.finish.await?;
        Ok(())
    }

    /// The next update; interrupts cancel the run, which is then recorded to its end.
    async fn next(&mut self) -> Option<Update> {
        loop {
            tokio::select! {
                update = self.engine.feed.next() => {
                    match &update {
                        Some(Update::Events(events)) => {
                            self.progress.take(events);
                            self.read_result();
                        }
                        Some(Update::Shell(mode)) => self.shell = Some(mode.clone()),
                        _ => {}
                    }
                    return update;
                }
                _ = self.interrupt.recv(), if !self.cancelled => self.cancel(),
                _ = self.terminate.recv(), if !self.cancelled => self.cancel(),
            }
        }
    }

    /// Reads the result as soon as it is known: to open a log that is closed takes far longer. When the engine was
    /// faster, that has to be done.
    fn read_result(&mut self) {
        let known = self.result.as_ref().map(|(hash, _)| *hash);
        if let Some(hash) = self.progress.result().filter(|hash| known != Some(*hash)) {
            self.result = self.log.recorder().text(hash).ok().map(|text| (hash, text));
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        say("cancelling…");
        self.send(Command::Cancel);
        self.send(Command::Quit);
    }
}

impl End {
    fn exit(&self) -> Exit {
        match self.status {
            RunStatus::Cancelled => Exit::Cancelled,
            _ if self.finish.limited => Exit::Limit,
            _ if self.finish.denied => Exit::Denied,
            RunStatus::Ok => Exit::Done,
            RunStatus::Failed | RunStatus::Running | RunStatus::Interrupted => Exit::Failed,
        }
    }

    fn tell(&self) -> color_eyre::Result<()> {
        let text = self.text.as_deref().unwrap_or_default();
        if self.status == RunStatus::Ok {
            print(&safe(text))?;
            print("\n")?;
        } else {
            let how = match self.status {
                RunStatus::Ok | RunStatus::Failed => "failed",
                RunStatus::Running => "did not end",
                RunStatus::Cancelled => "was cancelled",
                RunStatus::Interrupted => "was interrupted",
            };
            let why = if text.is_empty() { String::new() } else { format!(": {text}") };
            say(&format!("error: the run {how}{why}"));
        }
        if self.finish.denied {
            say("a tool was denied; --allow TOOL lets it run");
        }
        Ok(())
    }

    fn json(&self, run: &str, state: &RunState) -> Json {
        let counts = state.trace.get(SpanId::RUN).map(|run| run.counts).unwrap_or_default();
        let (output, error) = if self.status == RunStatus::Ok { (&self.text, &None) } else { (&None, &self.text) };
        json!({
            "run": run,
            "status": self.status,
            "output": output,
            "error": error,
            "denied": self.finish.denied,
            "limited": self.finish.limited,
            "spans": state.trace.len().saturating_sub(1),
            "tokens": counts.usage,
            "cost_microusd": counts.cost,
            "undoable": counts.undoable,
            "permanent": counts.permanent,
            "shell": self.shell,
        })
    }
}

/// A text of a run whose log is closed by now, where it is kept.
fn stored_text(folder: Option<&RunFolder>, log: &RunLog, hash: TextHash) -> color_eyre::Result<String> {
    let failed = |error| eyre!("failed to {error}");
    let Some(folder) = folder else { return log.recorder().text(hash).map_err(failed) };
    let opened = folder.open(Box::new(|_| {}), Access::ReadOnly).map_err(failed)?;
    opened.log.recorder().text(hash).map_err(failed)
}
