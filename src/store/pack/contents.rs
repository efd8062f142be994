//! The list of what a pack holds: its first entry, `pack.json`.

use serde::{Deserialize, Serialize};

use crate::model::{BlobHash, RunId};
use crate::store::{Format, blobs, log_file, mark};

/// The name of the list in the pack, in the run's folder.
pub(super) const LIST: &str = "pack.json";

/// The version of packs that this program writes, and the newest that it reads.
const VERSION: u32 = 1;

/// The longest id of a run.
const LONGEST_ID: usize = 32;

/// Files beside the blobs that a pack may hold.
const FILES: [&str; 5] = ["manifest.json", mark::NAME, "run.duckdb", "run.duckdb.wal", log_file::NAME];

/// Files without which a run can't be opened.
const NEEDED: [&str; 2] = ["manifest.json", "run.duckdb"];

/// The list of what a pack holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contents {
    /// The version of the list.
    pub pack: u32,
    /// The run.
    pub run: RunId,
    /// The format of the run.
    #[serde(flatten)]
    pub format: Format,
    /// True if contents of files and answers of models are in it.
    pub blobs: bool,
    /// The files, by name.
    pub files: Vec<PackedFile>,
}

/// A file of a run's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PackedFile {
    /// Its name below the run's folder.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// The BLAKE3 hash of its bytes, in hexadecimal digits.
    pub hash: String,
}

impl Contents {
    /// The list of a run's files, which are sorted.
    pub fn new(run: RunId, format: Format, blobs: bool, mut files: Vec<PackedFile>) -> Self {
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Self { pack: VERSION, run, format, blobs, files }
    }

    /// The names of a run's files, the blobs left out, as far as they may be in a pack.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.into_iter()
    }

    /// The sum of the lengths.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.size))
    }

    /// Checks what the list says by itself: nobody knows who wrote it.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.pack > VERSION {
            return Err(format!(
                "it is a pack of version {}, and this tama-tui reads {VERSION}; use a newer one",
                self.pack
            ));
        }
        if !is_id(&self.run.0) {
            return Err(format!("{:?} is no name of a run", self.run.0));
        }
        if let Some(file) = self.files.iter().find(|file| !is_name(&file.name)) {
            return Err(format!("{:?} is no file of a run", file.name));
        }
        if let Some(pair) = self.files.windows(2).find(|pair| pair[0].name >= pair[1].name) {
            return Err(format!("its list is not sorted, or has {:?} twice", pair[0].name));
        }
        match NEEDED.iter().find(|needed| !self.files.iter().any(|file| file.name == **needed)) {
            Some(needed) => Err(format!("it has no {needed}")),
            None => Ok(()),
        }
    }
}

/// True for the id of a run: letters and digits that stay below a folder.
fn is_id(name: &str) -> bool {
    (1..=LONGEST_ID).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// True for a file that a run's folder may have.
fn is_name(name: &str) -> bool {
    let blob = name.strip_prefix(blobs::FOLDER).and_then(|name| name.strip_prefix('/'));
    FILES.contains(&name) || blob.is_some_and(is_blob)
}

/// True for the name of a blob: a hash as this program writes it.
pub(super) fn is_blob(name: &str) -> bool {
    BlobHash::parse(name).is_some_and(|hash| hash.to_string() == name)
}
