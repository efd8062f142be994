//! A scripted model: replies in a TOML file, matched by agent path, call number, try, and a text in the request.

use std::collections::HashMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::glob::Glob;
use super::toml_text::{SHALLOWER, find_depth};
use crate::model::{LlmRequest, Message, ToolCall, Usage};

/// The replies of a `script:FILE` model, in file order.
#[derive(Debug, Clone)]
pub struct Script {
    /// The replies; the first that matches answers.
    pub(super) replies: Vec<Reply>,
    /// The places of those for one agent's path.
    by_agent: HashMap<String, Vec<usize>>,
    /// The places of those for several.
    by_glob: Vec<usize>,
}

/// One reply, with the conditions under which it answers.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Over the agent's path, e.g. `editor/writer*`.
    pub agent: Glob,
    /// The number of the call in the agent's visit, from 1; `None`: any.
    pub call: Option<u32>,
    /// The agent's try, from 1; `None`: any.
    pub attempt: Option<u32>,
    /// A text that the system prompt or a message must contain.
    pub contains: Option<String>,
    /// The text answered; may be empty beside calls.
    pub text: String,
    /// The tool calls, in order.
    pub calls: Vec<ToolCall>,
    /// Milliseconds the call takes, spread over the streamed text.
    pub delay_ms: u64,
    /// Tokens reported; `None`: the script's reader estimates them.
    pub tokens: Option<Usage>,
    /// Why the model stopped, in a provider's word; `None`: it does not say.
    pub stop: Option<String>,
    /// The call fails with this text instead.
    pub error: Option<String>,
}

/// The reason why a script can't be read; follows "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the script: {message}")]
pub struct ScriptError {
    /// The mistake.
    pub message: String,
    /// The bytes of the mistake, when they are known.
    pub span: Option<Range<usize>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    reply: Vec<Entry>,
}

/// A reply as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    agent: Spanned<String>,
    call: Option<Spanned<u32>>,
    #[serde(rename = "try")]
    attempt: Option<Spanned<u32>>,
    contains: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    calls: Vec<Call>,
    #[serde(default)]
    delay_ms: u64,
    tokens: Option<Usage>,
    stop: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    name: String,
    #[serde(default)]
    args: Args,
}

/// The arguments of a call: an object, or the text of a tool that takes free text (Codex has one).
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a table of arguments, or a text for a tool that takes free text")]
enum Args {
    Object(serde_json::Map<String, serde_json::Value>),
    Text(String),
}

impl Default for Args {
    fn default() -> Self {
        Self::Object(serde_json::Map::new())
    }
}

impl From<Args> for serde_json::Value {
    fn from(args: Args) -> Self {
        match args {
            Args::Object(fields) => Self::Object(fields),
            Args::Text(text) => Self::String(text),
        }
    }
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown or missing key, a bad glob, or counts from 0.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        if let Some((at, message)) = find_depth(text) {
            return Err(ScriptError { message: format!("{message}; {SHALLOWER}"), span: Some(at) });
        }
        let document: Document = toml::from_str(text)
            .map_err(|error| ScriptError { message: error.message().to_owned(), span: error.span() })?;
        let replies = document.reply.into_iter().map(Reply::read).collect::<Result<Vec<_>, _>>()?;
        let mut script = Self { replies, by_agent: HashMap::new(), by_glob: Vec::new() };
        for (at, reply) in script.replies.iter().enumerate() {
            match reply.agent.literal() {
                Some(agent) => script.by_agent.entry(agent.to_owned()).or_default().push(at),
                None => script.by_glob.push(at),
            }
        }
        Ok(script)
    }

    /// Finds the first reply for a call: by the agent's path, the number of the call in its visit, its try, and the
    /// request.
    #[must_use]
    pub fn find(&self, agent: &str, call: u32, attempt: u32, request: &LlmRequest) -> Option<&Reply> {
        let answers = |at: &usize| self.replies[*at].answers(agent, call, attempt, request);
        let named = self.by_agent.get(agent).into_iter().flatten().copied().find(&answers);
        let earlier = self.by_glob.iter().copied().take_while(|at| named.is_none_or(|named| *at < named));
        earlier.into_iter().find(&answers).or(named).map(|at| &self.replies[at])
    }
}

impl Reply {
    fn read(entry: Entry) -> Result<Self, ScriptError> {
        let span = entry.agent.span();
        let agent = Glob::new(entry.agent.get_ref())
            .map_err(|error| ScriptError { message: error.to_string(), span: Some(span) })?;
        Ok(Self {
            agent,
            call: check_counter("call", entry.call)?,
            attempt: check_counter("try", entry.attempt)?,
            contains: entry.contains,
            text: entry.text,
            calls: entry.calls.into_iter().map(|call| ToolCall { name: call.name, args: call.args.into() }).collect(),
            delay_ms: entry.delay_ms,
            tokens: entry.tokens,
            stop: entry.stop,
            error: entry.error,
        })
    }

    fn answers(&self, agent: &str, call: u32, attempt: u32, request: &LlmRequest) -> bool {
        self.agent.matches(agent)
            && self.call.is_none_or(|wanted| wanted == call)
            && self.attempt.is_none_or(|wanted| wanted == attempt)
            && self.contains.as_ref().is_none_or(|text| contains_text(request, text))
    }
}

fn check_counter(key: &str, number: Option<Spanned<u32>>) -> Result<Option<u32>, ScriptError> {
    match number {
        Some(number) if *number.get_ref() == 0 => {
            Err(ScriptError { message: format!("`{key}` counts from 1"), span: Some(number.span()) })
        }
        other => Ok(other.map(Spanned::into_inner)),
    }
}

fn contains_text(request: &LlmRequest, wanted: &str) -> bool {
    request.system.contains(wanted)
        || request.messages.iter().any(|message| match message {
            Message::User { text } | Message::Assistant { text, .. } | Message::Tool { text, .. } => {
                text.contains(wanted)
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{ModelName, ModelOptions};

    fn request(system: &str, user: &str) -> LlmRequest {
        LlmRequest {
            model: ModelName { provider: "script".into(), model: "r.toml".into() },
            options: ModelOptions::default(),
            tools: vec![],
            system: system.into(),
            messages: vec![Message::User { text: user.into() }].into(),
        }
    }

    #[test]
    fn the_first_match_wins_by_path_call_try_and_text() {
        let script = Script::parse(
            r#"
            [[reply]]
            agent = "editor/writer*"
            call = 1
            try = 2
            text = "second try"
            [[reply]]
            agent = "editor/writer*"
            contains = "secret"
            text = "it is in the request"
            [[reply]]
            agent = "*"
            calls = [ { name = "tama_files_write", args = { path = "a", content = "b" } } ]
            delay_ms = 300
            tokens = { input = 900, output = 120 }
            "#,
        )
        .unwrap();
        let text = |path, call, attempt, system, user| {
            script.find(path, call, attempt, &request(system, user)).map(|reply| reply.text.clone())
        };
        assert_eq!(text("editor/writer#2", 1, 2, "", "").as_deref(), Some("second try"));
        assert_eq!(text("editor/writer", 1, 1, "a secret", "").as_deref(), Some("it is in the request"));
        assert_eq!(text("editor/writer", 2, 2, "", "the secret").as_deref(), Some("it is in the request"));
        let last = script.find("other", 1, 1, &request("", "")).unwrap();
        assert_eq!(last.calls[0].args, json!({ "path": "a", "content": "b" }));
        assert_eq!((last.delay_ms, last.tokens), (300, Some(Usage { input: 900, output: 120 })));
    }

    #[test]
    fn the_order_of_the_file_counts_whether_a_path_or_a_glob_is_named() {
        let reply = |agent: &str, text: &str| format!("[[reply]]\nagent = \"{agent}\"\ntext = \"{text}\"\n");
        let path_first = [reply("a/b", "path"), reply("a/*", "glob")].concat();
        let glob_first = [reply("a/*", "glob"), reply("a/b", "path")].concat();
        for (file, agent, text) in
            [(&path_first, "a/b", "path"), (&path_first, "a/c", "glob"), (&glob_first, "a/b", "glob")]
        {
            let found = Script::parse(file).unwrap().find(agent, 1, 1, &request("", "")).unwrap().text.clone();
            assert_eq!(found, text, "{agent} in {file}");
        }
    }

    #[test]
    fn a_tool_may_take_a_text_in_the_place_of_a_table() {
        let script = |args: &str| {
            Script::parse(&format!("[[reply]]\nagent = \"a\"\ncalls = [ {{ name = \"exec\", args = {args} }} ]\n"))
        };
        let found = script("\"text(1)\"").unwrap();
        assert_eq!(found.find("a", 1, 1, &request("", "")).unwrap().calls[0].args, json!("text(1)"));
        let error = script("3").unwrap_err();
        assert!(error.message.contains("a table of arguments, or a text"), "{error}");
    }

    #[test]
    fn nothing_matches_an_empty_script() {
        assert!(Script::parse("").unwrap().find("a", 1, 1, &request("", "")).is_none());
    }

    #[test]
    fn faults_name_the_bytes_that_are_wrong() {
        let bad = |text: &str| {
            let error = Script::parse(text).unwrap_err();
            (error.message, error.span.map(|span| text[span].to_owned()))
        };
        let (message, at) = bad("[[reply]]\nagnt = \"x\"\n");
        assert!(message.contains("unknown field `agnt`"), "{message}");
        assert_eq!(at.as_deref(), Some("agnt"));
        let (message, at) = bad("[[reply]]\nagent = \"[\"\n");
        assert!(message.contains("unclosed"), "{message}");
        assert_eq!(at.as_deref(), Some("\"[\""));
        let (message, at) = bad("[[reply]]\nagent = \"a\"\ncall = 0\n");
        assert_eq!((message.as_str(), at.as_deref()), ("`call` counts from 1", Some("0")));
        assert!(bad("[[reply]]\ntext = \"a\"\n").0.contains("agent"));
    }
}
