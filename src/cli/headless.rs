//! A session without a screen: progress on stderr, the result as text, JSON and exit code.

use color_eyre::eyre::eyre;
use serde_json::{Value as Json, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;
use super::progress::Progress;
use super::text::{eprint_line, print, print_json, safe};
use crate::model::{Command, RunState, RunStatus, Seq, ShellMode, SpanId, TextHash, Update};
use crate::runtime::{Engine, Finish, Session};
use crate::store::{Access, RunFolder, RunLog};

/// A session without a screen.
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
    /// The result's text, read while the log is open.
    result: Option<(TextHash, String)>,
}

/// The end of the run.
struct Outcome {
    status: RunStatus,
    text: Option<String>,
    finish: Finish,
    shell: Option<ShellMode>,
}

impl Headless {
    /// Drives a session; prints no progress for events up to `known`.
    pub fn new(session: Session, known: Seq) -> color_eyre::Result<Self> {
        let Session { run, folder, engine, log, told } = session;
        for line in &told {
            eprint_line(line);
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

    /// Returns the run's log.
    pub fn log(&self) -> &RunLog {
        &self.log
    }

    /// Sends a command.
    pub fn send(&self, command: Command) {
        // A stopped engine reports it as an update.
        drop(self.engine.commands.send(command));
    }

    /// Waits for an update that `wanted` accepts; a refusal is an error.
    pub async fn wait_for<T>(&mut self, wanted: impl Fn(&Update) -> Option<T>) -> color_eyre::Result<T> {
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

    /// Follows the run to its end and prints its result; adds `more` to the JSON. Prints no result when this session
    /// ran nothing: the stored result is another session's.
    pub async fn run_to_end(mut self, as_json: bool, more: serde_json::Map<String, Json>) -> color_eyre::Result<Exit> {
        let mut refused = None;
        loop {
            match self.next().await {
                None | Some(Update::Closed) => break,
                Some(Update::Refused(why)) => {
                    eprint_line(&format!("refused: {why}"));
                    refused = Some(why);
                    self.send(Command::Quit);
                }
                Some(_) => {}
            }
        }
        let Self { run, folder, log, engine, progress, shell, result, .. } = self;
        let finish = engine.finish.await?;
        if !progress.has_ended() {
            return Ok(Exit::Failed);
        }
        let text = match (progress.result(), result) {
            (Some(hash), Some((read, text))) if hash == read => Some(text),
            (hash, _) => hash.map(|hash| read_stored_text(folder.as_ref(), &log, hash)).transpose()?,
        };
        let end = Outcome { status: log.with(|state| state.status), text, finish, shell };
        if as_json {
            let mut shown = log.with(|state| end.to_json(&run, state));
            if let Some(shown) = shown.as_object_mut() {
                shown.extend(more);
            }
            print_json(&shown)?;
        } else {
            end.print()?;
        }
        Ok(if refused.is_some() { Exit::Failed } else { end.exit() })
    }

    /// Ends the session without running anything.
    pub async fn abort(mut self) -> color_eyre::Result<()> {
        self.send(Command::Quit);
        while !matches!(self.next().await, None | Some(Update::Closed)) {}
        self.engine.finish.await?;
        Ok(())
    }

    /// Returns the next update; an interrupt cancels the run, which is then recorded to its end.
    async fn next(&mut self) -> Option<Update> {
        loop {
            tokio::select! {
                update = self.engine.feed.next() => {
                    match &update {
                        Some(Update::Events(events)) => {
                            self.progress.fold(events);
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

    /// Reads the result as soon as its hash is known: reopening a closed log takes far longer.
    fn read_result(&mut self) {
        let known = self.result.as_ref().map(|(hash, _)| *hash);
        if let Some(hash) = self.progress.result().filter(|hash| known != Some(*hash)) {
            self.result = self.log.recorder().text(hash).ok().map(|text| (hash, text));
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        eprint_line("cancelling…");
        self.send(Command::Cancel);
        self.send(Command::Quit);
    }
}

impl Outcome {
    fn exit(&self) -> Exit {
        match self.status {
            RunStatus::Cancelled => Exit::Cancelled,
            _ if self.finish.limited => Exit::Limit,
            _ if self.finish.denied => Exit::Denied,
            RunStatus::Ok => Exit::Done,
            RunStatus::Failed | RunStatus::Running | RunStatus::Interrupted => Exit::Failed,
        }
    }

    fn print(&self) -> color_eyre::Result<()> {
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
            eprint_line(&format!("error: the run {how}{why}"));
        }
        if self.finish.denied {
            eprint_line("a tool was denied; allow it with --allow TOOL");
        }
        Ok(())
    }

    fn to_json(&self, run: &str, state: &RunState) -> Json {
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

/// Reads a text of a run whose log is closed.
fn read_stored_text(folder: Option<&RunFolder>, log: &RunLog, hash: TextHash) -> color_eyre::Result<String> {
    let failed = |error| eyre!("failed to {error}");
    let Some(folder) = folder else { return log.recorder().text(hash).map_err(failed) };
    let opened = folder.open(Box::new(|_| {}), Access::ReadOnly).map_err(failed)?;
    opened.log.recorder().text(hash).map_err(failed)
}
