//! Questions to a person: each stands until the user answers it. Without a screen it takes an answer that was given at
//! the start, and the run ends when there is none.

use super::super::ask::{Payload, Work};
use super::super::denial::Unanswered;
use super::super::failure::{Failure, Halt};
use super::Dispatcher;
use super::calls::PendingCall;
use super::ended::cause_of;
use crate::model::{SpanEnd, SpanStatus, TraceBody, WaitFor};

/// The thing that a question waits for.
const AN_ANSWER: &str = "an answer";

impl Dispatcher {
    /// Asks a person.
    pub(super) fn ask_person(&mut self, path: &str) {
        let Some(pending) = self.calls.get(path) else { return };
        let (span, agent) = (pending.span(), pending.agent());
        if let Some(why) = self.log.stopped() {
            let text = format!("not asked, because the run can't be recorded any more: failed to {why}");
            return self.end_question(path, Err(Halt::NotRecorded(text).into()));
        }
        if !self.is_headless() {
            self.calls.start_asking(path);
            self.send_question_subject(path);
            let waits = TraceBody::SpanWaiting { span, on: Some(AN_ANSWER.to_owned()), why: WaitFor::Person };
            self.log.append(vec![waits]);
            return;
        }
        let agent = self.log.with(|state| state.trace.name(agent).to_owned());
        let pipeline = self.version_now();
        match self.gatekeeper.take_answer(&agent, |name| pipeline.agents.contains_key(name)) {
            Some(answer) => {
                self.note(Some(span), false, format!("{path}: answered by --answer"));
                self.end_question(path, Ok(&answer));
            }
            None => self.leave_unanswered(path, agent),
        }
    }

    /// Ends the run: nobody is there to answer.
    fn leave_unanswered(&mut self, path: &str, agent: String) {
        let question = match self.calls.get(path).and_then(PendingCall::work) {
            Some(Work::Human { question, .. }) => self.services.masker.mask(question).into_owned(),
            _ => String::new(),
        };
        let unanswered = Unanswered { path: path.to_owned(), agent, question };
        let error = unanswered.error();
        self.gatekeeper.leave_unanswered(unanswered);
        self.end_question(path, Err(Halt::Unanswered(error).into()));
    }

    /// Records the answer to a question, or why there is none, and sends it to the callers.
    pub(super) fn end_question(&mut self, path: &str, answer: Result<&str, Failure>) {
        let Some(span) = self.calls.get(path).map(PendingCall::span) else { return };
        let (status, text, cause) = match &answer {
            Ok(text) => (SpanStatus::Ok, self.services.masker.mask(text).into_owned(), None),
            Err(failure) => (SpanStatus::Error, failure.to_string(), cause_of(failure)),
        };
        let end = SpanEnd { output: Some(self.log.text(&text)), cause, ..SpanEnd::new(span, status) };
        self.log.append(vec![TraceBody::SpanEnded(end)]);
        self.calls.record_outcome(path, answer.map(|_| Payload::Human(text)));
        self.calls.reply(path);
    }
}
