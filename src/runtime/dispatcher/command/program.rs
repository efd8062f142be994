//! The program of an agent of another program: it runs to its end, and the workspace is watched meanwhile.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::exec::{Done, ToolRun, fault, lock_name};
use super::watch::Watch;
use super::{NotRun, SnapshotFolders, stopped};
use crate::effects::confine::{AgentProgram, Job, LastingEnd};
use crate::effects::tools::ToolError;
use crate::model::{EndCause, TraceBody, command_line};
use crate::pipeline::Wrapped;
use crate::rollback::capture::Snapshots;
use crate::runtime::wrap::{AgentLaunch, AgentLine, hook_program};
use crate::world::{Guard, Scope};

/// Bytes of the output that are kept as the result.
const KEPT: usize = 256 * 1024;

/// The next step of a watch.
enum Next {
    /// Another one wants the workspace.
    LetGo,
    /// It is time for a look.
    Look,
    /// The workspace is free.
    Hold(Guard),
}

impl ToolRun {
    /// Runs the program of an agent.
    pub(in super::super) async fn run_program(&self, agent: &Wrapped) -> Done {
        // It lasts long, and its own calls need permits.
        self.permit.pause();
        let Some(line) = self.services.agent.clone() else {
            return fault(&ToolError("an agent of another program can't be run again from its record".into()));
        };
        let commands = &self.services.commands;
        let ran = match (&commands.folders, &commands.review) {
            (Some(folders), Some(review)) => self.run_reviewed(agent, &line, folders, review).await,
            (Some(folders), None) => self.run_watched(agent, &line, folders).await,
            (None, _) => self.run_unwatched(agent, &line).await,
        };
        ran.unwrap_or_else(|not_run| match not_run {
            NotRun::Before(error) => fault(&error),
            NotRun::Act(error) => Done::from_error(&error),
        })
    }

    async fn run_watched(&self, agent: &Wrapped, line: &AgentLine, folders: &SnapshotFolders) -> Result<Done, NotRun> {
        let Some(guard) = self.lock_unless_stopped(&Scope::Shell).await else { return Ok(stopped()) };
        let shown = self.services.masker.mask(&command_line(&agent.command)).into_owned();
        let mut watch = Watch::new(self, folders, shown);
        watch.open(guard).await?;
        let mark = Some(Snapshots::agent_mark(&folders.run));
        let started = self.start_agent(agent, line, mark).await;
        let mut program = match started {
            Ok(program) => program,
            Err(why) => {
                watch.close().await?;
                return Ok(fault(&ToolError(why)));
            }
        };
        let printed = Printed::default();
        let end = {
            let output = line.pass_on(program.take_outlets(), |part| printed.add(&part.bytes));
            let watched = self.watch(&mut program, &mut watch);
            let (end, ()) = tokio::join!(watched, output);
            end
        };
        self.end_watch(&mut watch).await?;
        Ok(self.answer_of(line, &end, &printed))
    }

    /// Runs the agent of a run that is not recorded: its changes are not looked for.
    async fn run_unwatched(&self, agent: &Wrapped, line: &AgentLine) -> Result<Done, NotRun> {
        let mut program = match self.start_agent(agent, line, None).await {
            Ok(program) => program,
            Err(why) => return Ok(fault(&ToolError(why))),
        };
        let printed = Printed::default();
        let output = line.pass_on(program.take_outlets(), |part| printed.add(&part.bytes));
        let ended = async {
            tokio::select! {
                end = program.wait() => return end,
                () = self.stop.cancelled() => program.end(),
            }
            program.wait().await
        };
        let (end, ()) = tokio::join!(ended, output);
        Ok(self.answer_of(line, &end, &printed))
    }

    pub(super) async fn start_agent(
        &self,
        agent: &Wrapped,
        line: &AgentLine,
        end_mark: Option<PathBuf>,
    ) -> Result<AgentProgram, String> {
        let launch = line.serve().await.map_err(|error| format!("failed to {error}"))?;
        line.begin();
        let layer = self.services.commands.review.as_ref().and_then(|review| review.folder().cloned());
        let job = Job {
            programs: vec![launch.command.clone()],
            variables: launch.variables.clone(),
            network: true,
            local_sockets: true,
            overlay: layer.is_some(),
            layer,
            writable: agent.writable.iter().map(Into::into).collect(),
            visible: visible(launch),
            end_mark,
            ..Job::shell("", Duration::ZERO)
        };
        self.services.commands.shell.start_agent(&job, line.size()).await
    }

    /// Waits for the agent's end; holds the workspace, unless another one waits for it.
    async fn watch(&self, program: &mut AgentProgram, watch: &mut Watch<'_>) -> LastingEnd {
        let mut is_ending = false;
        loop {
            let next = tokio::select! {
                biased;
                end = program.wait() => return end,
                () = self.stop.cancelled(), if !is_ending => {
                    is_ending = true;
                    program.end();
                    continue;
                }
                next = self.next_of_watch(watch.next_look()) => next,
            };
            let done = match next {
                Next::LetGo => watch.close().await,
                Next::Look => watch.look().await,
                Next::Hold(guard) => watch.open(guard).await,
            };
            if let Err(not_run) = done {
                // What can't be recorded must not go on.
                self.note_unwatched(&not_run);
                program.end();
                is_ending = true;
            }
        }
    }

    /// Waits for the next step of a watch; `look`: the time of its next look, while it holds the workspace.
    async fn next_of_watch(&self, look: Option<Instant>) -> Next {
        let world = &self.services.world;
        let Some(at) = look else {
            let name = lock_name(self.origin.tool_span, &self.origin.tool_name);
            return Next::Hold(world.lock(&Scope::Shell, &name).await);
        };
        tokio::select! {
            biased;
            () = world.wanted() => Next::LetGo,
            () = tokio::time::sleep_until(at.into()) => Next::Look,
        }
    }

    /// Records the last changes of an agent that has ended.
    async fn end_watch(&self, watch: &mut Watch<'_>) -> Result<(), NotRun> {
        if !watch.is_open() {
            let name = lock_name(self.origin.tool_span, &self.origin.tool_name);
            let guard = self.services.world.lock(&Scope::Shell, &name).await;
            watch.open(guard).await?;
        }
        watch.close().await
    }

    fn note_unwatched(&self, not_run: &NotRun) {
        let why = match not_run {
            NotRun::Before(error) => error.to_string(),
            NotRun::Act(error) => format!("failed to {error}"),
        };
        self.note_error(&format!("the agent was ended, because its changes can't be recorded any more: {why}"));
    }

    /// Notes an error of the agent's program.
    pub(super) fn note_error(&self, text: &str) {
        let text = text.to_owned();
        self.log.append(vec![TraceBody::Note { span: Some(self.origin.tool_span), error: true, text }]);
    }

    /// The result of the agent's program: the end of what it printed, and how it ended.
    pub(super) fn answer_of(&self, line: &AgentLine, end: &LastingEnd, printed: &Printed) -> Done {
        // On a terminal it drew.
        let printed = if line.size().is_some() { String::new() } else { printed.text() };
        let mut text = self.services.masker.mask(&printed).into_owned();
        let failure = match (end.exit, end.started) {
            (Some(0), _) => None,
            (_, false) => Some(end.text.clone()),
            _ => Some(format!("{}: {}", self.origin_name(), end.text)),
        };
        if let Some(why) = &failure {
            // Writing to a text can't fail.
            let _ = write!(text, "{}[{why}]", if text.is_empty() || text.ends_with('\n') { "" } else { "\n" });
        }
        let cause = end.exit.filter(|code| *code != 0).map(|code| EndCause::Exit { code });
        let fault = failure.is_some() && cause.is_none();
        line.end(end, failure);
        if line.is_silent() {
            self.note_error("no model call of the agent came through the gateway: its calls can't be seen or stopped");
        }
        Done::Tool { text, fault, cause }
    }

    fn origin_name(&self) -> String {
        self.log.with(|state| state.trace.name(self.origin.span).to_owned())
    }
}

/// The programs that the agent must be able to start: itself, and the one that passes its hooks on.
fn visible(launch: &AgentLaunch) -> Vec<PathBuf> {
    let own = launch.command.first().map(PathBuf::from).filter(|program| program.is_absolute());
    own.into_iter().chain([hook_program()]).collect()
}

/// The end of what an agent printed.
#[derive(Default)]
pub(super) struct Printed(Mutex<Vec<u8>>);

impl Printed {
    pub fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}
