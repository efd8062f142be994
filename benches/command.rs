//! From a tool call to the end of its command `true`, confined in each way, against a shell that is just started.
//!
//! "sh" is `sh -c true` by the system's own means. "overlay", "snapshot" and "landlock" are the same command through the
//! sandbox, from the call of [`Shell::run`] until every process is gone: what any command costs beside its own work.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

use std::fs;
use std::process::Command;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tama_tui::effects::confine::{Isolation, Job, Shell, ShellLimits, ShellPaths, set_helper};
use tokio_util::sync::CancellationToken;

fn command(c: &mut Criterion) {
    set_helper(env!("CARGO_BIN_EXE_tama-tui"));
    let home = tempfile::tempdir_in(".").unwrap();
    let workspace = home.path().canonicalize().unwrap().join("work");
    let data = home.path().join("data");
    for folder in [&workspace, &data] {
        fs::create_dir(folder).unwrap();
    }
    let mut group = c.benchmark_group("command");
    group.bench_function("sh", |b| {
        b.iter(|| assert!(Command::new("sh").args(["-c", "true"]).current_dir(&workspace).status().unwrap().success()));
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let levels =
        [("overlay", Isolation::Overlay), ("snapshot", Isolation::Namespaces), ("landlock", Isolation::Landlock)];
    for (name, isolation) in levels {
        let paths = ShellPaths {
            workspace: workspace.clone(),
            hidden: vec![data.clone()],
            scratch: Some(home.path().canonicalize().unwrap().join("scratch")),
        };
        let shell = Shell::probe_up_to(paths, isolation);
        if shell.isolation() != isolation {
            eprintln!("{name} can't be had here: {:?}", shell.refused());
            continue;
        }
        group.bench_function(name, |b| {
            b.iter(|| {
                let job = Job::shell("true", Duration::from_secs(30));
                let run = shell.run(job, ShellLimits::default(), CancellationToken::new());
                assert_eq!(runtime.block_on(run).outcome.exit, Some(0));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, command);
criterion_main!(benches);
