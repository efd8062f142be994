//! A pattern's view of the execution: its place, and the one way out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use serde_json::Value as Json;

use super::ask::{AgentKey, Begin, Outcome, Output, Payload, SpanPosition, Work};
use super::effects::Effects;
use super::failure::{AgentFailure, Divergence, Failure, Halt, OrHalt};
use super::patterns;
use super::wording::Wording;
use super::wrap::AgentLine;
use crate::effects::remote::{Listed, listed_tools};
use crate::effects::tools::{Toolbox, list_tool};
use crate::model::{Fan, LlmRequest, LlmResponse, PathSegment, ToolCall, ToolDecl};
use crate::pipeline::Pipeline;

/// One agent's view of the execution.
pub(super) struct PatternScope {
    effects: Arc<dyn Effects>,
    path: String,
    pipeline: Arc<Pipeline>,
    tools: Arc<Toolbox>,
    visits: Mutex<HashMap<String, u32>>,
    groups: Mutex<u32>,
}

/// Runs the whole pipeline from its entrypoint.
pub(super) async fn run_pipeline(
    effects: Arc<dyn Effects>,
    pipeline: Arc<Pipeline>,
    task: String,
) -> Result<Output, Failure> {
    let entry = AgentKey::agent(&pipeline.entrypoint);
    let root = PatternScope::new(effects, String::new(), pipeline);
    root.agent(&entry, &task).await
}

impl PatternScope {
    fn new(effects: Arc<dyn Effects>, path: String, pipeline: Arc<Pipeline>) -> Self {
        let tools = effects.toolbox().for_pipeline(&pipeline);
        Self { effects, path, pipeline, tools, visits: Mutex::default(), groups: Mutex::default() }
    }

    /// The pipeline this agent runs by.
    pub fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// A tool's declaration for the model.
    pub fn declared(&self, tool: &str) -> Option<ToolDecl> {
        self.tools.get(tool).map(|tool| tool.decl().clone())
    }

    /// A tool's result as the model gets it.
    pub fn shorten(&self, result: String) -> String {
        self.effects.hash().shorten(result)
    }

    /// Runs an agent below this one.
    pub async fn agent(&self, key: &AgentKey, input: &str) -> Result<Output, Failure> {
        self.agent_at(self.position(&PathSegment::of_agent(key.label()), None), key.clone(), input.to_owned()).await
    }

    /// Runs agents concurrently; they begin as the dispatcher lets them. Results come in program order. A halt of one ends
    /// them all.
    pub async fn fan_out(
        &self,
        branches: Vec<(AgentKey, String)>,
    ) -> Result<Vec<Result<Output, AgentFailure>>, Failure> {
        let group = {
            let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            *groups += 1;
            *groups - 1
        };
        // Positions are given before anything runs, so that numbering doesn't depend on who is first.
        let runs: Vec<_> = (0u32..)
            .zip(branches)
            .map(|(index, (key, input))| {
                let position = self.position(&PathSegment::of_agent(key.label()), Some(Fan { group, index }));
                let run = self.agent_at(position, key, input);
                async move { run.await.or_halt().map(|result| (index, result)) }
            })
            .collect();
        let mut results: Vec<_> = runs.into_iter().collect::<FuturesUnordered<_>>().try_collect().await?;
        results.sort_unstable_by_key(|(index, _)| *index);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }

    /// Calls the model.
    pub async fn llm(&self, request: LlmRequest) -> Result<LlmResponse, Failure> {
        match self.effect(&PathSegment::llm(), Work::Llm(request)).await? {
            Payload::Llm(response) => Ok(response),
            other => Err(mismatch(&self.path, &other)),
        }
    }

    /// Calls a tool; with a refusal, the model gets that instead.
    pub async fn tool(&self, call: ToolCall, refusal: Option<String>) -> Result<String, Failure> {
        match self.effect(&PathSegment::of_tool(&call.name), Work::Tool { call, refusal }).await? {
            Payload::Tool(result) => Ok(result),
            other => Err(mismatch(&self.path, &other)),
        }
    }

    /// Asks a person; returns the answer.
    pub async fn human(&self, channel: &str, question: &str) -> Result<String, Failure> {
        let work = Work::Human { question: question.to_owned(), channel: channel.to_owned() };
        match self.effect(&PathSegment::human(), work).await? {
            Payload::Human(answer) => Ok(answer),
            other => Err(mismatch(&self.path, &other)),
        }
    }

    /// Says that the agent of another program no longer waits for the call at a path.
    pub fn give_up(&self, path: &str) {
        self.effects.give_up(path);
    }

    /// The line to the agent of another program, where there is one.
    pub fn agent_line(&self) -> Option<&Arc<AgentLine>> {
        self.effects.agent()
    }

    /// Begins to number the calls of a name after those that stay of an earlier try.
    pub fn start_after(&self, name: &PathSegment, visits: u32) {
        if visits > 0 {
            let mut known = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(name.as_str().to_owned(), visits);
        }
    }

    /// Asks for a tool that another program's agent wants to run. `announce` gets the path of its span before, and returns
    /// the arguments that it is asked for with.
    pub async fn outside_tool(&self, name: String, announce: impl FnOnce(&str) -> Json) -> Result<String, Failure> {
        let position = self.position(&PathSegment::of_tool(&name), None);
        let call = ToolCall { args: announce(&position.path), name };
        match self.effects.effect(position, Work::Tool { call, refusal: None }).await? {
            Payload::Tool(result) => Ok(result),
            other => Err(mismatch(&self.path, &other)),
        }
    }

    /// Asks for the answer to a model call of another program's agent, `is_aux`: a side call. `announce` gets the path of
    /// its span before.
    pub async fn outside_llm(
        &self,
        request: LlmRequest,
        is_aux: bool,
        announce: impl FnOnce(&str),
    ) -> Result<LlmResponse, Failure> {
        let name = if is_aux { PathSegment::aux() } else { PathSegment::llm() };
        let position = self.position(&name, None);
        announce(&position.path);
        match self.effects.effect(position, Work::Llm(request)).await? {
            Payload::Llm(response) => Ok(response),
            other => Err(mismatch(&self.path, &other)),
        }
    }

    /// Runs a subagent of another program's agent. `announce` gets the path of its span before.
    pub async fn outside_agent(&self, kind: &str, input: &str, announce: impl FnOnce(&str)) -> Result<Output, Failure> {
        let position = self.position(&PathSegment::of_agent(kind), None);
        announce(&position.path);
        let key = AgentKey { agent: self.pipeline.entrypoint.clone(), step: Some(kind.to_owned()) };
        self.agent_at(position, key, input.to_owned()).await
    }

    /// The path of this agent.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The words around inputs and prompts, as the run began with them.
    pub fn wording(&self) -> Wording {
        self.effects.hash().wording()
    }

    /// Asks an MCP server for its tools.
    pub async fn list_tools(&self, server: &str) -> Result<Vec<Listed>, Failure> {
        let call = ToolCall { name: list_tool(server), args: serde_json::json!({}) };
        listed_tools(&self.tool(call, None).await?).map_err(|why| Failure::new(format!("failed to list tools: {why}")))
    }

    async fn effect(&self, name: &PathSegment, work: Work) -> Outcome {
        self.effects.effect(self.position(name, None), work).await
    }

    fn agent_at(&self, position: SpanPosition, key: AgentKey, input: String) -> BoxFuture<'_, Result<Output, Failure>> {
        Box::pin(async move {
            let path = position.path.clone();
            let (pipeline, input) = match self.effects.enter(position, &key, &input).await? {
                Begin::Run { pipeline, input: edited } => (pipeline, edited.unwrap_or(input)),
                Begin::Done(output) => return Ok(output),
            };
            let below = Self::new(self.effects.clone(), path.clone(), pipeline);
            let result = patterns::run(&below, &key, &input).await;
            self.effects.exit(&path, result).await
        })
    }

    fn position(&self, name: &PathSegment, fan: Option<Fan>) -> SpanPosition {
        let name = name.as_str();
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let visit = visits.entry(name.to_owned()).and_modify(|visit| *visit += 1).or_insert(1);
        SpanPosition {
            path: join(&self.path, name, *visit),
            parent: self.path.clone(),
            name: name.to_owned(),
            visit: *visit,
            fan,
        }
    }
}

fn join(parent: &str, name: &str, visit: u32) -> String {
    let slash = if parent.is_empty() { "" } else { "/" };
    if visit > 1 { format!("{parent}{slash}{name}#{visit}") } else { format!("{parent}{slash}{name}") }
}

/// The halt for an outcome that is of another kind than the effect at its path.
pub(super) fn mismatch(path: &str, payload: &Payload) -> Failure {
    let recorded = match payload {
        Payload::Llm(_) => "a model call",
        Payload::Tool(_) => "a tool call",
        Payload::Human(_) => "a person's answer",
        Payload::Agent(_) => "an agent",
    };
    let divergence = Divergence { path: path.to_owned(), recorded: recorded.into(), asked: "something else".into() };
    Halt::from(Box::new(divergence)).into()
}
