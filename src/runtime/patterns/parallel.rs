//! `parallel`: fixed workers, same input, concurrently.

use indexmap::IndexMap;

use super::super::ask::{AgentKey, Failure, Output};
use super::super::pattern_scope::PatternScope;
use super::super::request::json;

/// The output is a JSON map from worker to result, in program order; a worker's error becomes its text. A worker
/// that stands twice is `name#2`.
pub(super) async fn run(scope: &PatternScope, workers: &[String], input: &str) -> Result<Output, Failure> {
    let branches = workers.iter().map(|worker| (AgentKey::agent(worker), input.to_owned())).collect();
    let results = scope.fan_out(branches).await;
    let mut map: IndexMap<String, String> = IndexMap::new();
    for (worker, result) in workers.iter().zip(results) {
        let copies = map.keys().filter(|name| name.split('#').next() == Some(worker)).count();
        let name = if copies == 0 { worker.clone() } else { format!("{worker}#{}", copies + 1) };
        map.insert(name, result_text(result));
    }
    Ok(Output::new("parallel", json(&map)))
}

/// A worker's result, or its error as tama writes it.
pub(super) fn result_text(result: Result<Output, Failure>) -> String {
    match result {
        Ok(output) => output.value,
        Err(failure) => format!("[error: {failure}]"),
    }
}
