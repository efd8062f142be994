//! A service outside of the workspace, for tools that reach one: it writes down what it is told, in files beside the
//! pipeline, where commands themselves can't write.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;

/// Serves on the port that it returns, until the process ends: `call ARGS` is added to the file `calls`, `set VALUE`
/// becomes the content of the file `live`. An HTTP request counts as a call with its path.
pub fn serve(folder: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            // A client that was killed sends nothing.
            drop(reader.read_line(&mut line));
            let add = |call: &str| {
                let mut calls = OpenOptions::new().append(true).create(true).open(folder.join("calls")).unwrap();
                writeln!(calls, "{call}").unwrap();
            };
            if let Some(path) = line.strip_prefix("POST /").and_then(|rest| rest.split(' ').next()) {
                if read_request(&mut reader).is_ok() {
                    add(path);
                    drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"));
                }
                continue;
            }
            match line.trim_end_matches('\n').split_once(' ') {
                Some(("set", value)) => fs::write(folder.join("live"), value).unwrap(),
                Some(("call", args)) => add(args),
                _ => {}
            }
            // A client that is gone has what it wanted.
            drop(stream.write_all(b"ok\n"));
        }
    });
    port
}

/// Reads the rest of an HTTP request.
fn read_request(reader: &mut impl BufRead) -> std::io::Result<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap_or(0);
        }
    }
    reader.read_exact(&mut vec![0; length])
}
