//! A server that answers each connection with the next of its scripts, and keeps the requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A step of a script. The connection is closed at the end.
#[derive(Debug, Clone)]
pub enum Step {
    Send(Vec<u8>),
    Pause(Duration),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The request line and the headers.
    pub head: String,
    pub body: String,
    pub at: Instant,
}

/// A server; the last script answers all further connections.
pub struct Server {
    place: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let requests = Arc::clone(&seen);
        thread::spawn(move || {
            for (at, stream) in listener.incoming().enumerate() {
                let script = scripts[at.min(scripts.len() - 1)].clone();
                let requests = Arc::clone(&requests);
                thread::spawn(move || serve(stream.unwrap(), &script, &requests));
            }
        });
        Self { place, seen }
    }

    pub fn place(&self) -> SocketAddr {
        self.place
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.seen().len()
    }
}

fn serve(mut stream: TcpStream, script: &[Step], seen: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let length = head.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    seen.lock().unwrap().push(Seen { head, body, at: Instant::now() });
    for step in script {
        match step {
            Step::Send(bytes) if stream.write_all(bytes).is_err() => return,
            Step::Send(_) => {}
            Step::Pause(time) => thread::sleep(*time),
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// An answer with a status, headers (each `Name: value\r\n`) and a body of known length.
pub fn reply(status: u16, headers: &str, body: &str) -> Vec<Step> {
    let head = format!("HTTP/1.1 {status} Words\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    vec![Step::Send(format!("{head}{body}").into_bytes())]
}

/// The head of a stream without a length.
pub fn stream_head() -> Step {
    Step::Send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec())
}

/// One chunk.
pub fn chunk(text: &str) -> Step {
    Step::Send(format!("{:x}\r\n{text}\r\n", text.len()).into_bytes())
}

/// The end of a chunked body.
pub fn last_chunk() -> Step {
    Step::Send(b"0\r\n\r\n".to_vec())
}

/// A chunk with text of the model.
pub fn text(text: &str) -> Step {
    chunk(&format!("data: {}\n\n", serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]})))
}

/// A chunk with the stop reason, and `[DONE]`.
pub fn stop() -> Step {
    chunk("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
}

/// A whole streamed answer.
pub fn good(words: &str) -> Vec<Step> {
    vec![stream_head(), text(words), stop(), last_chunk()]
}
