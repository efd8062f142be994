//! `check`: every fault of a pipeline with its place.

use std::io::{self, Write};
use std::path::PathBuf;

use super::exit::Exit;
use super::global::Global;
use super::text::{eprint_line, print, print_json, use_colour};
use crate::pipeline::{self, Faults, Loaded};

/// `tama-tui check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A pipeline.toml, or a folder that holds one
    pipeline: PathBuf,
    /// Print the faults as JSON on stdout
    #[arg(long)]
    json: bool,
}

/// Checks the pipeline; creates no files.
pub(super) fn run(args: &Args, global: &Global) -> color_eyre::Result<Exit> {
    let checked = pipeline::check(&args.pipeline);
    if args.json {
        print_json(&checked.as_ref().err().map_or(&[][..], Faults::all))?;
        return Ok(if checked.is_ok() { Exit::Done } else { Exit::Usage });
    }
    match checked {
        Ok(loaded) => {
            for line in &loaded.warnings {
                eprint_line(line);
            }
            print_summary(&loaded)?;
            Ok(Exit::Done)
        }
        Err(faults) => Ok(print_faults(&faults, global)),
    }
}

/// Prints the faults of a pipeline on stderr.
pub(super) fn print_faults(faults: &Faults, global: &Global) -> Exit {
    // The loader made names harmless, and the colours of the drawing must get through.
    let drawn = faults.render(use_colour(global.color, &io::stderr()));
    let count = faults.all().len();
    let _ = writeln!(io::stderr().lock(), "{drawn}\n\n{count} fault{}", if count == 1 { "" } else { "s" });
    Exit::Usage
}

fn print_summary(loaded: &Loaded) -> io::Result<()> {
    let agents = loaded.pipeline.agents.len();
    let plural = if agents == 1 { "" } else { "s" };
    print(&format!("{}: no faults in {agents} agent{plural}\n", loaded.pipeline.name))
}
