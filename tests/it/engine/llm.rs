//! Models: scripts by place, and providers over HTTP against a server that misbehaves on request.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::json;
use tama_tui::effects::llm::{AnswerPiece, CallPosition, LlmError, LlmProvider, Progress, Providers};
use tama_tui::model::{LlmRequest, LlmResponse, Message, ModelName, ModelOptions, ToolCall, ToolDecl, Usage};
use tama_tui::pipeline::{Agent, Limits, Model, Pattern, Pipeline, Policy, Prompt, Provider};

use crate::support::server::{Answer, Server, calls, text};

fn name(model: &str) -> ModelName {
    let (provider, model) = model.split_once(':').unwrap();
    ModelName { provider: provider.into(), model: model.into() }
}

fn pipeline(model: &str, settings: Provider) -> Pipeline {
    let agent = Agent {
        name: "a".into(),
        description: String::new(),
        pattern: Pattern::Oneshot,
        model: Some(Model { name: name(model), options: ModelOptions::default() }),
        tools: Vec::new(),
        skills: Vec::new(),
        max_iter: 1,
        prompt: Some(Prompt { text: "p".into(), file: None }),
        steps: IndexMap::new(),
    };
    Pipeline {
        tools: IndexMap::new(),
        mcp: IndexMap::new(),
        name: "p".into(),
        entrypoint: "a".into(),
        task: None,
        workspace: ".".into(),
        agents: IndexMap::from([("a".to_owned(), agent)]),
        providers: BTreeMap::from([(name(model).provider, settings)]),
        prices: BTreeMap::new(),
        capture: tama_tui::pipeline::Capture::default(),
        policy: Policy::default(),
        limits: Limits::default(),
        breakpoints: Vec::new(),
        sources: Vec::new(),
        wrapped: None,
    }
}

fn request(model: &str, messages: Vec<Message>) -> LlmRequest {
    let options = ModelOptions { temperature: Some(0.5), max_tokens: Some(7), accept_cut: false };
    LlmRequest { model: name(model), options, tools: Vec::new(), system: "be brief".into(), messages: messages.into() }
}

fn user(text: &str) -> Vec<Message> {
    vec![Message::User { text: text.into() }]
}

fn place(agent: &str, call: u32, attempt: u32) -> CallPosition {
    let path = format!("{agent}/llm");
    CallPosition { agent: agent.into(), call, attempt, path, stops_after: false }
}

/// Calls a model once; also what was streamed.
async fn ask(
    providers: &Providers,
    request: &LlmRequest,
    at: &CallPosition,
) -> (Result<LlmResponse, LlmError>, Vec<String>) {
    let (progress, mut reader) = Progress::channel();
    let answered = providers.call(request, at, &progress).await;
    drop(progress);
    let mut pieces = Vec::new();
    while let Some(piece) = reader.pieces.recv().await {
        match piece {
            AnswerPiece::Text(piece) => pieces.push(piece),
            AnswerPiece::Reasoning(piece) => panic!("no reasoning was sent: {piece}"),
        }
    }
    (answered, pieces)
}

fn http(url: &str) -> Providers {
    let settings = Provider { base_url: Some(url.into()), ..Provider::default() };
    Providers::build_with(&pipeline("openai:m", settings), Path::new("."), &|_| None).unwrap()
}

/// The error of a call that is sent once.
async fn error_of(answer: Answer) -> String {
    let server = Server::start(vec![answer]).await;
    let settings = Provider { base_url: Some(server.url.clone()), tries: Some(1), ..Provider::default() };
    let providers = Providers::build_with(&pipeline("openai:m", settings), Path::new("."), &|_| None).unwrap();
    let (answered, _) = ask(&providers, &request("openai:m", user("hi")), &place("a", 1, 1)).await;
    assert_eq!(server.count(), 1);
    answered.unwrap_err().why
}

#[tokio::test]
async fn text_arrives_in_pieces_with_its_tokens() {
    let server = Server::start(vec![Answer::Stream(text(&["Hel", "lo", " wörld"], 12, 3))]).await;
    let (answered, pieces) = ask(&http(&server.url), &request("openai:m", user("hi")), &place("a", 1, 1)).await;
    let expected = LlmResponse {
        text: "Hello wörld".into(),
        usage: Some(Usage { input: 12, output: 3 }),
        stop: Some("stop".into()),
        ..LlmResponse::default()
    };
    assert_eq!(answered.unwrap(), expected);
    assert_eq!(pieces, ["Hel", "lo", " wörld"]);
    let sent = &server.requests()[0];
    assert_eq!((&sent["model"], &sent["temperature"], &sent["max_tokens"]), (&json!("m"), &json!(0.5), &json!(7)));
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "be brief"}));
    assert_eq!(sent["messages"][1], json!({"role": "user", "content": "hi"}));
}

#[tokio::test]
async fn a_connection_that_the_server_closed_fails_no_call() {
    let server = Server::start(vec![Answer::Stale(text(&["ok"], 1, 1))]).await;
    let providers = http(&server.url);
    for _ in 0..3 {
        let (answered, _) = ask(&providers, &request("openai:m", user("hi")), &place("a", 1, 1)).await;
        assert_eq!(answered.unwrap().text, "ok");
    }
}

#[tokio::test]
async fn a_full_channel_drops_pieces_and_not_the_answer() {
    let pieces = vec!["a"; 1000];
    let server = Server::start(vec![Answer::Stream(text(&pieces, 1, 1))]).await;
    let (progress, mut reader) = Progress::channel();
    let asked = request("openai:m", user("hi"));
    let answered = http(&server.url).call(&asked, &place("a", 1, 1), &progress).await.unwrap();
    assert_eq!(answered.text, "a".repeat(1000));
    let mut shown = 0;
    while reader.pieces.try_recv().is_ok() {
        shown += 1;
    }
    assert!((1..1000).contains(&shown), "{shown}");
}

#[tokio::test]
async fn a_busy_server_is_waited_for_and_asked_again() {
    let busy = Answer::Status(503, "busy".into());
    let server = Server::start(vec![busy, Answer::Stream(text(&["ok"], 1, 1))]).await;
    let (progress, reader) = Progress::channel();
    let asked = request("openai:m", user("hi"));
    let mut waits = reader.waits.clone();
    let (providers, at) = (http(&server.url), place("a", 1, 1));
    let call = providers.call(&asked, &at, &progress);
    let told = async {
        waits.wait_for(Option::is_some).await.unwrap();
        let why = waits.borrow_and_update().clone().unwrap();
        waits.wait_for(Option::is_none).await.unwrap();
        why
    };
    let (answered, why) = tokio::join!(call, told);
    assert_eq!(answered.unwrap().text, "ok");
    assert!(why.contains("busy"), "{why}");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn tool_calls_come_whole_and_in_order() {
    let asked = [("write", json!({"path": "a", "content": "b"})), ("list", json!({}))];
    let server = Server::start(vec![Answer::Stream(calls(&asked))]).await;
    let mut wanted = request("openai:m", user("hi"));
    let schema = json!({"type": "object", "properties": {}});
    wanted.tools = vec![ToolDecl { name: "list".into(), description: "Lists.".into(), schema }];
    let (answered, _) = ask(&http(&server.url), &wanted, &place("a", 1, 1)).await;
    let answered = answered.unwrap();
    let expected = asked.map(|(name, args)| ToolCall { name: name.into(), args });
    assert_eq!(answered.calls, expected);
    assert_eq!(answered.usage, Some(Usage { input: 10, output: 5 }));
    assert_eq!(server.requests()[0]["tools"][0]["function"]["name"], "list");
}

#[tokio::test]
async fn results_name_their_calls() {
    let server = Server::start(vec![Answer::Stream(text(&["done"], 1, 1))]).await;
    let call = |path: &str| ToolCall { name: "read".into(), args: json!({ "path": path }) };
    let result = |call, text: &str| Message::Tool { call, name: "read".into(), text: text.into() };
    let turn = |text: &str, calls: Vec<ToolCall>| Message::Assistant { text: text.into(), calls, state: None };
    let mut messages = user("hi");
    messages.extend([turn("", vec![call("a"), call("b")]), result(0, "A"), result(1, "B")]);
    messages.extend([turn("more", vec![call("c")]), result(0, "C")]);
    ask(&http(&server.url), &request("openai:m", messages), &place("a", 1, 1)).await.0.unwrap();
    let sent = &server.requests()[0]["messages"];
    let id = |message: usize, call: usize| sent[message]["tool_calls"][call]["id"].as_str().unwrap().to_owned();
    assert_eq!(sent[3]["tool_call_id"], id(2, 0));
    assert_eq!(sent[4]["tool_call_id"], id(2, 1));
    assert_eq!(sent[6]["tool_call_id"], id(5, 0));
    assert_eq!(
        (&sent[3]["content"], &sent[4]["content"], &sent[6]["content"]),
        (&json!("A"), &json!("B"), &json!("C"))
    );
    let ids = [id(2, 0), id(2, 1), id(5, 0)];
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    assert_eq!(sent[2]["tool_calls"][1]["function"]["arguments"], "{\"path\":\"b\"}");
}

#[tokio::test]
async fn a_server_error_is_told_in_its_words() {
    let body = json!({"error": {"message": "the model is overloaded"}}).to_string();
    let error = error_of(Answer::Status(500, body)).await;
    assert!(error.contains("HTTP 500: the model is overloaded"), "{error}");
    let error = error_of(Answer::Status(401, "no".into())).await;
    assert!(error.contains("HTTP 401: no"), "{error}");
    let event = json!({"error": {"message": "context too long"}});
    let error = error_of(Answer::Stream(vec![event])).await;
    assert!(error.contains("context too long"), "{error}");
}

#[tokio::test]
async fn a_stream_cut_in_the_middle_is_no_answer() {
    let some = || text(&["Hel", "lo"], 1, 1)[..2].to_vec();
    for answer in [Answer::Short(some()), Answer::Break(some())] {
        let error = error_of(answer).await;
        assert!(error.contains("broke off after 5 characters"), "{error}");
    }
    let error = error_of(Answer::Break(Vec::new())).await;
    assert!(error.contains("broke off before any text"), "{error}");
}

#[tokio::test]
async fn gemini_is_whole_only_when_it_says_why_it_stopped() {
    let piece = |text: &str| json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]});
    let mut last = piece("lo");
    last["candidates"][0]["finishReason"] = json!("STOP");
    last["usageMetadata"] = json!({"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5});
    let cut = Answer::Short(vec![piece("Hel")]);
    let server = Server::start(vec![Answer::Short(vec![piece("Hel"), last]), cut]).await;
    let settings = Provider { base_url: Some(server.url.clone()), ..Provider::default() };
    let providers = Providers::build_with(&pipeline("google:m", settings), Path::new("."), &|_| None).unwrap();
    let asked = request("google:m", user("hi"));
    let answered = ask(&providers, &asked, &place("a", 1, 1)).await.0.unwrap();
    assert_eq!((answered.text.as_str(), answered.usage), ("Hello", Some(Usage { input: 3, output: 2 })));
    let error = ask(&providers, &asked, &place("a", 2, 1)).await.0.unwrap_err().why;
    assert!(error.contains("broke off after 3 characters"), "{error}");
}

#[tokio::test]
async fn a_refused_connection_says_where() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}/v1/", listener.local_addr().unwrap());
    drop(listener);
    let (answered, _) = ask(&http(&closed), &request("openai:m", user("hi")), &place("a", 1, 1)).await;
    let error = answered.unwrap_err().why;
    assert!(error.contains(&closed) && error.contains("connection refused"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_runs_into_the_time_out() {
    let server = Server::start(vec![Answer::Silence]).await;
    let settings = Provider { base_url: Some(server.url.clone()), timeout_seconds: Some(9), ..Provider::default() };
    let providers = Providers::build_with(&pipeline("openai:m", settings), Path::new("."), &|_| None).unwrap();
    let (answered, _) = ask(&providers, &request("openai:m", user("hi")), &place("a", 1, 1)).await;
    let error = answered.unwrap_err().why;
    assert!(error.contains("9 s") && error.contains("timeout_seconds") && error.contains("openai"), "{error}");
}

#[test]
fn what_is_missing_is_named_before_the_run() {
    let build = |model: &str, base_url: Option<&str>, env: Option<&str>| {
        let settings = Provider { base_url: base_url.map(Into::into), ..Provider::default() };
        let found = |_: &str| env.map(str::to_owned);
        Providers::build_with(&pipeline(model, settings), Path::new("."), &found).map_err(|error| error.why).err()
    };
    let error = build("openai:m", None, None).unwrap();
    assert!(error.contains("OPENAI_API_KEY is not set") && error.contains("[providers.openai]"), "{error}");
    assert!(build("openai:m", None, Some("")).is_some());
    assert!(build("openai:m", None, Some("k")).is_none());
    assert!(build("openai:m", Some("http://127.0.0.1:1/v1"), None).is_none());
    assert!(build("openai:m", Some("http://example.com/v1"), None).is_some());
    assert!(build("ollama:m", None, None).is_none());
    let error = build("my-server:m", Some("http://example.com/v1"), None).unwrap();
    assert!(error.contains("MY_SERVER_API_KEY"), "{error}");
    let error = build("oepnai:m", None, Some("k")).unwrap();
    assert!(error.contains("known are openai") && error.contains("base_url"), "{error}");
    let error = build("script:missing.toml", None, None).unwrap();
    assert!(error.contains("missing.toml"), "{error}");
}

fn script(text: &str) -> (tempfile::TempDir, Providers) {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("r.toml"), text).unwrap();
    let providers =
        Providers::build_with(&pipeline("script:r.toml", Provider::default()), temp.path(), &|_| None).unwrap();
    (temp, providers)
}

#[tokio::test(start_paused = true)]
async fn a_script_answers_by_place() {
    let (_temp, providers) = script(
        r#"
        [[reply]]
        agent = "editor/writer*"
        call = 1
        text = "the first of many words"
        delay_ms = 4000
        tokens = { input = 900, output = 120 }
        [[reply]]
        agent = "editor/writer*"
        try = 2
        error = "rate limited"
        [[reply]]
        agent = "editor/writer*"
        calls = [{ name = "list" }]
        "#,
    );
    let asked = request("script:r.toml", user("hi"));
    let before = tokio::time::Instant::now();
    let (answered, pieces) = ask(&providers, &asked, &place("editor/writer#2", 1, 1)).await;
    let answered = answered.unwrap();
    assert_eq!(answered.text, "the first of many words");
    assert_eq!(answered.usage, Some(Usage { input: 900, output: 120 }));
    assert!(pieces.len() > 5);
    assert_eq!(pieces.concat(), answered.text);
    assert_eq!(before.elapsed().as_secs(), 4);
    let (answered, _) = ask(&providers, &asked, &place("editor/writer", 2, 2)).await;
    assert!(answered.unwrap_err().why.ends_with("rate limited"));
    let (answered, pieces) = ask(&providers, &asked, &place("editor/writer", 2, 1)).await;
    let answered = answered.unwrap();
    assert_eq!(answered.calls, [ToolCall { name: "list".into(), args: json!({}) }]);
    assert_eq!((answered.usage, pieces.len()), (None, 0));
}

#[tokio::test]
async fn a_place_without_a_reply_is_named() {
    let (_temp, providers) = script("[[reply]]\nagent = \"other\"\ntext = \"x\"\n");
    let (answered, _) = ask(&providers, &request("script:r.toml", user("hi")), &place("editor/writer", 3, 2)).await;
    let error = answered.unwrap_err().why;
    for part in ["editor/writer", "call 3", "try 2", "r.toml", "[[reply]]"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_faulty_script_is_told_with_its_line() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("r.toml"), "\n[[reply]]\nagnet = \"x\"\n").unwrap();
    let pipeline = pipeline("script:r.toml", Provider::default());
    let error = Providers::build_with(&pipeline, temp.path(), &|_| None).map(|_| ()).unwrap_err().why;
    assert!(error.contains("line 3") && error.contains("agnet"), "{error}");
}
