//! The input and the end of each agent: tama stores neither. They are read from its calls of `start` and `finish`; an
//! agent that is made of others has those of the ones below it.

use serde_json::Value as Json;

use super::rows::RunRow;
use super::tools::{CallRows, is_call};
use super::tree::{NodeKind, Tree};

/// Stands for what tama did not record.
pub(super) const NOT_RECORDED: &str = "(not recorded by tama)";

/// The input and the end of an agent.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Outcome {
    pub input: Option<String>,
    pub key: Option<String>,
    pub output: Option<String>,
    /// True if the model finished by plain text.
    pub synthetic: bool,
    pub end: End,
}

/// The way in which an agent ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum End {
    /// It has not ended.
    #[default]
    Open,
    /// It finished.
    Ok,
    /// It failed.
    Failed,
}

/// The outcomes of all agents; those of other nodes are empty.
pub(super) fn outcomes(tree: &Tree, calls: &CallRows<'_>, run: &RunRow) -> Vec<Outcome> {
    let mut all = vec![Outcome::default(); tree.nodes.len()];
    for at in tree.order.iter().rev().copied().filter(|at| tree.nodes[*at].is_agent()) {
        all[at] = outcome(tree, calls, at, &all);
    }
    let outermost = |root: &&usize| tree.nodes[**root].is_agent() && tree.nodes[**root].replaced_by.is_none();
    if let Some(root) = tree.roots.iter().rev().find(outermost) {
        let (root, ended) = (&mut all[*root], tree.nodes[*root].end.is_some());
        root.input = run.task.clone().or(root.input.take());
        let said = run.output.clone().filter(|output| !output.is_empty());
        match run.status.as_deref() {
            Some("ok") if ended => {
                root.end = End::Ok;
                root.output = said.or(root.output.take());
            }
            Some("error") if ended => {
                root.end = End::Failed;
                root.output = said.or(root.output.take());
            }
            _ => {}
        }
    }
    all
}

fn outcome(tree: &Tree, calls: &CallRows<'_>, at: usize, below: &[Outcome]) -> Outcome {
    let node = &tree.nodes[at];
    let result = |child: usize| calls.tool(&tree.nodes[child]).and_then(|row| row.result.clone());
    let named = |name: &str| {
        let all = node.children.iter().copied().enumerate();
        all.filter(|(_, child)| is_call(&tree.nodes[*child], name)).collect::<Vec<_>>()
    };
    let (starts, finishes) = (named("start"), named("finish"));
    let failed_call = failed_call(tree, calls, at);
    let mut found = Outcome { input: starts.first().and_then(|(_, child)| result(*child)), ..Outcome::default() };
    let decisive = decisive(tree, at);
    if let Some((_, finish)) = finishes.last() {
        finished(&mut found, tree, calls, *finish);
        if node.pattern == "plan-execute" {
            // It returns all that its steps said.
            found.output = None;
        }
    } else if let Some(last) = decisive {
        found.key.clone_from(&below[last].key);
        found.output.clone_from(&below[last].output);
    }
    if found.input.is_none() {
        found.input = tree.agents_below(at).next().and_then(|first| below[first].input.clone());
    }
    let open = starts.last().map(|(place, _)| *place) > finishes.last().map(|(place, _)| *place);
    let has_variant_only = finishes.is_empty() && node.pattern == "best-of-n";
    let failed = failed_call.is_some()
        || open
        || has_variant_only
        || finishes.is_empty()
            && decisive.is_none_or(|last| fails_with(tree, at, last) && below[last].end == End::Failed);
    found.end = match (node.end, failed) {
        (None, _) if node.id.is_some() => End::Open,
        (_, false) => End::Ok,
        (_, true) => End::Failed,
    };
    if found.end == End::Failed {
        found.output = failed_call.map(str::to_owned).or_else(|| below.get(decisive?)?.output.clone());
        found.key = None;
    }
    found
}

/// The error of the last model call of an agent, if it failed.
fn failed_call<'a>(tree: &Tree, calls: &CallRows<'a>, at: usize) -> Option<&'a str> {
    let mut llms = tree.nodes[at].children.iter().rev().filter(|child| tree.nodes[**child].kind == Some(NodeKind::Llm));
    calls.llm_error(&tree.nodes[*llms.next()?])
}

/// The agent below one that its output is of.
fn decisive(tree: &Tree, at: usize) -> Option<usize> {
    let attempt = |child: &usize| tree.nodes[*child].name.starts_with("act");
    match &tree.nodes[at].pattern[..] {
        "reflexion" => tree.agents_below(at).rfind(attempt).or_else(|| tree.agents_below(at).next_back()),
        _ => tree.agents_below(at).next_back(),
    }
}

/// True if the failure of the last agent below one is its own: a failed worker's error is a text for the others.
fn fails_with(tree: &Tree, at: usize, last: usize) -> bool {
    match &tree.nodes[at].pattern[..] {
        "parallel" => false,
        "scatter" => ["map", "reduce"].contains(&&tree.nodes[last].name[..]),
        _ => true,
    }
}

/// Takes key and value from the arguments of `finish`, and the value from its result where they can't be read.
fn finished(found: &mut Outcome, tree: &Tree, calls: &CallRows<'_>, finish: usize) {
    let node = &tree.nodes[finish];
    let args = calls.args(node).unwrap_or_default();
    let text = |name: &str| match args.get(name) {
        Some(Json::String(text)) => Some(text.clone()),
        Some(Json::Null) | None => None,
        Some(other) => Some(other.to_string()),
    };
    found.key = Some(text("key").unwrap_or_else(|| "done".to_owned()));
    found.output = text("value").or_else(|| calls.tool(node).and_then(|row| row.result.clone()));
    let parent = node.parent.map(|parent| tree.nodes[parent].pattern.as_str());
    found.synthetic = node.kind == Some(NodeKind::Synthetic) && parent == Some("react");
}
