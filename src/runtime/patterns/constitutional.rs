//! `constitutional`: generate, critique, revise.

use super::super::ask::Output;
use super::super::failure::Failure;
use super::steps::{DONE, Steps, parts};

/// The critique sees the response alone; what revises it sees the request, the response and the critique.
pub(super) async fn run(steps: &Steps<'_>, input: &str) -> Result<Output, Failure> {
    let response = steps.value("generate", input).await?;
    let critique = steps.value("critique", &response).await?;
    let all = parts(&[("Request", input), ("Response", &response), ("Critique", &critique)]);
    Ok(Output::new(DONE, steps.value("revise", &all).await?))
}
