//! Permits: `limits.max_parallel` bounds the effects that execute at once, model calls and tools, over the whole run. An
//! agent, a stop, an approval, a lock and a wait for a server hold none.
//!
//! - [`Permits`] counts. A [`Permit`] is given back when it is dropped, so a task that is cut off holds none.
//! - [`Turns`] has the calls that wait for a permit before they start, in their order.
//! - [`HeldPermit`] is the permit of a task, which gives it back while it waits for something else.

mod semaphore;
#[cfg(test)]
mod tests;
mod turn;
mod turns;

pub(in super::super) use semaphore::Permit;
pub(super) use semaphore::Permits;
pub(in super::super) use turn::HeldPermit;
pub(in super::super) use turns::TurnStep;
pub(super) use turns::{NextTurn, Turns, wait_over};

/// The thing that a call waits for, as it is shown after "waiting for".
const ITS_TURN: &str = "its turn";
