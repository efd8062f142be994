//! The primitive `route`: the next one by a finish key.

use indexmap::IndexMap;

use super::super::super::failure::Failure;
use crate::pipeline::Target;

/// The ways on from a state: the lower-cased finish key, else `*`. A state without any is terminal.
///
/// # Errors
/// When there is no way on.
pub(in super::super) fn route<'a>(
    states: &'a IndexMap<String, IndexMap<String, Target>>,
    state: &str,
    key: &str,
) -> Result<&'a Target, Failure> {
    // It ran, and its output stands.
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
