//! Compensations: commands with holes ([`super::holes`]), or calls of a server.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::UndoTool;
use super::holes::{argument, field, fill, known};

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
    /// The call of a server that is made instead of the undo command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Box<UndoTool>>,
}

const fn usual_timeout() -> u64 {
    120
}

impl Compensation {
    /// The call to make instead of a command, with its holes filled. `result`: what the tool answered.
    ///
    /// # Errors
    /// With the hole that nothing fills, and why.
    pub fn tool_call(&self, result: Option<&str>) -> Result<Option<UndoTool>, String> {
        let Some(undo) = &self.tool else { return Ok(None) };
        let mut filled = UndoTool::clone(undo);
        filled.call.args = undo.call.filled(&self.args, result)?;
        Ok(Some(filled))
    }

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compensation(undo: &[&str], args: Json) -> Compensation {
        let Json::Object(args) = args else { panic!("no object") };
        let undo = undo.iter().map(ToString::to_string).collect();
        Compensation { before: None, undo, args, network: false, local_sockets: false, timeout_seconds: 1, tool: None }
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
}
