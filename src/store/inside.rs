//! Files of a folder that another program or person may have made: no link in it is followed, and nothing but a regular file is
//! read.
//!
//! Each name below the folder is opened by the handle of the folder that it is in. A pipe in a file's place does not
//! hold the reader up, and a file that is larger than what is there at most is not read into memory.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

/// A file or folder, whatever its path is: the numbers of its device and its inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct FileId {
    /// The device.
    pub(super) device: u64,
    /// The inode on it.
    pub(super) inode: u64,
}

impl FileId {
    /// The folder at a path now; `None`: there is none. Links on the way to it are followed.
    pub(super) fn of_folder(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_dir)?;
        Some(Self { device: found.dev(), inode: found.ino() })
    }
}

/// Opens a regular file below a folder to read it. `names`: the folders between, and the file.
///
/// # Errors
/// When it isn't there, can't be read, or a name is a link or not what is expected.
pub(super) fn open_file(folder: &Path, names: &[&str]) -> io::Result<File> {
    const ALWAYS: OFlag = OFlag::O_CLOEXEC.union(OFlag::O_NOFOLLOW);
    let [between @ .., name] = names else { return Err(ErrorKind::InvalidInput.into()) };
    let below = |at: &OwnedFd, name: &str, flags: OFlag| {
        openat(at, name, ALWAYS | OFlag::O_RDONLY | flags, Mode::empty()).map_err(named(name))
    };
    // The folder itself is the user's choice.
    let mut at = open(folder, OFlag::O_CLOEXEC | OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())?;
    for name in between {
        at = below(&at, name, OFlag::O_DIRECTORY)?;
    }
    let file = File::from(below(&at, name, OFlag::O_NONBLOCK | OFlag::O_NOCTTY)?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, format!("{name} is not a regular file")));
    }
    Ok(file)
}

/// Names a link in the error: the system says that there are too many of them.
fn named(name: &str) -> impl FnOnce(nix::Error) -> io::Error {
    move |error| match error {
        nix::Error::ELOOP => io::Error::new(ErrorKind::InvalidInput, format!("{name} is a link")),
        error => error.into(),
    }
}

/// Reads a regular file below a folder, as [`open_file`] opens it.
///
/// # Errors
/// As [`open_file`], and when it has more than `most` bytes.
pub(super) fn read_file(folder: &Path, names: &[&str], most: u64) -> io::Result<Vec<u8>> {
    let file = open_file(folder, names)?;
    let too_large = || io::Error::new(ErrorKind::FileTooLarge, format!("it has more than {most} bytes"));
    let length = file.metadata()?.len();
    if length > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // It may grow meanwhile.
    let read = file.take(most + 1).read_to_end(&mut bytes)?;
    if read as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

/// True if a regular file is there, which only one name leads to.
pub(super) fn is_single(folder: &Path, name: &str) -> bool {
    let found = std::fs::symlink_metadata(folder.join(name));
    found.is_ok_and(|found| found.is_file() && found.nlink() == 1)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_regular_file_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let read = |names: &[&str]| read_file(folder.path(), names, 4).map_err(|error| error.to_string());
        fs::create_dir(path("below")).unwrap();
        fs::write(path("below/file"), "text").unwrap();
        fs::write(path("long"), "texts").unwrap();
        symlink("below/file", path("link")).unwrap();
        symlink("below", path("folder")).unwrap();
        symlink("nowhere", path("lost")).unwrap();
        nix::unistd::mkfifo(&path("pipe"), Mode::S_IRWXU).unwrap();
        assert_eq!(read(&["below", "file"]), Ok(b"text".to_vec()));
        assert_eq!(read(&["link"]), Err("link is a link".to_owned()));
        assert_eq!(read(&["lost"]), Err("lost is a link".to_owned()));
        assert_eq!(read(&["pipe"]), Err("pipe is not a regular file".to_owned()));
        assert_eq!(read(&["below"]), Err("below is not a regular file".to_owned()));
        assert!(read(&["folder", "file"]).is_err() && read(&["none"]).is_err());
        assert_eq!(read(&["long"]), Err("it has more than 4 bytes".to_owned()));
        assert!(is_single(folder.path(), "long") && !is_single(folder.path(), "link"));
        fs::hard_link(path("long"), path("other")).unwrap();
        assert!(!is_single(folder.path(), "long"));
    }
}
