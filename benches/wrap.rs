//! One step of an agent of another program, by itself and wrapped: the demo's agent asks its model, and runs the command
//! that the model wants, which writes a file.
//!
//! The model is a server in this process. A figure is the difference between a run of many steps and one of a single step,
//! per step: what starts and ends once is not in it. "bare" is the agent alone. "direct" and "review" are the same agent
//! under `wrap`, its tools seen through hooks and its model calls through the gateway, in folders of two sizes.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Steps of a long run; the agent takes ten at most, with its last answer.
const STEPS: u32 = 9;

/// Answers calls: the first part of the path says how many commands the agent is asked to run.
fn model() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    // The client may keep its connection for more.
    while let Some((start, body)) = read_request(&mut reader) {
        let path = start.split(' ').nth(1).unwrap_or_default();
        let steps: usize = path.split('/').nth(1).and_then(|steps| steps.parse().ok()).unwrap_or(0);
        let done = body.matches("tool_result").count();
        let content = if done < steps {
            format!(
                r#"{{"type":"tool_use","id":"toolu_{done}","name":"Bash","input":{{"command":"echo {done} > made"}}}}"#
            )
        } else {
            r#"{"type":"text","text":"Done."}"#.to_owned()
        };
        let stop = if done < steps { "tool_use" } else { "end_turn" };
        let body = format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","model":"tidy-1","content":[{content}],"stop_reason":"{stop}","stop_sequence":null,"usage":{{"input_tokens":9,"output_tokens":9}}}}"#
        );
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        // A client of HTTP/1.0 takes the end of the connection for the end of the answer.
        if reader.get_mut().write_all([head, body].concat().as_bytes()).is_err() || start.ends_with("http/1.0") {
            return;
        }
    }
}

/// The first line, in lower case, and the body of a request; `None` at the end, and after one of a client that sends only one.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_ascii_lowercase()),
        }
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((lines.swap_remove(0), String::from_utf8_lossy(&body).into_owned()))
}

/// A folder of so many files.
fn folder(home: &Path, files: u32) -> PathBuf {
    let folder = home.join(format!("work-{files}"));
    for at in 0..files {
        let inside = folder.join(format!("d{}", at / 100));
        if at % 100 == 0 {
            fs::create_dir_all(&inside).unwrap();
        }
        fs::write(inside.join(format!("f{at}")), at.to_string()).unwrap();
    }
    folder
}

/// Runs the agent, wrapped or not; returns the time.
fn run(agent: &Path, folder: &Path, wrapped: Option<&[&str]>, upstream: &str) -> Duration {
    let mut command = match wrapped {
        None => Command::new(agent),
        Some(more) => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tama-tui"));
            command.args(["wrap", "--headless"]).args(more).args(["--upstream", upstream, "--"]).arg(agent);
            command
        }
    };
    command.env("ANTHROPIC_BASE_URL", upstream).env("NO_PROXY", "127.0.0.1").current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    assert!(command.status().unwrap().success());
    start.elapsed()
}

fn per_step(c: &mut Criterion) {
    let home = tempfile::tempdir_in(".").unwrap();
    let home = home.path().canonicalize().unwrap();
    let agent = home.join("tidy");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/wrap/tidy"), &agent).unwrap();
    let address = model();
    let mut group = c.benchmark_group("wrap");
    group.sample_size(10);
    for files in [100, 10_000] {
        let folder = folder(&home, files);
        let ways: [(&str, Option<&[&str]>); 3] =
            [("bare", None), ("direct", Some(&[])), ("review", Some(&["--review"]))];
        for (name, wrapped) in ways {
            let step = || {
                let one = run(&agent, &folder, wrapped, &format!("{address}/1"));
                let many = run(&agent, &folder, wrapped, &format!("{address}/{STEPS}"));
                many.saturating_sub(one) / (STEPS - 1)
            };
            group.bench_function(BenchmarkId::new(name, files), |b| {
                b.iter_custom(|times| (0..times).map(|_| step()).sum());
            });
            // Each run is kept; the next way begins without them.
            let _ = fs::remove_dir_all(folder.join(".tama"));
        }
    }
    group.finish();
}

criterion_group!(benches, per_step);
criterion_main!(benches);
