//! A model server for tests: answers on loopback from a list, and counts what it was asked.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// An answer of the server to one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A whole stream: these events, and the last one that says it is done.
    Stream(Vec<Json>),
    /// These events, and then the stream ends as if it were whole, without the last event.
    Short(Vec<Json>),
    /// These events, and then the connection breaks.
    Break(Vec<Json>),
    /// A whole stream of any dialect, as its bytes.
    Bytes(Vec<u8>),
    /// An error.
    Status(u16, String),
    /// Nothing, for ever.
    Silence,
    /// A whole stream, and the connection is closed only when the next request comes over it.
    Stale(Vec<Json>),
    /// A whole stream, once the test says so.
    Held(Arc<Notify>, Vec<Json>),
}

/// Says how a request is answered: its body, and how many came before it.
type Script = Arc<dyn Fn(&Json, usize) -> Answer + Send + Sync>;

/// The server; it stops when dropped.
pub struct Server {
    /// Its base URL, ending with `/`.
    pub url: String,
    requests: Arc<Mutex<Vec<Json>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts a server; the last answer is given again and again.
    pub async fn start(answers: Vec<Answer>) -> Self {
        Self::start_with(move |_, number| {
            answers.get(number).or(answers.last()).cloned().unwrap_or(Answer::Stream(text(&["ok"], 1, 1)))
        })
        .await
    }

    /// Starts a server that decides by the request.
    pub async fn start_with(script: impl Fn(&Json, usize) -> Answer + Send + Sync + 'static) -> Self {
        let script: Script = Arc::new(script);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(serve(stream, script.clone(), seen.clone()));
            }
        });
        Self { url, requests, task }
    }

    /// Counts the requests that came in.
    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// The bodies of the requests, in order.
    pub fn requests(&self) -> Vec<Json> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The events of a streamed text, with its tokens.
pub fn text(pieces: &[&str], input: u64, output: u64) -> Vec<Json> {
    let mut events: Vec<Json> = pieces.iter().map(|piece| delta(&json!({ "content": piece }))).collect();
    events.push(json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }));
    events.push(json!({ "choices": [], "usage": tokens(input, output) }));
    events
}

/// The events of tool calls, each call's arguments in two pieces.
pub fn calls(calls: &[(&str, Json)]) -> Vec<Json> {
    let mut events = Vec::new();
    for (index, (name, args)) in calls.iter().enumerate() {
        let args = args.to_string();
        let (first, second) = args.split_at(args.len() / 2);
        let start = json!({ "index": index, "id": format!("x{index}"), "type": "function",
                            "function": { "name": name, "arguments": first } });
        events.push(delta(&json!({ "tool_calls": [start] })));
        events.push(delta(&json!({ "tool_calls": [{ "index": index, "function": { "arguments": second } }] })));
    }
    events.push(json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }],
                        "usage": tokens(10, 5) }));
    events
}

fn delta(delta: &Json) -> Json {
    json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] })
}

fn tokens(input: u64, output: u64) -> Json {
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output })
}

async fn serve(mut stream: TcpStream, script: Script, requests: Arc<Mutex<Vec<Json>>>) {
    let Some(body) = read_request(&mut stream).await else { return };
    let body: Json = serde_json::from_slice(&body).unwrap_or_default();
    let number = {
        let mut requests = requests.lock().unwrap();
        requests.push(body.clone());
        requests.len() - 1
    };
    let answer = script(&body, number);
    // A client that went away is no fault of the server.
    let _ = respond(&mut stream, answer).await;
}

async fn respond(stream: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Stale(events) => {
            send_events(stream, &events, "keep-alive").await?;
            send_chunk(stream, "data: [DONE]\n\n").await?;
            stream.write_all(b"0\r\n\r\n").await?;
            stream.read_u8().await?;
        }
        Answer::Held(go, events) => {
            go.notified().await;
            return Box::pin(respond(stream, Answer::Stream(events))).await;
        }
        Answer::Stream(events) => {
            send_events(stream, &events, "close").await?;
            send_chunk(stream, "data: [DONE]\n\n").await?;
            stream.write_all(b"0\r\n\r\n").await?;
        }
        Answer::Short(events) => {
            send_events(stream, &events, "close").await?;
            stream.write_all(b"0\r\n\r\n").await?;
        }
        Answer::Break(events) => send_events(stream, &events, "close").await?,
        Answer::Bytes(bytes) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
            stream.write_all(&bytes).await?;
        }
        Answer::Status(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await?;
        }
        Answer::Silence => std::future::pending().await,
    }
    stream.shutdown().await
}

async fn send_events(stream: &mut TcpStream, events: &[Json], connection: &str) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked";
    stream.write_all(format!("{head}\r\nconnection: {connection}\r\n\r\n").as_bytes()).await?;
    for event in events {
        send_chunk(stream, &format!("data: {event}\n\n")).await?;
    }
    Ok(())
}

async fn send_chunk(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await?;
    stream.flush().await
}

/// The body of a request with a content length.
async fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(bytes[head..head + length].to_vec())
}
