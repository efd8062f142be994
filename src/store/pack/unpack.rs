//! Opening a pack: its files become a run's folder, or nothing of it stays.
//!
//! Nobody knows who made a pack. Its list comes first and bounds everything: only the files that it names are written,
//! each in its place, with its length and its hash. Links, folders, other names and what is left over refuse the pack.
//! The run is unpacked beside the others and checked as any run that was made elsewhere; only then it gets its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use nix::libc::O_NONBLOCK;
use tar::{Archive, Entries, Entry, EntryType};

use super::contents::{Contents, LIST, PackedFile};
use super::write::Hashing;
use crate::model::TraceBody;
use crate::store::files::{file_error, private_dir, sync_dir, sync_files};
use crate::store::mark::Marked;
use crate::store::room::check_room;
use crate::store::{DataDir, Look, RunFolder, StoreError, blobs, sparse};

/// Bytes that a pack unpacks to at most, unless its user says otherwise.
pub const LARGEST_PACK: u64 = 4_000_000_000;

/// The longest list that is read.
const LONGEST_LIST: u64 = 64 << 20;

/// The run of a pack.
#[derive(Debug, Clone)]
pub struct Unpacked {
    /// Its folder.
    pub folder: RunFolder,
    /// True if it was here already, with the same log; nothing was changed then.
    pub is_known: bool,
    /// False: the pack has no contents of files, and no answers of models as they came.
    pub has_blobs: bool,
}

impl DataDir {
    /// Unpacks a run into this data folder, where it counts as made elsewhere. `most`: bytes that it may take. A pack
    /// that is refused leaves nothing behind.
    ///
    /// # Errors
    /// When the file is no pack, is damaged or hostile, needs too much room, holds a damaged run, or another run has
    /// the same id.
    pub fn open_pack(&self, path: &Path, most: u64) -> Result<Unpacked, StoreError> {
        let refused = |why: String| StoreError::Pack { path: path.display().to_string(), why };
        let broken = |error: io::Error| refused(format!("it is no pack, or it is damaged: {error}"));
        let file = open_pack_file(path)?;
        let mut archive = Archive::new(GzDecoder::new(io::BufReader::new(&file)));
        // Raw: no entry that only describes the next one is taken for what it says.
        let mut entries = archive.entries().map_err(broken)?.raw(true);
        let contents = read_list(&mut entries).map_err(broken)?;
        contents.check().map_err(refused)?;
        let bytes = contents.bytes();
        if bytes > most {
            let gigabytes = bytes.div_ceil(1_000_000_000);
            return Err(refused(format!(
                "it unpacks to {gigabytes} GB; if that is what you expect, allow it with --most {gigabytes}"
            )));
        }
        check_room(self.path(), bytes).map_err(|error| refused(error.to_string()))?;
        let aside = tempfile::Builder::new().prefix("opening-").tempdir_in(self.path());
        let aside = aside.map_err(file_error("make a folder in", self.path()))?;
        let folder = RunFolder::at(aside.path().join("runs").join(&contents.run.0), contents.run.clone());
        private_dir(&folder.path().join(blobs::FOLDER))?;
        for listed in &contents.files {
            let entry = entries.next().ok_or_else(|| refused(format!("it ends before {}", listed.name)))?;
            take(entry.map_err(broken)?, &contents, listed, &folder).map_err(broken)?;
        }
        if entries.next().is_some() {
            return Err(refused("it has more in it than its list says".to_owned()));
        }
        check_run(&folder).map_err(refused)?;
        self.install(&folder, &contents).map_err(|error| match error {
            InstallError::Refused(why) => refused(why),
            InstallError::Store(error) => error,
        })
    }

    /// Gives an unpacked run its place, unless it is there already.
    fn install(&self, run: &RunFolder, contents: &Contents) -> Result<Unpacked, InstallError> {
        let runs = self.path().join("runs");
        let place = RunFolder::at(runs.join(&run.id().0), run.id().clone());
        let unpacked = |is_known| Unpacked { folder: place.clone(), is_known, has_blobs: contents.blobs };
        if place.path().symlink_metadata().is_ok() {
            let end = |run: &RunFolder| Marked::read(run.path()).newest();
            if end(&place).is_some() && end(&place) == end(run) {
                return Ok(unpacked(true));
            }
            return Err(InstallError::Refused(format!(
                "run {} is here already, and its log is another one: open the pack in another data folder with \
                 --data-dir FOLDER",
                run.id()
            )));
        }
        let paths: Vec<PathBuf> = contents.files.iter().map(|file| run.path().join(&file.name)).collect();
        sync_files(run.path(), &paths)?;
        sync_dir(&run.path().join(blobs::FOLDER))?;
        private_dir(&runs)?;
        fs::rename(run.path(), place.path()).map_err(file_error("put in place", place.path()))?;
        sync_dir(&runs)?;
        Ok(unpacked(false))
    }
}

/// The reason why an unpacked run gets no place.
enum InstallError {
    Refused(String),
    Store(StoreError),
}

impl From<StoreError> for InstallError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Opens a pack; a pipe in its place holds nobody up.
fn open_pack_file(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path);
    let file = file.map_err(file_error("open the pack", path))?;
    if file.metadata().is_ok_and(|found| found.is_file()) {
        return Ok(file);
    }
    Err(StoreError::Pack { path: path.display().to_string(), why: "it is not a regular file".to_owned() })
}

fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// Reads the list, which is the first entry.
fn read_list<R: Read>(entries: &mut Entries<'_, R>) -> io::Result<Contents> {
    let first = entries.next().ok_or_else(|| invalid("it is empty"))??;
    let size = first.size();
    if size > LONGEST_LIST {
        return Err(invalid("its list is too long"));
    }
    let named = first.path_bytes().into_owned();
    let mut list = Vec::new();
    let is_file = first.header().entry_type() == EntryType::Regular;
    first.take(LONGEST_LIST).read_to_end(&mut list)?;
    let contents: Contents = serde_json::from_slice(&list).map_err(|error| invalid(format!("its list: {error}")))?;
    if is_file && named == format!("{}/{LIST}", contents.run).as_bytes() {
        return Ok(contents);
    }
    Err(invalid(format!("it does not begin with its list, {LIST}")))
}

/// Writes the next file of the list.
fn take<R: Read>(entry: Entry<'_, R>, contents: &Contents, listed: &PackedFile, folder: &RunFolder) -> io::Result<()> {
    let PackedFile { name, size, hash } = listed;
    let kind = entry.header().entry_type();
    let is_named = *entry.path_bytes() == *format!("{}/{name}", contents.run).as_bytes();
    if kind != EntryType::Regular || !is_named || entry.size() != *size {
        let found = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        return Err(invalid(format!("{found:?} is not what its list says in that place ({name}, {size} bytes)")));
    }
    let mut options = OpenOptions::new();
    let to = options.write(true).create_new(true).mode(0o600).open(folder.path().join(name))?;
    let mut read = Hashing::new(entry);
    sparse::copy_read(&mut read, &to)?;
    if to.metadata()?.len() == *size && read.hash() == *hash {
        Ok(())
    } else {
        Err(invalid(format!("{name} is not what its list says")))
    }
}

/// Reads the whole run, and checks that it is one and the one that the list names.
fn check_run(folder: &RunFolder) -> Result<(), String> {
    let manifest = folder.manifest().map_err(|error| format!("failed to {error}"))?;
    let Look { events, damage, .. } = folder.look().map_err(|error| format!("failed to {error}"))?;
    if let Some(first) = damage.first() {
        return Err(format!("the run in it is damaged: {first}"));
    }
    let started = events.iter().find_map(|event| match &event.body {
        TraceBody::RunStarted { run, .. } => Some(run),
        _ => None,
    });
    if manifest.run == *folder.id() && started.is_none_or(|run| run == folder.id()) {
        return Ok(());
    }
    Err(format!("it says that it holds run {}, and holds another one", folder.id()))
}
