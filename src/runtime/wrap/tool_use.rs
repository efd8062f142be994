//! One use of a tool by an agent of another program, from its hook before to its hook after.

use std::sync::OnceLock;

use tokio::sync::oneshot;

use super::announced::{ToolEnd, ToolUnderWay};
use super::line::AgentLine;
use crate::effects::hooks::{HookAnswer, HookReply, ToolUse};
use crate::model::PROGRAM;
use crate::runtime::failure::Failure;
use crate::runtime::pattern_scope::PatternScope;

/// The end of a tool, as the agent tells it.
pub(super) struct After {
    /// Its result.
    pub text: String,
    /// True when it failed.
    pub failed: bool,
    /// Answers the hook; `None`: the agent did not call one.
    pub reply: Option<HookReply>,
}

/// Asks whether a tool may run, lets the agent run it, and records its end.
pub(super) async fn use_tool(
    scope: &PatternScope,
    line: &AgentLine,
    tool: ToolUse,
    reply: HookReply,
    after: oneshot::Receiver<After>,
) -> Result<(), Failure> {
    // The name of the agent's own program is not one of its tools.
    let name = if tool.name == PROGRAM { format!("{PROGRAM} (tool)") } else { tool.name.clone() };
    let (start, started) = oneshot::channel();
    let (ended, end) = oneshot::channel();
    let under_way = ToolUnderWay { asked: tool.input.clone(), start, end };
    let own_path = OnceLock::new();
    let announce = |path: &str| {
        let _ = own_path.set(path.to_owned());
        line.announced().add_tool(path, under_way);
        // Those that the user gave it in an earlier try.
        let again = line.recorded().as_mut().and_then(|recorded| recorded.use_tool(path));
        again.unwrap_or(tool.input)
    };
    let effect = scope.outside_tool(name, announce);
    let talk = async {
        // Dropped: it was denied, or answered in its place.
        let Ok(input) = started.await else { return (Some(reply), None) };
        let is_heard = reply.send(HookAnswer { input, context: line.take_notice(), ..HookAnswer::default() });
        if !is_heard {
            line.tell_unseen(&tool.name);
        }
        let Ok(after) = after.await else { return (None, None) };
        // The call was stopped meanwhile.
        drop(ended.send(ToolEnd { text: after.text.clone(), failed: after.failed }));
        (None, Some(after))
    };
    // Nobody starts it any more; `talk` hears of it.
    let forget = || drop(own_path.get().map(|path| line.announced().take_tool(path)));
    let (result, (waiting, after)) = join_or_forget(effect, talk, forget).await;
    let result = result?;
    if let Some(reply) = waiting {
        reply.send(HookAnswer { context: line.take_notice(), ..HookAnswer::deny(result) });
    } else if let Some(After { text, reply: Some(reply), .. }) = after {
        let output = (result != text).then_some(result);
        if output.is_some() && !reply.can_change_result() {
            line.tell_unchanged(&tool.name);
        }
        reply.send(HookAnswer { output, context: line.take_notice(), ..HookAnswer::default() });
    }
    Ok(())
}

/// Waits for both; once the first is there, has the second one forgotten where it still waits to be started.
async fn join_or_forget<A, B>(
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
    forget: impl FnOnce(),
) -> (A, B) {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    tokio::select! {
        biased;
        done = &mut first => {
            forget();
            (done, second.await)
        }
        other = &mut second => (first.await, other),
    }
}
