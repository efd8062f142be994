//! `doctor`: what this machine enforces for commands, what it does not and how to get that; also the data folder, the
//! terminal, and the keys of a pipeline's models.

mod facts;
mod parts;
mod report;
mod traces;

use std::path::PathBuf;

use super::exit::Exit;
use super::global::Global;
use super::text::{eprint_line, print, print_json, safe};
use facts::Facts;

/// `tama-tui doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A pipeline whose workspace and models are looked at too
    pipeline: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the report; changes nothing.
pub(super) fn run(args: &Args, global: &Global) -> color_eyre::Result<Exit> {
    if let Some(name) = args.pipeline.as_deref().filter(|name| !name.exists()) {
        eprint_line(&format!(
            "error: failed to find {}: name a pipeline.toml or a folder that has one",
            name.display()
        ));
        return Ok(Exit::Usage);
    }
    let facts = Facts::gather(args.pipeline.as_deref(), global);
    if args.json {
        print_json(&report::to_json(&facts))?;
    } else {
        print(&safe(&report::to_text(&facts)))?;
    }
    Ok(Exit::Done)
}
