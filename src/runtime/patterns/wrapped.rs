//! An agent of another program: its own code decides, and what it does becomes spans.

use std::sync::Arc;

use serde_json::json;

use super::super::ask::Output;
use super::super::failure::Failure;
use super::super::pattern_scope::PatternScope;
use super::super::wrap::{AgentLine, Serving};
use crate::model::{PROGRAM, ToolCall};

/// The finish key of an agent that came to its end.
const DONE: &str = "done";

/// Runs the agent's program to its end, and serves it meanwhile.
pub(super) async fn run(scope: &PatternScope) -> Result<Output, Failure> {
    let line = line(scope)?;
    let mut events = line.events().await;
    // Those of an earlier try: who asked is gone.
    while events.try_recv().is_ok() {}
    let program = scope.tool(ToolCall { name: PROGRAM.into(), args: json!({}) }, None);
    let printed = Serving::new(scope, &line, true).until(&mut events, program).await??;
    line.end_recall();
    match line.failure() {
        // The program is gone, so there is nothing to stop at: the run ends with it, and holds at its end.
        Some(why) => Err(Failure::new(why).into_shown()),
        None => Ok(Output::new(DONE, printed)),
    }
}

/// Serves a subagent until it is through.
pub(super) async fn run_subagent(scope: &PatternScope) -> Result<Output, Failure> {
    let line = line(scope)?;
    let events = line.announced().take_subagent(scope.path());
    let events = events.ok_or_else(|| Failure::new("this subagent is not there any more"))?;
    Serving::new(scope, &line, false).until_over(events).await?;
    Ok(Output::new(DONE, ""))
}

fn line(scope: &PatternScope) -> Result<Arc<AgentLine>, Failure> {
    let line = scope.agent_line().cloned();
    line.ok_or_else(|| Failure::new("an agent of another program can't run from its record"))
}
