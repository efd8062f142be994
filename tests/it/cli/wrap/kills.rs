//! Ends a wrapped agent, the program that watches it, or both, at some moment.

use std::fs;
use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How many rounds are played: `TAMA_TUI_SOAK`, or a few.
pub(super) fn rounds(few: u32) -> u32 {
    std::env::var("TAMA_TUI_SOAK").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(few)
}

/// The moment of a round, in milliseconds: before a first look of two seconds, in it, and after some.
pub(super) fn moment(round: u32) -> u64 {
    u64::from(round * 271 % 3000)
}

/// Kills the program in every fourth round, the agent in the next, then both, then also the processes between them; waits
/// until the program is gone. True if all were killed: nobody could note when the agent ended.
pub(super) fn end_one_or_both(round: u32, child: &mut Child) -> bool {
    let processes = below(child.id());
    let agent = processes.iter().copied().find(|pid| is_agent(*pid)).unwrap();
    match round % 4 {
        0 => child.kill().unwrap(),
        1 => end(agent),
        2 => [agent, child.id()].into_iter().for_each(end),
        _ => processes.iter().rev().chain([&child.id()]).for_each(|pid| end(*pid)),
    }
    child.wait().unwrap();
    round % 4 == 3
}

/// The processes below one, the nearest first.
fn below(pid: u32) -> Vec<u32> {
    // Each thread has children of its own.
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let own: Vec<u32> = children
        .flat_map(|some| some.split_whitespace().filter_map(|one| one.parse().ok()).collect::<Vec<_>>())
        .collect();
    own.iter().copied().chain(own.iter().flat_map(|one| below(*one))).collect()
}

/// True for the agent itself, and not for a program that it runs.
fn is_agent(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "bash\n")
}

fn end(pid: u32) {
    // It may be gone by now.
    let _ = kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL);
}
