//! Where a project's files are.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::model::PathSegment;

/// The folder of a project.
#[derive(Debug, Clone)]
pub(in super::super) struct Folder {
    /// The folder of the pipeline's file, as it was reached.
    base: PathBuf,
    /// The project's own folder, relative to it; empty: the same.
    below: PathBuf,
}

impl Folder {
    /// The project in a folder. `base`: the folder of the pipeline's file, as it was reached; `named`: the project's own,
    /// relative to it.
    pub(in super::super) fn new(base: &Path, named: &str) -> Self {
        Self {
            base: base.to_owned(),
            below: Path::new(named).components().filter(|part| *part != Component::CurDir).collect(),
        }
    }

    /// The folder of the pipeline's file, as it was reached.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// The path of a file of the project, as it is reached.
    pub(in super::super) fn path(&self, inside: &str) -> PathBuf {
        self.base.join(self.stored(inside))
    }

    /// The path of a file of the project, relative to the pipeline's folder.
    pub(in super::super) fn stored(&self, inside: &str) -> String {
        self.below.join(inside).display().to_string()
    }

    /// The file of an agent, within the project.
    pub(super) fn agent_file(name: &str) -> String {
        format!("agents/{name}/AGENT.md")
    }

    /// True when there is an agent of this name.
    pub(super) fn has_agent(&self, name: &str) -> bool {
        is_agent_name(name) && self.path(&Self::agent_file(name)).exists()
    }

    /// The names of all agents, sorted.
    pub(in super::super) fn agents(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("agents")).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| self.has_agent(name));
        names.sort();
        names
    }
}

/// True for a folder that is a project without a tama.toml: it has an agent.
pub(in super::super) fn has_agents(folder: &Path) -> bool {
    !Folder::new(folder, "").agents().is_empty()
}

/// True for a name that an agent may have: a part of a path of the tree, in which a dot is for steps.
pub(super) fn is_agent_name(name: &str) -> bool {
    PathSegment::parse(name).is_some() && !name.contains(['.', '\\'])
}
