//! Before-images: bytes in files named by their hash.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use super::files::{file_error, replace, replace_all, sync_dir};
use super::points::crash_point;
use super::{StoreError, hash_blob};
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
            sync_dir(&self.folder)?;
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
        let new: Vec<(PathBuf, &[u8])> = new.map(|(hash, bytes)| (self.path(*hash), *bytes)).collect();
        let new: Vec<_> =
            new.into_iter().filter(|(path, bytes)| !fs::read(path).is_ok_and(|kept| kept == *bytes)).collect();
        if new.len() <= FEW {
            new.iter().try_for_each(|(path, bytes)| replace(path, bytes))?;
            sync_dir(&self.folder)?;
        } else {
            replace_all(&self.folder, &new)?;
        }
        Ok(hashes)
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
