use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{Conversation, LlmRequest, Message, ModelName, ModelOptions, ToolCall, ToolDecl};

fn request(system: &str, messages: Vec<Message>) -> LlmRequest {
    let tool =
        |name: &str| ToolDecl { name: name.into(), description: "A tool.".into(), schema: json!({"a": 1, "b": 2}) };
    LlmRequest {
        model: ModelName { provider: "anthropic".into(), model: "m".into() },
        options: ModelOptions::default(),
        tools: vec![tool("bash"), tool("read")],
        system: system.into(),
        messages: Conversation::from(messages),
    }
}

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

fn asks(command: &str) -> Message {
    let calls = vec![ToolCall { name: "bash".into(), args: json!({ "command": command }) }];
    Message::Assistant { text: String::new(), calls, state: None }
}

fn result(text: &str) -> Message {
    Message::Tool { call: 0, name: "bash".into(), text: text.into() }
}

fn none() -> Folders {
    Folders::default()
}

fn compare(one: &LlmRequest, other: &LlmRequest) -> Likeness {
    near((one, &none()), (other, &none()))
}

#[test]
fn the_order_of_fields_and_tools_and_the_program_s_version_mean_nothing() {
    let mut one = request("x-anthropic-billing-header: cc_version=2.1.197;\n\nBe good.", vec![asks("ls"), result("a")]);
    let mut other =
        request("x-anthropic-billing-header: cc_version=2.1.198;\n\nBe good.", vec![asks("ls"), result("a")]);
    other.tools.reverse();
    other.tools[0].schema = json!({"b": 2, "a": 1});
    one.model.provider = "other".into();
    assert_eq!(compare(&one, &other), Likeness::Same);
    other.tools[0].schema = json!({"b": 2, "a": 2});
    assert!(matches!(compare(&one, &other), Likeness::Near(differences) if differences.len() == 1 + 1));
}

#[test]
fn volatile_parts_make_a_request_near_and_each_is_listed() {
    let now = |session: &str, date: &str, time: &str, temp: &str| {
        let result = format!("wrote {temp}/notes.txt\nduration_ms: {time}\ntook {time}ms\nreal 0m0.{time}s");
        let reminder = format!("<system-reminder>\nToday's date is {date}.\n</system-reminder>\ntidy");
        request(&format!("Session {session}\nDate: {date}"), vec![user(&reminder), asks("ls"), self::result(&result)])
    };
    let one = now("0c6f3c7e-1f0a-4c59-9a3c-5e7f0a1b2c3d", "2026-11-30", "12", "/tmp/tmp.aB3x");
    let other = now("9d6f3c7e-1f0a-4c59-9a3c-5e7f0a1b2c3d", "2026-12-01", "340", "/tmp/tmp.Zz9q");
    let Likeness::Near(differences) = compare(&one, &other) else { panic!("{:?}", compare(&one, &other)) };
    let places: Vec<&str> = differences.iter().map(|difference| difference.place.as_str()).collect();
    let prompt = "the system prompt";
    assert_eq!(places, [prompt, prompt, "message 1", "message 3", "message 3", "message 3", "message 3"]);
    assert_eq!(differences[1].recorded, "Date: 2026-11-30");
    assert_eq!(differences[1].asked, "Date: 2026-12-01");
}

#[test]
fn a_result_that_says_something_else_is_different_however_long_it_is_alike() {
    let long = "the same line of a document\n".repeat(5000);
    let one = request("s", vec![user("find"), asks("search"), result(&format!("{long}answer: 41"))]);
    let other = request("s", vec![user("find"), asks("search"), result(&format!("{long}answer: 42"))]);
    let expected = Difference { place: "message 3".into(), recorded: "answer: 41".into(), asked: "answer: 42".into() };
    assert_eq!(compare(&one, &other), Likeness::Different(expected));
}

#[test]
fn what_is_asked_and_called_is_compared_too() {
    let one = request("s", vec![user("a"), asks("ls"), result("x")]);
    for other in [
        request("s", vec![user("b"), asks("ls"), result("x")]),
        request("s", vec![user("a"), asks("ls -a"), result("x")]),
        request("s", vec![user("a"), asks("ls")]),
        request("s", vec![user("a"), asks("ls"), result("x"), user("more")]),
    ] {
        assert!(matches!(compare(&one, &other), Likeness::Different(_)), "{other:?}");
    }
    let mut other = one.clone();
    other.model.model = "n".into();
    let Likeness::Different(difference) = compare(&one, &other) else { panic!() };
    assert_eq!(
        (difference.place.as_str(), difference.recorded.as_str(), difference.asked.as_str()),
        ("the model", "m", "n")
    );
    other.model.model = "m".into();
    other.tools.pop();
    let Likeness::Different(difference) = compare(&one, &other) else { panic!() };
    assert_eq!(difference.place, "the names of the tools");
}

#[test]
fn a_folder_is_the_same_folder_elsewhere() {
    let at = |folder: &str| request("s", vec![asks("pwd"), result(&format!("{folder}\n{folder}/a.txt\n{folder}shop"))]);
    let folders = |folder: &str| Folders::new([folder.to_owned(), "/".into()]);
    let (one, other) = (at("/home/me/work"), at("/home/me/work"));
    assert_eq!(near((&one, &folders("/home/me/work")), (&other, &folders("/home/me/work"))), Likeness::Same);
    let text = |folder: &str| request("s", vec![asks("pwd"), result(&format!("{folder}\n{folder}/a.txt"))]);
    let (one, other) = (text("/home/me/work"), text("/srv/retry"));
    assert!(matches!(near((&one, &folders("/home/me/work")), (&other, &folders("/srv/retry"))), Likeness::Near(_)));
    assert!(matches!(near((&one, &folders("/home/me/work")), (&other, &none())), Likeness::Different(_)));
    assert!(matches!(near((&at("/a/b"), &folders("/a/b")), (&at("/c/d"), &folders("/c/d"))), Likeness::Different(_)));
}

#[test]
fn calls_are_found_by_content_and_equals_in_order() {
    let ask = |text: &str| request("s", vec![user(text)]);
    let calls = [(ask("a"), 1), (ask("b"), 2), (ask("a"), 3), (ask("on 2026-01-01"), 4)];
    let mut recorded = Recorded::new(none(), calls);
    assert_eq!(recorded.take(&ask("b"), &none()), Found::Same(2));
    assert_eq!(recorded.take(&ask("a"), &none()), Found::Same(1));
    let Found::Near(4, differences) = recorded.take(&ask("on 2026-02-02"), &none()) else { panic!() };
    assert_eq!(differences.len(), 1);
    assert_eq!(recorded.left(), 1);
    let Found::Different(Some(difference)) = recorded.take(&ask("b"), &none()) else { panic!() };
    assert_eq!((difference.recorded.as_str(), difference.asked.as_str()), ("a", "b"));
    assert_eq!(recorded.take(&ask("a"), &none()), Found::Same(3));
    assert_eq!(recorded.take(&ask("a"), &none()), Found::Different(None));
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a",
        "b 2026-11-30",
        "c took 5ms",
        "/tmp/x1/f",
        "<system-reminder>r</system-reminder>",
        "é\n",
    ])
    .prop_flat_map(|word| prop::collection::vec(Just(word), 0..3).prop_map(|words| words.concat()))
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        text().prop_map(|text| user(&text)),
        text().prop_map(|text| asks(&text)),
        text().prop_map(|text| result(&text)),
    ]
}

proptest! {
    #[test]
    fn a_request_is_the_same_as_itself_and_likeness_has_no_side(
        one in prop::collection::vec(message(), 0..4),
        other in prop::collection::vec(message(), 0..4),
        system in text(),
    ) {
        let (one, other) = (request(&system, one), request("s", other));
        prop_assert_eq!(compare(&one, &one.clone()), Likeness::Same);
        let kind = |likeness: &Likeness| std::mem::discriminant(likeness);
        prop_assert_eq!(kind(&compare(&one, &other)), kind(&compare(&other, &one)));
        // What is near or the same is found; what is different is not.
        let mut recorded = Recorded::new(none(), [(one.clone(), ())]);
        let found = recorded.take(&other, &none());
        match compare(&one, &other) {
            Likeness::Same => prop_assert_eq!(found, Found::Same(())),
            Likeness::Near(_) => prop_assert!(matches!(found, Found::Near((), _)), "{:?}", found),
            Likeness::Different(_) => prop_assert!(matches!(found, Found::Different(Some(_))), "{:?}", found),
        }
    }

    #[test]
    fn every_recorded_call_is_found_once_in_any_order(
        order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
        texts in prop::collection::vec(text(), 12),
    ) {
        let requests: Vec<LlmRequest> = texts.iter().map(|text| request("s", vec![user(text)])).collect();
        let mut recorded = Recorded::new(none(), requests.iter().cloned().zip(0..));
        let mut last = std::collections::HashMap::new();
        for at in order {
            let Found::Same(found) = recorded.take(&requests[at], &none()) else { panic!("call {at} was not found") };
            prop_assert_eq!(canonical(&requests[found]), canonical(&requests[at]));
            // Equals come in the order in which they were recorded.
            let before = last.insert(canonical(&requests[at]), found);
            prop_assert!(before.is_none_or(|before| before < found));
        }
        prop_assert_eq!(recorded.left(), 0);
    }
}
