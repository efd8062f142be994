//! Tool calls of streams, as servers break them: every call exactly once.

use serde_json::{Value as Json, json};
use tama_tui::wire::Dialect;

use super::support::decode;

/// The calls of a stream whose deltas have these lists of `tool_calls`.
fn calls(deltas: &[Json]) -> Vec<(String, String, Json)> {
    let chunk = |calls: &Json| {
        format!(
            "data: {}\n\n",
            json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": null}]})
        )
    };
    let mut stream = deltas.iter().map(chunk).collect::<Vec<_>>().concat();
    stream.push_str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n");
    let answer = decode(Dialect::Chat, stream.as_bytes());
    answer.calls().map(|call| (call.id.clone(), call.name.clone(), call.args.clone())).collect()
}

fn call(index: &Json, id: &Json, name: &Json, arguments: &Json) -> Json {
    let mut item = json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}});
    let fields = item.as_object_mut().unwrap();
    fields.retain(|_, value| !value.is_null());
    fields["function"].as_object_mut().unwrap().retain(|_, value| !value.is_null());
    item
}

/// `(index, id, name, arguments)` of each piece, a list for each delta; then the calls that they are.
macro_rules! table {
    ($($name:ident: [$([$(($index:tt, $id:tt, $call:tt, $arguments:tt)),*]),*] => [$(($want_id:tt, $want:tt, $args:tt)),*];)*) => {
        $(#[test]
        fn $name() {
            let deltas = [$(json!([$(call(&json!($index), &json!($id), &json!($call), &json!($arguments))),*])),*];
            let expected: Vec<(String, String, Json)> = vec![$(($want_id.to_owned(), $want.to_owned(), json!($args))),*];
            assert_eq!(calls(&deltas), expected);
        })*
    };
}

table! {
    ids_without_index: [[(null, "a", "read", "{\"n\":1}")], [(null, "b", "read", "{\"n\":1}")]]
        => [("a", "read", {"n": 1}), ("b", "read", {"n": 1})];
    pieces_without_index: [[(null, "a", "read", "")], [(null, null, null, "{\"n\"")], [(null, null, null, ":1}")],
        [(null, "b", "write", "")], [(null, null, null, "{}")]] => [("a", "read", {"n": 1}), ("b", "write", {})];
    pieces_by_id_without_index: [[(null, "a", "read", "")], [(null, "b", "write", "")], [(null, "a", null, "{\"n\":1}")],
        [(null, "b", null, "{\"n\":2}")]] => [("a", "read", {"n": 1}), ("b", "write", {"n": 2})];
    one_index_for_all: [[(0, "a", "read", "{\"n\":1}")], [(0, "b", "read", "{\"n\":2}")]]
        => [("a", "read", {"n": 1}), ("b", "read", {"n": 2})];
    one_index_for_all_in_pieces: [[(0, "a", "read", "")], [(0, null, null, "{\"n\":1}")], [(0, "b", "read", "")],
        [(0, null, null, "{\"n\":2}")]] => [("a", "read", {"n": 1}), ("b", "read", {"n": 2})];
    one_index_and_no_ids: [[(0, null, "read", "{\"n\":1}")], [(0, null, "read", "{\"n\":2}")], [(0, null, "read", "{\"n\":2}")]]
        => [("", "read", {"n": 1}), ("", "read", {"n": 2}), ("", "read", {"n": 2})];
    one_id_for_all: [[(0, "a", "read", "{\"n\":1}")], [(1, "a", "read", "{\"n\":1}")]]
        => [("a", "read", {"n": 1}), ("a", "read", {"n": 1})];
    one_id_for_all_in_pieces: [[(0, "a", "read", "")], [(1, "a", "write", "")], [(0, null, null, "{\"n\":1}")],
        [(1, null, null, "{\"n\":2}")]] => [("a", "read", {"n": 1}), ("a", "write", {"n": 2})];
    one_id_for_all_in_turn: [[(0, "a", "read", "")], [(0, "a", null, "{\"n\":1}")], [(1, "a", "read", "")],
        [(1, "a", null, "{\"n\":2}")]] => [("a", "read", {"n": 1}), ("a", "read", {"n": 2})];
    one_id_without_index: [[(null, "a", "read", "{\"n\":1}")], [(null, "a", "read", "{\"n\":2}")]]
        => [("a", "read", {"n": 1}), ("a", "read", {"n": 2})];
    nothing_but_names: [[(null, null, "read", "{\"n\":1}")], [(null, null, "read", "{\"n\":1}")], [(null, null, "list", "")]]
        => [("", "read", {"n": 1}), ("", "read", {"n": 1}), ("", "list", {})];
    several_in_one_delta: [[(0, "a", "read", "{}"), (1, "b", "read", "{}"), (2, "c", "read", "{}")]]
        => [("a", "read", {}), ("b", "read", {}), ("c", "read", {})];
    several_in_one_delta_without_anything: [[(null, null, "read", "{}"), (null, null, "read", "{}")]]
        => [("", "read", {}), ("", "read", {})];
    several_in_one_delta_of_one_index: [[(0, null, "read", ""), (0, null, "read", "")],
        [(0, null, null, "{\"n\":1}"), (0, null, null, "{\"n\":2}")]] => [("", "read", {"n": 1}), ("", "read", {"n": 2})];
    several_in_one_delta_by_position: [[(null, null, "read", ""), (null, null, "write", "")],
        [(null, null, null, "{\"n\":"), (null, null, null, "{\"n\":")], [(null, null, null, "1}"), (null, null, null, "2}")]]
        => [("", "read", {"n": 1}), ("", "write", {"n": 2})];
    several_in_one_delta_of_one_id: [[(0, "a", "read", "{\"n\":1}"), (1, "a", "write", "{\"n\":2}")]]
        => [("a", "read", {"n": 1}), ("a", "write", {"n": 2})];
    ids_only_later: [[(0, null, "read", "")], [(1, null, "write", "")], [(0, "a", null, "{\"n\":1}")], [(1, "b", null, "{}")]]
        => [("a", "read", {"n": 1}), ("b", "write", {})];
    id_only_later_without_index: [[(null, null, "read", "")], [(null, "a", null, "{\"n\":1}")]] => [("a", "read", {"n": 1})];
    names_only_later: [[(0, "a", null, "")], [(0, null, "read", "")], [(0, null, null, "{}")]] => [("a", "read", {})];
    a_name_in_pieces: [[(0, "a", "re", null)], [(0, null, "ad", null)], [(0, null, null, "{}")]] => [("a", "read", {})];
    a_name_that_grows: [[(0, "a", "re", "")], [(0, "a", "read", "")], [(0, null, null, "{}")]] => [("a", "read", {})];
    a_name_in_each_piece: [[(0, "a", "read", "{\"n\"")], [(0, "a", "read", ":")], [(0, "a", "read", "1}")], [(0, "a", "read", "")]]
        => [("a", "read", {"n": 1})];
    a_whole_call_again: [[(0, "a", "read", "")], [(0, null, null, "{\"n\":1}")], [(0, "a", "read", "{\"n\":1}")]]
        => [("a", "read", {"n": 1})];
    an_index_that_grows_with_each_piece: [[(0, "a", "read", "")], [(1, "a", null, "{\"n\"")], [(2, "a", null, ":1}")]]
        => [("a", "read", {"n": 1})];
    an_index_only_at_first: [[(1, "a", "read", "")], [(null, null, null, "{\"n\":1}")]] => [("a", "read", {"n": 1})];
    another_index_in_later_pieces: [[(1, "a", "read", "")], [(0, null, null, "{\"n\"")], [(0, null, null, ":1}")]]
        => [("a", "read", {"n": 1})];
    indices_of_all_kinds: [[(4_294_967_295_u64, "a", "read", "{}")], [((-1), "b", "read", "{}")], [("2", "c", "read", "")],
        [(2, null, null, "{\"n\":1}")]] => [("a", "read", {}), ("b", "read", {}), ("c", "read", {"n": 1})];
    an_index_too_large_for_any_number: [[(1e300, "a", "read", "{")], [(1e300, null, null, "}")]] => [("a", "read", {})];
    calls_that_alternate: [[(0, "a", "read", "{\"n\":")], [(1, "b", "read", "{\"n\":")], [(0, null, null, "1}")], [(1, null, null, "2}")]]
        => [("a", "read", {"n": 1}), ("b", "read", {"n": 2})];
    calls_in_another_order: [[(1, "b", "write", "{}")], [(0, "a", "read", "{}")]] => [("b", "write", {}), ("a", "read", {})];
    arguments_as_objects: [[(0, "a", "read", {"n": 1})], [(0, "b", "read", {"n": 2})]]
        => [("a", "read", {"n": 1}), ("b", "read", {"n": 2})];
    an_empty_object_before_the_text: [[(0, "a", "read", {})], [(0, null, null, "{\"n\":")], [(0, null, null, "1}")]]
        => [("a", "read", {"n": 1})];
    an_empty_object_as_text_before_the_text: [[(0, "a", "read", "{}")], [(0, null, null, "{\"n\":")], [(0, null, null, "1}")]]
        => [("a", "read", {"n": 1})];
    arguments_encoded_twice: [[(0, "a", "read", "\"{\\\"n\\\":")], [(0, null, null, "1}\"")]] => [("a", "read", {"n": 1})];
    an_empty_piece_at_the_end: [[(0, "a", "read", "{}")], [(0, null, null, "")], [(1, null, null, "")], [(null, null, "", "")]]
        => [("a", "read", {})];
    parameterless_calls: [[(0, "a", "list", "")], [(1, "b", "list", "")], [(2, "c", "now", null)]]
        => [("a", "list", {}), ("b", "list", {}), ("c", "now", {})];
    ids_as_numbers: [[(0, 7, "read", "{\"n\":")], [(0, 7, null, "1}")]] => [("7", "read", {"n": 1})];
    a_new_id_with_each_piece: [[(0, "a", "read", "")], [(0, "b", null, "{\"n\":")], [(0, "c", null, "1}")]]
        => [("a", "read", {"n": 1})];
}

#[test]
fn a_whole_message_after_its_pieces_adds_nothing() {
    let call = json!({"id": "a", "type": "function", "function": {"name": "read", "arguments": "{}"}});
    let chunks = [
        json!({"choices": [{"delta": {"content": "I read."}}]}),
        json!({"choices": [{"delta": {"tool_calls": [call]}}]}),
        json!({"choices": [{"message": {"content": "I read.", "tool_calls": [call]}, "finish_reason": "stop"}]}),
    ];
    let stream = chunks.map(|chunk| format!("data: {chunk}\n\n")).concat();
    let answer = decode(Dialect::Chat, stream.as_bytes());
    assert_eq!((answer.text().as_str(), answer.calls().count()), ("I read.", 1));
}
