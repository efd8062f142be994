//! The rule of whole answers, on the way from a model server to the run's end.

use serde_json::{Value as Json, json};

use crate::engine::scenario::{Scenario, Stage};
use crate::support::server::{Answer, Server, calls, text};

const HEAD: &str = r#"
[pipeline]
name = "whole"
entrypoint = "lead"
task = "the task"
workspace = "work"
[policy]
allow = ["tama_*"]
[agents.lead]
pattern = "react"
prompt = "lead"
tools = ["tama_mem_set"]
"#;

/// A pipeline whose model is a server with these answers; `options`: of the model.
async fn stage(options: &str, answers: Vec<Answer>) -> (Server, Stage) {
    let server = Server::start(answers).await;
    let model = format!("[models]\ndefault = {{ name = \"openai:test\"{options} }}\n");
    let provider = format!("[providers.openai]\nbase_url = \"{}\"\n", server.url);
    let pipeline = format!("{HEAD}{model}{provider}");
    let workspace = [("keep".to_owned(), String::new())].into();
    let stage = Stage::set(&Scenario { pipeline, workspace, ..Scenario::default() });
    (server, stage)
}

async fn play(stage: &mut Stage, lines: &str) {
    stage.play(lines).await.unwrap_or_else(|why| panic!("{why}"));
}

/// A text that ends for this reason.
fn ended(words: &[&str], reason: &str) -> Answer {
    let mut events = text(words, 9, 3);
    let last = events.iter_mut().find(|event| event["choices"][0]["finish_reason"].is_string()).unwrap();
    last["choices"][0]["finish_reason"] = json!(reason);
    Answer::Stream(events)
}

/// One call whose arguments are this text.
fn raw_call(name: &str, arguments: &str) -> Answer {
    let call = json!({ "index": 0, "id": "x", "function": { "name": name, "arguments": arguments } });
    Answer::Stream(vec![
        json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [call] }, "finish_reason": null }] }),
        json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }] }),
    ])
}

fn finish(value: &str) -> Answer {
    Answer::Stream(calls(&[("finish", json!({ "key": "done", "value": value }))]))
}

/// The results that the last request has.
fn results(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let messages = requests.last().and_then(|body| body["messages"].as_array()).cloned().unwrap_or_default();
    let results = messages.iter().filter(|message| message["role"] == "tool");
    results.map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_whole_stops_and_is_paid_for_once() {
    for (reason, word) in [("length", "cut at the token limit"), ("content_filter", "filter"), ("refusal", "refused")] {
        let (server, mut stage) = stage("", vec![ended(&["half ", "an ans"], reason), finish("ok")]).await;
        play(&mut stage, &format!("wait at lead/llm error\ntold lead/llm :: {word}")).await;
        play(&mut stage, &format!("told lead/llm :: before it came 11 characters\ntold lead/llm :: {reason}")).await;
        play(&mut stage, "plan lead/llm\nwait plan\nretry\nwait retried\nwait end\nstatus ok\noutput ok").await;
        assert_eq!(server.count(), 2, "{reason}: the retry of a call costs one call");
        stage.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_no_answer() {
    let (_server, mut stage) = stage("", vec![ended(&[""], "stop"), finish("ok")]).await;
    play(&mut stage, "wait at lead/llm error\ntold lead/llm :: it is empty\nanswer lead/llm :: mine").await;
    play(&mut stage, "wait end\nstatus ok\noutput mine").await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_may_take_cut_answers() {
    let (server, mut stage) = stage(", accept_cut = true", vec![ended(&["half"], "length")]).await;
    play(&mut stage, "wait end\nstatus ok\noutput half").await;
    assert_eq!(server.count(), 1);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_that_cannot_be_read_are_an_error_for_the_model() {
    let cut = r#"{"key": "approve", "value": "The rep"#;
    let answers = vec![raw_call("finish", cut), raw_call("tama_mem_set", "{\"key\": \"k\", \"val"), finish("whole")];
    let (server, mut stage) = stage("", answers).await;
    play(&mut stage, "wait end\nstatus ok\noutput whole").await;
    let results = results(&server);
    assert!(results[0].starts_with("[error: the arguments are not valid JSON: EOF"), "{results:?}");
    assert!(results[0].contains("column 36"), "where: {results:?}");
    assert!(results[1].contains("not valid JSON"), "{results:?}");
    let sent = server.requests()[2]["messages"].clone();
    for message in sent.as_array().unwrap().iter().filter(|message| message["role"] == "assistant") {
        let arguments = message["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
        assert!(serde_json::from_str::<Json>(arguments).unwrap().is_object(), "{arguments}");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_after_finish_are_told_and_not_run() {
    let set = json!({ "key": "late", "value": "x" });
    let both = [("finish", json!({ "key": "done", "value": "v" })), ("tama_mem_set", set)];
    let (_server, mut stage) = stage("", vec![Answer::Stream(calls(&both))]).await;
    play(&mut stage, "wait end\nstatus ok\noutput v\nnoted not run: after finish: tama_mem_set").await;
    play(&mut stage, "calls lead/tama_mem_set :: 0").await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reasoning_goes_back_with_its_turn_also_after_a_retry_from_disk() {
    let mut thought = calls(&[("tama_mem_set", json!({ "key": "k", "value": "v" }))]);
    let delta = json!({ "reasoning_content": "I set k." });
    thought.insert(0, json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] }));
    let (server, mut stage) = stage("", vec![Answer::Stream(thought), finish("ok")]).await;
    play(
        &mut stage,
        "wait end\nstatus ok\nreopen\nplan lead/llm#2\nwait plan\nretry\nwait retried\nwait end\nstatus ok",
    )
    .await;
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for body in &requests[1..] {
        let turn = body["messages"].as_array().unwrap().iter().find(|message| message["role"] == "assistant").unwrap();
        assert_eq!(turn["reasoning_content"], "I set k.");
    }
    stage.close().await;
}
