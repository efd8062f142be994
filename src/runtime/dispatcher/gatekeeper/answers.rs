//! The answers to a person's questions that a run without a screen was given at its start.

use super::Gatekeeper;
use crate::runtime::denial::Unanswered;
use crate::runtime::engine::{Headless, Mode};

impl Gatekeeper {
    /// Takes the first answer that is meant for an agent, or for no one in particular. `is_agent`: tells the name of an
    /// agent from a text that happens to have a `=` in it.
    pub fn take_answer(&mut self, agent: &str, is_agent: impl Fn(&str) -> bool) -> Option<String> {
        let Mode::Headless(Headless { answers, .. }) = &mut self.mode else { return None };
        let split = |answer: &str| match answer.split_once('=') {
            Some((name, text)) if is_agent(name) => (Some(name.to_owned()), text.to_owned()),
            _ => (None, answer.to_owned()),
        };
        let fits = |answer: &String| split(answer).0.is_none_or(|name| name == agent);
        let at = answers.iter().position(fits)?;
        Some(split(&answers.remove(at)).1)
    }

    /// Takes a question that nobody was there to answer.
    pub fn leave_unanswered(&mut self, question: Unanswered) {
        self.unanswered.push(question);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_in_their_order_by_the_agent_that_they_are_for() {
        let answers = ["b=for b", "x=1", "a=for a", "b=again"].map(str::to_owned).to_vec();
        let mut gatekeeper = Gatekeeper::new(Mode::Headless(Headless { answers, ..Headless::default() }));
        let mut take = |agent| gatekeeper.take_answer(agent, |name| ["a", "b"].contains(&name));
        // `x` is no agent, so `x=1` is a text for anyone.
        assert_eq!([take("a"), take("a"), take("a")], [Some("x=1".into()), Some("for a".into()), None]);
        assert_eq!([take("b"), take("b"), take("b")], [Some("for b".into()), Some("again".into()), None]);
        let end = gatekeeper.into_end();
        assert!(end.unused_answers.is_empty());
        let debug = Mode::Debug { step: false, breakpoints: Vec::new() };
        assert_eq!(Gatekeeper::new(debug).take_answer("a", |_| true), None);
    }
}
