//! Before-images: bytes in files named by their hash.

use std::fs;
use std::path::PathBuf;

use super::files::{file_error, replace, sync_dir};
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
            replace(&path, bytes)?;
        }
        Ok(hash)
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
            Err(StoreError::Damaged(format!("the bytes kept as blob {hash} are not what was stored")))
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
}
