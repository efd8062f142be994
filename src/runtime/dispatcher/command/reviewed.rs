//! The program of an agent whose changes are held: it writes to a layer over the workspace, and what the layer shows
//! becomes held actions.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::super::exec::{Done, ToolRun, fault, lock_name};
use super::program::Printed;
use super::{NotRun, SnapshotFolders};
use crate::effects::confine::{AgentProgram, LastingEnd};
use crate::effects::tools::ToolError;
use crate::model::command_line;
use crate::pipeline::Wrapped;
use crate::rollback::capture::Snapshots;
use crate::rollback::{ActError, HeldLayer, Origin, look, record_command_end};
use crate::runtime::review::Review;
use crate::runtime::wrap::AgentLine;
use crate::world::{Guard, Scope, World};

/// The time between two looks at the layer, at least.
const LOOK: Duration = Duration::from_secs(2);
/// A look takes at most this part of the time.
const SHARE: u32 = 20;
/// The longest wait until the overlay is mounted, and the time between two tries to see it.
const MOUNTING: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(5);

/// The view of an agent, until it is dropped.
struct OpenView<'w>(&'w World);

impl Drop for OpenView<'_> {
    fn drop(&mut self) {
        self.0.set_view(None);
    }
}

impl ToolRun {
    /// Runs the program of an agent over a layer.
    pub(super) async fn run_reviewed(
        &self,
        agent: &Wrapped,
        line: &AgentLine,
        folders: &SnapshotFolders,
        review: &Arc<Review>,
    ) -> Result<Done, NotRun> {
        review.set_program(self.origin.clone());
        let shown = self.services.masker.mask(&command_line(&agent.command)).into_owned();
        let started = self.start_line(shown, None, None).await?;
        let mark = Some(Snapshots::agent_mark(&folders.run));
        let mut program = match self.start_agent(agent, line, mark).await {
            Ok(program) => program,
            Err(why) => {
                record_command_end(&self.log, started.command, None);
                return Ok(fault(&ToolError(why)));
            }
        };
        let view = self.open_view(&mut program).await;
        let printed = Printed::default();
        let end = {
            let output = line.pass_on(program.take_outlets(), |part| printed.add(&part.bytes));
            let watched = self.look_until_end(&mut program, review);
            let (end, ()) = tokio::join!(watched, output);
            end
        };
        let world = &self.services.world;
        let guard = world.lock(&Scope::Shell, &lock_name(self.origin.tool_span, &self.origin.tool_name)).await;
        // The overlay is gone with the agent. The last look reads all: a mapping may have written without a new time.
        drop(view);
        let (_guard, looked) = self.look_at_layer(guard, review.layer(), &self.origin).await;
        looked?;
        record_command_end(&self.log, started.command, None);
        Ok(self.answer_of(line, &end, &printed))
    }

    /// Opens the agent's view of the workspace: a path that is undone while it lives is put back there too.
    async fn open_view(&self, program: &mut AgentProgram) -> OpenView<'_> {
        let world = &self.services.world;
        if let Some(path) = program.path_in_view(world.root()) {
            tokio::select! {
                biased;
                _ = program.wait() => {}
                view = timeout(MOUNTING, wait_for_view(world, &path)) => match view {
                    Ok(view) => world.set_view(Some(view)),
                    Err(_) => self.note_error("failed to open the folder as the agent sees it"),
                },
            }
        }
        OpenView(world)
    }

    /// Waits for the agent's end; looks at the layer now and then, unless somebody has the workspace.
    async fn look_until_end(&self, program: &mut AgentProgram, review: &Arc<Review>) -> LastingEnd {
        let world = &self.services.world;
        let mut is_ending = false;
        let mut next = Instant::now() + LOOK;
        loop {
            tokio::select! {
                biased;
                end = program.wait() => return end,
                () = self.stop.cancelled(), if !is_ending => {
                    is_ending = true;
                    program.end();
                }
                () = tokio::time::sleep_until(next.into()) => {
                    let began = Instant::now();
                    if let Some(guard) = world.try_lock(&Scope::Shell, "look") {
                        let (_guard, looked) = self.look_at_layer(guard, review.layer_since(), &self.origin).await;
                        if let Err(error) = looked {
                            // The layer keeps it; the look at the end says so if it still fails.
                            self.note_error(&format!("failed to {error}"));
                        }
                    }
                    let now = Instant::now();
                    next = now + LOOK.max((now - began) * SHARE);
                }
            }
        }
    }

    /// Records the changes in the layer that the log has not, as held actions of `origin`.
    pub(super) async fn look_at_layer(
        &self,
        guard: Guard,
        layer: Option<HeldLayer>,
        origin: &Origin,
    ) -> (Option<Guard>, Result<usize, ActError>) {
        let (log, services, origin) = (self.log.clone(), self.services.clone(), origin.clone());
        let Some(layer) = layer else {
            return (Some(guard), Err(ActError::NotFound("the layer of the agent is gone".into())));
        };
        let work = move || {
            let looking = look(&log, &services.world, &layer, &services.commands.rules, &origin);
            (Some(guard), tokio::runtime::Handle::current().block_on(looking))
        };
        let looked = tokio::task::spawn_blocking(work).await;
        looked.unwrap_or_else(|error| (None, Err(ActError::NotFound(error.to_string()))))
    }
}

/// Waits until the overlay is mounted; before that, the folder is seen as everybody sees it.
async fn wait_for_view(world: &World, path: &Path) -> World {
    loop {
        match World::open_view(path) {
            Ok(view) if !view.is_same_folder(world) => return view,
            _ => tokio::time::sleep(STEP).await,
        }
    }
}
