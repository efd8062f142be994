//! The facts that the report is made of, gathered from the system.

use std::env;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::traces::Traces;
use crate::cli::data::FOLDER;
use crate::cli::global::Global;
use crate::effects::confine::{Gap, Isolation, Kernel, Shell, ShellPaths};
use crate::effects::llm::{ProviderKey, provider_keys};
use crate::model::ShellMode;
use crate::pipeline::{self, Loaded};
use crate::runtime::hidden_folders;
use crate::ui::ColorDepth;
use crate::world::unseen_processes;

/// The facts of a report.
pub(super) struct Facts {
    /// The kernel.
    pub kernel: Kernel,
    /// The confinement of commands.
    pub sandbox: Sandbox,
    /// The data folder.
    pub data: DataFolder,
    /// The terminal.
    pub terminal: Terminal,
    /// Processes whose open files can't be seen.
    pub unseen: usize,
    /// The pipeline that was named.
    pub pipeline: Option<PipelineFacts>,
}

/// The confinement of commands in a workspace.
pub(super) struct Sandbox {
    pub workspace: PathBuf,
    pub isolation: Isolation,
    pub gaps: Vec<Gap>,
    pub mode: ShellMode,
    /// The levels that failed, with the reasons.
    pub refused: Vec<(Isolation, String)>,
}

/// The folder of the runs.
pub(super) struct DataFolder {
    pub path: PathBuf,
    pub exists: bool,
    pub is_writable: bool,
}

/// The terminal of this process.
pub(super) struct Terminal {
    pub is_connected: bool,
    pub term: String,
    pub colours: ColorDepth,
}

/// A pipeline, as far as a run of it needs something of the machine.
pub(super) struct PipelineFacts {
    pub name: String,
    /// The number of its faults; the rest is unknown when there are any.
    pub faults: usize,
    pub keys: Vec<ProviderKey>,
    /// Its tools that may reach outside of the workspace, and by which way.
    pub reaching: Vec<String>,
}

impl Facts {
    /// Gathers the facts; runs `true` in the sandbox, and leaves nothing behind.
    pub fn gather(named: Option<&Path>, global: &Global) -> Self {
        let checked = named.map(pipeline::check);
        let loaded = checked.as_ref().and_then(|checked| checked.as_ref().ok());
        let here = env::current_dir().unwrap_or_else(|_| ".".into());
        let base = loaded.map_or_else(|| here.clone(), |loaded| loaded.base.clone());
        let data = DataFolder::at(global.data_dir.clone().unwrap_or_else(|| base.join(FOLDER)));
        let workspace = loaded.map(|loaded| loaded.workspace.clone()).filter(|folder| folder.is_dir());
        let traces = Traces::note();
        let sandbox = Sandbox::probe(workspace.unwrap_or(base), &data.path, loaded);
        drop(traces);
        let pipeline = named.zip(checked.as_ref()).map(|(path, checked)| match checked {
            Ok(loaded) => PipelineFacts::of(loaded),
            Err(faults) => PipelineFacts {
                name: path.display().to_string(),
                faults: faults.all().len(),
                keys: Vec::new(),
                reaching: Vec::new(),
            },
        });
        let (kernel, terminal, unseen) = (Kernel::read(), Terminal::read(global), unseen_processes());
        Self { kernel, sandbox, data, terminal, unseen, pipeline }
    }
}

impl Sandbox {
    fn probe(workspace: PathBuf, data: &Path, loaded: Option<&Loaded>) -> Self {
        let snapshot = loaded.is_some_and(|loaded| loaded.pipeline.capture.snapshot);
        let most = if snapshot { Isolation::Namespaces } else { Isolation::Overlay };
        let paths = ShellPaths { workspace, hidden: hidden_folders(data), scratch: None };
        let shell = Shell::probe_up_to(paths, most);
        Self {
            workspace: shell.workspace().to_owned(),
            isolation: shell.isolation(),
            gaps: shell.gaps().to_vec(),
            mode: shell.mode(),
            refused: shell.refused().to_vec(),
        }
    }

    /// The reason why a level can't be had.
    pub fn reason(&self, level: Isolation) -> Option<&str> {
        self.refused.iter().rev().find(|(refused, _)| *refused == level).map(|(_, why)| why.as_str())
    }

    /// True when a promise is kept.
    pub fn keeps(&self, promise: Gap) -> bool {
        !self.gaps.contains(&promise)
    }
}

impl DataFolder {
    fn at(path: PathBuf) -> Self {
        let path = std::path::absolute(&path).unwrap_or(path);
        let exists = path.is_dir();
        let folder = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
        let is_writable = access(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
        Self { path, exists, is_writable }
    }
}

impl Terminal {
    fn read(global: &Global) -> Self {
        let colours = ColorDepth::detect(global.color().into(), |name| env::var(name).ok());
        let is_connected = std::io::stdout().is_terminal();
        Self { is_connected, term: env::var("TERM").unwrap_or_default(), colours }
    }
}

impl PipelineFacts {
    fn of(loaded: &Loaded) -> Self {
        let keys = provider_keys(&loaded.pipeline, &|name| env::var(name).ok());
        let reaching = loaded.pipeline.reaching_tools();
        Self { name: loaded.pipeline.name.clone(), faults: 0, keys, reaching }
    }
}
