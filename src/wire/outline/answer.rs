//! Changes of an answer: its texts, and the names and arguments of its calls. All else stays as the model sent it.

use super::distribute::distribute;
use crate::model::LlmResponse;
use crate::wire::{Answer, Call, Part, PartKind, Stop, StopKind};

/// The answer that says what `after` says, when it said what `before` says. Reasoning and signatures stay as they are.
/// Calls keep their ids: more calls than before have none, fewer are those that are still there.
#[must_use]
pub fn change_answer(answer: &Answer, before: &LlmResponse, after: &LlmResponse) -> Answer {
    let mut changed = answer.clone();
    changed.source = answer.source.clone();
    if before.text != after.text {
        change_text(&mut changed.parts, &after.text);
    }
    if before.calls != after.calls {
        change_calls(&mut changed.parts, before, after);
        let ends = changed.stop.as_ref().is_none_or(|stop| matches!(stop.kind, StopKind::End | StopKind::Calls));
        let kind = if after.calls.is_empty() { StopKind::End } else { StopKind::Calls };
        if ends && before.calls.is_empty() != after.calls.is_empty() {
            changed.stop = Some(Stop { word: String::new(), kind });
        }
    }
    changed
}

fn change_text(parts: &mut Vec<Part>, edited: &str) {
    let shown: Vec<String> = parts.iter().filter_map(text_of).map(str::to_owned).collect();
    // The texts of an answer are shown without anything between them.
    let old: Vec<&str> = shown.iter().map(String::as_str).collect();
    let single = if old.len() == 1 { distribute(&old, edited) } else { split(&old, edited) };
    let mut texts = single.into_iter();
    parts.retain_mut(|part| match &mut part.kind {
        PartKind::Text(text) => match texts.next().flatten() {
            Some(new) => {
                *text = new;
                true
            }
            None => false,
        },
        _ => true,
    });
    if old.is_empty() && !edited.is_empty() {
        // Reasoning comes first, calls come last.
        let at = parts.iter().position(|part| matches!(part.kind, PartKind::Call(_))).unwrap_or(parts.len());
        parts.insert(at, Part::new(PartKind::Text(edited.to_owned())));
    }
}

/// Texts at the beginning that are still there keep their parts; the first that is not takes the rest.
fn split(old: &[&str], edited: &str) -> Vec<Option<String>> {
    let mut rest = edited;
    let mut texts = Vec::new();
    for (at, text) in old.iter().enumerate() {
        match rest.strip_prefix(text).filter(|_| at + 1 < old.len()) {
            Some(after) => {
                texts.push(Some((*text).to_owned()));
                rest = after;
            }
            None => {
                texts.push((!rest.is_empty()).then(|| rest.to_owned()));
                texts.resize(old.len(), None);
                return texts;
            }
        }
    }
    texts
}

fn text_of(part: &Part) -> Option<&str> {
    if let PartKind::Text(text) = &part.kind { Some(text) } else { None }
}

fn change_calls(parts: &mut Vec<Part>, before: &LlmResponse, after: &LlmResponse) {
    if after.calls.len() < before.calls.len() {
        let mut left = after.calls.iter().peekable();
        let mut had = before.calls.iter();
        let mut is_kept = || {
            let same = left.peek().is_some() && left.peek().copied() == had.next();
            if same {
                left.next();
            }
            same
        };
        let kept: Vec<bool> = before.calls.iter().map(|_| is_kept()).collect();
        if left.next().is_none() {
            let mut kept = kept.into_iter();
            parts.retain(|part| !matches!(part.kind, PartKind::Call(_)) || kept.next().unwrap_or(true));
            return;
        }
    }
    let mut new = after.calls.iter();
    let mut old = before.calls.iter();
    parts.retain_mut(|part| {
        let PartKind::Call(call) = &mut part.kind else { return true };
        let (Some(new), old) = (new.next(), old.next()) else { return false };
        // What is shown may be masked: a call that was not edited stays as it is.
        if old != Some(new) {
            call.name.clone_from(&new.name);
            if old.is_none_or(|old| old.args != new.args) {
                call.args = new.args.clone();
            }
        }
        true
    });
    parts.extend(new.map(|call| {
        let (name, args) = (call.name.clone(), call.args.clone());
        Part::new(PartKind::Call(Call { id: String::new(), name, args }))
    }));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::ToolCall;
    use crate::wire::{Decoder, Dialect};

    fn call(name: &str, args: serde_json::Value) -> ToolCall {
        ToolCall { name: name.into(), args }
    }

    fn read(dialect: Dialect, bytes: &[u8]) -> Answer {
        let mut decoder = Decoder::new(dialect);
        decoder.push(bytes, |_| {});
        decoder.finish(|_| {})
    }

    fn answer() -> (Answer, LlmResponse) {
        let part = |kind, source| Part { kind, source };
        let thinking = json!({"type": "thinking", "thinking": "hm", "signature": "sig"});
        let id = |id: &str, name: &str| {
            let args = json!({"command": "ls"});
            PartKind::Call(Call { id: id.into(), name: name.into(), args })
        };
        let parts = vec![
            part(PartKind::Reasoning("hm".into()), Some(thinking)),
            part(PartKind::Text("I look.".into()), None),
            part(id("toolu_1", "bash"), None),
            part(id("toolu_2", "read"), None),
        ];
        let stop = Some(Stop { word: "tool_use".into(), kind: StopKind::Calls });
        let answer = Answer { id: Some("msg_1".into()), parts, stop, whole: true, ..Answer::default() };
        let calls = vec![call("bash", json!({"command": "ls"})), call("read", json!({"command": "ls"}))];
        (answer, LlmResponse { text: "I look.".into(), calls, ..LlmResponse::default() })
    }

    #[test]
    fn only_what_was_edited_changes() {
        let (answer, before) = answer();
        let mut after = before.clone();
        after.calls[1].args = json!({"path": "a"});
        let changed = change_answer(&answer, &before, &after);
        assert_eq!(changed.parts[..3], answer.parts[..3]);
        let read = read(Dialect::Messages, &Dialect::Messages.write_stream(&changed));
        assert_eq!(read.parts[0].source, answer.parts[0].source, "thinking keeps its signature");
        let calls: Vec<(&str, String)> = read.calls().map(|call| (call.id.as_str(), call.args.to_string())).collect();
        assert_eq!(calls, [("toolu_1", r#"{"command":"ls"}"#.into()), ("toolu_2", r#"{"path":"a"}"#.into())]);
    }

    #[test]
    fn calls_are_taken_out_and_the_stop_says_so() {
        let (answer, before) = answer();
        let one = LlmResponse { calls: vec![before.calls[1].clone()], ..before.clone() };
        let changed = change_answer(&answer, &before, &one);
        assert_eq!(changed.calls().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["toolu_2"]);
        assert_eq!(changed.stop, answer.stop);
        let none = LlmResponse { text: "Done.".into(), calls: vec![], ..before.clone() };
        let changed = change_answer(&answer, &before, &none);
        assert_eq!((changed.text(), changed.calls().count()), ("Done.".into(), 0));
        for dialect in [Dialect::Messages, Dialect::Responses, Dialect::Chat, Dialect::Gemini] {
            let read = read(dialect, &dialect.write_stream(&changed));
            assert_eq!(read.stop.map(|stop| stop.kind), Some(StopKind::End), "{dialect}");
        }
    }
}
