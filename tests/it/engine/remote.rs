//! Calls that go over the network, through the program itself: HTTP requests, and an MCP server at an address.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::program;

const SECRET: &str = "s3cret-of-the-test-which-nobody-stores";

/// A server that answers each request by its line and body, and keeps the requests.
pub struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

/// An answer: the status and the body.
type Answer = fn(&str, &str) -> (u16, String);

impl Server {
    pub fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = kept.clone();
                std::thread::spawn(move || answer_one(&stream.unwrap(), &kept, answer));
            }
        });
        Self { port, seen }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn answer_one(stream: &TcpStream, seen: &Mutex<Vec<String>>, answer: Answer) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8_lossy(&body).into_owned();
    seen.lock().unwrap().push(format!("{head}{body}"));
    let (status, text) = answer(head.lines().next().unwrap_or_default(), &body);
    let kind = if text.starts_with('{') { "application/json" } else { "text/plain" };
    let mut stream = stream;
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Words\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
}

struct Project(TempDir);

impl Project {
    fn new(tools: &str, more: &str, calls: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pipeline = format!(
            "[pipeline]\nname = \"far\"\nentrypoint = \"lead\"\ntask = \"go\"\nworkspace = \"work\"\n\
             [models]\ndefault = \"script:replies.toml\"\n[agents.lead]\npattern = \"react\"\ntools = [{tools}]\n\
             prompt = \"x\"\n{more}"
        );
        let replies = format!(
            "[[reply]]\nagent = \"lead\"\ncall = 1\ncalls = [{calls}]\n[[reply]]\nagent = \"lead\"\n\
             calls = [{{ name = \"finish\", args = {{ key = \"done\", value = \"v\" }} }}]\n"
        );
        fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
        fs::write(folder.path().join("replies.toml"), replies).unwrap();
        Self(folder)
    }

    fn tama(&self, args: &[&str]) -> Output {
        let mut command = program::command();
        command.args(args).current_dir(self.0.path()).env_remove("TAMA_TUI_DATA_DIR").env("FAR_KEY", SECRET);
        command.output().unwrap()
    }

    /// The id of its only run.
    fn run(&self) -> String {
        let mut runs = fs::read_dir(self.0.path().join(".tama/runs")).unwrap();
        runs.next().unwrap().unwrap().file_name().into_string().unwrap()
    }
}

pub fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The files below a folder that have a text in them.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if fs::read(&path).unwrap().windows(text.len()).any(|part| part == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn echo(line: &str, body: &str) -> (u16, String) {
    (200, format!("got {line} {body} {SECRET}"))
}

#[test]
fn a_request_that_can_not_be_taken_back_needs_to_be_allowed() {
    let server = Server::start(echo);
    let port = server.port;
    let get = format!(r#"{{ name = "tama_http_get", args = {{ url = "http://127.0.0.1:{port}/page" }} }}"#);
    let sent =
        format!(r#"{{ name = "tama_http_post", args = {{ url = "http://127.0.0.1:{port}/hook", body = "x" }} }}"#);
    let project = Project::new(r#""tama_http_get", "tama_http_post""#, "", &format!("{get}, {sent}"));
    let done = project.tama(&["run", "pipeline.toml"]);
    assert_eq!(done.status.code(), Some(3), "{}", output_text(&done));
    let lines: Vec<String> = server.seen().iter().map(|seen| seen.lines().next().unwrap().to_owned()).collect();
    assert_eq!(lines, ["GET /page HTTP/1.1"], "only what reads was sent");
}

#[test]
fn a_variable_is_sent_and_stored_nowhere() {
    let server = Server::start(echo);
    let port = server.port;
    let calls = format!(
        r#"{{ name = "tama_http_post", args = {{ url = "http://127.0.0.1:{port}/hook?k=${{FAR_KEY}}", body = "x",
            headers = [{{ Authorization = "Bearer ${{FAR_KEY}}" }}] }} }}"#
    )
    .replace('\n', " ");
    let policy = format!("[policy]\nallow = [\"tama_http_post:http://127.0.0.1:{port}/hook*\"]\n");
    let project = Project::new(r#""tama_http_post""#, &policy, &calls);
    let done = project.tama(&["run", "pipeline.toml"]);
    assert_eq!(done.status.code(), Some(0), "{}", output_text(&done));
    let seen = server.seen();
    assert!(seen[0].starts_with(&format!("POST /hook?k={SECRET} HTTP/1.1\r\n")), "{seen:?}");
    assert!(seen[0].to_lowercase().contains(&format!("authorization: bearer {SECRET}\r\n")), "{seen:?}");
    assert_eq!(files_with(&project.0.path().join(".tama"), SECRET), Vec::<String>::new());
    let run = project.run();
    let shown = output_text(&project.tama(&["runs", "show", &run]));
    assert!(!shown.contains(SECRET), "{shown}");
    let undo = output_text(&project.tama(&["undo", &run]));
    assert!(undo.contains("POST http://127.0.0.1") && undo.contains("left: 1 call without undo"), "{undo}");
    assert!(!undo.contains(SECRET), "{undo}");
    let verified = project.tama(&["verify", &run]);
    assert_eq!(verified.status.code(), Some(0), "{}", output_text(&verified));
    assert_eq!(server.seen().len(), 1, "verify sends nothing");
}

#[test]
fn a_secret_that_the_model_writes_itself_is_sent_and_stored_nowhere() {
    const LITERAL: &str = "literal-secret-0123456789";
    let server = Server::start(|line, body| (200, format!("got {line} {body} {LITERAL}")));
    let port = server.port;
    let calls = format!(
        r#"{{ name = "tama_http_get", args = {{ url = "http://127.0.0.1:{port}/page",
            headers = [{{ Authorization = "Bearer {LITERAL}", X-Api-Key = "{LITERAL}", Accept = "text/plain" }}] }} }}"#
    )
    .replace('\n', " ");
    let project = Project::new(r#""tama_http_get""#, "", &calls);
    let done = project.tama(&["run", "pipeline.toml"]);
    assert_eq!(done.status.code(), Some(0), "{}", output_text(&done));
    let seen = server.seen()[0].to_lowercase();
    assert!(seen.contains(&format!("authorization: bearer {LITERAL}\r\n")), "{seen}");
    assert!(seen.contains(&format!("x-api-key: {LITERAL}\r\n")), "{seen}");
    assert_eq!(files_with(&project.0.path().join(".tama"), LITERAL), Vec::<String>::new());
    let run = project.run();
    let shown = output_text(&project.tama(&["runs", "show", &run, "--events"]));
    assert!(!shown.contains(LITERAL), "{shown}");
    let verified = project.tama(&["verify", &run]);
    assert_eq!(verified.status.code(), Some(0), "{}", output_text(&verified));
    assert_eq!(server.seen().len(), 1, "verify sends nothing");
}

/// An MCP server of the older kind, without streams.
fn tracker(line: &str, body: &str) -> (u16, String) {
    if !line.starts_with("POST") {
        return (405, String::new());
    }
    let asked: Json = serde_json::from_str(body).unwrap();
    let Some(id) = asked.get("id") else { return (202, String::new()) };
    let result = match asked["method"].as_str().unwrap() {
        "initialize" => json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
            "serverInfo": {"name": "tracker", "version": "1"}}),
        "tools/list" => json!({"tools": [
            {"name": "create", "description": "Creates", "inputSchema": {"type": "object"}},
            {"name": "close", "inputSchema": {"type": "object"}}]}),
        "tools/call" => json!({"content": [{"type": "text", "text": format!("{{\"id\": 7, \"key\": \"{SECRET}\"}}")}]}),
        _ => {
            let error = json!({"code": -32601, "message": "no such method"});
            return (200, json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string());
        }
    };
    (200, json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string())
}

/// The tools that a server was asked for, with their arguments.
pub fn called(server: &Server) -> Vec<String> {
    let bodies = server.seen().into_iter().filter_map(|seen| Some(seen.split_once("\r\n\r\n")?.1.to_owned()));
    let asked = bodies.filter_map(|body| serde_json::from_str::<Json>(&body).ok());
    let calls = asked.filter(|asked| asked["method"] == "tools/call");
    calls
        .map(|asked| format!("{} {}", asked["params"]["name"].as_str().unwrap(), asked["params"]["arguments"]))
        .collect()
}

#[test]
fn a_server_at_an_address_is_called_undone_and_not_needed_to_verify() {
    let server = Server::start(tracker);
    let more = format!(
        "[mcp.tracker]\nurl = \"http://127.0.0.1:{}/mcp\"\nheaders = {{ Authorization = \"Bearer ${{FAR_KEY}}\" }}\n\
         undo = {{ create = {{ tool = \"close\", args = {{ id = \"{{result.id}}\", of = \"{{title}}\" }} }} }}\n",
        server.port
    );
    let calls = r#"{ name = "tracker__create", args = { title = "bug" } }"#;
    let project = Project::new(r#""tracker__create""#, &more, calls);
    let asked = project.tama(&["run", "pipeline.toml"]);
    assert_eq!(asked.status.code(), Some(3), "{}", output_text(&asked));
    assert_eq!(called(&server), Vec::<String>::new());
    fs::remove_dir_all(project.0.path().join(".tama")).unwrap();
    let done = project.tama(&["run", "pipeline.toml", "--allow", "tracker__create"]);
    assert_eq!(done.status.code(), Some(0), "{}", output_text(&done));
    assert_eq!(called(&server), [r#"create {"title":"bug"}"#]);
    assert_eq!(files_with(&project.0.path().join(".tama"), SECRET), Vec::<String>::new());
    let (run, before) = (project.run(), server.seen().len());
    let verified = project.tama(&["verify", &run]);
    assert_eq!(verified.status.code(), Some(0), "{}", output_text(&verified));
    assert_eq!(server.seen().len(), before, "verify asks no server");
    let undone = project.tama(&["undo", &run]);
    assert_eq!(undone.status.code(), Some(0), "{}", output_text(&undone));
    assert_eq!(called(&server)[1..], [r#"close {"id":7,"of":"bug"}"#]);
    assert!(!output_text(&undone).contains(SECRET));
}
