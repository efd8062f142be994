//! "Not called again", counted outside the program: requests at a model server, and lines that a test tool leaves in
//! a file that is not part of the workspace.

use std::fs;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio::sync::Notify;

use crate::engine::scenario::{Scenario, Stage};
use crate::support::server::{Answer, Server, calls, text};
use crate::support::wait::PATIENCE;

const HEAD: &str = r#"
[pipeline]
name = "counted"
entrypoint = "lead"
task = "the task"
workspace = "work"
[models]
default = "openai:test"
[policy]
allow = ["tama_*"]
[capture]
exclude = ["ran"]
"#;

/// A pipeline at a server, and the stage it is played on.
struct Counted {
    server: Server,
    stage: Stage,
}

impl Counted {
    async fn start(
        pipeline: &str,
        files: &[(&str, &str)],
        answer: impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let server = Server::start_with(move |body, _| answer(&Request(body))).await;
        let provider = format!("[providers.openai]\nbase_url = \"{}\"\n", server.url);
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let pipeline = format!("{HEAD}{provider}{pipeline}");
        let workspace = [("ran/keep".to_owned(), String::new())].into();
        let stage = Stage::set(&Scenario { pipeline, files, workspace, ..Scenario::default() });
        Self { server, stage }
    }

    async fn play(&mut self, lines: &str) {
        self.stage.play(lines).await.unwrap_or_else(|why| panic!("{why}"));
    }

    /// Agents in the order in which their requests came, from one on.
    fn agents_from(&self, from: usize) -> Vec<String> {
        self.server.requests().iter().skip(from).map(|body| Request(body).agent()).collect()
    }

    /// Lines that the test tool left, sorted.
    fn tool_ran(&self) -> Vec<String> {
        let files = fs::read_dir(self.stage.folder.path().join("work/ran")).unwrap();
        let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
        let mut lines: Vec<String> = texts.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect();
        lines.sort();
        lines
    }

    async fn end(self) {
        self.stage.close().await;
    }
}

/// A request as the server got it.
struct Request<'a>(&'a Json);

impl<'a> Request<'a> {
    fn messages(&self) -> &'a [Json] {
        self.0["messages"].as_array().map_or(&[], Vec::as_slice)
    }

    fn system(&self) -> &'a str {
        self.messages()[0]["content"].as_str().unwrap_or_default()
    }

    /// The first word of the prompt names the agent; before that of a map step there is an instruction.
    fn agent(&self) -> String {
        let system = self.system();
        let prompt = if system.contains("\n\nmap it\n\n") { "map it" } else { system };
        prompt.split_whitespace().next().unwrap_or_default().to_owned()
    }

    /// The results of the tools so far.
    fn results(&self) -> Vec<&'a str> {
        let tools = self.messages().iter().filter(|message| message["role"] == "tool");
        tools.filter_map(|message| message["content"].as_str()).collect()
    }

    /// The input, once `start` gave it.
    fn input(&self) -> &'a str {
        self.results().first().copied().unwrap_or_default()
    }
}

fn call(name: &str, args: Json) -> Answer {
    Answer::Stream(calls(&[(name, args)]))
}

fn say(said: &str) -> Answer {
    Answer::Stream(text(&[said], 7, 3))
}

fn finish(key: &str, value: &str) -> Answer {
    call("finish", json!({ "key": key, "value": value }))
}

/// Leaves a file in a folder that is excluded from capture: nothing takes it back, so it counts.
fn count(line: &str) -> Answer {
    call("tama_bash", json!({ "command": format!("echo {line} > $(mktemp ran/XXXXXXXX)") }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_middle_of_an_fsm_calls_itself_and_what_follows() {
    let pipeline = r#"
        [agents.lead]
        pattern = "fsm"
        initial = "collector"
        states = { collector = "writer", writer = "reviewer", reviewer = "$end" }
        [agents.collector]
        pattern = "react"
        tools = ["tama_bash", "tama_mem_set"]
        prompt = "collector collects"
        [agents.writer]
        pattern = "react"
        tools = ["tama_bash", "tama_files_write"]
        prompt = "writer writes"
        [agents.reviewer]
        pattern = "oneshot"
        prompt = "reviewer reviews"
    "#;
    let answer = |request: &Request<'_>| match (request.agent().as_str(), request.results().len()) {
        ("reviewer", _) => say("fine"),
        (agent, 0) => count(agent),
        ("writer", 1) => call("tama_files_write", json!({ "path": "NOTES.md", "content": "notes" })),
        ("collector", 1) => call("tama_mem_set", json!({ "key": "outline", "value": "good" })),
        (agent, _) => finish("done", agent),
    };
    let mut counted = Counted::start(pipeline, &[], answer).await;
    counted.play("wait end\nstatus ok").await;
    assert_eq!(counted.server.count(), 7);
    assert_eq!(counted.tool_ran(), ["collector", "writer"]);
    counted
        .play(
            "plan lead/writer\nwait plan\nplan-reruns writer reviewer\nplan-undoes 1\nplan-leaves 1\nplan-journal 5\n\
             retry\nwait retried\nwait end\nstatus ok\nfile NOTES.md :: notes\nmemory outline :: \"good\"",
        )
        .await;
    assert_eq!(counted.agents_from(7), ["writer", "writer", "writer", "reviewer"]);
    assert_eq!(counted.tool_ran(), ["collector", "writer", "writer"]);
    // From disk it is the same.
    counted.play("reopen\nplan lead/reviewer\nwait plan\nretry\nwait retried\nwait end\nstatus ok").await;
    assert_eq!(counted.agents_from(11), ["reviewer"]);
    assert_eq!(counted.tool_ran().len(), 3);
    counted.end().await;
}

const SCATTER: &str = r#"
    [agents.lead]
    pattern = "scatter"
    worker = "digger"
    [agents.lead.steps.map]
    prompt = "map it"
    [agents.lead.steps.reduce]
    prompt = "reduce it"
    [agents.digger]
    pattern = "react"
    tools = ["tama_bash", "tama_mem_append", "tama_files_write"]
    prompt = "digger digs"
"#;

/// A worker starts, counts itself, leaves an element and a file, and finishes.
fn dig(request: &Request<'_>) -> Answer {
    let item = request.input().to_owned();
    match request.results().len() {
        0 => call("start", json!({})),
        1 => count(&item),
        2 => call("tama_mem_append", json!({ "key": "found", "value": item })),
        3 => call("tama_files_write", json!({ "path": format!("{item}.md"), "content": item })),
        _ => finish("done", &format!("dug {item}")),
    }
}

fn scatter(request: &Request<'_>) -> Answer {
    match request.agent().as_str() {
        "map" => finish("parallel", "[\"a\",\"b\",\"c\"]"),
        "reduce" => say("all of it"),
        _ => dig(request),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_worker_of_a_scatter_leaves_its_siblings_alone() {
    let mut counted = Counted::start(SCATTER, &[], scatter).await;
    counted.play("wait end\nstatus ok\nmemory found :: 3 items").await;
    assert_eq!(counted.server.count(), 1 + 3 * 5 + 1);
    assert_eq!(counted.tool_ran(), ["a", "b", "c"]);
    counted
        .play(
            "plan lead/digger#2\nwait plan\nplan-reruns digger#2 reduce\nplan-undoes 2\nplan-leaves 1\n\
             retry\nwait retried\nwait end\nstatus ok\nmemory found :: 3 items\n\
             file a.md :: a\nfile b.md :: b\nfile c.md :: c\n\
             calls lead/digger :: 1\ncalls lead/digger#2 :: 2\ncalls lead/digger#3 :: 1\ncalls lead/map :: 1\n\
             calls lead/reduce :: 2\nspan lead/digger#2 :: ok\nspan lead/digger#2~1 :: undone",
        )
        .await;
    assert_eq!(counted.agents_from(17), ["digger", "digger", "digger", "digger", "digger", "reduce"]);
    let asked = counted.server.requests();
    assert!(asked[18..22].iter().all(|body| Request(body).input() == "b"), "another worker was called");
    let reduced = asked[22].to_string();
    assert!(["dug a", "dug b", "dug c"].iter().all(|part| reduced.contains(part)), "{reduced}");
    assert_eq!(counted.tool_ran(), ["a", "b", "b", "c"]);
    counted.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sibling_in_flight_is_neither_cancelled_nor_asked_again() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let answer = move |request: &Request<'_>| {
        let last = request.results().len() == 4;
        if request.agent() == "digger" && request.input() == "b" && last {
            return Answer::Held(held.clone(), calls(&[("finish", json!({ "key": "done", "value": "dug b" }))]));
        }
        scatter(request)
    };
    let mut counted = Counted::start(SCATTER, &[], answer).await;
    counted.play("wait ended lead/digger\nwait ended lead/digger#3\nwait seen lead/digger#2/llm#5").await;
    // The request is at the server, not only in the tree.
    let arrived = async {
        while counted.server.count() < 16 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, arrived).await.expect("the request arrives at the server");
    counted
        .play(
            "plan lead/digger\nwait plan\nplan-reruns digger\nplan-cancels 0\nretry\nwait retried\nwait seen lead/digger~2\n\
             wait ended lead/digger~2\nspan lead/digger#2/llm#5 :: running",
        )
        .await;
    assert_eq!(counted.server.count(), 21);
    go.notify_one();
    counted
        .play("wait end\nstatus ok\nspan lead/digger#2/llm#5 :: ok\ncalls lead/digger#2/llm#5 :: 1\ncalls lead/digger#2 :: 1")
        .await;
    let asked = counted.server.requests();
    let of_b = asked.iter().filter(|body| Request(body).input() == "b").count();
    assert_eq!(of_b, 4);
    assert_eq!(asked.len(), 22);
    assert!(asked[21].to_string().contains("dug b"));
    assert_eq!(counted.tool_ran(), ["a", "a", "b", "c"]);
    counted.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_retried_visit_sees_a_changed_prompt_file() {
    let pipeline = r#"
        [agents.lead]
        pattern = "fsm"
        initial = "writer"
        [agents.lead.states]
        writer = "reviewer"
        reviewer = { revise = "writer", publish = "$end" }
        [agents.writer]
        pattern = "oneshot"
        prompt_file = "writer.md"
        [agents.reviewer]
        pattern = "react"
        prompt = "reviewer reviews"
    "#;
    let answer = |request: &Request<'_>| match (request.agent().as_str(), request.results().len()) {
        ("writer", _) if request.messages()[1]["content"] == "the task" => say("draft 1"),
        ("writer", _) => say("draft 2"),
        (_, 0) => call("start", json!({})),
        _ if request.input() == "draft 1" => finish("revise", "sharper"),
        _ => finish("publish", "good"),
    };
    let mut counted = Counted::start(pipeline, &[("writer.md", "writer of old")], answer).await;
    counted.play("wait end\nstatus ok\nspan lead/writer#2 :: ok").await;
    assert_eq!(counted.server.count(), 6);
    counted
        .play(
            "put writer.md :: writer of new\nplan lead/writer#2\nwait plan\nplan-reruns writer#2 reviewer#2\n\
             plan-changed writer (file): writer.md\nplan-journal 3\nretry\nwait retried\nwait end\nstatus ok\n\
             calls lead/writer :: 1\ncalls lead/writer#2 :: 2\ncalls lead/reviewer :: 1",
        )
        .await;
    assert_eq!(counted.agents_from(6), ["writer", "reviewer", "reviewer"]);
    let asked = counted.server.requests();
    let prompts: Vec<&str> = [0, 3, 6].iter().map(|at| Request(&asked[*at]).system()).collect();
    assert_eq!(prompts, ["writer of old", "writer of old", "writer of new"]);
    // Nor does it diverge when it is opened from disk, and the first visit now runs by the new file too.
    counted.play("reopen\nplan lead/writer\nwait plan\nretry\nwait retried\nwait end\nstatus ok").await;
    assert_eq!(counted.agents_from(9), ["writer", "reviewer", "reviewer", "writer", "reviewer", "reviewer"]);
    assert_eq!(Request(&counted.server.requests()[9]).system(), "writer of new");
    counted.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_the_middle_of_a_tool_loop_is_called_with_what_follows() {
    let pipeline = r#"
        [agents.lead]
        pattern = "react"
        tools = ["tama_bash", "tama_mem_append"]
        prompt = "lead"
    "#;
    let answer = |request: &Request<'_>| match request.results().len() {
        0 => count("one"),
        1 => call("tama_mem_append", json!({ "key": "k", "value": "x" })),
        2 => count("three"),
        _ => finish("done", "end"),
    };
    let mut counted = Counted::start(pipeline, &[], answer).await;
    counted.play("wait end\nstatus ok").await;
    assert_eq!(counted.server.count(), 4);
    counted
        .play(
            "plan lead/llm#2\nwait plan\nplan-undoes 1\nplan-leaves 1\nplan-journal 2\nretry\nwait retried\nwait end\n\
             status ok\ncalls lead :: 1\ncalls lead/llm :: 1\ncalls lead/llm#2 :: 2\ncalls lead/tama_bash :: 1\n\
             calls lead/tama_bash#2 :: 2\nmemory k :: [\"x\"]",
        )
        .await;
    assert_eq!(counted.server.count(), 7);
    assert_eq!(counted.tool_ran(), ["one", "three", "three"]);
    // A tool alone: the call before it is answered by the journal.
    counted.play("plan lead/tama_bash#2\nwait plan\nplan-journal 5\nretry\nwait retried\nwait end\nstatus ok").await;
    assert_eq!(counted.server.count(), 8);
    assert_eq!(counted.tool_ran(), ["one", "three", "three", "three"]);
    counted.end().await;
}
