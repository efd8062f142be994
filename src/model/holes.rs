//! Holes in texts, and what fills them.
//!
//! A hole is `{NAME}` in an element of a command or in an argument; `{{` and `}}` stand for braces. What fills a hole of
//! a command never becomes more than one argument: no shell reads it.

use std::ops::Range;

use serde_json::{Map, Value as Json};

pub(super) fn known(result: Option<&str>) -> Result<&str, String> {
    result.ok_or_else(|| "its result is not known".to_owned())
}

/// An argument of a call as text; `None` when it was left out.
#[must_use]
pub fn argument(args: &Map<String, Json>, name: &str) -> Option<String> {
    args.get(name).filter(|value| !value.is_null()).map(text)
}

/// The value at a dotted path of a JSON result, as text.
pub(super) fn field(result: &str, path: &str) -> Result<String, String> {
    field_value(result, path).map(|found| text(&found))
}

/// The value at a dotted path of a JSON result; numbers index lists.
fn field_value(result: &str, path: &str) -> Result<Json, String> {
    let json: Json = serde_json::from_str(result).map_err(|_| "the result is not JSON".to_owned())?;
    let step = |at: &Json, part: &str| match at {
        Json::Array(items) => part.parse::<usize>().ok().and_then(|nth| items.get(nth).cloned()),
        other => other.get(part).cloned(),
    };
    let found = path.split('.').try_fold(json, |at, part| step(&at, part));
    found.filter(|value| !value.is_null()).ok_or_else(|| format!("the result has no `{path}`"))
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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

/// A value of a call with the holes in its texts filled by the arguments and the result of another call. A text that is
/// nothing but a hole becomes what fills it, of any type; `None`: that was left out.
///
/// # Errors
/// With a hole that nothing fills, and why.
pub fn fill_json(value: &Json, args: &Map<String, Json>, result: Option<&str>) -> Result<Option<Json>, String> {
    let fill = |hole: &str| -> Result<Option<Json>, String> {
        match hole.strip_prefix("result.") {
            Some(path) => field_value(known(result)?, path).map(Some),
            None if hole == "result" => Ok(Some(known(result)?.into())),
            None => Ok(args.get(hole).filter(|value| !value.is_null()).cloned()),
        }
    };
    let named = |hole: &str| fill(hole).map_err(|why| format!("nothing fills {{{hole}}}: {why}"));
    Ok(match value {
        Json::String(element) => {
            let parts = parts(element).map_err(|(_, why)| why)?;
            if let [(Part::Hole(hole), _)] = parts.as_slice() {
                return named(hole);
            }
            let mut filled = String::new();
            for (part, _) in &parts {
                match part {
                    Part::Text(part) => filled.push_str(part),
                    Part::Hole(hole) => filled.push_str(&named(hole)?.as_ref().map(text).unwrap_or_default()),
                }
            }
            Some(filled.into())
        }
        Json::Array(items) => {
            let filled = items.iter().map(|item| fill_json(item, args, result)).collect::<Result<Vec<_>, _>>()?;
            Some(filled.into_iter().flatten().collect())
        }
        Json::Object(fields) => {
            let mut filled = Map::new();
            for (name, value) in fields {
                if let Some(value) = fill_json(value, args, result)? {
                    filled.insert(name.clone(), value);
                }
            }
            Some(filled.into())
        }
        other => Some(other.clone()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
