//! `reflexion`: act, reflect, and act again until the reflection is content.

use super::super::ask::Output;
use super::super::failure::Failure;
use super::steps::{DONE, Steps, parts};

/// Acts at most `rounds` times; the last attempt is not reflected on. A later attempt sees the task, the attempt before
/// and what was said of it.
pub(super) async fn run(steps: &Steps<'_>, rounds: u32, input: &str) -> Result<Output, Failure> {
    let mut attempt = steps.value("act", input).await?;
    for _ in 1..rounds {
        let reflection = steps.run("reflect", &parts(&[("Task", input), ("Attempt", &attempt)])).await?;
        if steps.is_done("reflect", &reflection) {
            break;
        }
        let again = [("Task", input), ("Previous attempt", &attempt), ("Feedback", &reflection.value)];
        attempt = steps.value("act", &parts(&again)).await?;
    }
    Ok(Output::new(DONE, attempt))
}
