//! `human`: a tool loop asks a person, and another one goes on with the answer.

use super::super::ask::Output;
use super::super::failure::Failure;
use super::super::pattern_scope::PatternScope;
use super::steps::Steps;

/// The step that goes on with the answer. As in tama it has no skills.
pub(super) const RESUME: &str = "resume";

/// The first step's finish key is the channel, its value the question; the answer is the second one's input.
pub(super) async fn run(scope: &PatternScope, steps: &Steps<'_>, input: &str) -> Result<Output, Failure> {
    let asked = steps.run("ask", input).await?;
    let answer = scope.human(&asked.key, &asked.value).await?;
    steps.run(RESUME, &answer).await
}
