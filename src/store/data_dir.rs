//! The data folder of a project: every run in its own folder under `runs/`.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::files::{file_error, private_dir, replace, sync_dir};
use super::folder::RunFolder;
use super::home;
use super::log::now;
use super::{FileLock, Foreign, Manifest, Publish, RunLog, StoreError};
use crate::model::{Millis, Provenance, RunId, first_names};

/// Crockford's base32: digits and letters that are not mistaken for each other, in the order of their bytes.
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The folder of runs that are being removed.
const REMOVED: &str = "removed";

/// How many characters of an id tell the second.
const SECONDS: u32 = 7;

/// The data that a run is created with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// The pipeline's name.
    pub name: String,
    /// The task.
    pub task: String,
    /// The agent it starts with.
    pub entrypoint: String,
    /// The workspace, absolute.
    pub workspace: String,
    /// The pipeline's file, absolute.
    pub pipeline_file: Option<String>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// One run in a list.
#[derive(Debug, Clone)]
pub struct RunListing {
    /// The run.
    pub id: RunId,
    /// Its folder.
    pub folder: RunFolder,
    /// The size of everything in its folder, in bytes.
    pub bytes: u64,
    /// True while a process has it open for changes.
    pub held: bool,
    /// The reason why it counts as made elsewhere; `None`: this program made it.
    pub foreign: Option<Foreign>,
    /// Its manifest, or the reason why it can't be read.
    pub manifest: Result<Manifest, StoreError>,
}

/// The data folder of a project.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    /// Opens the data folder, making it (0700, ignored by git) when it isn't there.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn open_or_create(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        private_dir(&path.join("runs"))?;
        let ignore = path.join(".gitignore");
        if !ignore.exists() {
            replace(&ignore, b"*\n")?;
        }
        home::ensure(&path);
        Ok(Self { path })
    }

    /// Opens a data folder to look at its runs: nothing is made, also where there is none.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates a run's folder and database (some 75 ms; may be called from any thread). The log is empty: who runs
    /// it appends the first row.
    ///
    /// # Errors
    /// When anything of it can't be written.
    pub fn create_run(&self, new: NewRun, publish: Publish) -> Result<(RunLog, RunFolder), StoreError> {
        let started = now();
        let folder = self.make_folder(started)?;
        let manifest = Manifest::new(folder.id().clone(), new, started);
        let log = folder.create(&manifest, publish)?;
        sync_dir(&self.runs_path())?;
        Ok((log, folder))
    }

    /// Every run, newest first, from manifests alone; what can't be read is listed as such.
    ///
    /// # Errors
    /// When the folder of runs can't be read.
    pub fn runs(&self) -> Result<Vec<RunListing>, StoreError> {
        let list = |folder: RunFolder| {
            let manifest = folder.manifest();
            let (held, foreign) = (folder.is_held(), folder.foreign());
            RunListing { id: folder.id().clone(), bytes: folder.bytes(), held, foreign, manifest, folder }
        };
        let mut runs: Vec<RunListing> = self.folders()?.into_iter().map(list).collect();
        runs.sort_by(|one, other| started(other).cmp(&started(one)));
        Ok(runs)
    }

    /// Runs that are open for writing in the same workspace, `own` aside: what they do there looks like anyone's.
    pub fn live_beside(&self, own: &RunId, workspace: &str) -> Vec<RunId> {
        let held = self.folders().unwrap_or_default().into_iter().filter(|run| run.id() != own && run.is_held());
        let beside = held.filter(|run| run.manifest().is_ok_and(|manifest| manifest.workspace == workspace));
        beside.map(|run| run.id().clone()).collect()
    }

    /// The run whose id has `part` in it.
    ///
    /// # Errors
    /// When no run fits, or more than one, or the part is empty (which would fit the only run there is).
    pub fn find(&self, part: &str) -> Result<RunFolder, StoreError> {
        let part = part.trim().to_lowercase();
        if part.is_empty() {
            let what = "a run, because its name is empty: give any unique part of an id that `tama-tui runs` lists";
            return Err(StoreError::Missing(what.to_owned()));
        }
        let mut fits = self.folders()?;
        fits.retain(|folder| folder.id().0.contains(&part));
        if let Some(whole) = fits.iter().find(|folder| folder.id().0 == part) {
            return Ok(whole.clone());
        }
        match fits.as_slice() {
            [] => Err(StoreError::Missing(format!(
                "a run with {part:?} in its id in {}; `tama-tui runs` lists the runs",
                self.path.display()
            ))),
            [one] => Ok(one.clone()),
            many => {
                let candidates = many.iter().rev().map(|folder| folder.id().0.clone()).collect();
                Err(StoreError::Ambiguous { part, candidates: Candidates(candidates) })
            }
        }
    }

    /// Removes a run and everything in its folder. It is gone at once for everybody; a crash leaves at most files in
    /// the folder `removed`, which the next removal clears. Runs share no file with each other, so no other run is touched.
    ///
    /// # Errors
    /// When a process uses it, or it can't be removed.
    pub fn remove(&self, folder: &RunFolder) -> Result<(), StoreError> {
        let pid = Manifest::read(&folder.manifest_path()).map_or(0, |manifest| manifest.pid);
        let _lock = folder.lock(pid)?;
        let aside = self.path.join(REMOVED);
        private_dir(&aside)?;
        let gone = tempfile::Builder::new().prefix(&folder.id().0).tempdir_in(&aside);
        let gone = gone.map_err(file_error("make a folder in", &aside))?.keep();
        fs::rename(folder.path(), gone.join("run")).map_err(file_error("remove", folder.path()))?;
        sync_dir(&self.runs_path())?;
        match fs::remove_dir_all(&aside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file_error("remove", &aside)(error)),
            _ => Ok(()),
        }
    }

    /// Removes the snapshots of the workspace when no run is left that they could serve; true if there were any. They
    /// stay while a process has them.
    ///
    /// # Errors
    /// When they can't be removed.
    pub fn remove_unused_store(&self) -> Result<bool, StoreError> {
        let store = self.store_path();
        if !self.folders()?.is_empty() || !store.is_dir() {
            return Ok(false);
        }
        let Some(_lock) = FileLock::try_take(&store.join("lock")) else { return Ok(false) };
        fs::remove_dir_all(&store).map_err(file_error("remove", &store))?;
        Ok(true)
    }

    /// Where snapshots of the workspace are kept for all runs: a cache, which may be deleted.
    pub fn store_path(&self) -> PathBuf {
        self.path.join("store")
    }

    fn runs_path(&self) -> PathBuf {
        self.path.join("runs")
    }

    /// Every run's folder, oldest first.
    fn folders(&self) -> Result<Vec<RunFolder>, StoreError> {
        let path = self.runs_path();
        let entries = match fs::read_dir(&path) {
            // No run was made yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(file_error("read the folder", &path))?,
        };
        let mut folders: Vec<RunFolder> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| Some(RunFolder::at(entry.path(), RunId(entry.file_name().into_string().ok()?))))
            .collect();
        folders.sort_by(|one, other| one.id().cmp(other.id()));
        Ok(folders)
    }

    /// Makes a folder under an id that no run has.
    fn make_folder(&self, at: Millis) -> Result<RunFolder, StoreError> {
        const TRIES: u32 = 20;
        let mut tries = 0;
        loop {
            let id = new_id(at)?;
            let path = self.runs_path().join(&id.0);
            tries += 1;
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(RunFolder::at(path, id)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && tries < TRIES => {}
                Err(error) => return Err(file_error("create the folder", &path)(error)),
            }
        }
    }
}

/// The ids that a part fits, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates(pub Vec<String>);

impl std::fmt::Display for Candidates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 8;
        f.write_str(&first_names(&self.0, SHOWN))
    }
}

/// Seven characters of seconds since the epoch, two of milliseconds (they sort), and one at random. The first ids had
/// three at random after the seconds, so they sort among these by the second.
fn new_id(at: Millis) -> Result<RunId, StoreError> {
    let mut random = [0; 1];
    getrandom::fill(&mut random)
        .map_err(|error| StoreError::Database { what: "draw a run's id", why: error.to_string() })?;
    let digit = |number: u64, at: u32| usize::try_from((number >> (5 * at)) & 31).unwrap_or(0);
    let seconds = (0..SECONDS).rev().map(|at_digit| digit(at.0 / 1000, at_digit));
    let millis = (0..2).rev().map(|at_digit| digit(at.0 % 1000, at_digit));
    let random = random.into_iter().map(|byte| usize::from(byte & 31));
    Ok(RunId(seconds.chain(millis).chain(random).map(|digit| char::from(BASE32[digit])).collect()))
}

/// The order of a list of runs: the second in the id, then the moment in the manifest (the first ids have no
/// milliseconds), then the id.
fn started(listing: &RunListing) -> (&str, Millis, &str) {
    let id = listing.id.0.as_str();
    let second = id.get(..SECONDS as usize).unwrap_or(id);
    (second, listing.manifest.as_ref().map_or(Millis(0), |manifest| manifest.started), id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time() {
        let times = [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_999, 1_700_000_001_000, 1_800_000_000_000];
        let ids = times.map(|at| new_id(Millis(at)).unwrap());
        assert!(ids.is_sorted() && ids.iter().all(|id| id.0.len() == 10), "{ids:?}");
        // Of the first format: three characters at random after the second.
        let (before, after) = (format!("{}zzz", &ids[2].0[..7]), format!("{}000", &ids[4].0[..7]));
        assert!(before < ids[3].0 && ids[3].0 < after);
    }
}
