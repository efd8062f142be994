//! Where a path is in its file system: one that is mounted at two places gives a file two paths.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The mounts that this process sees.
pub(super) struct Mounts(Vec<Mount>);

struct Mount {
    device: Vec<u8>,
    /// The folder of the file system that is mounted.
    folder: PathBuf,
    point: PathBuf,
}

impl Mounts {
    /// Reads `/proc/self/mountinfo` (proc(5)).
    pub(super) fn read() -> Self {
        Self::parse(&fs::read("/proc/self/mountinfo").unwrap_or_default())
    }

    fn parse(table: &[u8]) -> Self {
        // `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`: device, folder in it, mount point.
        let mounts = table.split(|byte| *byte == b'\n').filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b' ').skip(2);
            let device = fields.next()?.to_vec();
            Some(Mount { device, folder: path(fields.next()?), point: path(fields.next()?) })
        });
        Self(mounts.collect())
    }

    /// The path inside of `folder` that an absolute path stands for, if both are on one file system and it is inside.
    pub(super) fn inside(&self, path: &Path, folder: &Path) -> Option<PathBuf> {
        let ((device, path), (other, folder)) = (self.place(path)?, self.place(folder)?);
        (device == other).then(|| path.strip_prefix(folder).ok().map(Path::to_owned))?
    }

    /// The device of a path, and the path in it.
    fn place(&self, path: &Path) -> Option<(&[u8], PathBuf)> {
        // The last mount at a point is the one that is seen.
        let mount = self.0.iter().filter(|mount| path.starts_with(&mount.point));
        let mount = mount.max_by_key(|mount| mount.point.as_os_str().len())?;
        Some((&mount.device, mount.folder.join(path.strip_prefix(&mount.point).ok()?)))
    }
}

/// A field without its octal escapes.
fn path(field: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(field.len());
    let mut at = 0;
    while let Some(byte) = field.get(at) {
        let digits = field.get(at + 1..at + 4).filter(|_| *byte == b'\\');
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        plain.push(code.unwrap_or(*byte));
        at += if code.is_some() { 4 } else { 1 };
    }
    OsString::from_vec(plain).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_through_another_mount_is_found_inside() {
        let mounts = Mounts::parse(
            br"1 0 8:1 / / rw - ext4 x rw
2 1 8:1 /home/u/proj /mnt/a\040b rw - ext4 x rw
3 1 8:2 / /data rw - ext4 y rw",
        );
        let inside = |path: &str, folder: &str| mounts.inside(Path::new(path), Path::new(folder));
        assert_eq!(inside("/home/u/proj/x/db", "/home/u/proj"), Some("x/db".into()));
        assert_eq!(inside("/mnt/a b/x/db", "/home/u/proj"), Some("x/db".into()));
        assert_eq!(inside("/home/u/proj/x/db", "/mnt/a b/x"), Some("db".into()));
        assert_eq!(inside("/home/u/other", "/home/u/proj"), None);
        assert_eq!(inside("/data/home/u/proj/db", "/home/u/proj"), None);
    }
}
