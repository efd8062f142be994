//! A model call as one text that a person can edit: the system prompt and each message under a heading line.

use serde_json::Value as Json;

use super::{LlmRequest, Message, ToolCall};

/// Starts a heading line. A text line that begins so is indented by one space, which reading it back removes.
const MARK: &str = "=== ";

/// The reason why an edited text is no request.
#[derive(Debug, thiserror::Error)]
pub enum DocError {
    /// A text before the first heading.
    #[error("the text must start with a heading, as \"=== user\"; nothing was changed")]
    NoHeading,
    /// A section that can't be read.
    #[error("=== {heading}: {fault}; nothing was changed")]
    Section {
        /// Its heading.
        heading: String,
        /// Its fault.
        #[source]
        fault: SectionFault,
    },
}

/// The fault of one section.
#[derive(Debug, thiserror::Error)]
pub enum SectionFault {
    /// Its heading is none.
    #[error("no such heading; there are system, user, assistant, call and result")]
    NoSuchHeading,
    /// The arguments of a call can't be read.
    #[error("no JSON: {0}")]
    NoJson(#[from] serde_json::Error),
    /// A call or result names no tool.
    #[error("the tool's name is missing")]
    NoToolName,
    /// A result names no call.
    #[error("the number of the call is missing")]
    NoCallNumber,
    /// A call stands below something else than an assistant message.
    #[error("a call stands below an assistant message")]
    CallAlone,
}

/// The request's system prompt and conversation as text.
#[must_use]
pub fn render_request(request: &LlmRequest) -> String {
    section("system", &request.system) + &render_messages(request.messages.iter())
}

/// A conversation as text.
#[must_use]
pub fn render_messages<'a>(messages: impl IntoIterator<Item = &'a Message>) -> String {
    let mut text = String::new();
    for message in messages {
        text.push_str(&match message {
            Message::User { text } => section("user", text),
            Message::Assistant { text, calls, .. } => {
                let mut part = section("assistant", text);
                for call in calls {
                    part.push_str(&section(&format!("call {}", call.name), &call.args.to_string()));
                }
                part
            }
            Message::Tool { call, name, text } => section(&format!("result {call} {name}"), text),
        });
    }
    text
}

/// Reads the text back: the system prompt, empty where there is none in it, and the conversation.
///
/// # Errors
/// When a heading is missing or wrong, or the arguments of a call can't be read.
pub fn parse_request(text: &str) -> Result<(String, Vec<Message>), DocError> {
    let mut system = String::new();
    let mut messages = Vec::new();
    for (heading, body) in sections(text)? {
        let mut words = heading.splitn(3, ' ');
        let problem = |fault| DocError::Section { heading: heading.clone(), fault };
        match words.next().unwrap_or_default() {
            "system" => system = body,
            "user" => messages.push(Message::User { text: body }),
            "assistant" => messages.push(Message::Assistant { text: body, calls: Vec::new(), state: None }),
            "call" => {
                let args: Json = serde_json::from_str(&body).map_err(|error| problem(error.into()))?;
                let name = words.next().ok_or_else(|| problem(SectionFault::NoToolName))?.to_owned();
                match messages.last_mut() {
                    Some(Message::Assistant { calls, .. }) => calls.push(ToolCall { name, args }),
                    _ => return Err(problem(SectionFault::CallAlone)),
                }
            }
            "result" => {
                let call = words.next().and_then(|number| number.parse().ok());
                let call = call.ok_or_else(|| problem(SectionFault::NoCallNumber))?;
                let name = words.next().ok_or_else(|| problem(SectionFault::NoToolName))?.to_owned();
                messages.push(Message::Tool { call, name, text: body });
            }
            _ => return Err(problem(SectionFault::NoSuchHeading)),
        }
    }
    Ok((system, messages))
}

fn section(heading: &str, body: &str) -> String {
    let lines: Vec<String> =
        body.split('\n').map(|line| format!("{}{line}\n", if is_marked(line) { " " } else { "" })).collect();
    let lines = lines.concat();
    format!("{MARK}{heading}\n{lines}")
}

fn is_marked(line: &str) -> bool {
    line.trim_start_matches(' ').starts_with(MARK)
}

fn sections(text: &str) -> Result<Vec<(String, String)>, DocError> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if let Some(heading) = line.strip_prefix(MARK) {
            found.push((heading.trim().to_owned(), Vec::new()));
        } else if let Some((_, lines)) = found.last_mut() {
            lines.push(if is_marked(line) { &line[1..] } else { line });
        } else if !line.trim().is_empty() {
            return Err(DocError::NoHeading);
        }
    }
    Ok(found.into_iter().map(|(heading, lines)| (heading, lines.join("\n"))).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::{ModelName, ModelOptions};

    fn request(system: String, messages: Vec<Message>) -> LlmRequest {
        let model = ModelName { provider: "script".into(), model: "x".into() };
        LlmRequest { model, options: ModelOptions::default(), tools: Vec::new(), system, messages: messages.into() }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(system in "[ =a-z\n]{0,40}", user in "[ =a-z\n]{0,40}", reply in "(=== user\n|x\n| === y){0,4}") {
            let messages = vec![
                Message::User { text: user },
                Message::Assistant { text: reply.clone(), calls: vec![ToolCall { name: "t".into(), args: json!({"a": reply}) }], state: None },
                Message::Tool { call: 0, name: "t".into(), text: "done\n".into() },
            ];
            let made = request(system.clone(), messages.clone());
            prop_assert_eq!(parse_request(&render_request(&made)).unwrap(), (system, messages));
        }
    }

    #[test]
    fn a_bad_heading_changes_nothing() {
        assert!(parse_request("=== sytem\nx").unwrap_err().to_string().contains("no such heading"));
        assert!(parse_request("hello").unwrap_err().to_string().contains("must start"));
        assert!(parse_request("=== call x\n{}").unwrap_err().to_string().contains("below an assistant"));
    }
}
