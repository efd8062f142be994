//! The record of a model call: its request, with the conversation as what it has beyond an earlier call's.

use serde::{Deserialize, Serialize};

use super::{ModelName, ModelOptions, SpanId, TextHash};

/// A model call as stored: texts by hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LlmRequestRecord {
    /// Hash of the request that the code made.
    pub request: TextHash,
    /// The model.
    pub model: ModelName,
    /// Its options.
    pub options: ModelOptions,
    /// The system prompt.
    pub system: TextHash,
    /// The names of the tools offered.
    pub tools: Vec<String>,
    /// The call whose conversation this one begins like; `None`: `messages` is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<EarlierCall>,
    /// The conversation, or the messages of it that the earlier call did not have.
    pub messages: Vec<MessageRecord>,
}

/// The beginning of a conversation: an earlier call's, so that a long one is not stored whole with each call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierCall {
    /// The call, of the same agent.
    pub span: SpanId,
    /// How many messages of its conversation.
    pub count: usize,
}

impl LlmRequestRecord {
    /// The whole conversation of the call `span`. `find` gives the records of earlier calls of its agent; `None`: one
    /// of them is lost.
    pub fn conversation<'a>(
        &'a self,
        span: SpanId,
        find: impl Fn(SpanId) -> Option<&'a Self>,
    ) -> Option<Vec<MessageRecord>> {
        let mut parts = vec![self.messages.as_slice()];
        let (mut at, mut after) = (span, self.after);
        while let Some(earlier) = after.filter(|earlier| earlier.count > 0) {
            // Only ever back: a damaged record can't lead in a circle.
            let record = find(earlier.span).filter(|_| earlier.span < at)?;
            let inherited = record.after.map_or(0, |before| before.count);
            parts.push(record.messages.get(..earlier.count.saturating_sub(inherited))?);
            at = earlier.span;
            after = record.after.map(|before| EarlierCall { count: before.count.min(earlier.count), ..before });
        }
        Some(parts.into_iter().rev().flatten().cloned().collect())
    }
}

/// One message as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// `user`, `assistant` or `tool`.
    pub role: String,
    /// The [`super::Message`], as JSON.
    pub text: TextHash,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: u8) -> MessageRecord {
        MessageRecord { role: "user".into(), text: TextHash([text; 16]) }
    }

    fn call(after: Option<(u32, usize)>, messages: &[u8]) -> LlmRequestRecord {
        LlmRequestRecord {
            request: TextHash([0; 16]),
            model: ModelName { provider: "script".into(), model: "x".into() },
            options: ModelOptions::default(),
            system: TextHash([0; 16]),
            tools: Vec::new(),
            after: after.map(|(span, count)| EarlierCall { span: SpanId(span), count }),
            messages: messages.iter().copied().map(message).collect(),
        }
    }

    /// The conversation of the last of these calls; a call's span is its place.
    fn last(calls: &[LlmRequestRecord]) -> Option<Vec<u8>> {
        let span = u32::try_from(calls.len()).unwrap() - 1;
        let found = calls.last()?.conversation(SpanId(span), |span| calls.get(span.0 as usize))?;
        Some(found.iter().map(|message| message.text.0[0]).collect())
    }

    #[test]
    fn a_conversation_is_put_together_from_earlier_calls() {
        let calls =
            [call(None, &[1, 2, 3]), call(Some((0, 3)), &[4, 5]), call(Some((1, 5)), &[6]), call(Some((2, 6)), &[7])];
        assert_eq!(last(&calls), Some(vec![1, 2, 3, 4, 5, 6, 7]));
    }

    #[test]
    fn it_may_leave_an_earlier_one_at_any_message() {
        for count in 0..=5 {
            let calls = [call(None, &[1, 2, 3]), call(Some((0, 3)), &[4, 5]), call(Some((1, count)), &[9])];
            let mut whole = vec![1, 2, 3, 4, 5];
            whole.truncate(count);
            whole.push(9);
            assert_eq!(last(&calls), Some(whole), "the first {count}");
        }
    }

    #[test]
    fn a_lost_or_later_call_is_no_beginning() {
        let own = call(Some((1, 1)), &[1]);
        assert_eq!(last(&[call(None, &[1]), own]), None, "a call after itself");
        assert_eq!(last(&[call(Some((7, 1)), &[1])]), None, "one that is not there");
        assert_eq!(last(&[call(None, &[1]), call(Some((0, 2)), &[2])]), None, "more than it had");
    }
}
