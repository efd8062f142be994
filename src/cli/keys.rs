//! `keys`: the tables of keys, from the places that bind them.

use serde_json::{Value as Json, json};

use super::exit::Exit;
use super::text::{print, print_json};
use crate::app::keys::{self, Context};
use crate::app::{LIST_VERBS, list_markdown};

/// `tama-tui keys`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the keys as Markdown.
pub(super) fn run(args: &Args) -> color_eyre::Result<Exit> {
    if args.json {
        print_json(&json!({ "debugger": debugger_json(), "run_list": run_list_json() }))?;
    } else {
        print(&format!("{}\n{}", keys::markdown(), list_markdown()))?;
    }
    Ok(Exit::Done)
}

fn debugger_json() -> Vec<Json> {
    let verb = |verb: &keys::Verb| {
        json!({
            "verb": verb.action.id(),
            "name": verb.name,
            "does": verb.doc,
            "group": verb.group.name(),
            "keys": verb.keys.iter().map(|keys| keys::sequence(keys)).collect::<Vec<_>>(),
            "only_in": only_in(verb.context),
        })
    };
    keys::verbs().iter().map(verb).collect()
}

fn only_in(context: Context) -> Option<&'static str> {
    match context {
        Context::Anywhere => None,
        Context::Rollback => Some("Rollback"),
        Context::Actions => Some("Rollback, State"),
    }
}

fn run_list_json() -> Vec<Json> {
    let verb = |verb: &crate::app::ListVerb| {
        let keys: Vec<String> = verb.keys.iter().map(|keys| keys::sequence(keys)).collect();
        json!({ "name": verb.name, "does": verb.doc, "keys": keys })
    };
    LIST_VERBS.iter().map(verb).collect()
}
