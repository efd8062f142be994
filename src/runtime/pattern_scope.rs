//! The scope of pattern code: its place in the execution, and the one way out, to the dispatcher.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::ask::{AgentKey, Ask, Failure, Outcome, Output, Payload, Place, Work};
use super::dispatcher::Incoming;
use super::patterns;
use crate::effects::tools::Toolbox;
use crate::model::{Fan, LlmRequest, LlmResponse, ToolCall, ToolDecl};
use crate::pipeline::Pipeline;

/// Branches of a fan-out at work at once, unless the pipeline's limits say otherwise.
const MAX_PARALLEL: usize = 8;

/// One agent's view of the execution.
pub(super) struct PatternScope {
    line: Line,
    path: String,
    pipeline: Arc<Pipeline>,
    tools: Arc<Toolbox>,
    visits: Mutex<HashMap<String, u32>>,
    groups: Mutex<u32>,
}

/// The line to the dispatcher. Asks of an earlier epoch (pattern code that was dropped) are not answered.
#[derive(Clone)]
pub(super) struct Line {
    pub epoch: u64,
    pub asks: mpsc::UnboundedSender<Incoming>,
    /// The program's own tools.
    pub tools: Arc<Toolbox>,
}

impl Line {
    async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<Result<T, Failure>>) -> Ask) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        let gone = |_| Failure { text: "the run was stopped".into(), told: true };
        self.asks
            .send(Incoming::Ask { epoch: self.epoch, ask: make(reply) })
            .map_err(|_| Failure { text: "the run was stopped".into(), told: true })?;
        answer.await.map_err(gone)?
    }
}

/// Runs the whole pipeline from its entrypoint.
pub(super) async fn run_pipeline(line: Line, pipeline: Arc<Pipeline>, task: String) -> Result<Output, Failure> {
    let entry = AgentKey::agent(&pipeline.entrypoint);
    let root = PatternScope::new(line, String::new(), pipeline);
    root.agent(&entry, &task).await
}

impl PatternScope {
    fn new(line: Line, path: String, pipeline: Arc<Pipeline>) -> Self {
        let own = !pipeline.tools.is_empty();
        let tools = if own { Arc::new(line.tools.with(pipeline.tools.values())) } else { line.tools.clone() };
        Self { line, path, pipeline, tools, visits: Mutex::default(), groups: Mutex::default() }
    }

    /// The pipeline this agent runs by.
    pub fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// A tool's declaration for the model.
    pub fn declared(&self, tool: &str) -> Option<ToolDecl> {
        self.tools.get(tool).map(|tool| tool.decl().clone())
    }

    /// Runs an agent below this one.
    pub async fn agent(&self, key: &AgentKey, input: &str) -> Result<Output, Failure> {
        self.agent_at(self.place(key.label(), None), key.clone(), input.to_owned()).await
    }

    /// Runs agents concurrently, at most `limits.max_parallel` at once; results come in program order.
    pub async fn fan_out(&self, branches: Vec<(AgentKey, String)>) -> Vec<Result<Output, Failure>> {
        let group = {
            let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            *groups += 1;
            *groups - 1
        };
        // Places are given before anything runs, so that numbering doesn't depend on who is first.
        let runs: Vec<_> = (0u32..)
            .zip(branches)
            .map(|(index, (key, input))| {
                let place = self.place(key.label(), Some(Fan { group, index }));
                self.agent_at(place, key, input)
            })
            .collect();
        let width = self.pipeline.limits.max_parallel.unwrap_or(MAX_PARALLEL).max(1);
        futures::stream::iter(runs).buffered(width).collect().await
    }

    /// Calls the model.
    pub async fn llm(&self, request: LlmRequest) -> Result<LlmResponse, Failure> {
        match self.effect("llm", Work::Llm(request)).await? {
            Payload::Llm(response) => Ok(response),
            other => Err(mismatch(&other)),
        }
    }

    /// Calls a tool; with a refusal, the model gets that instead.
    pub async fn tool(&self, call: ToolCall, refusal: Option<String>) -> Result<String, Failure> {
        match self.effect(&call.name.clone(), Work::Tool { call, refusal }).await? {
            Payload::Tool(result) => Ok(result),
            other => Err(mismatch(&other)),
        }
    }

    async fn effect(&self, name: &str, work: Work) -> Outcome {
        let place = self.place(name, None);
        self.line.ask(|reply| Ask::Effect { place, work, reply }).await
    }

    fn agent_at(&self, place: Place, key: AgentKey, input: String) -> BoxFuture<'_, Result<Output, Failure>> {
        Box::pin(async move {
            let path = place.path.clone();
            let (asked, shown) = (key.clone(), input.clone());
            let pipeline = self.line.ask(|reply| Ask::Enter { place, key: asked, input: shown, reply }).await?;
            let below = Self::new(self.line.clone(), path.clone(), pipeline);
            let result = patterns::run(&below, &key, &input).await;
            match self.line.ask(|reply| Ask::Exit { path, result, reply }).await? {
                Payload::Agent(output) => Ok(output),
                other => Err(mismatch(&other)),
            }
        })
    }

    fn place(&self, name: &str, fan: Option<Fan>) -> Place {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let visit = visits.entry(name.to_owned()).and_modify(|visit| *visit += 1).or_insert(1);
        Place {
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

fn mismatch(payload: &Payload) -> Failure {
    Failure::new(format!("a call of another kind is recorded at this path: {payload:?}"))
}
