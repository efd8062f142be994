//! The stamp: what a run was made of, and where, under the user's secret.
//!
//! The file `stamp` in a run's folder is a line of JSON and a line with its keyed BLAKE3 hash. A copy of the folder has
//! another inode, and nobody without the secret can write another stamp; so a run whose stamp fits was made here. Marks
//! are signed with the secret and the stamp (`mark`): a mark of another run fits no more than a changed one.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::replace;
use super::inside::{FileId, read_file};
use super::mark::Noted;
use super::secret::Secret;
use super::{Foreign, Format, Manifest, RunFolder, StoreError};
use crate::model::RunId;

/// Its name in the run's folder.
pub(super) const NAME: &str = "stamp";

const LARGEST: u64 = 1 << 20;

/// The content of a stamp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    run: RunId,
    #[serde(flatten)]
    format: Format,
    folder: FileId,
    workspace: String,
    /// The workspace's folder; `None`: there was none.
    workspace_folder: Option<FileId>,
    /// The file that a retry reads today's pipeline from.
    pipeline_file: Option<String>,
}

impl Stamp {
    /// The stamp of a run's folder as it is now, for the workspace as it is now.
    fn of(folder: &RunFolder, manifest: &Manifest, workspace: &str) -> Option<Self> {
        Some(Self {
            run: folder.id().clone(),
            format: manifest.format,
            folder: FileId::of_folder(folder.path())?,
            workspace: workspace.to_owned(),
            workspace_folder: FileId::of_folder(Path::new(workspace)),
            pipeline_file: manifest.pipeline_file.clone(),
        })
    }

    /// Writes the stamp of a run into its folder, with the user's secret, which is made if there is none. `None`: there
    /// is none and none can be made; the run then counts as made elsewhere.
    ///
    /// # Errors
    /// When the stamp can't be written.
    pub(super) fn write(
        folder: &RunFolder,
        manifest: &Manifest,
        workspace: &str,
    ) -> Result<Option<MarkKey>, StoreError> {
        let Ok(secret) = Secret::find_or_create() else { return Ok(None) };
        let Some(stamp) = Self::of(folder, manifest, workspace) else { return Ok(None) };
        let json = serde_json::to_string(&stamp)
            .map_err(|error| StoreError::Database { what: "write the stamp", why: error.to_string() })?;
        let key = MarkKey::of(secret, &json);
        replace(&folder.path().join(NAME), format!("{json}\n{}\n", key.stamp).as_bytes())?;
        Ok(Some(key))
    }

    /// Reads the stamp in a run's folder, and the key that its marks are signed with.
    ///
    /// # Errors
    /// The reason why the run counts as made elsewhere.
    pub(super) fn read(folder: &Path) -> Result<(Self, MarkKey), Foreign> {
        let bytes = read_file(folder, &[NAME], LARGEST).map_err(|_| Foreign::NoStamp)?;
        let secret = Secret::find().ok_or(Foreign::NoSecret)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Foreign::OtherStamp)?;
        let (json, hash) = text.split_once('\n').ok_or(Foreign::OtherStamp)?;
        let key = MarkKey::of(secret, json);
        // The comparison of two hashes takes the same time for all.
        if blake3::Hash::from_hex(hash.trim_end()).ok() != Some(key.stamp) {
            return Err(Foreign::OtherStamp);
        }
        let stamp = serde_json::from_str(json).map_err(|_| Foreign::OtherStamp)?;
        Ok((stamp, key))
    }

    /// Compares the stamp with the run in a folder, as its manifest and the system tell it.
    ///
    /// # Errors
    /// The reason why the run counts as made elsewhere.
    pub(super) fn check(&self, folder: &RunFolder, manifest: Option<&Manifest>) -> Result<(), Foreign> {
        if self.run != *folder.id() || FileId::of_folder(folder.path()) != Some(self.folder) {
            return Err(Foreign::Moved);
        }
        let told = |manifest: &Manifest| manifest.format == self.format && manifest.pipeline_file == self.pipeline_file;
        if !manifest.is_none_or(told) {
            return Err(Foreign::Changed);
        }
        if FileId::of_folder(Path::new(&self.workspace)) != self.workspace_folder {
            return Err(Foreign::OtherWorkspace { path: self.workspace.clone() });
        }
        Ok(())
    }

    /// The workspace: where the run was made, or where its user said that it is now.
    pub(super) fn workspace(&self) -> &str {
        &self.workspace
    }
}

/// Signs the marks of one run.
#[derive(Debug, Clone)]
pub(super) struct MarkKey {
    secret: Secret,
    stamp: blake3::Hash,
}

impl MarkKey {
    fn of(secret: Secret, json: &str) -> Self {
        Self { secret, stamp: secret.sign("tama-tui stamp", &[json.as_bytes()]) }
    }

    /// A key of no run.
    #[cfg(test)]
    pub(super) fn for_tests(number: u8) -> Self {
        Self::of(Secret::for_tests(number), "")
    }

    /// Signs the end of the run's log.
    pub(super) fn sign(&self, noted: Noted) -> Signed {
        let parts = [&self.stamp.as_bytes()[..], &noted.seq.0.to_le_bytes(), &noted.chain.bytes()];
        Signed { noted, hash: self.secret.sign("tama-tui mark", &parts) }
    }

    /// True if this program signed it, for this run.
    pub(super) fn fits(&self, signed: &Signed) -> bool {
        self.sign(signed.noted).hash == signed.hash
    }
}

/// The end of a run's log, signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signed {
    /// The end.
    pub(super) noted: Noted,
    /// The keyed hash over the stamp's hash, the seq (8 bytes, little-endian) and the chain (16 bytes).
    pub(super) hash: blake3::Hash,
}
