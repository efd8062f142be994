//! The snapshot: the folded state that closing a run leaves beside its log, so that the next opening shows it at once.
//!
//! It is a cache. It counts only where it was written (`home`), by this version of the program, and while it is about
//! the very row that the mark names; anything else is passed over. Nothing is undone or run on its word: opening reads
//! and checks the log in any case (`read`). A process that is killed leaves none, because opening a run to write to it
//! removes the one before.
//!
//! The file is a line with all that, then two parts: the spans, and the actions with the spans' labels. Each is
//! `MessagePack`, compressed, behind its length.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::home;
use super::inside::read_file;
use super::mark::Noted;
use super::points::crash_point;
use crate::model::{Labels, Ledger, RunState};

/// Its name in the run's folder.
const NAME: &str = "snapshot";

/// Changes with what is stored in it: a snapshot of another shape is passed over.
const SHAPE: u32 = 4;

/// Spans from which on unpacking the actions too can be noticed.
const LARGE: usize = 20_000;

/// The longest part that is unpacked.
const LARGEST: usize = 2 << 30;

/// Bytes of a length.
const LENGTH: usize = 8;

/// Where a run's snapshot is.
#[derive(Debug, Clone)]
pub(super) struct SnapshotFile {
    path: PathBuf,
    data: PathBuf,
}

impl SnapshotFile {
    /// The snapshot of the run in a folder of a data folder.
    pub(super) fn of(folder: &Path, data: &Path) -> Self {
        Self { path: folder.join(NAME), data: data.to_owned() }
    }

    /// Leaves a snapshot of the state up to the mark. Not synced: the check finds out what a crash left of it.
    pub(super) fn write(&self, noted: Noted, state: &RunState) -> io::Result<()> {
        let Some(line) = self.line(noted) else { return Ok(()) };
        // Copies are cheap.
        let mut tree = state.clone();
        let actions = (std::mem::take(&mut tree.ledger), std::mem::take(&mut tree.labels));
        let mut parts = pack(&tree)?;
        parts.extend(pack(&actions)?);
        let mut file = tempfile::NamedTempFile::new_in(self.path.parent().unwrap_or(Path::new(".")))?;
        writeln!(file, "{line} {}", blake3::hash(&parts))?;
        let (first, second) = parts.split_at(parts.len() / 2);
        file.write_all(first)?;
        crash_point("snapshot-half");
        file.write_all(second)?;
        file.persist(&self.path).map_err(|failed| failed.error)?;
        crash_point("snapshot-written");
        Ok(())
    }

    /// The state up to the mark, if this is what the last closing left here. Of a large run `early` has the spans before
    /// the actions are unpacked.
    pub(super) fn read(&self, noted: Noted, early: &mut dyn FnMut(RunState)) -> Option<RunState> {
        let bytes = read_file(self.path.parent()?, &[NAME], LARGEST as u64).ok()?;
        let at = bytes.iter().take(1 << 10).position(|byte| *byte == b'\n')?;
        let (line, mut parts) = (std::str::from_utf8(&bytes[..at]).ok()?, &bytes[at + 1..]);
        let (line, hash) = line.rsplit_once(' ')?;
        if self.line(noted)? != line || blake3::hash(parts).to_hex().as_str() != hash {
            return None;
        }
        let (tree, actions) = (part(&mut parts)?, part(&mut parts)?);
        let (tree, actions) = std::thread::scope(|scope| {
            let actions = scope.spawn(|| unpack::<(Ledger, Labels)>(actions));
            // What leads from span to span must come to an end.
            let tree = unpack::<RunState>(tree).filter(|state| state.trace.is_well_formed());
            if let Some(state) = tree.as_ref().filter(|state| state.trace.len() > LARGE) {
                early(state.clone());
            }
            (tree, actions.join().ok().flatten())
        });
        let (state, (ledger, labels)) = (tree?, actions.filter(|(ledger, _)| ledger.is_well_formed())?);
        Some(RunState { ledger, labels, ..state })
    }

    /// Removes it: what follows makes it untrue.
    pub(super) fn remove(&self) {
        // One that stays is about another row than the mark will name.
        drop(fs::remove_file(&self.path));
    }

    /// The line that makes it count; `None` where nothing can.
    fn line(&self, noted: Noted) -> Option<String> {
        let home = home::read(&self.data)?;
        Some(format!("{} {SHAPE} {home} {} {}", env!("CARGO_PKG_VERSION"), noted.seq.0, noted.chain))
    }
}

fn pack(part: &impl Serialize) -> io::Result<Vec<u8>> {
    let packed = rmp_serde::to_vec(part).map_err(io::Error::other)?;
    let packed = lz4_flex::compress_prepend_size(&packed);
    Ok([&(packed.len() as u64).to_le_bytes(), &packed[..]].concat())
}

/// Takes the next part off the front.
fn part<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u64::from_le_bytes(bytes.split_off(..LENGTH)?.try_into().ok()?);
    bytes.split_off(..usize::try_from(length).ok()?)
}

fn unpack<T: DeserializeOwned>(part: &[u8]) -> Option<T> {
    let size = u32::from_le_bytes(*part.first_chunk()?);
    let packed = (size as usize <= LARGEST).then(|| lz4_flex::decompress_size_prepended(part).ok())??;
    rmp_serde::from_slice(&packed).ok()
}
