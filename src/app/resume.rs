//! The popups of a resume: first each question, then what will be done.

use super::ask::Buttons;
use super::{Ask, Choice, Command, Item, Key, Menu, Popup, safe, text::plural};
use crate::model::{self, ResumeDecision, ResumePlan, ResumeQuestion, RunState, SpanId};

const RESUME: Buttons = Buttons { confirm: "Resume", close: "Cancel" };

/// The result of a call that was done, where its user says nothing more.
const DONE: &str = "[done; its output was lost when the run was interrupted]";

/// A resume that is being decided about.
#[derive(Debug, Clone, PartialEq)]
pub struct Resuming {
    plan: ResumePlan,
    decisions: Vec<(SpanId, ResumeDecision)>,
}

impl Resuming {
    pub(super) fn new(plan: ResumePlan) -> Self {
        Self { plan, decisions: Vec::new() }
    }

    /// The popup that it waits for now.
    pub(super) fn popup(self, run: &RunState) -> Popup {
        let open = self.plan.undecided(&self.decisions).next().cloned();
        match open {
            Some(question) => Popup::Menu(self.question(run, &question)),
            None => Popup::Ask(self.ask(run)),
        }
    }

    fn decided(&self, span: SpanId, decision: ResumeDecision) -> Choice {
        let mut next = self.clone();
        next.decisions.push((span, decision));
        Choice::Decide(Box::new(next))
    }

    fn question(&self, run: &RunState, question: &ResumeQuestion) -> Menu {
        let (number, of) = (self.decisions.len() + 1, self.plan.questions.len());
        let title = format!("Was it done? {number} of {of}");
        let lines = vec![
            format!("{} {}", question.span, safe::line(&run.trace.path(question.span))),
            format!("  {}", safe::line(&question.what)),
            format!("  {}", safe::line(&question.why)),
        ];
        let items = vec![
            Item::new(
                Key::Char('d'),
                "it was done: continue after it; its model hears that the output was lost",
                self.decided(question.span, ResumeDecision::Done(DONE.to_owned())),
            ),
            Item::new(
                Key::Char('a'),
                "it was not done, or may be done twice: run it again",
                self.decided(question.span, ResumeDecision::Again),
            ),
        ];
        Menu::new(title, lines, items)
    }

    fn ask(self, run: &RunState) -> Ask {
        let path = |span: SpanId| safe::line(&run.trace.path(span)).into_owned();
        let Self { plan, decisions } = self;
        let mut lines = Vec::new();
        lines.extend(plan.done.iter().map(|done| format!("done   {}, its changes are in place", path(done.span))));
        lines.extend(decisions.iter().map(|(span, decision)| match decision {
            ResumeDecision::Again => format!("rerun  {}, as you say", path(*span)),
            ResumeDecision::Done(_) => format!("done   {}, as you say", path(*span)),
        }));
        if !plan.retry.undoes.is_empty() {
            let changes = plural(plan.retry.undoes.len(), "change");
            lines.push(format!("undo   {changes} of calls that were cut off"));
        }
        let decided = |span: &&SpanId| decisions.iter().any(|(asked, _)| asked == *span);
        let reruns = plan.retry.reruns.iter().filter(|span| !decided(span));
        lines.extend(reruns.map(|span| format!("rerun  {}", path(*span))));
        if lines.is_empty() {
            lines.push("It continues where it stopped.".to_owned());
        }
        lines.push(format!("reuse  {}", plural(plan.retry.from_journal, "recorded call")));
        let command = model::Command::Resume { plan: Box::new(plan), decisions };
        Ask::enter("Resume this run", RESUME, lines, vec![Command::Run(command)])
    }
}
