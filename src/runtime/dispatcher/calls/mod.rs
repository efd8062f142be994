//! The calls of the pattern code: those that are pending, those that are recorded, and the span at each path.

mod pending_call;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;
use tokio::sync::oneshot;

pub(super) use pending_call::{Caller, Job, PendingCall, Stage};

use super::command::ChangesDecision;
use super::driver_action::DriverAction;
use super::exec::{TextSoFar, lock_name};
use super::open_files::OpenLook;
use super::permits::Permit;
use crate::model::{
    Conversation, EarlierCall, Generation, PROGRAM, SpanEnd, SpanId, SpanSpec, SpanStart, TextHash, ToolCall,
    TraceBody, Try,
};
use crate::runtime::ask::{Outcome, Output, Payload, SpanPosition, Work};
use crate::runtime::compare::AgentEnd;
use crate::runtime::conversations::Conversations;
use crate::runtime::failure::Failure;
use crate::runtime::gates::is_within;
use crate::runtime::journal::{Journal, Lookup, NO_REQUEST};
use crate::runtime::recorded::{Gathered, Recorded};
use crate::runtime::request::HashVersion;

/// The calls of the pattern code, by path.
pub(in super::super) struct Calls {
    pending: BTreeMap<String, PendingCall>,
    journal: Journal,
    conversations: Conversations,
    /// The span at every path that no invalidation covers.
    paths: HashMap<String, SpanId>,
    /// How often each path ran.
    tries: HashMap<String, u32>,
    /// Counts the starts of the pattern code: what an earlier one asks is not answered.
    epoch: u64,
    /// While the record of a past run is not read: so much of it as is gathered.
    unread: Option<Gathered>,
}

/// Calls that were asked to stop.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Halted {
    /// The paths that were under way.
    pub paths: Vec<String>,
    /// The tools among them, which end by themselves.
    pub waiting: BTreeSet<String>,
}

/// The next span's id, and its generation.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct NextSpan {
    pub span: SpanId,
    pub generation: Generation,
}

impl Calls {
    /// Takes the record of a run: its journal, the span at every path, and how often each path ran.
    pub fn new(journal: Journal, (paths, tries): (HashMap<String, SpanId>, HashMap<String, u32>)) -> Self {
        let conversations = Conversations::default();
        Self { pending: BTreeMap::new(), journal, conversations, paths, tries, epoch: 0, unread: None }
    }

    /// The calls of a past run whose record is not read yet, except for what is gathered.
    pub fn unread(hash: HashVersion, gathered: Gathered) -> Self {
        Self { unread: Some(gathered), ..Self::new(Journal::hashed(hash), (HashMap::new(), HashMap::new())) }
    }

    /// Forgets the record: another try stands, and the next retry reads it again. No call is pending.
    pub fn forget_record(&mut self) {
        let hash = self.hash();
        *self = Self { epoch: self.epoch, ..Self::unread(hash, Gathered::default()) };
    }

    /// Takes what is gathered of the record of a past run, while it is not read: then none of its pattern code has run.
    /// It stays unread.
    pub fn take_gathered(&mut self) -> Option<Gathered> {
        self.unread.as_mut().map(std::mem::take)
    }

    /// Takes the record of a past run.
    pub fn take_record(&mut self, record: Recorded) {
        let Recorded { journal, paths, tries } = record;
        (self.journal, self.paths, self.tries, self.unread) = (journal, paths, tries, None);
    }

    /// The start of the pattern code whose questions are answered.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Begins another epoch: what was asked before is not answered any more.
    pub fn next_epoch(&mut self) -> u64 {
        self.epoch += 1;
        self.epoch
    }

    /// Returns the span at a path.
    pub fn span_at(&self, path: &str) -> Option<SpanId> {
        self.paths.get(path).copied()
    }

    /// Returns the span of the agent at a path; the run at the top.
    pub fn agent_at(&self, path: &str) -> SpanId {
        self.span_at(path).unwrap_or(SpanId::RUN)
    }

    /// Starts a span.
    pub fn start_span(
        &mut self,
        position: &SpanPosition,
        next: NextSpan,
        spec: SpanSpec,
        step: Option<String>,
    ) -> DriverAction {
        let tries = self.tries.entry(position.path.clone()).or_default();
        *tries += 1;
        let attempt = Try(*tries);
        let parent = self.agent_at(&position.parent);
        self.paths.insert(position.path.clone(), next.span);
        if let SpanSpec::Agent { input, .. } = &spec {
            self.journal.start_agent(position.path.clone(), *input);
        }
        DriverAction::append(TraceBody::SpanStarted(SpanStart {
            span: next.span,
            parent,
            path: position.path.clone(),
            name: position.name.clone(),
            visit: position.visit,
            attempt,
            generation: next.generation,
            fan: position.fan,
            spec,
            step,
            attributes: BTreeMap::new(),
        }))
    }

    /// Returns the way in which the run's requests are hashed.
    pub fn hash(&self) -> HashVersion {
        self.journal.hash()
    }

    /// Looks a request up in the journal.
    pub fn lookup(&self, path: &str, request: TextHash) -> Lookup<'_> {
        self.journal.lookup(path, request)
    }

    /// Returns the user's answer in the place of an agent's end.
    pub fn answered_end(&self, path: &str) -> Option<&Outcome> {
        self.journal.answered_end(path)
    }

    /// Returns the input that the user gave an agent in the place of the code's.
    pub fn given_input(&self, path: &str) -> Option<String> {
        self.journal.given_input(path).cloned()
    }

    /// Stores the input that the user gives an agent.
    pub fn give_input(&mut self, path: &str, input: String) {
        self.journal.give_input(path, input);
    }

    /// Returns an agent's recorded input, if it is another one than this.
    pub fn other_input(&self, path: &str, input: &str) -> Option<TextHash> {
        self.journal.other_input(path, input)
    }

    /// Returns an agent's recorded end, if it is another one than this.
    pub fn other_end(&self, path: &str, result: &Result<Output, Failure>) -> Option<AgentEnd> {
        self.journal.other_end(path, result)
    }

    /// Stores an agent's end.
    pub fn end_agent(&mut self, path: &str, end: &SpanEnd) {
        self.journal.end_agent(path, end);
        self.conversations.end(end.span);
    }

    /// Stores an agent's output.
    pub fn finish_agent(&mut self, path: &str, output: Output) {
        self.journal.finish_agent(path, output);
    }

    /// The output of an agent that ended well; `None` while a call is pending there.
    pub fn finished(&self, path: &str) -> Option<&Output> {
        self.journal.finished(path).filter(|_| !self.pending.contains_key(path))
    }

    /// The beginning that a conversation shares with the agent's call before.
    pub fn beginning(&self, agent: SpanId, conversation: &Conversation) -> Option<EarlierCall> {
        self.conversations.beginning(agent, conversation)
    }

    /// Remembers the conversation of an agent's call.
    pub fn add_conversation(&mut self, agent: SpanId, call: SpanId, conversation: Conversation) {
        self.conversations.add(agent, call, conversation);
    }

    /// Has a caller wait for the call that is pending at a path; gives it back when there is none.
    pub fn join(&mut self, path: &str, caller: Caller) -> Option<Caller> {
        match self.pending.get_mut(path) {
            Some(pending) => {
                pending.replies.push(caller);
                None
            }
            None => Some(caller),
        }
    }

    /// Adds a call.
    pub fn insert(&mut self, call: PendingCall) {
        self.pending.insert(call.position.path.clone(), call);
    }

    /// Returns the call at a path.
    pub fn get(&self, path: &str) -> Option<&PendingCall> {
        self.pending.get(path)
    }

    /// Returns the call of a span, and its path.
    pub fn find(&self, span: SpanId) -> Option<(&String, &PendingCall)> {
        self.pending.iter().find(|(_, pending)| pending.span == span)
    }

    /// Returns the span of the tool call that holds a lock by this name, whichever of the pending calls it is.
    pub fn holder(&self, name: &str) -> Option<SpanId> {
        let holds = |call: &&PendingCall| match &call.work {
            Some(Work::Tool { call: tool, .. }) => name == lock_name(call.span, &tool.name),
            _ => false,
        };
        self.pending.values().find(holds).map(|call| call.span)
    }

    /// True when the program of an agent of another program holds a lock by this name.
    pub fn is_program(&self, name: &str) -> bool {
        let holds = |call: &PendingCall| match &call.work {
            Some(Work::Tool { call: tool, .. }) => tool.name == PROGRAM && name == lock_name(call.span, &tool.name),
            _ => false,
        };
        self.pending.values().any(holds)
    }

    /// Iterates over the calls in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &PendingCall)> {
        self.pending.iter()
    }

    /// Lists the paths of the calls that are stopped at a gate: of the span itself, else of those below `path`.
    pub fn paused_within(&self, span: SpanId, path: &str) -> Vec<String> {
        if let Some((path, _)) = self.find(span).filter(|(_, pending)| pending.is_paused()) {
            return vec![path.clone()];
        }
        let inside = self.pending.iter().filter(|(at, pending)| pending.is_paused() && is_within(at, path));
        inside.map(|(path, _)| path.clone()).collect()
    }

    /// Begins to look at the files that a call would write.
    pub fn start_look(&mut self, path: &str) {
        if let Some(pending) = self.pending.get_mut(path) {
            pending.stage = Stage::Looking;
        }
    }

    /// Ends the look at the files of a call; returns false when the call is gone. `own_file`: set when the pipeline is
    /// made of one of them.
    pub fn end_look(&mut self, path: &str, span: SpanId, own_file: Option<String>) -> bool {
        let looking = |call: &&mut PendingCall| call.span == span && matches!(call.stage, Stage::Looking);
        let Some(pending) = self.pending.get_mut(path).filter(looking) else { return false };
        pending.stage = Stage::Before;
        pending.own_file = own_file;
        true
    }

    /// Stores the files that were open when the command of a call was looked at.
    pub fn set_open_files(&mut self, path: &str, span: SpanId, open: Option<OpenLook>) {
        if let Some(pending) = self.pending.get_mut(path).filter(|pending| pending.span == span) {
            pending.open = open;
        }
    }

    /// Stores the task that carries a call out.
    pub fn start(&mut self, path: &str, task: Job) {
        if let Some(pending) = self.pending.get_mut(path) {
            pending.stage = Stage::Running;
            pending.task = Some(task);
        }
    }

    /// Ends the task of a call; returns false when the call is gone.
    pub fn end_task(&mut self, path: &str, span: SpanId) -> bool {
        match self.pending.get_mut(path).filter(|pending| pending.span == span) {
            Some(pending) => {
                pending.task = None;
                true
            }
            None => false,
        }
    }

    /// Keeps a recorded outcome with its pending call, and in the journal.
    pub fn record_outcome(&mut self, path: &str, outcome: Outcome) {
        let Some(pending) = self.pending.get_mut(path) else { return };
        if pending.work.is_some() {
            let kept = outcome.clone().map_err(Failure::into_shown);
            self.journal.insert(path.to_owned(), pending.span, pending.request, kept);
        }
        pending.stage = Stage::After { outcome };
    }

    /// Keeps the user's answer in the place of an outcome: of an agent's end too, because its own code would come to
    /// another one when it is run again.
    pub fn record_answer(&mut self, path: &str, outcome: Outcome) {
        if let Some(pending) = self.pending.get(path) {
            self.journal.insert(path.to_owned(), pending.span, pending.request, outcome.clone());
        }
        self.record_outcome(path, outcome);
    }

    /// Keeps the user's answer in the place of an agent that did not run.
    pub fn record_agent_answer(&mut self, path: &str, span: SpanId, output: Output) {
        self.journal.insert(path.to_owned(), span, NO_REQUEST, Ok(Payload::Agent(output)));
    }

    /// Sends the recorded outcome to every waiting caller and removes the call.
    pub fn reply(&mut self, path: &str) {
        let Some(PendingCall { stage: Stage::After { outcome }, replies, .. }) = self.pending.remove(path) else {
            return;
        };
        let outcome = outcome.map_err(Failure::into_shown);
        for caller in replies {
            caller.reply(outcome.clone());
        }
    }

    /// Replaces the arguments of a tool call; returns the call, and its span.
    pub fn set_args(&mut self, path: &str, args: Json) -> Option<(SpanId, ToolCall)> {
        let pending = self.pending.get_mut(path)?;
        let Some(Work::Tool { call, .. }) = &mut pending.work else { return None };
        call.args = args;
        Some((pending.span, call.clone()))
    }

    /// Has the changes of a command held, or not.
    pub fn set_hold(&mut self, path: &str, hold: bool) {
        if let Some(pending) = self.pending.get_mut(path) {
            pending.hold = hold;
        }
    }

    /// Marks the gate after a command as passed.
    pub fn mark_looked_after(&mut self, path: &str) {
        if let Some(pending) = self.pending.get_mut(path) {
            pending.looked_after = true;
        }
    }

    /// Holds the changes of a command. `printed`: its output.
    pub fn hold_changes(&mut self, path: &str, printed: String, reply: oneshot::Sender<ChangesDecision>) {
        if let Some(pending) = self.pending.get_mut(path) {
            pending.stage = Stage::Holding { printed, reply };
        }
    }

    /// Sends a command's task the decision about its held changes.
    pub fn decide_held(&mut self, path: &str, decision: ChangesDecision) {
        let Some(pending) = self.pending.get_mut(path).filter(|pending| pending.holds_changes()) else { return };
        if let Stage::Holding { reply, .. } = std::mem::replace(&mut pending.stage, Stage::Running) {
            // A task that was stopped meanwhile asks no more.
            drop(reply.send(decision));
        }
    }

    /// Asks calls to stop. A model call ends at once; a tool ends by itself, so that what it did is recorded.
    pub fn ask_to_stop(&mut self, paths: &[String]) -> Halted {
        let mut halted = Halted::default();
        for path in paths {
            let Some(pending) = self.pending.get_mut(path) else { continue };
            let Some(task) = &pending.task else {
                if matches!(pending.stage, Stage::Looking | Stage::Queued) {
                    // Its look or its wait ends for nothing: it must not start while what it would act on is being undone.
                    pending.stage = Stage::Before;
                    halted.paths.push(path.clone());
                }
                continue;
            };
            halted.paths.push(path.clone());
            if task.ask_to_stop() {
                halted.waiting.insert(path.clone());
            } else {
                pending.task = None;
            }
        }
        halted
    }

    /// Has tools that wait for a lock wait again, later; those that have begun meanwhile go on.
    pub fn withdraw(&mut self, paths: Vec<String>) -> Halted {
        let waits = |path: &String| {
            let task = self.pending.get(path).and_then(|pending| pending.task.as_ref());
            task.is_some_and(Job::withdraw)
        };
        let paths: Vec<String> = paths.into_iter().filter(waits).collect();
        Halted { waiting: paths.iter().cloned().collect(), paths }
    }

    /// Has a question wait for a person's answer.
    pub fn start_asking(&mut self, path: &str) {
        if let Some(pending) = self.pending.get_mut(path) {
            pending.stage = Stage::Asking;
        }
    }

    /// Has a call wait for a permit.
    pub fn queue(&mut self, path: &str) {
        if let Some(pending) = self.pending.get_mut(path) {
            pending.stage = Stage::Queued;
        }
    }

    /// Ends a call's wait for a permit, which it has now.
    pub fn end_queue(&mut self, path: &str, permit: Permit) {
        if let Some(pending) = self.pending.get_mut(path) {
            pending.stage = Stage::Before;
            pending.permit = Some(permit);
        }
    }

    /// Ends a call's wait for a permit without one.
    pub fn leave_queue(&mut self, path: &str) {
        if let Some(pending) = self.pending.get_mut(path) {
            pending.stage = Stage::Before;
        }
    }

    /// Takes the permit that a call got.
    pub fn take_permit(&mut self, path: &str) -> Option<Permit> {
        self.pending.get_mut(path)?.permit.take()
    }

    /// Lists the calls that wait for a permit.
    pub fn queued(&self) -> Vec<(String, SpanId)> {
        let queued = self.pending.iter().filter(|(_, pending)| matches!(pending.stage, Stage::Queued));
        queued.map(|(path, pending)| (path.clone(), pending.span)).collect()
    }

    /// True when calls at or below a path are stopped at gates, and none is under way.
    pub fn is_all_stopped(&self, path: &str) -> bool {
        let mut inside = self.pending.iter().filter(|(at, _)| is_within(at, path)).peekable();
        inside.peek().is_some() && inside.all(|(_, pending)| pending.is_paused())
    }

    /// True while a call at or below a path is under way.
    pub fn is_under_way(&self, path: &str) -> bool {
        self.pending.iter().any(|(at, pending)| is_within(at, path) && !pending.is_paused())
    }

    /// Lists the paths of all calls.
    pub fn paths(&self) -> Vec<String> {
        self.pending.keys().cloned().collect()
    }

    /// Returns the answers of models as far as they came.
    pub fn texts_so_far(&self) -> Vec<(SpanId, TextSoFar)> {
        let text = |call: &PendingCall| Some((call.span, call.task.as_ref()?.so_far.clone()?));
        self.pending.values().filter_map(text).collect()
    }

    /// Removes calls; a task that still runs is cut off.
    pub fn remove(&mut self, paths: &[String]) {
        for path in paths {
            if let Some(task) = self.pending.remove(path).and_then(|pending| pending.task) {
                task.cut_off();
            }
        }
    }

    /// Forgets what a retry undoes, and the ends of the agents that it reopens.
    pub fn invalidate(&mut self, taken: &[String], reopened: &[String]) {
        self.remove(taken);
        // Ends of ancestors are asked for anew.
        self.remove(reopened);
        for path in taken {
            self.paths.remove(path);
        }
        self.journal.invalidate(taken);
        self.journal.reopen(reopened);
    }
}
