//! Opening a stored run of growing size: what the screen has and when, `runs show`, `undo --dry-run`, and the memory
//! that an open run takes; against reading the same rows through the same library.
//!
//! The runs are written by the store itself. A chain is one agent with many calls; a scatter has 10,000 workers. A step
//! is six events (call, its end, tool, its memory write, the write's outcome, its end) and three texts; sizes count the
//! events. Each opening is a process of its own. `open` takes sizes as arguments: `./x bench open -- 1000 100000`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

#[path = "common/stored.rs"]
mod stored;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use duckdb::{AccessMode, Config, Connection};
use stored::{make, project};
use tama_tui::app::{self, Msg, State};
use tama_tui::model::{Seq, Update};
use tama_tui::runtime::{self, Mode};
use tama_tui::store::{DataDir, RunLog};

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const SEEKS: usize = 20;

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

fn resident_bytes() -> u64 {
    const PAGE: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE
}

/// Opens a run as the screen does, and prints milliseconds to the first spans, to the whole tree, until everything can
/// be done with it, and the resident bytes then.
fn open_here(project: &Path, run: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let started = Instant::now();
    let (mut state, mut first, mut whole) = (State::new(app::Setup::default()), None, None);
    let data = DataDir::open_or_create(project.join(".tama")).unwrap();
    let folder = data.find(run).unwrap();
    let mode = Mode::Debug { step: false, breakpoints: Vec::new() };
    runtime.block_on(async {
        let (news, mut early) = tokio::sync::mpsc::channel(8);
        let opening = tokio::spawn(async move {
            runtime::open_watched(folder, &data, mode, None, None, move |update| news.blocking_send(update).is_ok())
                .await
                .unwrap()
        });
        // What is not checked yet is no more than what is checked in the end.
        while let Some(update) = early.recv().await {
            let spans = state.run.trace.len();
            let _ = app::update(&mut state, Msg::Update(update));
            if state.run.trace.len() > 1 {
                first.get_or_insert_with(|| started.elapsed());
            }
            if state.run.trace.len() > spans {
                whole = Some(started.elapsed());
            }
        }
        let session = opening.await.unwrap();
        let mut feed = session.engine.feed;
        loop {
            let update = feed.next().await.unwrap();
            let is_ready = matches!(update, Update::Edits(_));
            let _ = app::update(&mut state, Msg::Update(update));
            if is_ready {
                break;
            }
        }
        let ready = started.elapsed();
        assert_eq!(state.run.last, session.log.with(|state| state.last));
        let times = [first, whole, Some(ready)].map(|took| took.map_or(0.0, millis));
        let resident = resident_bytes();
        let seeks = seeks(&session.log);
        println!(
            "{:.1} {:.1} {:.1} {resident} {:.1} {:.1}",
            times[0],
            times[1],
            times[2],
            seeks[SEEKS / 2],
            seeks[SEEKS - 1]
        );
        // In order: the next opening finds a run that was closed.
        drop(session.engine.commands);
        session.engine.finish.await.unwrap();
    });
}

/// Milliseconds that the state at places all over the run takes, the shortest first.
fn seeks(log: &RunLog) -> Vec<f64> {
    let last = log.with(|state| state.last.0);
    let seek = |at: usize| {
        let seq = Seq(last * (at as u64 * 7 % SEEKS as u64) / SEEKS as u64 + 1);
        let started = Instant::now();
        let state = log.state_at(seq).unwrap();
        assert!(state.last <= seq);
        millis(started.elapsed())
    };
    let mut seeks: Vec<f64> = (0..SEEKS).map(seek).collect();
    seeks.sort_by(f64::total_cmp);
    seeks
}

/// Runs this program again with these arguments; the numbers that it prints.
fn again(args: &[&str]) -> Vec<f64> {
    let output = Command::new(std::env::current_exe().unwrap()).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// How long the program takes.
fn program(project: &Path, args: &[&str]) -> f64 {
    let data = project.join(".tama");
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tama-tui"));
    command.args(args).arg("--data-dir").arg(data).stdout(Stdio::null());
    assert!(command.status().unwrap().success());
    millis(started.elapsed())
}

/// Reads every cell of a run's tables, as the library gives them, and nothing else.
fn select_all(project: &Path, run: &str) -> f64 {
    let started = Instant::now();
    let path = project.join(".tama/runs").join(run).join("run.duckdb");
    let config = Config::default().access_mode(AccessMode::ReadOnly).unwrap().threads(1).unwrap();
    let connection = Connection::open_with_flags(path, config).unwrap();
    let mut cells = 0_u64;
    for table in ["events", "action_log", "action_events", "texts"] {
        let mut select = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let columns = row.as_ref().column_count();
            for at in 0..columns {
                cells += u64::from(row.get_ref(at).is_ok());
            }
        }
    }
    std::hint::black_box(cells);
    millis(started.elapsed())
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["open", project, run] => return open_here(Path::new(project), run),
        ["select", project, run] => return println!("{}", select_all(Path::new(project), run)),
        _ => {}
    }
    // Not when the benchmark is only tried out (`cargo test --benches`).
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let asked: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if asked.is_empty() { SIZES.to_vec() } else { asked };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let empty = project();
    let empty_run = make(&runtime, empty.path(), false, 0);
    let empty_bytes = again(&["open", &empty.path().display().to_string(), &empty_run.0])[3];
    println!(
        "{:<8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "ms",
        "events",
        "made/s",
        "first",
        "tree",
        "checked",
        "show",
        "dry-run",
        "SELECT *",
        "seek",
        "seek max",
        "B/event"
    );
    for (shape, scatter) in [("chain", false), ("scatter", true)] {
        for &events in &sizes {
            measure(&runtime, shape, scatter, events, empty_bytes);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts for people")]
fn measure(runtime: &tokio::runtime::Runtime, shape: &str, scatter: bool, events: usize, empty_bytes: f64) {
    let folder = project();
    let path: PathBuf = folder.path().to_owned();
    let started = Instant::now();
    let run = make(runtime, &path, scatter, events);
    let made = events as f64 * 1e3 / millis(started.elapsed());
    let written = path.display().to_string();
    let opened = again(&["open", &written, &run.0]);
    let show = program(&path, &["runs", "show", &run.0]);
    let dry = program(&path, &["undo", &run.0, "--dry-run"]);
    let select = again(&["select", &written, &run.0])[0];
    let each = (opened[3] - empty_bytes) / events as f64;
    println!(
        "{shape:<8} {events:>9} {made:>9.0} {:>9.0} {:>9.0} {:>9.0} {show:>9.0} {dry:>9.0} {select:>9.0} {:>9.0} {:>9.0} \
         {each:>9.0}",
        opened[0], opened[1], opened[2], opened[4], opened[5]
    );
}
