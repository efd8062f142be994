//! Compensations: commands with holes, and what fills them.
//!
//! A hole is `{NAME}` in an element of a command; `{{` and `}}` stand for braces. What fills a hole never becomes more
//! than one argument: no shell reads it.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// The undo command of a command that has an effect on the world outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compensation {
    /// Run before the command, filled in; what it prints is `{before}`.
    pub before: Option<Vec<String>>,
    /// The undo command, with its holes: `{ARGUMENT}`, `{before}`, `{result}`, `{result.FIELD}`.
    pub undo: Vec<String>,
    /// The arguments of the call.
    pub args: Map<String, Json>,
    /// True if it may use the network.
    pub network: bool,
    /// True if it may use Unix sockets, also without the network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local_sockets: bool,
    /// Seconds it may take.
    #[serde(default = "usual_timeout")]
    pub timeout_seconds: u64,
}

const fn usual_timeout() -> u64 {
    120
}

impl Compensation {
    /// The command to run. `before`: what the command before printed; `result`: what the tool printed.
    ///
    /// # Errors
    /// With the hole that nothing fills, and why.
    pub fn command(&self, before: Option<&str>, result: Option<&str>) -> Result<Vec<String>, String> {
        fill(&self.undo, |hole| match hole {
            "before" => before.map(|text| Some(text.to_owned())).ok_or_else(|| "nothing ran before it".to_owned()),
            "result" => known(result).map(|text| Some(text.to_owned())),
            _ => match hole.strip_prefix("result.") {
                Some(path) => field(known(result)?, path).map(Some),
                None => Ok(argument(&self.args, hole)),
            },
        })
    }
}

fn known(result: Option<&str>) -> Result<&str, String> {
    result.ok_or_else(|| "its result is not known".to_owned())
}

/// An argument of a call as text; `None` when it was left out.
#[must_use]
pub fn argument(args: &Map<String, Json>, name: &str) -> Option<String> {
    args.get(name).filter(|value| !value.is_null()).map(text)
}

/// The value at a dotted path of a JSON result; numbers index lists.
fn field(result: &str, path: &str) -> Result<String, String> {
    let json: Json = serde_json::from_str(result).map_err(|_| "the result is not JSON".to_owned())?;
    let step = |at: &Json, part: &str| match at {
        Json::Array(items) => part.parse::<usize>().ok().and_then(|nth| items.get(nth).cloned()),
        other => other.get(part).cloned(),
    };
    let found = path.split('.').try_fold(json, |at, part| step(&at, part));
    let found = found.filter(|value| !value.is_null()).ok_or_else(|| format!("the result has no `{path}`"))?;
    Ok(text(&found))
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A command for people, quoted as for a shell; of a program's path only its name.
#[must_use]
pub fn command_line(argv: &[String]) -> String {
    let program = argv.first().map(|program| program.rsplit('/').next().unwrap_or(program));
    let words = program.into_iter().chain(argv.iter().skip(1).map(String::as_str));
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// A word quoted as for a shell, where it needs to be.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A part of an element of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// As it stands.
    Text(&'a str),
    /// A hole, by name.
    Hole(&'a str),
}

/// Parts of an element, each with its bytes.
pub type Parts<'a> = Vec<(Part<'a>, Range<usize>)>;

/// The parts of an element.
///
/// # Errors
/// With the byte of a brace that nothing closes or opens, and what is wrong with it.
pub fn parts(element: &str) -> Result<Parts<'_>, (usize, String)> {
    let mut found = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(next) = element[at..].find(['{', '}']).map(|next| at + next) {
        let rest = &element[next..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            // One of the two braces belongs to the text.
            found.push((Part::Text(&element[from..=next]), from..next + 1));
            at = next + 2;
        } else if rest.starts_with('{') {
            let end =
                rest.find('}').ok_or_else(|| (next, "this `{` is not closed; write `{{` for a brace".to_owned()))?;
            found.push((Part::Text(&element[from..next]), from..next));
            found.push((Part::Hole(&rest[1..end]), next..next + end + 1));
            at = next + end + 1;
        } else {
            return Err((next, "this `}` closes nothing; write `}}` for a brace".to_owned()));
        }
        from = at;
    }
    found.push((Part::Text(&element[from..]), from..element.len()));
    found.retain(|(part, _)| *part != Part::Text(""));
    Ok(found)
}

/// A command with its holes filled. What is left out (`Ok(None)`) is empty; an element that is nothing but it goes.
///
/// # Errors
/// With a hole that nothing fills, and why.
pub fn fill(command: &[String], value: impl Fn(&str) -> Result<Option<String>, String>) -> Result<Vec<String>, String> {
    let mut filled = Vec::with_capacity(command.len());
    for element in command {
        let parts = parts(element).map_err(|(_, why)| why)?;
        let mut text = String::new();
        let mut left_out = false;
        for (part, _) in &parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Hole(hole) => match value(hole).map_err(|why| format!("nothing fills {{{hole}}}: {why}"))? {
                    Some(part) => text.push_str(&part),
                    None => left_out = true,
                },
            }
        }
        if !(left_out && parts.len() == 1) {
            filled.push(text);
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn compensation(undo: &[&str], args: Json) -> Compensation {
        let Json::Object(args) = args else { panic!("no object") };
        let undo = undo.iter().map(ToString::to_string).collect();
        Compensation { before: None, undo, args, network: false, local_sockets: false, timeout_seconds: 1 }
    }

    #[test]
    fn holes_are_filled_and_never_split() {
        let undo = ["./x", "{tag}", "--to={before}", "{{{count}}}", "{result.items.1.id}", "{gone}", "-{gone}"];
        let made = compensation(&undo, json!({"tag": "a b; rm", "count": 3, "gone": null}));
        let command = made.command(Some("v1"), Some(r#"{"items":[{},{"id":7}]}"#)).unwrap();
        assert_eq!(command, ["./x", "a b; rm", "--to=v1", "{3}", "7", "-"]);
    }

    #[test]
    fn a_hole_that_nothing_fills_is_told() {
        let why =
            |undo: &str, before, result| compensation(&["x", undo], json!({})).command(before, result).unwrap_err();
        assert_eq!(why("{before}", None, Some("")), "nothing fills {before}: nothing ran before it");
        assert_eq!(why("{result}", None, None), "nothing fills {result}: its result is not known");
        assert_eq!(why("{result.id}", None, Some("no")), "nothing fills {result.id}: the result is not JSON");
        assert_eq!(
            why("{result.a.b}", None, Some("{\"a\":{}}")),
            "nothing fills {result.a.b}: the result has no `a.b`"
        );
    }

    #[test]
    fn a_command_for_people_is_quoted() {
        let argv = ["/home/me/x/deploy", "v1.2", "it's", ""].map(str::to_owned);
        assert_eq!(command_line(&argv), r"deploy v1.2 'it'\''s' ''");
    }

    #[test]
    fn open_braces_are_faults_at_their_byte() {
        assert_eq!(parts("ab{c").unwrap_err().0, 2);
        assert_eq!(parts("a}b").unwrap_err().0, 1);
        let found = parts("é{x}").unwrap();
        assert_eq!(found, [(Part::Text("é"), 0..2), (Part::Hole("x"), 2..5)]);
    }

    proptest! {
        #[test]
        fn escaped_text_is_itself(text in "[a{}é]{0,12}") {
            let element = text.replace('{', "{{").replace('}', "}}");
            let filled = fill(&[element], |_| Err("no hole was written".into())).unwrap();
            prop_assert_eq!(filled, [text]);
        }
    }
}
