//! Before-images and after-images: bytes in files named by their hash, each content once.
//!
//! A before-image is durable before its action starts. An after-image is not synced: it becomes durable when it is the
//! before-image of a later action, or when its action is undone.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::files::{file_error, replace, replace_all, sync_dir, sync_files};
use super::points::crash_point;
use super::{AfterImage, StoreError, hash_blob, sparse};
use crate::model::BlobHash;

/// The folder of before-images of one run.
#[derive(Debug, Clone)]
pub(super) struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    /// Keeps them in a folder that exists.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Keeps bytes; durable when it returns.
    pub(super) fn put(&self, bytes: &[u8]) -> Result<BlobHash, StoreError> {
        let hash = hash_blob(bytes);
        let path = self.path(hash);
        // One that is there but isn't what its name says is written anew.
        if fs::read(&path).is_ok_and(|kept| kept == bytes) {
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
        let new = hashes.iter().zip(all).filter(|(hash, _)| seen.insert(**hash));
        let all: Vec<(PathBuf, &[u8])> = new.map(|(hash, bytes)| (self.path(*hash), *bytes)).collect();
        let is_kept = |path: &PathBuf, bytes: &[u8]| fs::read(path).is_ok_and(|kept| kept == bytes);
        let (kept, new): (Vec<_>, Vec<_>) = all.into_iter().partition(|(path, bytes)| is_kept(path, bytes));
        let kept: Vec<PathBuf> = kept.into_iter().map(|(path, _)| path).collect();
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
            if fs::metadata(&path).is_ok_and(|found| found.len() == length) {
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
        let path = self.path(hash);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreError::Missing(format!("blob {hash}")));
            }
            other => other.map_err(file_error("read", &path))?,
        };
        if hash_blob(&bytes) == hash {
            Ok(bytes)
        } else {
            Err(StoreError::Damaged(format!("the bytes kept as blob {hash} have changed since they were stored")))
        }
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

    #[test]
    fn bytes_come_back_or_are_told_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(folder.path().to_owned());
        let hash = blobs.put(b"a\0b").unwrap();
        assert_eq!(blobs.get(hash).unwrap(), b"a\0b");
        let path = folder.path().join(hash.to_string());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, b"a\0c").unwrap();
        assert!(matches!(blobs.get(hash), Err(StoreError::Damaged(_))));
        assert_eq!(blobs.put(b"a\0b").unwrap(), hash);
        assert_eq!(blobs.get(hash).unwrap(), b"a\0b");
        assert!(matches!(blobs.get(hash_blob(b"never")), Err(StoreError::Missing(_))));
    }

    #[test]
    fn an_after_image_is_kept_once_and_can_be_put_again() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(folder.path().to_owned());
        let source = folder.path().join("source");
        fs::write(&source, b"from a file").unwrap();
        let (bytes, file) = (hash_blob(b"bytes"), hash_blob(b"from a file"));
        for _ in 0..2 {
            blobs.keep(bytes, AfterImage::Bytes(b"bytes")).unwrap();
            blobs.keep(file, AfterImage::File(&fs::File::open(&source).unwrap())).unwrap();
        }
        assert_eq!((blobs.get(bytes).unwrap(), blobs.get(file).unwrap()), (b"bytes".to_vec(), b"from a file".to_vec()));
        assert_eq!(blobs.put_all(&[b"bytes", b"from a file"]).unwrap(), [bytes, file]);
        // One that a system that stopped has cut is written anew.
        fs::write(folder.path().join(bytes.to_string()), b"").unwrap();
        assert!(blobs.get(bytes).is_err());
        blobs.keep(bytes, AfterImage::Bytes(b"bytes")).unwrap();
        assert_eq!(blobs.get(bytes).unwrap(), b"bytes");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        let mode = fs::metadata(folder.path().join(bytes.to_string())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn many_are_kept_as_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(folder.path().to_owned());
        let bytes: Vec<Vec<u8>> = (0..50_u8).map(|at| vec![at; usize::from(at) * 10]).collect();
        let mut slices: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
        slices.push(&bytes[7]);
        let spoilt = folder.path().join(hash_blob(&bytes[3]).to_string());
        fs::write(&spoilt, b"not it").unwrap();
        for some in [&slices[..3], &slices, &slices, &[]] {
            let hashes = blobs.put_all(some).unwrap();
            assert_eq!(hashes.len(), some.len());
            for (hash, bytes) in hashes.iter().zip(some) {
                assert_eq!(blobs.get(*hash).unwrap(), *bytes);
            }
        }
        let entries: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap()).collect();
        assert_eq!(entries.len(), 50, "nothing but the blobs is left");
        assert!(entries.iter().all(|entry| entry.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
    }
}
