//! tama projects: tama.toml, agents/NAME/AGENT.md with step files beside it, skills/NAME/SKILL.md.
//!
//! A project is read into the same parts of a pipeline as a pipeline.toml. Formats, defaults and their sources are those of
//! tama 0.0.7 (`src/skill/parser.rs`, `src/runtime/model_registry.rs`, `src/config.rs`). A key that tama ignores is a
//! warning, and so is one that tama refuses and that can be understood.

mod agents;
mod environment;
mod folder;
mod head;
mod models;
mod providers;
mod roles;
mod states;
mod steps;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use toml::Spanned;

pub(super) use environment::Environment;
pub(super) use folder::{Folder, has_agents};
pub(super) use providers::Providers;

use super::faults::{Collector, Doc};
use super::reader::{Table, Text};
use super::spec::{Agent, Provider, Roles};
use models::Models;
use walk::Walk;

/// The file's name.
pub(super) const FILE: &str = "tama.toml";

/// The variable that names the agent to start with.
const ENTRYPOINT: &str = "TAMA_ENTRYPOINT_AGENT";

/// Tables of a pipeline.toml, which tama.toml has no word for.
const OTHER_TABLES: [&str; 10] =
    ["pipeline", "agents", "policy", "limits", "tools", "mcp", "prices", "capture", "breakpoints", "verify"];

/// The surroundings of a project.
pub(super) struct Setting<'p> {
    pub folder: &'p Folder,
    /// Names of the user's own tools, those with faults too.
    pub tools: &'p [String],
    /// Settings of providers that stand in a pipeline.toml.
    pub providers: BTreeMap<String, Provider>,
    /// The agent to start with, instead of tama.toml's.
    pub entrypoint: Option<Text>,
    pub env: &'p Environment,
}

/// A project, read.
pub(super) struct Project {
    /// Its name; the folder's when tama.toml has none.
    pub name: String,
    pub entrypoint: String,
    pub agents: IndexMap<String, Agent>,
    pub providers: Providers,
    /// Its files, relative to the pipeline's folder.
    pub sources: Vec<String>,
    /// Agents that are never run, a line each.
    pub unused: Vec<String>,
    /// The models of its roles.
    pub roles: Roles,
}

/// Reads agents, steps and skills.
struct Reader<'p> {
    folder: &'p Folder,
    tools: &'p [String],
    models: &'p Models<'p>,
    env: &'p Environment,
}

/// `[project]`, read.
struct Head {
    name: Option<Text>,
    entrypoint: Option<Text>,
}

/// Reads a project; `None` after a fault. `root`: tama.toml; `named_in`: the file in which [`Setting::entrypoint`] stands.
pub(super) fn read<'c>(root: &Table<'_>, doc: &Doc<'c>, named_in: &Doc<'c>, setting: Setting<'_>) -> Option<Project> {
    for key in OTHER_TABLES {
        let help = "write it into a pipeline.toml beside it, with `project = \".\"` under [pipeline]";
        root.refuse(key, &format!("tama.toml has no `{key}`: it would be ignored"), help);
    }
    let head = read_head(root);
    let folder = setting.folder;
    let providers = Providers::read(root, setting.providers);
    let models = Models::read(root, providers, setting.env, folder);
    root.warn_of_unknown();
    let name = project_name(head.name.as_ref(), folder);
    let (place, entry) = entrypoint(doc, named_in, head, setting.entrypoint, setting.env, folder)?;
    let reader = Reader { folder, tools: setting.tools, models: &models, env: setting.env };
    let mut walk = Walk::new(&reader);
    walk.from(&place, &entry);
    walk.check_cycles();
    let mut project = Project {
        name,
        entrypoint: entry.get_ref().clone(),
        sources: walk.sources(folder),
        agents: walk.into_agents(),
        providers: Providers::default(),
        unused: vec![],
        roles: models.roles(),
    };
    project.add_unused(&reader, doc);
    project.providers = models.into_providers();
    Some(project)
}

fn read_head(root: &Table<'_>) -> Head {
    let Some(table) = root.table("project") else { return Head { name: None, entrypoint: None } };
    let head = Head { name: table.string("name"), entrypoint: table.string("entrypoint") };
    table.warn_of_unknown();
    head
}

fn project_name(given: Option<&Text>, folder: &Folder) -> String {
    let given = given.map(|name| name.get_ref().trim().to_owned()).filter(|name| !name.is_empty());
    given.unwrap_or_else(|| {
        let path = std::fs::canonicalize(folder.path(".")).unwrap_or_default();
        path.file_name().map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned())
    })
}

/// The agent to start with, and the file in which it is named.
fn entrypoint<'c>(
    doc: &Doc<'c>,
    named_in: &Doc<'c>,
    head: Head,
    given: Option<Text>,
    env: &Environment,
    folder: &Folder,
) -> Option<(Doc<'c>, Text)> {
    let of_file = head.entrypoint.filter(|name| !name.get_ref().trim().is_empty());
    if let Some(name) = env.get(ENTRYPOINT) {
        let span = of_file.map_or(0..0, |name| name.span());
        return Some((doc.clone(), Spanned::new(span, name.to_owned())));
    }
    let found = given.map(|name| (named_in.clone(), name)).or_else(|| Some((doc.clone(), of_file?)));
    if found.is_none() {
        let agents = folder.agents();
        let help = match agents.first() {
            None => "write agents/NAME/AGENT.md, and name it: entrypoint = \"NAME\" under [project]".to_owned(),
            Some(first) => format!("entrypoint = \"{first}\" under [project]; there are: {}", agents.join(", ")),
        };
        doc.fault_help(0..0, "the project has no entrypoint: the agent it starts with", help);
    }
    found
}

impl Project {
    /// Adds the agents that are never run, so that they can be run alone; those with faults are left out.
    fn add_unused(&mut self, reader: &Reader<'_>, doc: &Doc<'_>) {
        for name in reader.folder.agents() {
            if self.agents.contains_key(&name) {
                continue;
            }
            let file = reader.folder.path(&Folder::agent_file(&name)).display().to_string();
            let never = format!("the agent `{name}` is never run from `{}`", self.entrypoint);
            let scratch = Collector::default();
            let mut walk = Walk::beside(reader, &self.agents);
            walk.from(&doc.with(&scratch), &Spanned::new(0..0, name.clone()));
            walk.check_cycles();
            if let Some(fault) = scratch.fault_lines().into_iter().next() {
                self.unused.push(format!("{fault}; {never}, and is left out"));
                continue;
            }
            self.unused.push(format!("{file}: {never}"));
            self.unused.extend(scratch.warning_lines());
            self.sources.extend(walk.sources(reader.folder));
            self.agents.extend(walk.into_agents());
        }
    }
}
