//! From the start of the process to the first frame on a terminal, against the same process that only says its version.
//!
//! The frame counts when the span tree's title has arrived at the terminal's other end.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark without a terminal has nothing to tell")]

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

const SIZE: PtySize = PtySize { rows: 42, cols: 140, pixel_width: 0, pixel_height: 0 };

/// Starts the program on a terminal of its own, and stops the clock when `until` was written.
fn start(args: &[&str], folder: &Path, until: &str) -> Duration {
    let pty = native_pty_system().openpty(SIZE).unwrap();
    let mut reader = pty.master.try_clone_reader().unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tama-tui"));
    command.args(args);
    command.cwd(folder);
    command.env("TERM", "xterm-256color");
    let started = Instant::now();
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut written = Vec::new();
    let mut bytes = [0; 1 << 13];
    while !String::from_utf8_lossy(&written).contains(until) {
        let count = reader.read(&mut bytes).unwrap();
        assert!(count > 0, "the program ended early: {}", String::from_utf8_lossy(&written));
        written.extend_from_slice(&bytes[..count]);
    }
    let took = started.elapsed();
    // It may have ended by itself.
    drop(child.kill());
    child.wait().unwrap();
    took
}

/// The demo in a folder of its own.
fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(".").unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo"), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        // What an earlier run left there doesn't belong to the demo.
        if entry.path().is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        } else if entry.file_name() == "prompts" {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        }
    }
}

fn first_frame(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("process start");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(4));
    let folder = tempfile::tempdir_in(".").unwrap();
    group.bench_function("to the version", |bench| {
        bench.iter_custom(|rounds| (0..rounds).map(|_| start(&["--version"], folder.path(), "tama-tui ")).sum());
    });
    group.bench_function("to the first frame", |bench| {
        bench.iter_custom(|rounds| {
            let one = |_| {
                let folder = demo();
                start(&["pipeline.toml"], folder.path(), " Spans ")
            };
            (0..rounds).map(one).sum()
        });
    });
    group.finish();
}

criterion_group!(benches, first_frame);
criterion_main!(benches);
