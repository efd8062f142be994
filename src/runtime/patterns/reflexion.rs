//! `reflexion`: act, reflect, and act again until the reflection is content.

use std::ops::ControlFlow::{Break, Continue};

use super::super::ask::Output;
use super::super::failure::Failure;
use super::primitives::{loop_until, value_of};
use super::steps::{DONE, Steps, parts};

/// Acts at most `rounds` times; the last attempt is not reflected on. A later attempt sees the task, the attempt before
/// and what was said of it.
pub(super) async fn run(steps: &Steps<'_>, rounds: u32, input: &str) -> Result<Output, Failure> {
    let first = steps.value("act", input).await?;
    let ended = loop_until(rounds.saturating_sub(1), first, |attempt| async move {
        let reflection = steps.run("reflect", &parts(&[("Task", input), ("Attempt", &attempt)])).await?;
        if steps.is_done("reflect", &reflection) {
            return Ok(Break(attempt));
        }
        let again = [("Task", input), ("Previous attempt", &attempt), ("Feedback", &reflection.value)];
        Ok(Continue(steps.value("act", &parts(&again)).await?))
    });
    Ok(Output::new(DONE, value_of(ended.await?)))
}
