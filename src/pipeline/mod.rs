//! The resolved pipeline, its loader, and its check.
//!
//! [`load`] reads a pipeline.toml or a tama project into a [`Pipeline`] that needs no file any more, or returns every fault
//! at once. Nothing behind the loader knows which of the two it was.
//! A [`Script`] is the file behind a `script:FILE` model.

mod agent_parts;
mod agents;
mod authority;
mod callees;
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
mod mcp;
#[cfg(test)]
mod mcp_tests;
mod models;
mod names;
mod patterns;
mod prices;
mod project;
mod reach;
mod reader;
mod schema;
mod script;
mod skills;
mod spec;
mod toml_text;
mod tools;
mod verify;
mod with_model;
mod workspace;
mod wrapped;
mod write;
mod write_servers;

#[cfg(test)]
mod custom_tests;
#[cfg(test)]
mod tests;

pub use authority::authority_changes;
pub use callees::Callee;
pub use changes::changed_agents;
pub use custom::is_name as is_tool_name;
pub(crate) use faults::{Collector, Doc};
pub use faults::{Fault, Faults};
pub use glob::{Glob, GlobError};
pub use load::{Loaded, check, load};
pub use markdown::replace_prompt;
pub(crate) use names::suggest;
pub use names::{APIS, TOOLS, nearest};
pub use patterns::{PATTERNS, PatternRow, StepRow};
pub(crate) use reader::{Table, Text, text as read_text};
pub use schema::schema;
pub use script::{Reply, Script, ScriptError};
pub use spec::{
    Agent, ArgType, Capture, CustomTool, Limits, Model, Pattern, Pipeline, Policy, Price, Prompt, Provider, Roles,
    RuleLines, Skill, Step, Target, ToolArg, Verify,
};
pub(crate) use toml_text::parse_document;
pub use with_model::WithModelError;
pub use wrapped::Wrapped;
