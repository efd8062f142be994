//! A provider that does as a test says: it answers each connection with the next of its scripts, byte by byte.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// The longest that anything is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Something that a test lets happen.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(super) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open; in a thread of its own only.
    pub(super) fn wait(&self) {
        let (lock, changed) = &*self.0;
        let (_open, timeout) = changed.wait_timeout_while(lock.lock().unwrap(), PATIENCE, |open| !*open).unwrap();
        assert!(!timeout.timed_out(), "waited in vain for a gate");
    }
}

/// A step of a script. The connection is closed at the end.
#[derive(Clone)]
pub(super) enum Step {
    Send(Vec<u8>),
    Wait(Gate),
    /// Opens a gate once the other side has closed the connection.
    Closed(Gate),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The request line and the headers, in lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub(super) struct Upstream {
    place: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    /// The last script answers all further connections.
    pub(super) fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let requests = Arc::clone(&seen);
        thread::spawn(move || {
            for (at, stream) in listener.incoming().enumerate() {
                let script = scripts[at.min(scripts.len() - 1)].clone();
                let requests = Arc::clone(&requests);
                thread::spawn(move || serve(stream.unwrap(), script, &requests));
            }
        });
        Self { place, seen }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.place)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, script: Vec<Step>, seen: &Mutex<Vec<Seen>>) {
    let mut came = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let request = loop {
        let length = stream.read(&mut buffer).unwrap_or(0);
        if length == 0 {
            return;
        }
        came.extend_from_slice(&buffer[..length]);
        let Some(end) = came.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&came[..end]).to_lowercase();
        let wanted = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        if came.len() >= end + 4 + wanted {
            break Seen { head, body: came[end + 4..].to_vec() };
        }
    };
    seen.lock().unwrap().push(request);
    for step in script {
        match step {
            Step::Send(bytes) if stream.write_all(&bytes).is_err() => return,
            Step::Send(_) => {}
            Step::Wait(gate) => gate.wait(),
            Step::Closed(gate) => {
                while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
                gate.open();
            }
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// The head of an answer of known length, and its body.
pub(super) fn whole(status: u16, headers: &str, body: &[u8]) -> Vec<Step> {
    let head = format!("HTTP/1.1 {status} Words\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    vec![Step::Send([head.as_bytes(), body].concat())]
}

pub(super) fn json(status: u16, body: &[u8]) -> Vec<Step> {
    whole(status, "content-type: application/json\r\n", body)
}

/// The head of a stream.
pub(super) fn stream_head() -> Step {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\ntransfer-encoding: chunked\r\n\r\n";
    Step::Send(head.as_bytes().to_vec())
}

pub(super) fn chunk(bytes: &[u8]) -> Step {
    Step::Send([format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())
}

pub(super) fn last_chunk() -> Step {
    Step::Send(b"0\r\n\r\n".to_vec())
}

/// A whole stream.
pub(super) fn stream(bytes: &[u8]) -> Vec<Step> {
    vec![stream_head(), chunk(bytes), last_chunk()]
}
