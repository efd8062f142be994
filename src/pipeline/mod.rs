//! The resolved pipeline, its loader, and its check.
//!
//! [`load`] reads a pipeline.toml or a tama project into a [`Pipeline`] that needs no file any more, or returns every fault
//! at once. Nothing behind the loader knows which of the two it was.
//! A [`Script`] is the file behind a `script:FILE` model.

mod agent_parts;
mod agents;
mod authority;
mod capture;
mod changes;
mod custom;
mod faults;
mod files;
mod found;
mod fsm;
mod glob;
mod graph;
mod limits;
mod load;
mod markdown;
mod models;
mod names;
mod patterns;
mod prices;
mod project;
mod reach;
mod reader;
mod script;
mod skills;
mod spec;
mod tools;
mod workspace;

#[cfg(test)]
mod custom_tests;
#[cfg(test)]
mod tests;

pub use authority::authority_changes;
pub use changes::changed_agents;
pub use faults::{Fault, Faults};
pub use glob::{Glob, GlobError};
pub use load::{Loaded, check, load};
pub use markdown::replace_prompt;
pub use names::{APIS, TOOLS, nearest};
pub use patterns::{PATTERNS, PatternRow, StepRow};
pub use script::{Reply, Script, ScriptError};
pub use spec::{
    Agent, ArgType, Capture, CustomTool, Limits, Model, Pattern, Pipeline, Policy, Price, Prompt, Provider, RuleLines,
    Skill, Step, Target, ToolArg,
};
