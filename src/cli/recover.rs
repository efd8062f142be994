//! `runs recover`: moves a damaged log aside and keeps what can be read; also the hidden command with which another
//! process checks a run before it opens it.

use std::path::Path;
use std::process::ExitCode;

use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::text::{print, print_json};
use crate::store::{DataDir, INSPECT, RecoveryReport, inspect, set_inspector};

/// `tama-tui runs recover`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Recovers a run and prints what was lost.
pub(super) fn run(args: &Args, data: &DataDir) -> color_eyre::Result<Exit> {
    let folder = data.find(&args.run).map_err(|error| eyre!("failed to {error}"))?;
    let done = folder.recover().map_err(|error| eyre!("failed to {error}"))?;
    if args.json {
        print_json(&serde_json::json!({
            "run": folder.id(),
            "kept": done.kept,
            "lost": done.lost,
            "damage": done.damage,
            "aside": done.aside,
        }))?;
    } else {
        print(&recovery_text(&done))?;
    }
    Ok(Exit::Done)
}

fn recovery_text(done: &RecoveryReport) -> String {
    let Some(aside) = &done.aside else {
        return format!("The log is whole: {} rows. Nothing to recover.\n", done.kept);
    };
    let mut lines: Vec<String> = done.damage.iter().map(|line| format!("damaged: {line}")).collect();
    let (kept, lost, aside) = (done.kept, done.lost, aside.display());
    lines.push(format!("kept {kept} rows, lost {lost}; the original files are in {aside}"));
    lines.push(
        "Nobody can say who wrote what is left: the next undo or retry asks for the run's workspace.\n".to_owned(),
    );
    lines.join("\n")
}

/// Runs the hidden command if it was given; else registers this program as the inspector of runs.
pub(super) fn run_hidden_inspect() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|name| name == INSPECT) {
        let inspection = inspect(Path::new(&args.next()?));
        let said = serde_json::to_string(&inspection).ok().and_then(|json| print(&json).ok());
        return Some(said.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS));
    }
    if let Ok(program) = own_program() {
        set_inspector(program);
    }
    None
}

/// The path of this program, also after its file was replaced.
fn own_program() -> std::io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}
