//! `check`: every fault of a pipeline with its place.

use std::io::{self, Write};
use std::path::PathBuf;

use super::Global;
use super::exit::Exit;
use super::text::{in_colour, print, print_json, say};
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

/// Checks, and makes nothing.
pub(super) fn run(args: &Args, global: &Global) -> color_eyre::Result<Exit> {
    let checked = pipeline::check(&args.pipeline);
    if args.json {
        print_json(&checked.as_ref().err().map_or(&[][..], Faults::all))?;
        return Ok(if checked.is_ok() { Exit::Done } else { Exit::Usage });
    }
    match checked {
        Ok(loaded) => {
            for line in &loaded.warnings {
                say(line);
            }
            report(&loaded)?;
            Ok(Exit::Done)
        }
        Err(faults) => Ok(tell(&faults, global)),
    }
}

/// Tells what is wrong with a pipeline.
pub(super) fn tell(faults: &Faults, global: &Global) -> Exit {
    // The loader made names harmless, and the colours of the drawing must get through.
    let drawn = faults.render(in_colour(global.color, &io::stderr()));
    let count = faults.all().len();
    let _ = writeln!(io::stderr().lock(), "{drawn}\n\n{count} fault{}", if count == 1 { "" } else { "s" });
    Exit::Usage
}

fn report(loaded: &Loaded) -> io::Result<()> {
    let agents = loaded.pipeline.agents.len();
    let plural = if agents == 1 { "" } else { "s" };
    print(&format!("{}: no faults in {agents} agent{plural}\n", loaded.pipeline.name))
}
