//! Loads a pipeline: reads its file and every file that it names, and reports every fault.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::capture::read_capture;
use super::custom::read_custom;
use super::faults::{Collector, Doc, Faults};
use super::found::{Found, own_agents, project_agents};
use super::limits::read_limits;
use super::mcp::read_servers;
use super::models::read_prices;
use super::names::is_kebab;
use super::project::{self, Environment, Folder, Setting, has_agents};
use super::reader::{Table, Text};
use super::spec::Pipeline;
use super::toml_text::parse_document;
use super::tools::{read_breakpoints, read_policy};
use super::verify::read_verify;
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

/// Loads the pipeline in a file, or in the `pipeline.toml` or `tama.toml` of a folder.
///
/// A workspace that is missing right beside the file is made.
///
/// # Errors
/// With every fault that was found.
pub fn load(path: &Path) -> Result<Loaded, Faults> {
    read(path, true, &Environment::of_program())
}

/// Checks a pipeline as [`load`] does, and makes nothing.
///
/// # Errors
/// With every fault that was found.
pub fn check(path: &Path) -> Result<Loaded, Faults> {
    read(path, false, &Environment::of_program())
}

/// Loads a pipeline. `make`: make a workspace that is missing right beside the file.
pub(super) fn read(path: &Path, make: bool, env: &Environment) -> Result<Loaded, Faults> {
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
    let table = parse_document(&doc);
    let loaded = table.as_ref().and_then(|table| {
        let load = Load { doc: &doc, document: table.get_ref(), file: &file, make, collector: &collector, env };
        if is_project(&file) { load.project() } else { load.pipeline() }
    });
    collector.finish(loaded)
}

/// True for the file of a tama project.
fn is_project(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == project::FILE)
}

/// Reads the file; an error is a message and what to do.
fn find(path: &Path) -> Result<(PathBuf, String), (String, String)> {
    let help = || {
        let tama = project::FILE;
        format!("name a {FILE} or a {tama}, or a folder that holds one; `tama-tui init` writes a {FILE}")
    };
    let in_folder = |name: &str| path.join(name).exists().then(|| path.join(name));
    let file =
        if path.is_dir() { in_folder(FILE).unwrap_or_else(|| path.join(project::FILE)) } else { path.to_path_buf() };
    if is_project(&file) && !file.exists() {
        // As in tama, the file may be missing.
        if has_agents(file.parent().unwrap_or(Path::new(""))) {
            return Ok((file, String::new()));
        }
        return Err((format!("there is no {FILE} in this folder, and no {}", project::FILE), help()));
    }
    match fs::read_to_string(&file) {
        Ok(text) => Ok((file, text)),
        Err(error) => Err((format!("failed to read the file: {error}"), help())),
    }
}

/// A file that is being loaded.
struct Load<'a> {
    doc: &'a Doc<'a>,
    document: &'a DeTable<'a>,
    file: &'a Path,
    make: bool,
    collector: &'a Collector,
    env: &'a Environment,
}

impl Load<'_> {
    fn base(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// Loads a tama.toml.
    fn project(&self) -> Option<Loaded> {
        let root = Table::root(self.doc, self.document);
        let workspace = Spanned::new(0..0, ".".to_owned());
        let folder = check_workspace(self.doc, self.base(), &workspace);
        let place = Folder::new(self.base(), "");
        let setting =
            Setting { folder: &place, tools: &[], providers: BTreeMap::new(), entrypoint: None, env: self.env };
        let found = project::read(&root, self.doc, self.doc, setting).map(Found::from);
        let head = Head { name: None, entrypoint: None, task: None, workspace, folder: folder? };
        self.finish(head, found?, Pipeline::default())
    }

    /// Loads a pipeline.toml.
    fn pipeline(&self) -> Option<Loaded> {
        let (doc, base) = (self.doc, self.base());
        let root = Table::root(doc, self.document);
        let (project, head) = read_head(&root, base);
        let prices = read_prices(&root);
        let with_price: Vec<&str> = prices.keys().map(String::as_str).collect();
        let (tools, mut own) = read_custom(&root, base);
        let mcp = read_servers(&root, base);
        // Stands for all tools of the server.
        own.extend(mcp.names.iter().map(|name| format!("{name}{SERVER_SEPARATOR}")));
        let capture = read_capture(&root);
        let policy = read_policy(&root, &own);
        let entrypoint = head.as_ref().and_then(|head| head.entrypoint.clone());
        let (found, names, limits) = match &project {
            Some(project) => {
                let (found, names) = project_agents(&root, doc, base, project, entrypoint, &own, self.env);
                (found, names, read_limits(&root, None, &with_price))
            }
            None => own_agents(&root, doc, base, entrypoint.as_ref(), &own, &with_price),
        };
        let breakpoints = read_breakpoints(&root, &names.iter().map(String::as_str).collect::<Vec<_>>(), &own);
        let verify = read_verify(&root, base);
        root.finish();
        let rest = Pipeline {
            tools,
            mcp: mcp.servers,
            prices,
            capture,
            policy,
            limits,
            breakpoints,
            verify,
            ..Pipeline::default()
        };
        self.finish(head?, found?, rest)
    }

    /// Puts a pipeline together. `rest`: what is neither of its head nor of its agents.
    fn finish(&self, head: Head, found: Found, rest: Pipeline) -> Option<Loaded> {
        if !self.collector.is_empty() {
            return None;
        }
        let (doc, base) = (self.doc, self.base());
        let resolved = head.folder.resolve(self.make);
        let help = "make the folder yourself, or name another one";
        let (workspace, notice) = resolved.map_err(|why| doc.fault_help(head.workspace.span(), why, help)).ok()?;
        let absolute = fs::canonicalize(Path::new(".").join(base));
        let lost = |error| format!("failed to find the pipeline's folder: {error}");
        let base =
            absolute.map_err(|error| doc.fault_help(0..0, lost(error), "check that the folder still exists")).ok()?;
        let file = base.join(self.file.file_name().unwrap_or_default());
        let mut pipeline = Pipeline {
            name: head.name.map(Spanned::into_inner).unwrap_or_default(),
            entrypoint: head.entrypoint.map(Spanned::into_inner).unwrap_or_default(),
            task: head.task.map(Spanned::into_inner),
            workspace: head.workspace.into_inner(),
            ..rest
        };
        let unused = found.add_to(&mut pipeline, doc);
        let warnings = notice.into_iter().chain(unused).chain(self.collector.warning_lines()).collect();
        Some(Loaded { pipeline, base, file, workspace, warnings })
    }
}

/// `[pipeline]`, read.
struct Head {
    /// `None`: the project's.
    name: Option<Text>,
    /// `None`: the project's.
    entrypoint: Option<Text>,
    task: Option<Text>,
    workspace: Text,
    folder: Workspace,
}

/// Reads `[pipeline]`: the project that it names, and the rest.
fn read_head(root: &Table<'_>, base: &Path) -> (Option<Text>, Option<Head>) {
    let Some(table) = root.table("pipeline") else {
        root.missing("pipeline", "it begins with [pipeline], a name and an entrypoint");
        return (None, None);
    };
    let project = table.string("project");
    let of_project = |name| if project.is_some() { Some(table.string(name)) } else { None };
    let name =
        of_project("name").unwrap_or_else(|| table.required("name", "a name in kebab-case, e.g. \"release-notes\""));
    let entrypoint =
        of_project("entrypoint").unwrap_or_else(|| table.required("entrypoint", "the agent it starts with"));
    let task = table.string("task");
    let given = table.get("workspace").is_some();
    let workspace = table.string("workspace");
    table.finish();
    if let Some(name) = name.as_ref().filter(|name| !is_kebab(name.get_ref())) {
        let help = "lower-case words with hyphens, e.g. `release-notes`";
        table.doc.fault_help(name.span(), format!("the name `{}` is not kebab-case", name.get_ref()), help);
    }
    if given && workspace.is_none() {
        return (project, None);
    }
    let workspace = workspace.unwrap_or_else(|| Spanned::new(table.span.clone(), ".".to_owned()));
    let folder = check_workspace(table.doc, base, &workspace);
    let is_whole = project.is_some() || (name.is_some() && entrypoint.is_some());
    let head = folder.filter(|_| is_whole).map(|folder| Head { name, entrypoint, task, workspace, folder });
    (project, head)
}
