//! Packing a run: its folder as one file.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use super::contents::{Contents, LIST, PackedFile, is_blob};
use crate::store::files::{file_error, sync_dir};
use crate::store::folder::ReadLock;
use crate::store::inside::open_file;
use crate::store::{FileLock, Format, RunFolder, StoreError, blobs};

/// Permission bits of every entry.
const MODE: u32 = 0o600;

/// A run that is about to be packed: nobody writes to it meanwhile.
pub struct Packing<'a> {
    run: &'a RunFolder,
    contents: Contents,
    _lock: Option<FileLock>,
}

/// The result of packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackSummary {
    /// Files in it.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The pack's own bytes.
    pub packed: u64,
    /// The format of the run, which stays as it is.
    pub format: Format,
}

impl<'a> Packing<'a> {
    /// Lists the files of a run and locks it against writers. `blobs`: contents of files, and answers of models as they
    /// came, go along.
    ///
    /// # Errors
    /// When another process has the run open to write to it, or it can't be read.
    pub fn new(run: &'a RunFolder, blobs: bool) -> Result<Self, StoreError> {
        let lock = match run.lock_to_read() {
            ReadLock::Free(lock) => lock,
            ReadLock::Held => {
                let pid = run.manifest().map_or_else(|_| "unknown".to_owned(), |manifest| manifest.pid.to_string());
                return Err(StoreError::Locked { pid });
            }
        };
        let format = run.manifest()?.format;
        let mut files = Vec::new();
        for name in Contents::names() {
            files.extend(measure(run, name)?);
        }
        for name in if blobs { blob_names(run)? } else { Vec::new() } {
            files.extend(measure(run, &format!("{}/{name}", blobs::FOLDER))?);
        }
        let contents = Contents::new(run.id().clone(), format, blobs, files);
        contents.check().map_err(|why| StoreError::Unreadable(format!("it can't be packed: {why}")))?;
        Ok(Self { run, contents, _lock: lock })
    }

    /// Writes the pack to a file that must not be there; it is whole or not there.
    ///
    /// # Errors
    /// When the file is there or can't be written, or the run can't be read or changes meanwhile.
    pub fn write(&self, to: &Path) -> Result<PackSummary, StoreError> {
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let failed = |error| file_error("write the pack", to)(error);
        if to.symlink_metadata().is_ok() {
            return Err(failed(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is there already; name another file with --to, or remove it",
            )));
        }
        let file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        // No name and no time of it are in the head of the file.
        let packed = GzBuilder::new().operating_system(255).write(io::BufWriter::new(&file), Compression::default());
        let mut archive = tar::Builder::new(packed);
        let list = serde_json::to_vec_pretty(&self.contents).map_err(|error| failed(error.into()))?;
        self.append(&mut archive, LIST, list.len() as u64, &mut &list[..]).map_err(failed)?;
        for listed in &self.contents.files {
            self.append_file(&mut archive, listed)?;
        }
        let written = archive.into_inner().and_then(flate2::write::GzEncoder::finish);
        written.and_then(|mut rest| rest.flush()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        let packed = file.as_file().metadata().map_err(failed)?.len();
        file.persist_noclobber(to).map_err(|refused| failed(refused.error))?;
        sync_dir(folder)?;
        Ok(PackSummary {
            files: self.contents.files.len(),
            bytes: self.contents.bytes(),
            packed,
            format: self.contents.format,
        })
    }

    fn append_file(&self, archive: &mut tar::Builder<impl Write>, listed: &PackedFile) -> Result<(), StoreError> {
        let path = self.run.path().join(&listed.name);
        let mut read = Hashing::new(open(self.run, &listed.name).map_err(file_error("read", &path))?);
        self.append(archive, &listed.name, listed.size, &mut read).map_err(file_error("pack", &path))?;
        if read.hash() == listed.hash {
            return Ok(());
        }
        Err(StoreError::Unreadable(format!("{} changed while it was packed; try again", path.display())))
    }

    fn append(
        &self,
        archive: &mut tar::Builder<impl Write>,
        name: &str,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(MODE);
        header.set_size(size);
        header.set_path(format!("{}/{name}", self.run.id()))?;
        header.set_cksum();
        archive.append(&header, content.take(size))
    }
}

/// The names of a run's blobs; other files in their folder stay where they are.
fn blob_names(run: &RunFolder) -> Result<Vec<String>, StoreError> {
    let folder = run.path().join(blobs::FOLDER);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(file_error("read the folder", &folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(file_error("read the folder", &folder))?;
        names.extend(entry.file_name().into_string().ok().filter(|name| is_blob(name)));
    }
    Ok(names)
}

fn open(run: &RunFolder, name: &str) -> io::Result<fs::File> {
    open_file(run.path(), &name.split('/').collect::<Vec<_>>())
}

/// The length and hash of a file; `None`: it is not there, or is an empty log.
fn measure(run: &RunFolder, name: &str) -> Result<Option<PackedFile>, StoreError> {
    let path = run.path().join(name);
    let file = match open(run, name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(file_error("read", &path))?,
    };
    let mut read = Hashing::new(file);
    let size = io::copy(&mut read, &mut io::sink()).map_err(file_error("read", &path))?;
    // Opening a run to write to it, and closing it, leaves an empty one behind or none.
    let ending = Path::new(name).extension().unwrap_or_default();
    let is_left = size == 0 && (ending == "log" || ending == "wal");
    Ok((!is_left).then(|| PackedFile { name: name.to_owned(), size, hash: read.hash() }))
}

/// Hashes what is read through it.
pub(super) struct Hashing<R> {
    from: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, hasher: blake3::Hasher::new() }
    }

    /// The hash of what was read so far.
    pub(super) fn hash(&self) -> String {
        self.hasher.finalize().to_string()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}
