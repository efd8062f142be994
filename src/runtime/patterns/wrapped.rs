//! An agent of another program: its own code decides, and this pattern turns what it asks for into spans.

use serde_json::json;

use super::super::ask::Output;
use super::super::failure::Failure;
use super::super::pattern_scope::PatternScope;
use crate::effects::tools::PROGRAM;
use crate::model::ToolCall;

/// Runs the agent's program to its end.
pub(super) async fn run(scope: &PatternScope) -> Result<Output, Failure> {
    let line = scope.agent_line().cloned();
    let line = line.ok_or_else(|| Failure::new("an agent of another program can't run from its record"))?;
    let printed = scope.tool(ToolCall { name: PROGRAM.into(), args: json!({}) }, None).await?;
    match line.failure() {
        Some(why) => Err(Failure::new(why)),
        None => Ok(Output::new("done", printed)),
    }
}
