//! `runs salvage`: a damaged log is moved aside, and what can be read of it is a run again; and the hidden command by
//! which another process looks at a run first.

use std::path::Path;
use std::process::ExitCode;

use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::text::{print, print_json};
use crate::store::{DataDir, INSPECT, Salvaged, inspect, set_inspector};

/// `tama-tui runs salvage`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Salvages a run, and says what was lost.
pub(super) fn run(args: &Args, data: &DataDir) -> color_eyre::Result<Exit> {
    let folder = data.find(&args.run).map_err(|error| eyre!("failed to {error}"))?;
    let done = folder.salvage().map_err(|error| eyre!("failed to {error}"))?;
    if args.json {
        print_json(&serde_json::json!({
            "run": folder.id(),
            "kept": done.kept,
            "lost": done.lost,
            "damage": done.damage,
            "aside": done.aside,
        }))?;
    } else {
        print(&told(&done))?;
    }
    Ok(Exit::Done)
}

fn told(done: &Salvaged) -> String {
    let Some(aside) = &done.aside else {
        return format!("The log is whole: {} rows. Nothing was done.\n", done.kept);
    };
    let mut lines: Vec<String> = done.damage.iter().map(|line| format!("damaged: {line}")).collect();
    let (kept, lost, aside) = (done.kept, done.lost, aside.display());
    lines.push(format!("kept {kept} rows, lost {lost}; the files as they were are in {aside}\n"));
    lines.join("\n")
}

/// Carries the hidden command out, if it was given; else names this program as the one to ask.
pub(super) fn inspected() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|name| name == INSPECT) {
        let verdict = inspect(Path::new(&args.next()?));
        let said = serde_json::to_string(&verdict).ok().and_then(|json| print(&json).ok());
        return Some(said.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS));
    }
    if let Ok(program) = program() {
        set_inspector(program);
    }
    None
}

/// This program, also when its file was replaced meanwhile.
fn program() -> std::io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}
