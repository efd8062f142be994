//! What to run: the resolved pipeline, its loader, and its check.

mod spec;

pub use spec::{Agent, Limits, Model, Pattern, Pipeline, Policy, Price, Prompt, Provider, Skill, Step, Target};
