//! The agents of a pipeline: those of its own file, or those of a tama project.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::agents::Agents;
use super::faults::Doc;
use super::limits::{no_price, read_limits};
use super::models::{Models, read_providers};
use super::names::suggest;
use super::project::{self, Environment, Folder, Project, Setting};
use super::reader::{Table, Text};
use indexmap::IndexMap;

use super::spec::{Agent, Limits, Pipeline, Provider, Roles};
use super::toml_text::parse_document;

/// The agents of a pipeline with what belongs to them.
pub(super) struct Found {
    agents: IndexMap<String, Agent>,
    providers: BTreeMap<String, Provider>,
    /// Agents that are never run, a line each.
    unused: Vec<String>,
    roles: Roles,
    project: Option<Project>,
}

impl From<Project> for Found {
    fn from(mut project: Project) -> Self {
        Self {
            agents: std::mem::take(&mut project.agents),
            providers: BTreeMap::new(),
            unused: std::mem::take(&mut project.unused),
            roles: std::mem::take(&mut project.roles),
            project: Some(project),
        }
    }
}

impl Found {
    /// Puts them into a pipeline, with the prices of their models; returns a line for each agent that is never run.
    pub(super) fn add_to(self, pipeline: &mut Pipeline, doc: &Doc<'_>) -> Vec<String> {
        pipeline.agents = self.agents;
        pipeline.providers = self.providers;
        pipeline.roles = self.roles;
        let Some(project) = self.project else {
            pipeline.add_public_prices();
            return self.unused;
        };
        if pipeline.name.is_empty() {
            pipeline.name = project.name;
        }
        pipeline.entrypoint = project.entrypoint;
        pipeline.sources = project.sources;
        project.providers.add_to(pipeline);
        pipeline.add_public_prices();
        if pipeline.limits.max_cost_usd.is_some() {
            for model in pipeline.unpriced() {
                let (message, help) = no_price(&model);
                doc.fault_help(0..0, message, help);
            }
        }
        self.unused
    }
}

/// Agents, all their names (those with faults too), and the limits.
type OwnAgents = (Option<Found>, Vec<String>, Limits);

/// Reads `[models]`, `[providers]`, `[agents]` and `[limits]` of a pipeline.toml.
pub(super) fn own_agents<'a>(
    root: &Table<'a>,
    doc: &'a Doc<'a>,
    base: &'a Path,
    entrypoint: Option<&Text>,
    own: &[String],
    priced: &[&str],
) -> OwnAgents {
    let models = Models::read(root, base);
    let mut agents = Agents::new(base, &models, own);
    let table = root.table("agents");
    let read = table.as_ref().map(|table| agents.read(table)).unwrap_or_default();
    let graph = agents.into_graph();
    graph.check_cycles(&|_| Some(doc));
    let names = graph.names().to_vec();
    let limits = read_limits(root, Some(&models), priced);
    let Some(entrypoint) = entrypoint else { return (None, names, limits) };
    check_entrypoint(doc, entrypoint, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let entry = entrypoint.get_ref();
    let place = |name: &str| {
        let entries = table.iter().flat_map(Table::entries);
        let key = entries.into_iter().find(|(key, _)| key.get_ref() == name);
        doc.place(key.map_or(0, |(key, _)| key.span().start))
    };
    let unused = graph.unused(entry).into_iter();
    let unused =
        unused.map(|name| format!("{}: the agent `{name}` is never run from `{entry}`", place(name))).collect();
    let roles = models.roles();
    (Some(Found { agents: read, providers: models.providers, unused, roles, project: None }), names, limits)
}

fn check_entrypoint(doc: &Doc<'_>, entrypoint: &Text, agents: &[&str]) {
    let entry = entrypoint.get_ref();
    if agents.is_empty() {
        doc.fault_help(entrypoint.span(), "there are no agents", format!("write [agents.{entry}]"));
    } else if !agents.contains(&entry.as_str()) {
        let help = suggest(entry, agents.iter().copied());
        doc.fault_help(entrypoint.span(), format!("`entrypoint` names no agent: `{entry}`"), help);
    }
}

/// Reads the tama project that a pipeline.toml names: its agents, and the names of all.
pub(super) fn project_agents(
    root: &Table<'_>,
    doc: &Doc<'_>,
    base: &Path,
    place: &Text,
    entrypoint: Option<Text>,
    own: &[String],
    env: &Environment,
) -> (Option<Found>, Vec<String>) {
    for key in ["agents", "models"] {
        let message = format!("a pipeline with a `project` has no [{key}] of its own");
        root.refuse(key, &message, "write them into the project, or remove `project`");
    }
    let providers = root.table("providers").map(|table| read_providers(&table)).unwrap_or_default();
    let folder = Folder::new(base, place.get_ref());
    let names = folder.agents();
    let file = folder.path(project::FILE);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if names.is_empty() || file.exists() => {
            let message = format!("failed to read the project's {}: {error}", project::FILE);
            doc.fault_help(place.span(), message, "`project` is the folder of the project, relative to this file");
            return (None, names);
        }
        // As in tama, the file may be missing.
        Err(_) => String::new(),
    };
    let own_doc = doc.beside(&file.display().to_string(), text);
    let Some(table) = parse_document(&own_doc) else { return (None, names) };
    let setting = Setting { folder: &folder, tools: own, providers, entrypoint, env };
    let found = project::read(&Table::root(&own_doc, table.get_ref()), &own_doc, doc, setting);
    (found.map(Found::from), names)
}
