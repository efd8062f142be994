//! Many agents at once on the real path: a scatter of workers, each with three model calls and two memory writes of its
//! own keys, 64 at a time; recorded, against the same run without recording.
//!
//! Printed are medians of three runs from start to close: time, spans a second, processor time of all threads, and for
//! the recorded run rows, syncs and commits of a span. A worker is six spans.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark that can't write has nothing to tell")]

mod common;
#[path = "common/workers.rs"]
mod workers;

use common::{Taken, is_measured, median, project, run, runtime};
use workers::{PIPELINE, replies};

const SIZES: [u32; 3] = [100, 1000, 10_000];
const ROUNDS: usize = 3;

fn main() {
    if !is_measured() {
        return;
    }
    let runtime = runtime();
    println!(
        "{:<24} {:>8} {:>8} {:>10} {:>8} {:>8} {:>8}",
        "workers", "ms", "CPU ms", "spans/s", "rows", "syncs", "commits"
    );
    for workers in SIZES {
        let folder = project(PIPELINE, &replies(workers));
        let mut taken: [Vec<Taken>; 2] = Default::default();
        for _ in 0..ROUNDS {
            for (recorded, taken) in [false, true].into_iter().zip(&mut taken) {
                taken.push(run(&runtime, folder.path(), recorded));
            }
        }
        let spans = f64::from(workers) * 6.0;
        for (name, taken) in ["unrecorded", "recorded"].into_iter().zip(&taken) {
            let Taken { wall, cpu, rows, syncs, commits } = median(taken);
            let name = format!("{workers}: {name}");
            let (rows, syncs, commits) = (rows / spans, syncs / spans, commits / spans);
            let rate = spans / wall * 1e3;
            println!("{name:<24} {wall:>8.0} {cpu:>8.0} {rate:>10.0} {rows:>8.2} {syncs:>8.3} {commits:>8.3}");
        }
    }
}
