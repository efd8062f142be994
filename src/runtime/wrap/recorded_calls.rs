//! The model calls of an agent's earlier try, which answer those of its next one.
//!
//! A retry starts the agent's program from its beginning. Its requests are compared with the recorded ones by what they
//! say: those from before the retried span are answered from the record, and its tools really run again. From the
//! retried span on everything is asked anew. A request that no recorded one is like stops before that span: the agent
//! is on another way.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use crate::model::{LlmRequest, LlmResponse, SpanId, ToolDecl};
use crate::runtime::matching::{Difference, Folders, Found, Recorded};

/// Differences that are shown of a request.
const SHOWN: usize = 3;

/// A recorded answer.
#[derive(Debug, Clone)]
pub(in super::super) struct RecordedAnswer {
    /// The call that it answered.
    pub span: SpanId,
    /// The answer.
    pub response: LlmResponse,
    /// True for a side call.
    pub is_aux: bool,
}

/// The record of an agent's earlier try, as far as its next one depends on it.
#[derive(Debug, Default)]
pub(in super::super) struct Earlier {
    /// The workspace.
    pub folders: Vec<String>,
    /// The calls before the retried span, with their answers.
    pub before: Vec<(LlmRequest, RecordedAnswer)>,
    /// The calls from the retried span on.
    pub after: Vec<LlmRequest>,
    /// The path of the retried span.
    pub retried: String,
    /// The arguments that the user gave tools before it in the place of the agent's, by path.
    pub edited: HashMap<String, Json>,
    /// How many model calls and side calls of each agent stay, by its path and the name of the call.
    pub visits: HashMap<(String, String), u32>,
    /// Tools whose recorded end stays: they were denied or answered by the user.
    pub not_run: HashSet<String>,
    /// True when nobody is there to look at a request that is not as recorded.
    pub is_headless: bool,
}

/// The model calls of an earlier try.
#[derive(Debug)]
pub(in super::super) struct RecordedCalls {
    before: Recorded<RecordedAnswer>,
    after: Recorded<()>,
    folders: Folders,
    earlier: Earlier,
    /// Calls before the retried span that were not asked again, without side calls.
    left: usize,
    answered: usize,
    near: usize,
    ran_again: usize,
    reached: bool,
}

/// The answer of the record to a request.
#[derive(Debug)]
pub(super) enum Recall {
    /// It was asked and answered. The text says where the two differ.
    Answered(Box<RecordedAnswer>, Option<String>),
    /// It is one to be asked.
    Ask,
    /// It is none that was asked before the retried span; the text says where it differs.
    Unknown(String),
}

impl RecordedCalls {
    pub fn new(mut earlier: Earlier) -> Self {
        let folders = Folders::new(earlier.folders.clone());
        let (before, after) = (std::mem::take(&mut earlier.before), std::mem::take(&mut earlier.after));
        let left = before.iter().filter(|(_, answer)| !answer.is_aux).count();
        let before =
            Recorded::new(folders.clone(), before.into_iter().map(|(asked, answer)| (names_only(asked), answer)));
        let after = Recorded::new(folders.clone(), after.into_iter().map(|asked| (names_only(asked), ())));
        // From the agent's own beginning on: nothing is before it.
        let reached = left == 0;
        Self { before, after, folders, earlier, left, answered: 0, near: 0, ran_again: 0, reached }
    }

    /// Finds the recorded call that a request is.
    pub(super) fn find(&mut self, request: &LlmRequest, is_aux: bool) -> Recall {
        let asked = names_only(request.clone());
        let different = match self.before.take(&asked, &self.folders) {
            Found::Same(answer) => return self.answer(answer, &[]),
            Found::Near(answer, differences) => return self.answer(answer, &differences),
            Found::Different(different) => different,
        };
        if self.reached || is_aux {
            return Recall::Ask;
        }
        let is_later = !matches!(self.after.take(&asked, &self.folders), Found::Different(_));
        if self.left == 0 || is_later {
            self.reached = true;
            return Recall::Ask;
        }
        Recall::Unknown(different.map_or_else(|| "there is no recorded call like it".to_owned(), |one| told(&one)))
    }

    fn answer(&mut self, answer: RecordedAnswer, differences: &[Difference]) -> Recall {
        self.left -= usize::from(!answer.is_aux);
        self.answered += 1;
        self.near += usize::from(!differences.is_empty());
        let more = differences.len().saturating_sub(SHOWN);
        let more = (more > 0).then(|| format!("and {more} more"));
        let shown: Vec<String> = differences.iter().take(SHOWN).map(told).chain(more).collect();
        Recall::Answered(Box::new(answer), (!shown.is_empty()).then(|| shown.join("; ")))
    }

    /// Takes the use of a tool at a path, which runs unless its recorded end stays. Returns the arguments that the user
    /// gave it the last time.
    pub fn use_tool(&mut self, path: &str) -> Option<Json> {
        if path == self.earlier.retried {
            self.reached = true;
        }
        if self.reached {
            return None;
        }
        self.ran_again += usize::from(!self.earlier.not_run.contains(path));
        self.earlier.edited.get(path).cloned()
    }

    /// Goes on although a request is none of the recorded ones.
    pub fn go_on(&mut self) {
        self.reached = true;
    }

    /// How often a name below an agent was asked for in what stays.
    pub fn visits(&self, agent: &str, name: &str) -> u32 {
        self.earlier.visits.get(&(agent.to_owned(), name.to_owned())).copied().unwrap_or(0)
    }

    /// True when nobody is there to look at a request that is not as recorded.
    pub fn is_headless(&self) -> bool {
        self.earlier.is_headless
    }

    /// Says what the agent did again.
    pub fn told(&self) -> (bool, String) {
        let near = if self.near > 0 { format!(" ({} of them nearly the same)", self.near) } else { String::new() };
        let end = if self.reached { String::new() } else { format!("; it did not come to {}", self.earlier.retried) };
        let text = format!(
            "the agent began anew: {} answered from the record{near}, {} really ran again{end}",
            counted(self.answered, "model call"),
            counted(self.ran_again, "tool")
        );
        (!self.reached, text)
    }
}

/// A request with the names of its tools alone: a record has no more of them.
fn names_only(mut request: LlmRequest) -> LlmRequest {
    let bare = |tool: ToolDecl| ToolDecl { description: String::new(), schema: Json::Null, ..tool };
    request.tools = request.tools.into_iter().map(bare).collect();
    request
}

/// `1 tool`, `3 tools`.
fn counted(count: usize, name: &str) -> String {
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

/// `message 3: recorded "a", now "b"`.
fn told(difference: &Difference) -> String {
    let Difference { place, recorded, asked } = difference;
    format!("{place}: recorded \"{recorded}\", now \"{asked}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Message, ModelName, ModelOptions};

    fn request(texts: &[&str]) -> LlmRequest {
        let messages: Vec<Message> = texts.iter().map(|text| Message::User { text: (*text).to_owned() }).collect();
        let model = ModelName { provider: "anthropic".into(), model: "m".into() };
        let tools = vec![ToolDecl { name: "Bash".into(), description: "runs".into(), schema: Json::Null }];
        LlmRequest { model, options: ModelOptions::default(), tools, system: String::new(), messages: messages.into() }
    }

    fn answered(span: u32, is_aux: bool) -> RecordedAnswer {
        RecordedAnswer { span: SpanId(span), response: LlmResponse::default(), is_aux }
    }

    /// Two calls and a side call before the retried one.
    fn recorded() -> RecordedCalls {
        RecordedCalls::new(Earlier {
            folders: vec!["/work/here".into()],
            before: vec![
                (request(&["title"]), answered(3, true)),
                (request(&["one"]), answered(4, false)),
                (request(&["one", "it is 2026-11-29 in /work/here"]), answered(5, false)),
            ],
            after: vec![request(&["one", "two", "three"])],
            retried: "agent/llm#3".into(),
            edited: HashMap::from([("agent/Bash".into(), Json::from("safer"))]),
            not_run: HashSet::from(["agent/Bash#2".to_owned()]),
            ..Earlier::default()
        })
    }

    fn span(recall: Recall) -> Option<(u32, bool)> {
        match recall {
            Recall::Answered(answer, differs) => Some((answer.span.0, differs.is_some())),
            Recall::Ask | Recall::Unknown(_) => None,
        }
    }

    #[test]
    fn what_was_asked_before_is_answered_in_any_order_and_once() {
        let mut calls = recorded();
        assert_eq!(span(calls.find(&request(&["one", "it is 2026-11-30 in /work/here"]), false)), Some((5, true)));
        assert_eq!(span(calls.find(&request(&["one"]), false)), Some((4, false)));
        assert!(matches!(calls.find(&request(&["one"]), false), Recall::Ask), "nothing is left but a side call");
        assert_eq!(span(calls.find(&request(&["title"]), true)), Some((3, false)));
    }

    #[test]
    fn another_request_is_told_until_the_retried_one_comes() {
        let mut calls = recorded();
        assert!(matches!(calls.find(&request(&["another title"]), true), Recall::Ask), "a side call stops nothing");
        let Recall::Unknown(differs) = calls.find(&request(&["one", "other"]), false) else { panic!("it is asked") };
        assert!(differs.contains("now \"other\""), "{differs}");
        assert!(matches!(calls.find(&request(&["one", "two", "three"]), false), Recall::Ask));
        assert!(matches!(calls.find(&request(&["one", "other"]), false), Recall::Ask), "it is on its own now");
        assert_eq!(span(calls.find(&request(&["one"]), false)), Some((4, false)), "the record still answers");
    }

    #[test]
    fn tools_before_the_retried_span_get_what_the_user_gave_them() {
        let mut calls = recorded();
        assert_eq!(calls.use_tool("agent/Bash"), Some(Json::from("safer")));
        assert_eq!(calls.use_tool("agent/Bash#2"), None);
        let (is_short, text) = calls.told();
        assert!(is_short && text.contains("1 tool really ran again; it did not come to agent/llm#3"), "{text}");
        let mut calls = RecordedCalls::new(Earlier { retried: "agent/Bash".into(), ..Earlier::default() });
        assert!(matches!(calls.find(&request(&["one"]), false), Recall::Ask));
        calls.use_tool("agent/Bash");
        assert!(!calls.told().0);
    }
}
