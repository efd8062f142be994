//! The dispatcher: one task that owns the state of a run, in parts. Everything that happens arrives as one [`Incoming`];
//! a part decides and returns actions; the driver carries them out, and it alone waits, each time within a bound. Nothing
//! is read from disk on its loop.
//!
//! - [`Versions`]: the pipelines by generation.
//! - [`Edits`]: what is sent in place of what the code asks for.
//! - [`Gatekeeper`]: where the run stops, and what may run.
//! - [`Calls`]: the pending calls and the journal.
//! - [`permits`]: the effects that execute at once, and those that wait for their turn.
//! - [`fan_outs`]: the workers of fan-outs, and those that wait to begin.
//! - [`Reversal`]: the retry or undo under way.
//! - [`super::choices`]: the series of tries under way.
//! - [`stopping`]: the cancel or quit under way.
//! - [`inspector`]: answers beside the loop, from a snapshot.
//!
//! Effects in flight belong to the dispatcher; pattern code only awaits them by path. So pattern code can be dropped
//! and run again from the journal at any moment, and finds again what is still under way.

mod approvals;
mod asks;
#[cfg(test)]
mod asks_tests;
mod calls;
mod choices;
pub(super) mod command;
mod diff;
mod diverged;
#[cfg(test)]
mod diverged_tests;
mod driver;
mod driver_action;
#[cfg(test)]
mod driver_tests;
mod edit;
mod edits;
mod ended;
mod exec;
mod fan_outs;
#[cfg(test)]
mod fixture;
mod gatekeeper;
mod human;
mod inspect;
mod inspector;
mod launch;
mod lifecycle;
mod moment;
mod open_files;
mod outcome;
mod own_files;
mod permits;
mod questions;
mod release;
mod remote;
mod resume;
mod retry;
#[cfg(test)]
mod retry_tests;
mod reversal;
mod review;
#[cfg(test)]
mod scene;
mod stopping;
mod subjects;
mod today;
mod tools;
mod turn;
mod turn_taking;
mod undo;
mod versions;
mod wishes;
mod world_change;
mod write_back;

use std::sync::Arc;

pub(super) use calls::Calls;
use command::{CaptureGate, Commands};
pub(super) use driver::{Dispatcher, Parts};
pub(super) use edits::Edits;
pub(super) use exec::Done;
pub(super) use gatekeeper::Gatekeeper;
pub(super) use lifecycle::end_live;
use open_files::OpenLook;
use permits::TurnStep;
pub(super) use reversal::{Planner, Reversal, ReversalStep};
pub(super) use versions::{Versions, read_today};
use write_back::Written;

use super::ask::{Ask, Output};
use super::choices::ChoicesStep;
use super::engine::StatusHook;
use super::failure::{Divergence, Failure};
use super::wrap::AgentLine;
use crate::effects::Masker;
use crate::effects::remote::Remotes;
use crate::effects::tools::{Compensator, Toolbox};
use crate::model::{Command, SpanId};
use crate::world::World;

/// Everything that can reach the dispatcher.
pub(super) enum Incoming {
    /// Pattern code asks for something.
    Ask { epoch: u64, ask: Ask },
    /// The agent of another program no longer waits for a call.
    GivenUp { epoch: u64, path: String },
    /// An effect is through.
    Done { path: String, span: SpanId, done: Done },
    /// A command ended, and its changes may have to be looked at before they land.
    Captured { path: String, span: SpanId, asked: CaptureGate },
    /// The file that a call would write, or the files that a command could meet open, were looked at.
    Looked { path: String, span: SpanId, own_file: Option<String>, open: Option<OpenLook>, is_new: bool },
    /// The two sides of a divergence are read.
    Diverged { path: String, span: SpanId, divergence: Box<Divergence> },
    /// The pattern code of an epoch is through.
    Finished { epoch: u64, result: Result<Output, Failure> },
    /// The retry or undo under way goes a step on.
    Reversal(ReversalStep),
    /// The series of tries under way goes a step on.
    Choices(ChoicesStep),
    /// A permit may be free, or a wait for one is long.
    Turns(TurnStep),
    /// A tool did not stop in time.
    StopTimedOut,
    /// Edited prompts were written into their files.
    WrittenBack(Written),
    /// The user asks for something.
    Command(Command),
}

/// The world, the tools and the shell that a run executes with.
pub(super) struct Services {
    pub world: Arc<World>,
    /// The program's own; an agent has those of its pipeline too ([`Dispatcher::tools_of`]).
    pub tools: Arc<Toolbox>,
    pub compensator: Compensator,
    pub masker: Arc<Masker>,
    /// Carries out the calls that other programs answer.
    pub remotes: Remotes,
    pub commands: Commands,
    /// The line to the agent of another program that the run watches, while it may run.
    pub agent: Option<Arc<AgentLine>>,
}
