//! `fsm`: agents routed by finish key.

use indexmap::IndexMap;

use super::super::ask::{AgentKey, Failure, Output};
use super::super::pattern_scope::PatternScope;
use crate::pipeline::Target;

/// Steps after which an fsm gives up.
const MAX_STEPS: usize = 50;

type States = IndexMap<String, IndexMap<String, Target>>;

/// Runs `initial`, then routes by the lower-cased finish key: exact match, then `*`. A state's output is the next
/// one's input.
pub(super) async fn run(scope: &PatternScope, initial: &str, states: &States, input: &str) -> Result<Output, Failure> {
    let mut state = initial.to_owned();
    let mut input = input.to_owned();
    for _ in 0..MAX_STEPS {
        let output = scope.agent(&AgentKey::agent(&state), &input).await?;
        match route(states, &state, &output.key)? {
            Target::End => return Ok(output),
            Target::Agent(next) => {
                state.clone_from(next);
                input = output.value;
            }
        }
    }
    Err(Failure::new(format!("the fsm did not end within {MAX_STEPS} steps")))
}

fn route<'a>(states: &'a States, state: &str, key: &str) -> Result<&'a Target, Failure> {
    // A state without transitions is terminal: it ran, and its output stands.
    let Some(routes) = states.get(state) else { return Ok(&Target::End) };
    let key = key.to_lowercase();
    routes.get(&key).or_else(|| routes.get("*")).ok_or_else(|| {
        let known: Vec<&str> = routes.keys().map(String::as_str).collect();
        Failure::new(format!(
            "{state} finished with \"{key}\", and the fsm has no way on from there; it knows {}. Add the key, or \"*\"",
            known.join(", ")
        ))
    })
}
