//! A program that makes calls, over a socket of its own: nothing between it and the bytes.

use std::fmt::Write as _;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::upstream::PATIENCE;

/// One call that was sent.
pub(super) struct Caller {
    stream: TcpStream,
    came: Vec<u8>,
}

/// A reply as it came.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// In lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    /// True if the body came to its end.
    pub(super) whole: bool,
}

impl Reply {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Caller {
    /// Sends a request; `root` is the gateway's address, with or without its secret.
    pub(super) async fn send(root: &str, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let rest = root.strip_prefix("http://").unwrap();
        let (place, secret) =
            rest.split_once('/').map_or((rest, String::new()), |(place, rest)| (place, format!("/{rest}")));
        let (method, path) = line.split_once(' ').unwrap();
        let mut head = format!("{method} {secret}{path} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\n");
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
        let mut stream = TcpStream::connect(place).await.unwrap();
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        Self { stream, came: Vec::new() }
    }

    /// Waits until these bytes came.
    pub(super) async fn until(&mut self, wanted: &str) {
        let has = |came: &[u8]| came.windows(wanted.len()).any(|bytes| bytes == wanted.as_bytes());
        let start = std::time::Instant::now();
        while !has(&self.came) {
            let more = start.elapsed() < PATIENCE && self.more().await;
            assert!(more, "{wanted:?} did not come: {:?}", String::from_utf8_lossy(&self.came));
        }
    }

    /// The bytes that came so far.
    pub(super) fn came(&self) -> &[u8] {
        &self.came
    }

    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.came)).await.expect("nothing came for too long");
        read.unwrap_or(0) > 0
    }

    /// The whole reply.
    pub(super) async fn reply(mut self) -> Reply {
        while self.more().await {}
        let end = self.came.windows(4).position(|four| four == b"\r\n\r\n").expect("no head came");
        let head = String::from_utf8_lossy(&self.came[..end]).to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let rest = &self.came[end + 4..];
        let (body, whole) = if head.contains("transfer-encoding: chunked") {
            unchunk(rest)
        } else {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            (rest.to_vec(), length.is_none_or(|length| length == rest.len()))
        };
        Reply { status, head, body, whole }
    }
}

fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else { return (body, false) };
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return (body, true);
        }
        let Some(chunk) = rest.get(end + 2..end + 2 + length) else { return (body, false) };
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + length..).unwrap_or_default();
    }
}
