//! The plan of a resume: how a run goes on whose process died.

use serde::{Deserialize, Serialize};

use super::{RetryPlan, Seq, SpanId};

/// The plan of a resume, shown before it happens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ResumePlan {
    /// The run's last event when it was made. A plan that is older than the run is refused.
    pub upto: Seq,
    /// Calls that were done before the process died: their changes are in place.
    pub done: Vec<ResumeDone>,
    /// Calls of which nobody knows if they were done: the user decides.
    pub questions: Vec<ResumeQuestion>,
    /// The rest: what is undone, run again, and reused.
    pub retry: RetryPlan,
}

/// A call that counts as done, with its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeDone {
    /// The call's span.
    pub span: SpanId,
    /// Its result, computed from its record.
    pub result: String,
}

/// A call of which nobody knows if it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeQuestion {
    /// The call's span.
    pub span: SpanId,
    /// The command, the request, or the path.
    pub what: String,
    /// The reason why it is not known.
    pub why: String,
    /// Its actions.
    pub actions: Vec<Seq>,
}

/// The user's answer to a [`ResumeQuestion`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumeDecision {
    /// It is rerun, over the workspace as it is.
    Again,
    /// It was done, and this is its result for the model.
    Done(String),
}

impl ResumePlan {
    /// The questions that none of the decisions answers.
    pub fn undecided<'a>(
        &'a self,
        decisions: &'a [(SpanId, ResumeDecision)],
    ) -> impl Iterator<Item = &'a ResumeQuestion> {
        self.questions.iter().filter(|question| !decisions.iter().any(|(span, _)| *span == question.span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_open_until_it_is_decided() {
        let ask = |span| ResumeQuestion { span: SpanId(span), what: "x".into(), why: "y".into(), actions: Vec::new() };
        let plan = ResumePlan { questions: vec![ask(2), ask(3)], ..ResumePlan::default() };
        let decided = [(SpanId(2), ResumeDecision::Again), (SpanId(9), ResumeDecision::Done(String::new()))];
        let open: Vec<SpanId> = plan.undecided(&decided).map(|question| question.span).collect();
        assert_eq!(open, [SpanId(3)]);
    }
}
