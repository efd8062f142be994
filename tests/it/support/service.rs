//! A service outside of the workspace, for tools that reach one: it writes down what it is told, in files beside the
//! pipeline, where commands themselves can't write.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;

/// Serves on the port that it returns, until the process ends: `call ARGS` is added to the file `calls`, `set VALUE`
/// becomes the content of the file `live`.
pub fn serve(folder: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
            match line.trim_end_matches('\n').split_once(' ') {
                Some(("set", value)) => fs::write(folder.join("live"), value).unwrap(),
                Some(("call", args)) => {
                    let mut calls = OpenOptions::new().append(true).create(true).open(folder.join("calls")).unwrap();
                    writeln!(calls, "{args}").unwrap();
                }
                _ => {}
            }
            // A client that is gone has what it wanted.
            drop(stream.write_all(b"ok\n"));
        }
    });
    port
}
