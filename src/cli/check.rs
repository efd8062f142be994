//! `check`: every fault of a pipeline with its place.

use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::exit::Exit;
use super::global::Global;
use super::text::{eprint_line, print, print_json, use_colour};
use crate::effects::llm::{ProviderKey, provider_keys};
use crate::pipeline::{self, Fault, Faults, Loaded, Pipeline};

/// `tama-tui check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A pipeline.toml, a tama.toml, or a folder that holds one
    pipeline: PathBuf,
    /// Print the faults and warnings as JSON on stdout
    #[arg(long)]
    json: bool,
}

/// Checks the pipeline; creates no files.
pub(super) fn run(args: &Args, global: &Global) -> color_eyre::Result<Exit> {
    let checked = pipeline::check(&args.pipeline);
    if args.json {
        let found: Vec<Json> = match &checked {
            Ok(loaded) => warnings(loaded).iter().map(|line| json!({ "level": "warning", "message": line })).collect(),
            Err(faults) => faults.all().iter().map(fault_json).collect::<Result<Vec<_>, _>>()?,
        };
        print_json(&found)?;
        return Ok(if checked.is_ok() { Exit::Done } else { Exit::Usage });
    }
    match checked {
        Ok(loaded) => {
            for line in warnings(&loaded) {
                eprint_line(&format!("warning: {line}"));
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
    let drawn = faults.render(use_colour(global.color(), &io::stderr()));
    let count = faults.all().len();
    let _ = writeln!(io::stderr().lock(), "{drawn}\n\n{count} fault{}", if count == 1 { "" } else { "s" });
    Exit::Usage
}

/// Lists what a run would stumble over, or may: a line each.
fn warnings(loaded: &Loaded) -> Vec<String> {
    loaded.warnings.iter().cloned().chain(missing_keys(&loaded.pipeline)).collect()
}

/// Lists the keys of providers in use that are not set.
fn missing_keys(pipeline: &Pipeline) -> Vec<String> {
    let keys = provider_keys(pipeline, &|name| std::env::var(name).ok());
    keys.iter().filter_map(ProviderKey::missing).collect()
}

fn fault_json(fault: &Fault) -> serde_json::Result<Json> {
    let mut shown = serde_json::to_value(fault)?;
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("level".to_owned(), json!("fault"));
    }
    Ok(shown)
}

fn print_summary(loaded: &Loaded) -> io::Result<()> {
    let agents = loaded.pipeline.agents.len();
    let plural = if agents == 1 { "" } else { "s" };
    print(&format!("{}: no faults in {agents} agent{plural}\n", loaded.pipeline.name))?;
    loaded.pipeline.price_lines().iter().try_for_each(|line| print(&format!("price of {line}\n")))?;
    loaded.pipeline.reaching_tools().iter().try_for_each(|line| print(&format!("tool {line}\n")))?;
    let unpriced = loaded.pipeline.unpriced();
    unpriced.iter().try_for_each(|model| print(&format!("no price of {model}: add [prices.\"{model}\"]\n")))
}
