//! `best-of-n`: variants of one answer, then one step picks.

use super::super::ask::Output;
use super::super::failure::Failure;
use super::super::pattern_scope::PatternScope;
use super::parallel::result_text;
use super::steps::{DONE, Steps, parts};

/// The variants are made at once from the same input.
pub(super) async fn run(scope: &PatternScope, steps: &Steps<'_>, n: u32, input: &str) -> Result<Output, Failure> {
    let branches = (0..n).map(|_| (steps.key("variant"), input.to_owned())).collect();
    let results = scope.fan_out(branches).await?;
    let variants: Vec<String> =
        (1..).zip(results).map(|(at, result)| format!("## variant {at}\n\n{}", result_text(result))).collect();
    let all = parts(&[("Task", input), ("Variants", &variants.join("\n\n"))]);
    Ok(Output::new(DONE, steps.value("judge", &all).await?))
}
