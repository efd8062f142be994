//! `verify`: executes a stored run again from its own record, and says whether it does the same.

use std::path::PathBuf;

use color_eyre::eyre::eyre;
use serde_json::{Value as Json, json};

use super::check::print_faults;
use super::data;
use super::exit::Exit;
use super::global::Global;
use super::stored::open_log;
use super::text::{dollars, eprint_line, print, print_json};
use crate::app::text::plural;
use crate::model::{RunId, RunSource, TraceBody, TraceEvent};
use crate::pipeline;
use crate::runtime::{self, ChangedCall, Verification};
use crate::store::Manifest;

/// `tama-tui verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// Another pipeline: lists the agents and calls that would differ with it
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Verifies a run. Nothing is sent, run or written.
pub(super) fn run(args: &Args, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::open_existing(global)?;
    let instead = match args.pipeline.as_deref().map(pipeline::check) {
        None => None,
        Some(Ok(loaded)) => Some(loaded.pipeline),
        Some(Err(faults)) => return Ok(print_faults(&faults, global)),
    };
    let (folder, log, events) = open_log(&data, &args.run)?;
    let is_wrapped = |event: &TraceEvent| match &event.body {
        TraceBody::RunStarted { provenance, .. } => provenance.source == RunSource::Wrapped,
        _ => false,
    };
    if events.iter().any(is_wrapped) {
        return Err(eyre!(
            "failed to verify {}: it watched an agent of another program, whose code can't be executed from the record",
            folder.id()
        ));
    }
    let found = runtime::verify(&log, &events, instead).map_err(|error| eyre!("failed to {error}"))?;
    let run = folder.id();
    let diverged = found.divergence.is_some() || !found.changed.is_empty();
    if args.json {
        print_json(&to_json(run, &found))?;
    } else if diverged {
        print(&difference(run, &found))?;
    } else {
        print(&summary(run, &found))?;
    }
    if let (Some(_), Ok(manifest)) = (&found.divergence, folder.manifest()) {
        tell_version(&manifest);
    }
    Ok(if diverged { Exit::Diverged } else { Exit::Done })
}

/// Another program version may have other pattern code, or declare its tools in other words.
fn tell_version(manifest: &Manifest) {
    if manifest.writer != env!("CARGO_PKG_VERSION") {
        let (own, other) = (env!("CARGO_PKG_VERSION"), &manifest.writer);
        eprint_line(&format!("The run was recorded by version {other}; this is version {own}."));
    }
}

fn summary(run: &RunId, found: &Verification) -> String {
    let compared = compared(found);
    if !found.partial {
        return format!("verified {run}: {compared}, all as recorded\n");
    }
    let open = match found.open {
        0 => String::new(),
        1 => "; 1 span was still running".to_owned(),
        many => format!("; {many} spans were still running"),
    };
    let last = found.last.0;
    format!("verified {run} as far as it came (event {last}){open}: {compared}, all as recorded\n")
}

fn compared(found: &Verification) -> String {
    let [agents, calls, tools] = found.compared;
    let count = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    [count(agents, "agent"), count(calls, "model call"), count(tools, "tool call")].join(", ")
}

fn difference(run: &RunId, found: &Verification) -> String {
    if let Some(first) = &found.divergence {
        return format!(
            "{run} differs at {}\n  recorded: {}\n  now:      {}\n",
            first.path, first.recorded, first.asked
        );
    }
    let lines: Vec<String> = found.changed.iter().map(changed_line).collect();
    let (tokens, cost) = total(&found.changed);
    let price = if cost > 0 { format!(", {}", dollars(cost)) } else { String::new() };
    format!(
        "{} of {run} would change, if the answers stay as they are:\n{}\nrun again, {} about {tokens} tokens{price}\n",
        plural(found.changed.len(), "step"),
        lines.join("\n"),
        if found.changed.len() == 1 { "it takes" } else { "they take" },
    )
}

fn changed_line(call: &ChangedCall) -> String {
    format!("  {}\n    recorded: {}\n    now:      {}", call.path, call.recorded, call.asked)
}

fn total(changed: &[ChangedCall]) -> (u64, u64) {
    changed.iter().fold((0, 0), |(tokens, cost), call| (tokens + call.tokens, cost + call.cost))
}

fn to_json(run: &RunId, found: &Verification) -> Json {
    let status = match (&found.divergence, found.changed.is_empty(), found.partial) {
        (Some(_), ..) => "diverged",
        (None, false, _) => "changed",
        (None, true, true) => "partial",
        (None, true, false) => "verified",
    };
    let [agents, llm_calls, tool_calls] = found.compared;
    let divergence = found
        .divergence
        .as_ref()
        .map(|first| json!({ "path": first.path, "recorded": first.recorded, "asked": first.asked }));
    let changed: Vec<Json> = found
        .changed
        .iter()
        .map(|call| {
            json!({ "path": call.path, "recorded": call.recorded, "asked": call.asked, "tokens": call.tokens,
                "cost_microusd": call.cost })
        })
        .collect();
    let (tokens, cost) = total(&found.changed);
    json!({
        "run": run.0, "status": status, "seq": found.last.0, "open": found.open,
        "agents": agents, "llm_calls": llm_calls, "tool_calls": tool_calls,
        "divergence": divergence, "changed": changed, "tokens": tokens, "cost_microusd": cost,
    })
}
