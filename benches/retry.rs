//! A retry of the last span of a stored run: how long until its first model call, headless, as a growing number of
//! effects lies before it; against opening the run to say what the retry would do (`--dry-run`).
//!
//! The runs are a scatter's: each worker has two memory writes, and the last span reduces what they came to. "to the call"
//! is from the start of the process until its model is asked, "whole" until it has ended. Medians of five.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

#[allow(dead_code, reason = "other benchmarks need more of it")]
mod common;
#[path = "common/workers.rs"]
mod workers;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use common::{is_measured, project, run, runtime};
use tama_tui::store::DataDir;

const SIZES: [u32; 4] = [50, 500, 5_000, 50_000];
const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// A model that fails each call at once; the moments of the calls.
fn model() -> (String, Receiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let (send, calls) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            send.send(Instant::now()).unwrap();
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"));
        }
    });
    (address, calls)
}

/// Starts the program in a folder, and waits for its end.
fn program(folder: &Path, args: &[&str]) -> (Instant, Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tama-tui"));
    command.args(args).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    command.status().unwrap();
    (started, started.elapsed())
}

fn median(mut took: Vec<Duration>) -> f64 {
    took.sort();
    took[took.len() / 2].as_secs_f64() * 1e3
}

fn main() {
    if !is_measured() {
        return;
    }
    let (runtime, (address, calls)) = (runtime(), model());
    println!("{:>8} {:>12} {:>12} {:>12} {:>12}", "effects", "dry run ms", "to the call", "whole", "run ms");
    for workers in SIZES {
        let pipeline = format!("{}\n[providers.bench]\nbase_url = \"{address}\"\ntries = 1\n", workers::PIPELINE);
        let folder = project(&pipeline, &workers::replies(workers));
        let ran = run(&runtime, folder.path(), true);
        let id = DataDir::open_or_create(folder.path().join(".tama")).unwrap().runs().unwrap()[0].id.0.clone();
        let (mut dry, mut call, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            dry.push(program(folder.path(), &["retry", &id, "--span", "lead/reduce", "--dry-run"]).1);
            let args = ["retry", &id, "--span", "lead/reduce", "--model", "bench:m"];
            let (started, took) = program(folder.path(), &args);
            call.push(calls.recv_timeout(PATIENCE).unwrap() - started);
            whole.push(took);
            while calls.try_recv().is_ok() {}
        }
        let (dry, call, whole) = (median(dry), median(call), median(whole));
        println!("{:>8} {dry:>12.0} {call:>12.0} {whole:>12.0} {:>12.0}", workers * 2, ran.wall);
    }
}
