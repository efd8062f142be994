//! Before-images and after-images: bytes in files named by their hash, each content once.
//!
//! A before-image is durable before its action starts. An after-image is not synced: it becomes durable when it is the
//! before-image of a later action, or when its action is undone.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{file_error, replace, replace_all, sync_dir, sync_files};
use super::inside::read_file;
use super::points::crash_point;
use super::{AfterImage, StoreError, hash_blob, sparse};
use crate::model::BlobHash;

/// Its name in the run's folder.
pub(super) const FOLDER: &str = "blobs";

/// The largest blob that is read.
const LARGEST: u64 = 8 << 30;

/// The folder of before-images of one run.
#[derive(Debug, Clone)]
pub(super) struct Blobs {
    run: PathBuf,
    folder: PathBuf,
}

impl Blobs {
    /// Keeps them in a run's folder, in a folder that exists.
    pub(super) fn new(run: &Path) -> Self {
        Self { run: run.to_owned(), folder: run.join(FOLDER) }
    }

    /// Keeps bytes; durable when it returns.
    pub(super) fn put(&self, bytes: &[u8]) -> Result<BlobHash, StoreError> {
        let hash = hash_blob(bytes);
        let path = self.path(hash);
        // One that is there but isn't what its name says is written anew.
        if self.read(hash).is_ok_and(|kept| kept == bytes) {
            // It may be an after-image that was never synced.
            sync_files(&self.folder, &[path])?;
        } else {
            crash_point("blob-written");
            replace(&path, bytes)?;
            crash_point("blob-renamed");
        }
        Ok(hash)
    }

    /// Keeps many at once, with few syncs; all durable when it returns, each as good as alone.
    pub(super) fn put_all(&self, all: &[&[u8]]) -> Result<Vec<BlobHash>, StoreError> {
        // For a few, the whole file system is not made to wait.
        const FEW: usize = 16;
        let hashes: Vec<BlobHash> = all.iter().map(|bytes| hash_blob(bytes)).collect();
        let mut seen = HashSet::new();
        let all: Vec<(BlobHash, &[u8])> =
            hashes.iter().copied().zip(all.iter().copied()).filter(|(hash, _)| seen.insert(*hash)).collect();
        let is_kept = |hash: BlobHash, bytes: &[u8]| self.read(hash).is_ok_and(|kept| kept == bytes);
        let (kept, new): (Vec<_>, Vec<_>) = all.into_iter().partition(|(hash, bytes)| is_kept(*hash, bytes));
        let kept: Vec<PathBuf> = kept.into_iter().map(|(hash, _)| self.path(hash)).collect();
        let new: Vec<(PathBuf, &[u8])> = new.into_iter().map(|(hash, bytes)| (self.path(hash), bytes)).collect();
        sync_files(&self.folder, &kept)?;
        if new.len() <= FEW {
            new.iter().try_for_each(|(path, bytes)| replace(path, bytes))?;
            sync_dir(&self.folder)?;
        } else {
            replace_all(&self.folder, &new)?;
        }
        Ok(hashes)
    }

    /// Keeps content under its hash, without a sync.
    pub(super) fn keep(&self, hash: BlobHash, content: AfterImage<'_>) -> Result<(), StoreError> {
        let path = self.path(hash);
        let kept = || -> io::Result<()> {
            let length = match content {
                AfterImage::Bytes(bytes) => bytes.len() as u64,
                AfterImage::File(file) => file.metadata()?.len(),
            };
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file() && found.len() == length) {
                return Ok(());
            }
            let written = tempfile::NamedTempFile::new_in(&self.folder)?;
            match content {
                AfterImage::Bytes(bytes) => sparse::write(written.as_file(), bytes)?,
                AfterImage::File(file) => sparse::copy(file, written.as_file())?,
            }
            written.persist(&path).map(drop).map_err(|failed| failed.error)
        };
        kept().map_err(file_error("keep", &path))
    }

    /// Bytes kept under a hash, compared with it.
    pub(super) fn get(&self, hash: BlobHash) -> Result<Vec<u8>, StoreError> {
        let bytes = match self.read(hash) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Missing(format!("blob {hash}")));
            }
            other => other.map_err(file_error("read", &self.path(hash)))?,
        };
        if hash_blob(&bytes) == hash {
            Ok(bytes)
        } else {
            Err(StoreError::Damaged(format!("the bytes kept as blob {hash} have changed since they were stored")))
        }
    }

    fn read(&self, hash: BlobHash) -> io::Result<Vec<u8>> {
        read_file(&self.run, &[FOLDER, &hash.to_string()], LARGEST)
    }

    /// The bytes on the disk of what is kept under a hash: without its holes.
    pub(super) fn on_disk(&self, hash: BlobHash) -> Option<u64> {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(self.path(hash)).ok().map(|found| found.blocks().saturating_mul(512))
    }

    fn path(&self, hash: BlobHash) -> PathBuf {
        self.folder.join(hash.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn run() -> (tempfile::TempDir, PathBuf) {
        let run = tempfile::tempdir().unwrap();
        let folder = run.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        (run, folder)
    }

    #[test]
    fn no_link_is_followed() {
        let (run, folder) = run();
        let blobs = Blobs::new(run.path());
        let hash = hash_blob(b"mine");
        let outside = run.path().join("outside");
        fs::write(&outside, b"mine").unwrap();
        std::os::unix::fs::symlink(&outside, folder.join(hash.to_string())).unwrap();
        assert!(matches!(blobs.get(hash), Err(StoreError::File { .. })));
        blobs.keep(hash, AfterImage::Bytes(b"mine")).unwrap();
        assert!(folder.join(hash.to_string()).symlink_metadata().unwrap().is_file() && outside.is_file());
        fs::remove_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(run.path(), &folder).unwrap();
        fs::rename(&outside, run.path().join(hash.to_string())).unwrap();
        assert!(matches!(blobs.get(hash), Err(StoreError::File { .. })));
    }

    #[test]
    fn bytes_come_back_or_are_told_damaged() {
        let (run, folder) = run();
        let blobs = Blobs::new(run.path());
        let hash = blobs.put(b"a\0b").unwrap();
        assert_eq!(blobs.get(hash).unwrap(), b"a\0b");
        let path = folder.join(hash.to_string());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, b"a\0c").unwrap();
        assert!(matches!(blobs.get(hash), Err(StoreError::Damaged(_))));
        assert_eq!(blobs.put(b"a\0b").unwrap(), hash);
        assert_eq!(blobs.get(hash).unwrap(), b"a\0b");
        assert!(matches!(blobs.get(hash_blob(b"never")), Err(StoreError::Missing(_))));
    }

    #[test]
    fn an_after_image_is_kept_once_and_can_be_put_again() {
        let (run, folder) = run();
        let blobs = Blobs::new(run.path());
        let source = folder.join("source");
        fs::write(&source, b"from a file").unwrap();
        let (bytes, file) = (hash_blob(b"bytes"), hash_blob(b"from a file"));
        for _ in 0..2 {
            blobs.keep(bytes, AfterImage::Bytes(b"bytes")).unwrap();
            blobs.keep(file, AfterImage::File(&fs::File::open(&source).unwrap())).unwrap();
        }
        assert_eq!((blobs.get(bytes).unwrap(), blobs.get(file).unwrap()), (b"bytes".to_vec(), b"from a file".to_vec()));
        assert_eq!(blobs.put_all(&[b"bytes", b"from a file"]).unwrap(), [bytes, file]);
        // One that a system that stopped has cut is written anew.
        fs::write(folder.join(bytes.to_string()), b"").unwrap();
        assert!(blobs.get(bytes).is_err());
        blobs.keep(bytes, AfterImage::Bytes(b"bytes")).unwrap();
        assert_eq!(blobs.get(bytes).unwrap(), b"bytes");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
        let mode = fs::metadata(folder.join(bytes.to_string())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn many_are_kept_as_one_is() {
        let (run, folder) = run();
        let blobs = Blobs::new(run.path());
        let bytes: Vec<Vec<u8>> = (0..50_u8).map(|at| vec![at; usize::from(at) * 10]).collect();
        let mut slices: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
        slices.push(&bytes[7]);
        let spoilt = folder.join(hash_blob(&bytes[3]).to_string());
        fs::write(&spoilt, b"not it").unwrap();
        for some in [&slices[..3], &slices, &slices, &[]] {
            let hashes = blobs.put_all(some).unwrap();
            assert_eq!(hashes.len(), some.len());
            for (hash, bytes) in hashes.iter().zip(some) {
                assert_eq!(blobs.get(*hash).unwrap(), *bytes);
            }
        }
        let entries: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()).collect();
        assert_eq!(entries.len(), 50, "nothing but the blobs is left");
        assert!(entries.iter().all(|entry| entry.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
    }
}
