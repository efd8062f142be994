//! A session without a screen: progress on stderr, the result as text, JSON and exit code.

use color_eyre::eyre::eyre;
use serde_json::{Value as Json, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::event_words;
use super::exit::Exit;
use super::expect::Expected;
use super::progress::Progress;
use super::run_name::RunName;
use super::run_result::RunResult;
use super::run_texts::RunTexts;
use super::summary;
use super::text::{eprint_line, print_json};
use crate::model::{Command, RunState, RunStatus, ShellMode, TextHash, Update};
use crate::runtime::{Engine, Session};
use crate::store::{RunFolder, RunLog};

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
    /// True when the gaps of the sandbox are to be printed once they are known.
    says_gaps: bool,
    /// The result's text, read while the log is open.
    result: Option<(TextHash, String)>,
    /// The result that the run has to have.
    expected: Option<Expected>,
    /// False when the result's text was printed while it came.
    prints_result: bool,
    /// An answer that was used otherwise than for a question.
    used_answer: Option<String>,
}

impl Headless {
    /// Drives a session; prints progress for the events that follow on a state.
    pub fn new(session: Session, known: RunState) -> color_eyre::Result<Self> {
        let Session { run, folder, engine, log, notices, .. } = session;
        for line in &notices {
            eprint_line(line);
        }
        Ok(Self {
            run: run.to_string(),
            progress: Progress::new(RunTexts::new(log.clone(), folder.clone()), known),
            folder,
            log,
            engine,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            cancelled: false,
            shell: None,
            says_gaps: false,
            result: None,
            expected: None,
            prints_result: true,
            used_answer: None,
        })
    }

    /// Prints the gaps of the sandbox at the start, when `does` and there are any.
    pub fn say_gaps(mut self, does: bool) -> Self {
        self.says_gaps = does;
        self
    }

    /// Compares the run's result with this one.
    pub fn expect(mut self, expected: Option<Expected>) -> Self {
        self.expected = expected;
        self
    }

    /// Does not print the result's text: it was printed while it came.
    pub fn without_result(mut self) -> Self {
        self.prints_result = false;
        self
    }

    /// Prints each event as a line of JSON on stdout, and the result as the last one.
    pub fn print_events(mut self) -> Self {
        self.progress.print_events();
        self
    }

    /// Returns the run's log.
    pub fn log(&self) -> &RunLog {
        &self.log
    }

    /// Counts an answer as used, though no question takes it.
    pub fn use_answer(&mut self, text: &str) {
        self.used_answer = Some(text.to_owned());
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

    /// Follows the run to its end, and prints its result and a line about its end; adds `more` to the JSON. Prints
    /// neither when this session ran nothing: the stored result is another session's.
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
        let Self {
            run,
            folder,
            log,
            engine,
            mut progress,
            shell,
            result,
            mut interrupt,
            expected,
            prints_result,
            used_answer,
            ..
        } = self;
        let mut finish = engine.finish.await?;
        finish.unused_answers.retain(|unused| Some(unused) != used_answer.as_ref());
        if !progress.has_ended() {
            if let Some(lines) = progress.lines() {
                lines.finish().await;
            }
            return Ok(Exit::Failed);
        }
        let text = match (progress.result(), result) {
            (Some(hash), Some((read, text))) if hash == read => Some(text),
            (Some(hash), _) => {
                let text = RunTexts::new(log.clone(), folder.clone()).read(hash);
                Some(text.map_err(|error| eyre!("failed to {error}"))?)
            }
            (None, _) => None,
        };
        let (status, failed_model_call) = log.with(|state| (state.status, summary::has_failed_model_call(state)));
        let (commands, lines) = progress.into_parts();
        let end = RunResult { run, status, text, finish, shell, commands, failed_model_call };
        end.print_denials();
        let differs = expected.map(|expected| {
            let output = end.text.as_deref().filter(|_| end.status == RunStatus::Ok);
            expected.difference(&log.with(|state| Expected::of(state, output)))
        });
        if as_json {
            let mut shown = log.with(|state| end.to_json(state));
            if let Some(differs) = &differs {
                if differs.is_some() {
                    shown["exit"] = json!(Exit::Diverged.code());
                }
                shown["expected"] = json!({ "same": differs.is_none(), "difference": differs });
            }
            if let Some(shown) = shown.as_object_mut() {
                shown.extend(more);
            }
            match lines {
                Some(mut lines) => {
                    lines.push(&event_words::result(shown));
                    // The run is stored to its end; only a reader that does not read is waited for.
                    tokio::select! {
                        () = lines.finish() => {}
                        _ = interrupt.recv() => end_at_once(),
                    }
                }
                None => print_json(&shown)?,
            }
        } else if prints_result {
            end.print()?;
        }
        let name = folder.as_ref().map(RunName::of);
        eprint_line(&log.with(|state| summary::end_line(state, name.as_ref())));
        if let Some(why) = differs.flatten() {
            eprint_line(&format!("error: the run is not as expected: {why}"));
            return Ok(Exit::Diverged);
        }
        Ok(if refused.is_some() { Exit::Failed } else { end.exit() })
    }

    /// Returns the run's id.
    pub fn run_id(&self) -> &str {
        &self.run
    }

    /// Formats the line about the run's end.
    pub fn end_line(&self) -> String {
        let name = self.folder.as_ref().map(RunName::of);
        self.log.with(|state| summary::end_line(state, name.as_ref()))
    }

    /// Ends the session without running anything.
    pub async fn abort(mut self) -> color_eyre::Result<()> {
        self.send(Command::Quit);
        while !matches!(self.next().await, None | Some(Update::Closed)) {}
        self.engine.finish.await?;
        Ok(())
    }

    /// Returns the next update; an interrupt cancels the run, which is then recorded to its end.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            self.flush_lines().await;
            tokio::select! {
                update = self.engine.feed.next() => {
                    match &update {
                        Some(Update::Events(events)) => {
                            self.progress.fold(events);
                            self.read_result();
                        }
                        Some(Update::Shell(mode)) => {
                            if std::mem::take(&mut self.says_gaps) && !mode.gaps.is_empty() {
                                eprint_line(&format!("{}; `tama-tui doctor` says more", mode.sandbox()));
                            }
                            self.shell = Some(mode.clone());
                        }
                        _ => {}
                    }
                    return update;
                }
                _ = self.interrupt.recv() => self.cancel(),
                _ = self.terminate.recv() => self.cancel(),
            }
        }
    }

    /// Hands the lines of the last events on; an interrupt is heard while their reader is slow.
    async fn flush_lines(&mut self) {
        loop {
            let Some(lines) = self.progress.lines() else { return };
            tokio::select! {
                () = lines.flush() => return,
                _ = self.interrupt.recv() => self.cancel(),
                _ = self.terminate.recv() => self.cancel(),
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

    /// Cancels the run; a second time it ends the program.
    fn cancel(&mut self) {
        if std::mem::replace(&mut self.cancelled, true) {
            end_at_once();
        }
        eprint_line("cancelling…");
        self.send(Command::Cancel);
        self.send(Command::Quit);
    }
}

/// Ends the program as a kill would: a second interrupt does not wait.
fn end_at_once() -> ! {
    eprint_line("ended at once; open the run again to have what was under way recorded");
    std::process::exit(i32::from(Exit::Cancelled.code()))
}
