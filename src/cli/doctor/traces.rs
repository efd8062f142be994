//! Folders that trying the sandbox makes: `doctor` only looks, and takes them away again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::store::secret_folder;

/// The folders of the user's state folder that are not there yet; dropping it removes those that are empty then.
pub(super) struct Traces(Vec<PathBuf>);

impl Traces {
    /// Notes what is not there.
    pub fn note() -> Self {
        let state = secret_folder().and_then(|folder| folder.parent().map(|state| state.join("scratch")));
        Self(
            state
                .iter()
                .flat_map(|scratch| scratch.ancestors())
                .filter(|at| !at.exists())
                .map(Path::to_owned)
                .collect(),
        )
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // The innermost is the first. One that has something in it by now is another program's.
        for folder in &self.0 {
            drop(fs::remove_dir(folder));
        }
    }
}
