//! A whole run in each dialect: the server reads and writes with the same codecs, from the other side.

use serde_json::json;
use tama_tui::wire::{Answer as WireAnswer, Call, Dialect, Part, PartKind, Request, Stop, StopKind, Usage};

use crate::engine::scenario::{Scenario, Stage};
use crate::support::server::{Answer, Server};

fn pipeline(dialect: Dialect, url: &str) -> String {
    format!(
        r#"
[pipeline]
name = "dialects"
entrypoint = "lead"
task = "the task"
workspace = "work"
[models]
default = {{ name = "own:model", temperature = 0.5, max_tokens = 77 }}
[providers.own]
base_url = "{url}"
api = "{dialect}"
[policy]
allow = ["tama_*"]
[agents.lead]
pattern = "react"
prompt = "You lead."
tools = ["tama_mem_set"]
"#
    )
}

/// The answer to a request, by how many results it has: two calls beside a text, then the finish.
fn answer(request: &Request) -> WireAnswer {
    let call =
        |id: &str, name: &str, args| Part::new(PartKind::Call(Call { id: id.to_owned(), name: name.to_owned(), args }));
    let set = |id: &str, key: &str| call(id, "tama_mem_set", json!({ "key": key, "value": "wörld" }));
    let parts = match results(request).len() {
        0 => vec![Part::new(PartKind::Text("I set both.".into())), set("one", "a"), set("two", "b")],
        _ => vec![call("three", "finish", json!({ "key": "done", "value": "both are set" }))],
    };
    let stop = Some(Stop { word: String::new(), kind: StopKind::Calls });
    let usage = Some(Usage { input: 90, output: 7, cached: 0, reasoning: 0 });
    WireAnswer { id: Some("answer".into()), parts, stop, usage, whole: true, ..WireAnswer::default() }
}

/// The ids and texts of the results in a request.
fn results(request: &Request) -> Vec<(String, String)> {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    let results = parts.filter_map(|part| match &part.kind {
        PartKind::Result(result) => Some((result.id.clone(), result.text.clone())),
        _ => None,
    });
    results.collect()
}

/// The ids of the calls in a request.
fn calls(request: &Request) -> Vec<String> {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    parts.filter_map(|part| if let PartKind::Call(call) = &part.kind { Some(call.id.clone()) } else { None }).collect()
}

async fn run_in(dialect: Dialect) {
    let server = Server::start_with(move |body, _| {
        let request = dialect.read_request(body).unwrap_or_else(|why| panic!("{dialect}: {why}: {body}"));
        let mut answer = answer(&request);
        answer.model = Some("model".into());
        Answer::Bytes(dialect.write_stream(&answer))
    })
    .await;
    let workspace = [("keep".to_owned(), String::new())].into();
    let pipeline = pipeline(dialect, &server.url);
    let mut stage = Stage::set(&Scenario { pipeline, workspace, ..Scenario::default() });
    let lines = "wait end\nstatus ok\noutput both are set\nmemory a :: \"wörld\"\nmemory b :: \"wörld\"";
    stage.play(lines).await.unwrap_or_else(|why| panic!("{dialect}: {why}"));
    let requests: Vec<Request> =
        server.requests().iter().map(|body| dialect.read_request(body).unwrap_or_else(|why| panic!("{why}"))).collect();
    assert_eq!(requests.len(), 2, "{dialect}");
    let tools: Vec<&str> = requests[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(tools, ["start", "finish", "tama_mem_set"], "{dialect}");
    assert_eq!((requests[0].temperature, requests[0].max_tokens), (Some(0.5), Some(77)), "{dialect}");
    let (asked, answered) = (calls(&requests[1]), results(&requests[1]));
    assert_eq!((asked.len(), answered.len()), (2, 2), "{dialect}");
    for (id, (of, text)) in asked.iter().zip(&answered) {
        assert_eq!(id, of, "{dialect}");
        assert!(!text.is_empty(), "{dialect}");
    }
    let usage = stage.state.trace.get(tama_tui::model::SpanId::RUN).map(|run| run.counts.usage).unwrap();
    assert_eq!((usage.input, usage.output), (180, 14), "{dialect}");
    stage.play("plan lead/llm#2\nwait plan\nretry\nwait retried\nwait end\nstatus ok").await.unwrap();
    assert_eq!(server.count(), 3, "{dialect}: the retry of a call costs one call");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_comes_through_in_every_dialect() {
    for dialect in Dialect::ALL {
        run_in(dialect).await;
    }
}
