//! Where the run stops, and what may run: breakpoints and steps, the policy and its approvals, limits, the fence.

mod answers;
mod limits;
mod question;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use limits::Waived;
pub(in super::super) use question::{ModelQuestion, Question, ToolQuestion};

use super::command::{ChangesDecision, ChangesFacts};
use super::driver_action::DriverAction;
use super::exec::{Done, denied};
use crate::model::{Breakpoint, Gate, Generation, PauseReason, SpanId, ToolCall, TraceBody};
use crate::runtime::denial::{Denial, Unanswered};
use crate::runtime::engine::{Headless, Mode, SessionEnd};
use crate::runtime::failure::Halt;
use crate::runtime::gates::{Arrival, BadGlob, Gates, Until};
use crate::runtime::policy::PolicyDecision;

/// Decides where the run stops, and what may run.
pub(in super::super) struct Gatekeeper {
    mode: Mode,
    gates: Gates,
    /// Calls that the user allowed for the rest of a generation: tool and arguments, to the letter.
    always_allowed: HashSet<(Generation, String, String)>,
    waived: Waived,
    /// True while tries are made: the run stops for approvals and questions alone.
    unattended: bool,
    /// The user asked for a pause, and has not let everything go since.
    pausing: bool,
    /// Why the run was stopped.
    stopped: Stopped,
    /// Oldest first.
    denials: Vec<Denial>,
    /// Questions that nobody was there to answer, oldest first.
    unanswered: Vec<Unanswered>,
}

/// Why a run was stopped, where its status does not say so.
#[derive(Debug, Clone, Copy, Default)]
struct Stopped {
    /// A limit ended a call of a headless run.
    limited: bool,
    /// The run did something else than is recorded.
    diverged: bool,
}

/// The end of an effect, as far as the gate after it depends on it.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Ended {
    /// Its error, if it failed.
    pub error: Option<String>,
    /// True for a tool that could not do what was asked: its model gets an error text.
    pub faulty: bool,
    /// True when it stopped at the gate already: the changes of a command were asked for there.
    pub passed: bool,
}

impl Gatekeeper {
    /// Lets everything go freely that the policy allows.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            gates: Gates::default(),
            always_allowed: HashSet::new(),
            waived: Waived::default(),
            unattended: false,
            pausing: false,
            stopped: Stopped::default(),
            denials: Vec::new(),
            unanswered: Vec::new(),
        }
    }

    /// Sets the stops that a new run begins with.
    pub fn begin(&mut self) -> Vec<DriverAction> {
        let Mode::Debug { step, breakpoints } = &self.mode else { return Vec::new() };
        let mut actions = Vec::new();
        if let Err(error) = self.gates.set_breakpoints(breakpoints) {
            let note = TraceBody::Note { span: None, error: true, text: error.to_string() };
            actions.push(DriverAction::append(note));
        }
        if *step {
            self.gates.step("", Until::Next);
        }
        actions
    }

    /// True when nobody is there to answer.
    pub fn is_headless(&self) -> bool {
        matches!(self.mode, Mode::Headless(_))
    }

    /// Has the run stop at nothing but approvals and questions while tries are made, or again as before.
    pub fn attend(&mut self, attended: bool) {
        self.unattended = !attended;
    }

    /// True when the run stops at gates.
    fn stops(&self) -> bool {
        !self.is_headless() && !self.unattended
    }

    /// Replaces the breakpoints.
    ///
    /// # Errors
    /// When a glob can't be read.
    pub fn set_breakpoints(&mut self, breakpoints: &[Breakpoint]) -> Result<(), BadGlob> {
        self.gates.set_breakpoints(breakpoints)
    }

    /// True while a breakpoint asks about facts.
    pub fn has_conditions(&self) -> bool {
        self.gates.have_conditions()
    }

    /// Stops branches at their next gate; without any, the whole run.
    pub fn pause(&mut self, branches: &[String]) {
        self.pausing = true;
        if branches.is_empty() {
            self.gates.pause("");
        }
        for branch in branches {
            self.gates.pause(branch);
        }
    }

    /// Stops a branch at the end of a step.
    pub fn step(&mut self, branch: &str, until: Until) {
        self.gates.step(branch, until);
    }

    /// Forgets the steps and pauses that no branch has reached yet.
    pub fn forget_stops(&mut self) {
        self.pausing = false;
        self.gates.forget_stops();
    }

    /// The user asked for a pause, and everything that it stops is stopped.
    pub fn begin_pause(&mut self) {
        self.pausing = true;
    }

    /// Keeps that the run did something else than is recorded, or that it goes on in another way.
    pub fn set_diverged(&mut self, diverged: bool) {
        self.stopped.diverged = diverged;
    }

    /// True while a pause stands that the user asked for.
    pub fn is_pausing(&self) -> bool {
        self.pausing
    }

    /// Has the run stop at its next gate in place of the pause that stands.
    pub fn pause_at_next(&mut self) {
        self.pausing = false;
        self.gates.pause("");
    }

    /// Ends the pause, unless a span stands at it, or a branch that `is_under_way` is on its way to it.
    pub fn end_pause_unless(&mut self, stands: bool, is_under_way: impl Fn(&str) -> bool) {
        self.pausing = stands || self.gates.is_pausing(is_under_way);
    }

    /// Allows a call, with exactly its arguments, for the rest of the generation: a retry asks again.
    pub fn allow_always(&mut self, generation: Generation, call: &ToolCall) {
        self.always_allowed.insert((generation, call.name.clone(), call.args.to_string()));
    }

    /// Takes an effect that was just asked for: stops before it, or has it launched.
    pub fn open(&mut self, at: &Arrival, question: Option<&Question>) -> DriverAction {
        match self.arrive(at) {
            Some(reason) => pause(at, reason),
            None => self.approve(at, question),
        }
    }

    /// Takes an effect that left its stop: stops it again where an approval is needed, or has it launched.
    pub fn approve(&self, at: &Arrival, question: Option<&Question>) -> DriverAction {
        match question.and_then(|question| self.must_ask(question)) {
            Some(reason) => pause(at, reason),
            None => DriverAction::Launch { path: at.path.clone() },
        }
    }

    /// Has an effect started, unless the policy or a limit forbids it.
    pub fn launch(&mut self, path: &str, question: Option<&Question>) -> Vec<DriverAction> {
        match question {
            Some(Question::Model(asked)) if !self.stops() => {
                if let Some(limit) = self.crossed_limit(asked) {
                    self.stopped.limited = true;
                    return vec![end(path, asked.span, Done::no_answer(Halt::Limit(limit.text).into()))];
                }
            }
            Some(Question::Tool(asked)) => {
                if let Some(denial) = self.denial(path, asked) {
                    return self.deny(denial);
                }
            }
            _ => {}
        }
        vec![DriverAction::Start { path: path.to_owned() }]
    }

    fn deny(&mut self, denial: Denial) -> Vec<DriverAction> {
        let mut actions = Vec::new();
        // Without a screen the end of the program tells it.
        if !self.is_headless() {
            let text = format!("denied {}: {}", denial.path, denial.why);
            actions.push(DriverAction::append(TraceBody::Note { span: Some(denial.span), error: false, text }));
        }
        actions.push(end(&denial.path, denial.span, denied(&denial.result())));
        self.denials.push(denial);
        actions
    }

    /// Takes the end of an effect: stops after it, or has its outcome given to the callers. `at`: the gate of a success.
    pub fn after(&mut self, mut at: Arrival, ended: Ended) -> DriverAction {
        let success = at.gate;
        if let Some(error) = ended.error {
            at.gate = Gate::Error;
            return self.stop(&at, Some(PauseReason::Error { error }));
        }
        if ended.faulty {
            at.gate = Gate::Error;
            if let Some(reason) = self.arrive(&at) {
                return self.stop(&at, Some(reason));
            }
            at.gate = success;
        }
        let reason = if ended.passed { None } else { self.arrive(&at) };
        self.stop(&at, reason)
    }

    /// Stops a span after its end; headless, or without a reason, it goes on.
    pub fn stop(&self, at: &Arrival, reason: Option<PauseReason>) -> DriverAction {
        match reason {
            Some(reason) if self.stops() => pause(at, reason),
            _ => DriverAction::Reply { path: at.path.clone() },
        }
    }

    /// Decides about the changes of a command that has ended. `wants_hold`: the user asked to look at them; `is_allowed`:
    /// as [`Self::is_allowed_by_flag`] says.
    pub fn decide_on_changes(
        &mut self,
        at: &Arrival,
        facts: ChangesFacts,
        wants_hold: bool,
        is_allowed: bool,
    ) -> ChangesDecision {
        let own = facts.own_file.filter(|_| !is_allowed);
        let own = own.map(|file| format!("it changes {file}, a file of the pipeline itself"));
        if self.is_headless() {
            return match (facts.conflict, own) {
                (Some(conflict), _) => ChangesDecision::discard_all(format!("{conflict}; run it again")),
                (None, Some(own)) => {
                    let tool = at.tool.as_deref().unwrap_or_default();
                    let hint = format!("nobody is there to approve it; allow it with --allow {tool}");
                    ChangesDecision::discard_all(format!("{own}; {hint}"))
                }
                (None, None) => ChangesDecision::Apply { only: Vec::new() },
            };
        }
        match (facts.conflict.or(own), self.arrive(at)) {
            (Some(conflict), _) => ChangesDecision::Hold(PauseReason::Conflict { conflict }),
            (None, Some(reason)) => ChangesDecision::Hold(reason),
            (None, None) if wants_hold => ChangesDecision::Hold(PauseReason::Asked),
            (None, None) => ChangesDecision::Apply { only: Vec::new() },
        }
    }

    /// Returns why a span stops at a gate, if it does. Side calls of another program's agent don't.
    pub fn arrive(&mut self, at: &Arrival) -> Option<PauseReason> {
        if !self.stops() || at.is_side_call() { None } else { self.gates.arrive(at) }
    }

    /// True when a span that arrived at a gate now would stop there.
    pub fn would_stop(&self, at: &Arrival) -> bool {
        self.stops() && !at.is_side_call() && self.gates.would_stop(at)
    }

    /// Returns why the user must be asked before an effect: the policy, or a limit that was crossed.
    fn must_ask(&self, question: &Question) -> Option<PauseReason> {
        if self.is_headless() {
            return None;
        }
        match question {
            Question::Model(asked) => self.crossed_limit(asked).filter(|_| self.stops()).map(PauseReason::from),
            Question::Tool(asked) => match self.decide(asked) {
                PolicyDecision::Ask(rule) => {
                    let runs = asked.command.as_ref().map(|command| format!("; it runs {command}"));
                    Some(PauseReason::Policy { rule: rule + &runs.unwrap_or_default() })
                }
                PolicyDecision::Allow | PolicyDecision::Deny(_) => None,
            },
        }
    }

    /// Returns what a headless run reports at its end.
    pub fn into_end(self) -> SessionEnd {
        let unused_answers = match self.mode {
            Mode::Headless(Headless { answers, .. }) => answers,
            Mode::Debug { .. } => Vec::new(),
        };
        let Self { denials, unanswered, stopped: Stopped { limited, diverged }, .. } = self;
        SessionEnd { denials, limited, diverged, unanswered, unused_answers }
    }
}

fn pause(at: &Arrival, reason: PauseReason) -> DriverAction {
    DriverAction::Pause { path: at.path.clone(), gate: at.gate, reason }
}

fn end(path: &str, span: SpanId, done: Done) -> DriverAction {
    DriverAction::End { path: path.to_owned(), span, done }
}
