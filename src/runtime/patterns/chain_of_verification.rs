//! `chain-of-verification`: generate, list the claims, check each, revise.

use super::super::ask::Output;
use super::super::failure::Failure;
use super::primitives::sequence;
use super::steps::{DONE, Steps, parts};

/// Claims stand one in a line; empty lines and those that begin with `#` are none. What revises the response sees the
/// request, the response and the checks.
pub(super) async fn run(steps: &Steps<'_>, input: &str) -> Result<Output, Failure> {
    let response = steps.value("generate", input).await?;
    let claims = steps.value("verify", &response).await?;
    let claims = claims.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let claims: Vec<&str> = claims.collect();
    let checks = sequence(claims, Vec::new(), |mut checks, claim| async move {
        let check = steps.value("check", &parts(&[("Claim", claim), ("Request", input)])).await?;
        checks.push(format!("- {claim}: {check}"));
        Ok(checks)
    });
    let checks = checks.await?;
    let all = parts(&[("Request", input), ("Response", &response), ("Checks", &checks.join("\n"))]);
    Ok(Output::new(DONE, steps.value("revise", &all).await?))
}
