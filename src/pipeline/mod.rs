//! What to run: the resolved pipeline, its loader, and its check.

mod glob;
mod script;
mod spec;

pub use glob::{Glob, GlobError};
pub use script::{Reply, Script, ScriptError};
pub use spec::{Agent, Limits, Model, Pattern, Pipeline, Policy, Price, Prompt, Provider, Skill, Step, Target};
