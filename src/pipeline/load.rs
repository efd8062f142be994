//! Loads a pipeline.toml: reads it and every file that it names, and reports every fault.

use std::fs;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::agents::Agents;
use super::capture::read_capture;
use super::custom::read_custom;
use super::faults::{Collector, Doc, Faults};
use super::mcp::read_servers;
use super::models::{Models, read_prices};
use super::names::{LATER, is_kebab, suggest};
use super::reader::{Table, Text};
use super::spec::{Limits, Pipeline};
use super::tools::{read_breakpoints, read_policy};
use super::workspace::{Workspace, check_workspace};
use crate::model::SERVER_SEPARATOR;

/// The file's usual name.
const FILE: &str = "pipeline.toml";

/// A pipeline that is ready to run, with the paths that it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The pipeline with everything read in.
    pub pipeline: Pipeline,
    /// Its folder, absolute.
    pub base: PathBuf,
    /// Its file, absolute.
    pub file: PathBuf,
    /// The folder tools may touch, absolute; after [`check`] it may not be there yet.
    pub workspace: PathBuf,
    /// Warnings for the user, each one line.
    pub warnings: Vec<String>,
}

/// Loads the pipeline in a file, or in the `pipeline.toml` of a folder.
///
/// A workspace that is missing right beside the file is made.
///
/// # Errors
/// With every fault that was found.
pub fn load(path: &Path) -> Result<Loaded, Faults> {
    read(path, true)
}

/// Checks a pipeline as [`load`] does, and makes nothing.
///
/// # Errors
/// With every fault that was found.
pub fn check(path: &Path) -> Result<Loaded, Faults> {
    read(path, false)
}

fn read(path: &Path, make: bool) -> Result<Loaded, Faults> {
    let collector = Collector::default();
    let (file, text) = match find(path) {
        Ok(found) => found,
        Err((message, help)) => {
            let doc = Doc::new(&path.display().to_string(), String::new(), &collector);
            doc.fault_help(0..0, message, help);
            return collector.finish(None);
        }
    };
    let doc = Doc::new(&file.display().to_string(), text, &collector);
    let (table, errors) = DeTable::parse_recoverable(doc.text());
    for error in &errors {
        doc.fault(error.span().unwrap_or(0..0), error.message());
    }
    let loaded = if errors.is_empty() { read_document(&doc, table.get_ref(), &file, make, &collector) } else { None };
    collector.finish(loaded)
}

/// Reads the file; an error is a message and what to do.
fn find(path: &Path) -> Result<(PathBuf, String), (String, String)> {
    let help = || format!("name a {FILE}, or a folder that holds one; `tama-tui init` writes one");
    let project = || (format!("a tama.toml project is {LATER}"), format!("write a {FILE}"));
    let file = if path.is_dir() { path.join(FILE) } else { path.to_path_buf() };
    if path.is_dir() && !file.exists() {
        let none = (format!("there is no {FILE} in this folder"), help());
        return Err(if path.join("tama.toml").exists() { project() } else { none });
    }
    if file.file_name().is_some_and(|name| name == "tama.toml") {
        return Err(project());
    }
    match fs::read_to_string(&file) {
        Ok(text) => Ok((file, text)),
        Err(error) => Err((format!("failed to read the file: {error}"), help())),
    }
}

fn read_document<'a>(
    doc: &'a Doc<'a>,
    document: &'a DeTable<'a>,
    file: &Path,
    make: bool,
    collector: &Collector,
) -> Option<Loaded> {
    let base = file.parent().unwrap_or(Path::new(""));
    let root = Table::root(doc, document);
    let head = read_head(&root, base);
    let models = Models::read(&root, base);
    let prices = read_prices(&root);
    let (tools, mut own) = read_custom(&root, base);
    let mcp = read_servers(&root, base);
    // Stands for all tools of the server.
    own.extend(mcp.names.iter().map(|name| format!("{name}{SERVER_SEPARATOR}")));
    let mut agents = Agents::new(base, &models, &own);
    let read = root.table("agents").map(|table| agents.read(&table)).unwrap_or_default();
    let graph = agents.into_graph();
    let names: Vec<&str> = graph.names().iter().map(String::as_str).collect();
    graph.check_cycles(doc);
    let capture = read_capture(&root);
    let policy = read_policy(&root, &own);
    let limits = read_limits(&root, &models, &prices.keys().map(String::as_str).collect::<Vec<_>>());
    let breakpoints = read_breakpoints(&root, &names, &own);
    root.refuse("verify", &format!("[verify] is {LATER}"), "remove it");
    root.finish();
    let head = head?;
    check_entrypoint(doc, &head, &names);
    if !collector.is_empty() {
        return None;
    }
    let resolved = head.folder.resolve(make);
    let help = "make the folder yourself, or name another one";
    let (workspace, notice) = resolved.map_err(|why| doc.fault_help(head.workspace.span(), why, help)).ok()?;
    let absolute = fs::canonicalize(Path::new(".").join(base));
    let lost = |error| format!("failed to find the pipeline's folder: {error}");
    let base =
        absolute.map_err(|error| doc.fault_help(0..0, lost(error), "check that the folder still exists")).ok()?;
    let file = base.join(file.file_name().unwrap_or_default());
    let mut warnings: Vec<String> = notice.into_iter().collect();
    let entry = head.entrypoint.get_ref();
    for name in graph.unused(entry) {
        let at = document.get("agents").map_or(0, |table| key_offset(table, name));
        warnings.push(format!("{}: the agent `{name}` is never run from `{entry}`", doc.place(at)));
    }
    let mut pipeline = Pipeline {
        name: head.name.into_inner(),
        entrypoint: head.entrypoint.into_inner(),
        task: head.task.map(Spanned::into_inner),
        workspace: head.workspace.into_inner(),
        agents: read,
        tools,
        mcp: mcp.servers,
        providers: models.providers,
        prices,
        capture,
        policy,
        limits,
        breakpoints,
    };
    pipeline.add_public_prices();
    Some(Loaded { pipeline, base, file, workspace, warnings })
}

/// `[pipeline]`, read.
struct Head {
    name: Text,
    entrypoint: Text,
    task: Option<Text>,
    workspace: Text,
    folder: Workspace,
}

fn read_head(root: &Table<'_>, base: &Path) -> Option<Head> {
    let Some(table) = root.table("pipeline") else {
        root.missing("pipeline", "it begins with [pipeline], a name and an entrypoint");
        return None;
    };
    let name = table.required("name", "a name in kebab-case, e.g. \"release-notes\"");
    let entrypoint = table.required("entrypoint", "the agent it starts with");
    let task = table.string("task");
    let given = table.get("workspace").is_some();
    let workspace = table.string("workspace");
    table.refuse("project", &format!("`project` is {LATER}"), "write the agents as [agents.NAME]");
    table.finish();
    if let Some(name) = name.as_ref().filter(|name| !is_kebab(name.get_ref())) {
        let help = "lower-case words with hyphens, e.g. `release-notes`";
        table.doc.fault_help(name.span(), format!("the name `{}` is not kebab-case", name.get_ref()), help);
    }
    if given && workspace.is_none() {
        return None;
    }
    let workspace = workspace.unwrap_or_else(|| Spanned::new(table.span.clone(), ".".to_owned()));
    let folder = check_workspace(table.doc, base, &workspace);
    Some(Head { name: name?, entrypoint: entrypoint?, task, workspace, folder: folder? })
}

fn check_entrypoint(doc: &Doc<'_>, head: &Head, agents: &[&str]) {
    let entry = head.entrypoint.get_ref();
    if agents.is_empty() {
        doc.fault_help(head.entrypoint.span(), "there are no agents", format!("write [agents.{entry}]"));
    } else if !agents.contains(&entry.as_str()) {
        let help = suggest(entry, agents.iter().copied());
        doc.fault_help(head.entrypoint.span(), format!("`entrypoint` names no agent: `{entry}`"), help);
    }
}

fn read_limits(root: &Table<'_>, models: &Models<'_>, priced: &[&str]) -> Limits {
    let Some(table) = root.table("limits") else { return Limits::default() };
    let limits = Limits {
        max_tokens: table.count("max_tokens"),
        max_cost_usd: table.amount("max_cost_usd"),
        max_parallel: table.count("max_parallel").and_then(|count| usize::try_from(count).ok()),
    };
    table.finish();
    if limits.max_cost_usd.is_some() {
        for model in models.used() {
            let name = model.get_ref().to_string();
            let is_known = priced.contains(&name.as_str()) || models.has_public_price(model.get_ref());
            if model.get_ref().provider != "script" && !is_known {
                let message = format!("`max_cost_usd` can't be kept: there is no price for `{name}`");
                table.doc.fault_help(
                    model.span(),
                    message,
                    format!("add [prices.\"{name}\"] with `input` and `output`"),
                );
            }
        }
    }
    limits
}

/// Finds the first byte of an agent's name.
fn key_offset(agents: &Spanned<toml::de::DeValue<'_>>, name: &str) -> usize {
    let table = agents.get_ref().as_table();
    let key = table.and_then(|table| table.keys().find(|key| key.get_ref().as_ref() == name));
    key.map_or(0, |key| key.span().start)
}
