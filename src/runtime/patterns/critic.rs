//! `critic`: draft, critique, refine.

use super::super::ask::Output;
use super::super::failure::Failure;
use super::steps::{DONE, Steps, parts};

/// The critique sees the draft alone; what refines it sees the task and the critique.
pub(super) async fn run(steps: &Steps<'_>, input: &str) -> Result<Output, Failure> {
    let draft = steps.value("draft", input).await?;
    let critique = steps.value("critique", &draft).await?;
    let refined = steps.value("refine", &parts(&[("Task", input), ("Critique", &critique)])).await?;
    Ok(Output::new(DONE, refined))
}
