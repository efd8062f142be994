//! A run that was made elsewhere: a command that would change it first wants its workspace named.

use std::path::Path;

use super::run_name::RunName;
use crate::model::quoted;
use crate::store::{Foreign, RunFolder};

/// The refusal to change a run that was made elsewhere; it ends the program with exit code 3.
#[derive(Debug, thiserror::Error)]
#[error(
    "failed to {verb} run {run}: it was made elsewhere, so it is only looked at ({why}). It would change files in \
     {workspace}. If that folder may be changed, say so: {command}. If the workspace is elsewhere now, name that folder \
     instead. This is asked once for each such run."
)]
pub(super) struct NeedsWorkspace {
    verb: &'static str,
    run: String,
    why: String,
    workspace: String,
    command: String,
}

impl NeedsWorkspace {
    /// The refusal of a command; `more`: what follows the run in it.
    pub fn new(folder: &RunFolder, why: &Foreign, workspace: &str, verb: &'static str, more: &str) -> Self {
        let name = RunName::of(folder);
        let command = format!("{}{more} --workspace {}", name.command(verb), quoted(workspace));
        Self { verb, run: folder.id().to_string(), why: why.to_string(), workspace: workspace.to_owned(), command }
    }
}

/// The line that tells that a run is looked at, and is not of this program.
pub(super) fn note(why: &Foreign) -> String {
    format!("made elsewhere: {why}")
}

/// Says that a named workspace is another folder than the one that a run names.
pub(super) fn moved_note(recorded: &str, named: &Path) -> Option<String> {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (from, to) = (real(Path::new(recorded)), real(named));
    (from != to).then(|| format!("the run's workspace was {recorded}; it is {} from now on", to.display()))
}
