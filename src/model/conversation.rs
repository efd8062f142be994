//! A conversation as pattern code builds it: messages that are only added at the end, and what was computed of each.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Message, TextHash};

/// A conversation. A clone shares the messages, and the hashes that were computed of them, so that a call whose
/// conversation grew by two messages costs what the two cost.
#[derive(Debug, Clone, Default)]
pub struct Conversation(Vec<Arc<Entry>>);

#[derive(Debug)]
struct Entry {
    message: Message,
    /// The hash that names it in the store.
    name: OnceLock<TextHash>,
    /// The chain before it and the chain up to it, as they were computed first.
    chained: OnceLock<(TextHash, TextHash)>,
}

impl Conversation {
    /// Adds a message.
    pub fn push(&mut self, message: Message) {
        self.0.push(Arc::new(Entry { message, name: OnceLock::new(), chained: OnceLock::new() }));
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Message> {
        self.0.iter().map(|entry| &entry.message)
    }

    /// How many messages it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if it has no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This conversation, with another one's messages from a place on added.
    #[must_use]
    pub fn followed_by(&self, other: &Self, from: usize) -> Self {
        Self(self.0.iter().chain(other.0.iter().skip(from)).cloned().collect())
    }

    /// How many messages both begin with.
    #[must_use]
    pub fn common(&self, other: &Self) -> usize {
        self.0.iter().zip(&other.0).take_while(|(one, two)| one.is(two)).count()
    }

    /// The names of the messages from a place on. `name` is asked once for each message, however often it is shared;
    /// a conversation must not be named in two stores.
    pub fn names(
        &self,
        from: usize,
        name: impl Fn(&Message) -> TextHash,
    ) -> impl Iterator<Item = (&Message, TextHash)> {
        self.0.iter().skip(from).map(move |entry| (&entry.message, *entry.name.get_or_init(|| name(&entry.message))))
    }

    /// The chain over all messages after `head`. `next` gives the chain after one more message; it is asked once for
    /// each message that follows the same chain.
    pub fn chain(&self, head: TextHash, next: impl Fn(TextHash, &Message) -> TextHash) -> TextHash {
        self.0.iter().fold(head, |before, entry| match entry.chained.get() {
            Some((known, after)) if *known == before => *after,
            _ => {
                let after = next(before, &entry.message);
                // What is kept is the first: a conversation seldom gets another head.
                entry.chained.get_or_init(|| (before, after));
                after
            }
        })
    }
}

impl Entry {
    fn is(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        Arc::ptr_eq(self, other) || self.message == other.message
    }
}

impl PartialEq for Conversation {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.common(other) == self.len()
    }
}

impl FromIterator<Message> for Conversation {
    fn from_iter<T: IntoIterator<Item = Message>>(messages: T) -> Self {
        let mut conversation = Self::default();
        messages.into_iter().for_each(|message| conversation.push(message));
        conversation
    }
}

impl From<Vec<Message>> for Conversation {
    fn from(messages: Vec<Message>) -> Self {
        messages.into_iter().collect()
    }
}

impl Serialize for Conversation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Conversation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Message>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn user(text: &str) -> Message {
        Message::User { text: text.into() }
    }

    /// A chain that counts how often it was asked.
    fn chain(asked: &Cell<u32>, conversation: &Conversation, head: u8) -> TextHash {
        conversation.chain(TextHash([head; 16]), |before, message| {
            asked.set(asked.get() + 1);
            let Message::User { text } = message else { return before };
            TextHash(before.0.map(|byte| byte.wrapping_mul(31).wrapping_add(text.as_bytes()[0])))
        })
    }

    #[test]
    fn a_grown_conversation_asks_for_its_new_messages_alone() {
        let asked = Cell::new(0);
        let mut conversation = Conversation::from(vec![user("a"), user("b")]);
        let before = conversation.clone();
        chain(&asked, &conversation, 0);
        conversation.push(user("c"));
        let grown = chain(&asked, &conversation, 0);
        assert_eq!(asked.get(), 3);
        assert_eq!(grown, chain(&asked, &Conversation::from(vec![user("a"), user("b"), user("c")]), 0));
        assert_eq!((before.common(&conversation), before.len(), conversation.len()), (2, 2, 3));
    }

    #[test]
    fn another_head_gives_another_chain() {
        let asked = Cell::new(0);
        let conversation = Conversation::from(vec![user("a"), user("b")]);
        assert_ne!(chain(&asked, &conversation, 0), chain(&asked, &conversation, 1));
        assert_eq!(chain(&asked, &conversation, 1), chain(&asked, &conversation.clone(), 1));
    }

    #[test]
    fn names_are_asked_for_once() {
        let asked = Cell::new(0);
        let name = |message: &Message| {
            asked.set(asked.get() + 1);
            TextHash([u8::from(*message == user("b")); 16])
        };
        let conversation = Conversation::from(vec![user("a"), user("b")]);
        let names: Vec<_> = conversation.names(1, name).map(|(_, name)| name).collect();
        assert_eq!(names, [TextHash([1; 16])]);
        assert_eq!(conversation.clone().names(0, name).count(), 2);
        assert_eq!(asked.get(), 2);
    }

    #[test]
    fn one_follows_another() {
        let (old, new) = (Conversation::from(vec![user("a")]), Conversation::from(vec![user("x"), user("y")]));
        assert_eq!(old.followed_by(&new, 1), Conversation::from(vec![user("a"), user("y")]));
        assert_ne!(old, new);
    }

    #[test]
    fn it_is_written_as_its_messages() {
        let conversation = Conversation::from(vec![user("a")]);
        let written = serde_json::to_string(&conversation).unwrap();
        assert_eq!(written, r#"[{"role":"user","text":"a"}]"#);
        assert_eq!(serde_json::from_str::<Conversation>(&written).unwrap(), conversation);
    }
}
