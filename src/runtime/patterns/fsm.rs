//! `fsm`: agents routed by finish key.

use std::ops::ControlFlow::{Break, Continue};

use indexmap::IndexMap;

use super::super::ask::{AgentKey, Output};
use super::super::failure::Failure;
use super::super::pattern_scope::PatternScope;
use super::primitives::{loop_until, route};
use crate::pipeline::Target;

/// Steps after which an fsm gives up.
const MAX_STEPS: u32 = 50;

type States = IndexMap<String, IndexMap<String, Target>>;

/// Runs `initial`, then routes by the finish key. A state's output is the next one's input.
pub(super) async fn run(scope: &PatternScope, initial: &str, states: &States, input: &str) -> Result<Output, Failure> {
    let first = (initial.to_owned(), input.to_owned());
    let ended = loop_until(MAX_STEPS, first, |(state, input)| async move {
        let output = scope.agent(&AgentKey::agent(&state), &input).await?;
        Ok(match route(states, &state, &output.key)? {
            Target::End => Break(output),
            Target::Agent(next) => Continue((next.clone(), output.value)),
        })
    });
    match ended.await? {
        Break(output) => Ok(output),
        Continue(_) => Err(Failure::new(format!("the fsm did not end within {MAX_STEPS} steps"))),
    }
}
