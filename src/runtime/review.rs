//! The review of an agent's changes: the layer that takes what it writes, and how its run remembers it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::effects::confine::{LayerFolder, Shell, ShellPaths};
use crate::model::{CaptureMode, RunState};
use crate::rollback::capture::KnownHashes;
use crate::rollback::{HeldLayer, Origin};
use crate::store::RunFolder;

/// The file in a run's folder that names the layer.
const NAME: &str = "layer";
/// Bytes of that name, at most.
const LONGEST: u64 = 64;

/// The layer of a run whose agent's changes are held.
pub struct Review {
    /// `None`: it is gone.
    folder: Option<LayerFolder>,
    /// The call of the agent's program, to which belongs what none of its tools did.
    program: OnceLock<Origin>,
    /// The hashes of the last look.
    known: Arc<KnownHashes>,
}

impl Review {
    /// Makes the layer of a new run.
    ///
    /// # Errors
    /// When there can be no overlay here, or the folder can't be written; the text says why.
    pub(super) fn start(shell: &Shell, run: &RunFolder) -> Result<Self, String> {
        let folder = shell.make_layer(&run.id().to_string(), run.path())?;
        let written = write_name(&run.path().join(NAME), &folder.name());
        written.map_err(|error| format!("failed to remember the layer: {error}"))?;
        Ok(Self { folder: Some(folder), program: OnceLock::new(), known: Arc::default() })
    }

    /// The review of a stored run; `None`: its changes were not held for one.
    #[must_use]
    pub fn of_run(run: &RunFolder) -> Option<Self> {
        let name = read_name(&run.path().join(NAME))?;
        Some(Self {
            folder: LayerFolder::find(&name, &run.id().to_string()),
            program: OnceLock::new(),
            known: Arc::default(),
        })
    }

    /// The layer, where it is still there, to be read whole.
    #[must_use]
    pub fn layer(&self) -> Option<HeldLayer> {
        self.layer_with(&Arc::default())
    }

    /// The layer, where it is still there; what has not changed since the last look of this kind is not read again.
    pub(super) fn layer_since(&self) -> Option<HeldLayer> {
        self.layer_with(&self.known)
    }

    fn layer_with(&self, known: &Arc<KnownHashes>) -> Option<HeldLayer> {
        let folder = self.folder.as_ref()?;
        Some(HeldLayer { upper: folder.upper(), looked: folder.looked(), known: known.clone() })
    }

    /// The folder of the layer, where it is still there.
    pub(super) fn folder(&self) -> Option<&LayerFolder> {
        self.folder.as_ref()
    }

    /// The call of the agent's program.
    pub(super) fn program(&self) -> Option<&Origin> {
        self.program.get()
    }

    /// Sets the call of the agent's program.
    pub(super) fn set_program(&self, origin: Origin) {
        // A run has one program.
        let _ = self.program.set(origin);
    }

    /// Removes the layer with all that is held, for a run that is removed; blocks for as long as that takes.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove(&self) -> io::Result<()> {
        self.folder.as_ref().map_or(Ok(()), LayerFolder::remove)
    }

    /// Removes the layer when nothing of it is held any more and no agent writes to it; blocks for as long as that takes.
    /// Where it can't be removed it stays.
    pub fn clean(&self, state: &RunState) {
        let is_open = state.commands.values().any(|start| start.capture == CaptureMode::Overlay);
        if let Some(folder) = self.folder.as_ref().filter(|_| state.held.is_empty() && !is_open) {
            let _ = folder.remove();
        }
    }
}

/// Checks that the changes of an agent in this workspace can be held. `hidden`: the folders that it must not see.
///
/// # Errors
/// When there can be no overlay over it; the text says why.
pub(super) fn check_review(workspace: &Path, hidden: Vec<PathBuf>) -> Result<(), String> {
    Shell::probe(ShellPaths { workspace: workspace.to_owned(), hidden, scratch: None }).check_overlay()
}

fn write_name(path: &Path, name: &str) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(name.as_bytes())?;
    file.sync_all()
}

/// Reads a name; no link is followed.
fn read_name(path: &Path) -> Option<String> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut name = String::new();
    File::open(path).ok()?.take(LONGEST).read_to_string(&mut name).ok()?;
    Some(name)
}
