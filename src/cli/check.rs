//! `check`: every fault of a pipeline with its place.

use std::io::{self, Write};
use std::path::PathBuf;

use super::Global;
use super::exit::Exit;
use super::text::{in_colour, print, say};
use crate::pipeline::{self, Faults, Loaded};

/// `tama-tui check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A pipeline.toml, or a folder that holds one
    pipeline: PathBuf,
}

/// Checks, and makes nothing.
pub(super) fn run(args: &Args, global: &Global) -> Exit {
    match pipeline::check(&args.pipeline) {
        Ok(loaded) => {
            for line in &loaded.warnings {
                say(line);
            }
            report(&loaded)
        }
        Err(faults) => tell(&faults, global),
    }
}

/// Tells what is wrong with a pipeline.
pub(super) fn tell(faults: &Faults, global: &Global) -> Exit {
    // The loader made names harmless, and the colours of the drawing must get through.
    let drawn = faults.render(in_colour(global.color, &io::stderr()));
    let count = faults.all().len();
    let _ = writeln!(io::stderr().lock(), "{drawn}\n\n{count} fault{}", if count == 1 { "" } else { "s" });
    Exit::Faults
}

fn report(loaded: &Loaded) -> Exit {
    let agents = loaded.pipeline.agents.len();
    let plural = if agents == 1 { "" } else { "s" };
    let line = format!("{}: no faults in {agents} agent{plural}\n", loaded.pipeline.name);
    if print(&line).is_ok() { Exit::Done } else { Exit::Failed }
}
