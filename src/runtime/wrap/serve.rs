//! Turns what an agent does into spans: each use of a tool and each model call is asked for by its path, as pattern code
//! asks, so that stops, edits, policy and record are the same for all.

use std::collections::HashMap;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use serde_json::Value as Json;
use tokio::sync::{mpsc, oneshot};

use super::event::AgentEvent;
use super::left_open::result_in;
use super::line::AgentLine;
use super::model_call::call_model;
use super::tool_use::{After, use_tool};
use crate::effects::gateway::ModelCall;
use crate::effects::hooks::{HookAnswer, HookCall, HookDialect, HookEvent, HookReply, Hooked, ToolUse, result_text};
use crate::effects::tools::starts_subagent;
use crate::model::PathSegment;
use crate::runtime::failure::Failure;
use crate::runtime::pattern_scope::PatternScope;

/// The result of a tool of whose end the agent did not tell.
const UNSEEN: &str = "[the agent did not tell how it ended]";

/// The agent, or one of its subagents, while it is served.
pub(in super::super) struct Serving<'s> {
    scope: &'s PatternScope,
    line: &'s AgentLine,
    /// True for the agent itself: events of its subagents go on to them.
    is_root: bool,
    tasks: FuturesUnordered<BoxFuture<'s, Result<(), Failure>>>,
    tools: Vec<OpenTool>,
    subagents: HashMap<String, mpsc::UnboundedSender<AgentEvent>>,
}

/// A tool that has begun, and whose end is not known.
struct OpenTool {
    tool: ToolUse,
    dialect: HookDialect,
    session: String,
    after: oneshot::Sender<After>,
}

impl<'s> Serving<'s> {
    /// Serves the agent of a scope.
    pub fn new(scope: &'s PatternScope, line: &'s AgentLine, is_root: bool) -> Self {
        let (tasks, tools, subagents) = (FuturesUnordered::new(), Vec::new(), HashMap::new());
        if let Some(recorded) = &*line.recorded() {
            // What stays of an earlier try keeps its numbers.
            for name in [PathSegment::llm(), PathSegment::aux()] {
                scope.start_after(&name, recorded.visits(scope.path(), name.as_str()));
            }
        }
        Self { scope, line, is_root, tasks, tools, subagents }
    }

    /// Serves it until `end` is there; then all that is under way is brought to its end.
    ///
    /// # Errors
    /// With the halt of one of its calls.
    pub async fn until<T>(
        mut self,
        events: &mut mpsc::UnboundedReceiver<AgentEvent>,
        end: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        let mut end = std::pin::pin!(end);
        let mut has_events = true;
        let ended = loop {
            tokio::select! {
                biased;
                Some(done) = self.tasks.next(), if !self.tasks.is_empty() => done?,
                ended = &mut end => break ended,
                event = events.recv(), if has_events => match event {
                    Some(event) => self.take(event),
                    None => has_events = false,
                },
            }
        };
        self.subagents.clear();
        self.end_tools();
        while let Some(done) = self.tasks.next().await {
            done?;
        }
        Ok(ended)
    }

    /// Serves a subagent until its events are over.
    ///
    /// # Errors
    /// With the halt of one of its calls.
    pub async fn until_over(mut self, mut events: mpsc::UnboundedReceiver<AgentEvent>) -> Result<(), Failure> {
        loop {
            tokio::select! {
                biased;
                Some(done) = self.tasks.next(), if !self.tasks.is_empty() => done?,
                event = events.recv() => match event {
                    Some(event) => self.take(event),
                    None => break,
                },
            }
        }
        self.end_tools();
        while let Some(done) = self.tasks.next().await {
            done?;
        }
        Ok(())
    }

    fn take(&mut self, event: AgentEvent) {
        if self.is_root && event.subagent().is_some() {
            return self.pass_to_subagent(event);
        }
        match event {
            AgentEvent::Model(call) => {
                self.end_answered_tools(&call);
                self.tasks.push(Box::pin(call_model(self.scope, self.line, call)));
            }
            AgentEvent::Hook(hooked) => {
                let Hooked { call, reply } = *hooked;
                self.take_hook(call, reply);
            }
        }
    }

    fn take_hook(&mut self, call: HookCall, reply: HookReply) {
        match call.event {
            HookEvent::Before(tool) => {
                let (after, ended) = oneshot::channel();
                let (tool_use, dialect, session) = (tool.clone(), reply.dialect(), call.agent.session);
                self.tools.push(OpenTool { tool: tool_use, dialect, session, after });
                self.tasks.push(Box::pin(use_tool(self.scope, self.line, tool, reply, ended)));
            }
            HookEvent::After { tool, response, failed } => {
                let after = After { text: result_text(&response), failed, reply: Some(reply) };
                match self.take_open(&tool) {
                    // Its receiver is gone when the tool was denied, and the agent tells of that too.
                    Some(open) => drop(open.after.send(after)),
                    None => drop(after),
                }
            }
            HookEvent::TurnEnd => {
                self.end_tools();
                leave(reply);
            }
            HookEvent::BatchEnd(all) => {
                self.end_refused_tools(all);
                leave(reply);
            }
            HookEvent::SubagentEnd | HookEvent::Other(_) => leave(reply),
            HookEvent::Prompt(_) => self.answer(reply),
        }
    }

    /// Answers a hook that nothing depends on, with the notices for the agent.
    fn answer(&self, reply: HookReply) {
        reply.send(HookAnswer { context: self.line.take_notice(), ..HookAnswer::default() });
    }

    /// The open use of a tool that an end belongs to: by its id, else the oldest with the same arguments.
    fn take_open(&mut self, ended: &ToolUse) -> Option<OpenTool> {
        let is_it = |open: &OpenTool| match (&open.tool.id, &ended.id) {
            (Some(one), Some(other)) => one == other,
            _ => open.tool.name == ended.name && open.tool.input == ended.input,
        };
        let same_name = |open: &OpenTool| ended.id.is_none() && open.tool.name == ended.name;
        let at = self.tools.iter().position(is_it).or_else(|| self.tools.iter().position(same_name))?;
        Some(self.tools.remove(at))
    }

    /// Ends the tools whose end is not known.
    fn end_tools(&mut self) {
        for open in self.tools.drain(..) {
            drop(open.after.send(After { text: UNSEEN.into(), failed: false, reply: None }));
        }
    }

    /// Ends the tools of a batch that are still open: the agent refused them, by its own rules or its user's word.
    fn end_refused_tools(&mut self, all: Vec<(ToolUse, Json)>) {
        for (tool, response) in all {
            if let Some(open) = self.take_open(&tool) {
                drop(open.after.send(After { text: result_text(&response), failed: true, reply: None }));
            }
        }
    }

    /// Ends the tools of whose end no hook came, and whose results a model call brings.
    fn end_answered_tools(&mut self, call: &ModelCall) {
        let mut open = Vec::new();
        for one in self.tools.drain(..) {
            match result_in(call, &one.tool, one.dialect, &one.session) {
                Some(text) => {
                    let text = if text.is_empty() { UNSEEN.to_owned() } else { text };
                    // Claude Code tells of each tool that it lets run.
                    let failed = one.dialect == HookDialect::Claude;
                    drop(one.after.send(After { text, failed, reply: None }));
                }
                None => open.push(one),
            }
        }
        self.tools = open;
    }

    fn pass_to_subagent(&mut self, event: AgentEvent) {
        let Some(id) = event.subagent().map(str::to_owned) else { return };
        if matches!(&event, AgentEvent::Hook(hooked) if hooked.call.event == HookEvent::SubagentEnd) {
            self.subagents.remove(&id);
            if let AgentEvent::Hook(hooked) = event {
                leave(hooked.reply);
            }
            return;
        }
        let kind = event.kind().unwrap_or("subagent").to_owned();
        let task = self.task_of_newest_subagent();
        let events = self.subagents.entry(id).or_insert_with(|| {
            let (events, received) = mpsc::unbounded_channel();
            let (scope, line) = (self.scope, self.line);
            self.tasks.push(Box::pin(async move {
                let announce = |path: &str| line.announced().add_subagent(path, received);
                scope.outside_agent(&kind, &task, announce).await.map(drop)
            }));
            events
        });
        // A subagent that is through leaves the answer to the agent's own rules.
        drop(events.send(event));
    }

    /// The task of the subagent that was started last.
    fn task_of_newest_subagent(&self) -> String {
        let newest = self.tools.iter().rev().find(|open| starts_subagent(&open.tool.name));
        let prompt = newest.and_then(|open| open.tool.input.get("prompt").and_then(Json::as_str));
        prompt.unwrap_or_default().to_owned()
    }
}

/// Answers a hook that takes no words: notices for the agent wait for one that does.
fn leave(reply: HookReply) {
    reply.send(HookAnswer::default());
}
