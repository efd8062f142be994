//! The home of a run: a data folder's own name, which a copy of it does not have.
//!
//! The file `home` holds a random name and the number of its own inode. A copied or unpacked folder has another inode,
//! so what is in it counts as made elsewhere. It is a hint, not a secret: it only decides whether a run is looked at
//! by another process first.

#[cfg(test)]
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::inside::open_file;

/// The name of a data folder; `None` when it has none, or a copied one.
pub(super) fn read(data: &Path) -> Option<String> {
    let mut file = open_file(data, &["home"]).ok()?;
    let mut text = String::new();
    (&mut file).take(1 << 10).read_to_string(&mut text).ok()?;
    let (inode, name) = text.trim_end().split_once(' ')?;
    let own = inode.parse() == Ok(file.metadata().ok()?.ino());
    (own && name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| name.to_owned())
}

/// Gives a data folder a name, unless it has one. Without one its runs count as made elsewhere.
pub(super) fn ensure(data: &Path) {
    if read(data).is_none() {
        // The next opening tries again.
        drop(create(data));
    }
}

fn create(data: &Path) -> std::io::Result<()> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let name = crate::model::TextHash(random);
    let mut file = tempfile::NamedTempFile::new_in(data)?;
    writeln!(file, "{} {name}", file.as_file().metadata()?.ino())?;
    file.persist(data.join("home")).map(drop).map_err(|failed| failed.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_another_home() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), None);
        ensure(folder.path());
        let name = read(folder.path()).unwrap();
        ensure(folder.path());
        assert_eq!(read(folder.path()), Some(name.clone()));
        let copy = tempfile::tempdir().unwrap();
        fs::copy(folder.path().join("home"), copy.path().join("home")).unwrap();
        assert_eq!(read(copy.path()), None);
        ensure(copy.path());
        assert_ne!(read(copy.path()), Some(name));
    }
}
