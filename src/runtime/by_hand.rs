//! The edits by hand of a retry or fork, from when it begins to when it ends; a resume goes on with them.

use super::request::json;
use crate::model::{EditReach, Generation, RetryEdits, TraceBody};
use crate::store::RunLog;

/// The edits by hand that hold now.
#[derive(Debug, Default)]
pub(super) struct ByHand {
    given: Option<Given>,
    lent: Option<Lent>,
}

/// The edits that a retry or fork was given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given {
    /// The generation that it began.
    pub generation: Generation,
    /// The path of the span that they are for.
    pub path: String,
    /// The edits.
    pub edits: RetryEdits,
    /// The agent whose prompt is edited, by its edit name.
    pub prompted: Option<String>,
}

impl Given {
    /// The event that records them.
    pub fn event(&self, log: &RunLog) -> TraceBody {
        let Self { generation, path, edits, prompted } = self;
        let lent = prompted.clone().filter(|_| edits.prompt.is_some() && !edits.keeps_prompt);
        TraceBody::EditedByHand { generation: *generation, path: path.clone(), edits: log.text(&json(edits)), lent }
    }
}

/// A prompt that is edited until a retry ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lent {
    /// The agent's edit name.
    pub name: String,
    /// The text that it stands in for, where the prompt was edited before.
    pub before: Option<String>,
    /// True once the prompt was edited.
    is_edited: bool,
}

impl ByHand {
    /// A retry or fork begins with edits. `lent`: the agent whose prompt is edited until it ends, and the edit of it
    /// before.
    pub fn begin(&mut self, given: Given, lent: Option<(String, Option<String>)>) {
        self.given = Some(given);
        self.lent = lent.map(|(name, before)| Lent { name, before, is_edited: false });
    }

    /// A prompt was edited. The first edit after the beginning is the retry's own; one after it is the user's, or ends
    /// the retry's.
    pub fn prompt_edited(&mut self, reach: &EditReach) {
        let EditReach::Agent { name } = reach else { return };
        match &mut self.lent {
            Some(lent) if lent.name == *name && !lent.is_edited => lent.is_edited = true,
            Some(lent) if lent.name == *name => self.lent = None,
            _ => {}
        }
    }

    /// The edits of the retry under way, or of one that was cut off.
    pub fn given(&self) -> Option<&Given> {
        self.given.as_ref()
    }

    /// Takes the edit of a prompt that is to end.
    pub fn take_lent(&mut self) -> Option<Lent> {
        self.lent.take().filter(|lent| lent.is_edited)
    }

    /// Forgets the edits: the retry came to its end.
    pub fn end(&mut self) {
        self.given = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &str) -> EditReach {
        EditReach::Agent { name: name.into() }
    }

    fn begun() -> ByHand {
        let mut by_hand = ByHand::default();
        let given =
            Given { generation: Generation(2), path: "main".into(), edits: RetryEdits::default(), prompted: None };
        by_hand.begin(given, Some(("main".into(), Some("before".into()))));
        by_hand
    }

    #[test]
    fn the_edit_of_a_prompt_ends_with_its_retry() {
        let mut by_hand = begun();
        by_hand.prompt_edited(&agent("other"));
        by_hand.prompt_edited(&agent("main"));
        assert_eq!(by_hand.take_lent().and_then(|lent| lent.before).as_deref(), Some("before"));
        assert_eq!(by_hand.take_lent(), None);
        assert!(by_hand.given().is_some(), "a resume goes on with the edits");
        by_hand.end();
        assert_eq!(by_hand.given(), None);
    }

    #[test]
    fn an_edit_of_the_user_meanwhile_stays() {
        let mut by_hand = begun();
        by_hand.prompt_edited(&agent("main"));
        by_hand.prompt_edited(&agent("main"));
        assert_eq!(by_hand.take_lent(), None);
    }
}
