//! `schema`: the JSON Schema of pipeline.toml.

use super::exit::Exit;
use super::text::print_json;
use crate::pipeline;

/// `tama-tui schema`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Prints the schema on stdout.
pub(super) fn run(_: &Args) -> color_eyre::Result<Exit> {
    print_json(&pipeline::schema())?;
    Ok(Exit::Done)
}
