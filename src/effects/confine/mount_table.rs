//! The mounts of this process, as `/proc/self/mountinfo` lists them (proc(5)).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MountPoint {
    id: u64,
    path: PathBuf,
    options: String,
}

impl MountPoint {
    /// Reads the table, in the order of mounting.
    pub fn read_all() -> io::Result<Vec<Self>> {
        let table = fs::read("/proc/self/mountinfo")?;
        Ok(table.split(|byte| *byte == b'\n').filter_map(Self::parse).collect())
    }

    /// Returns the number of the mount.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "mounts are changed on Linux only"))]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the place of the mount.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True when the mount has an option of its own, such as `ro`.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "mounts are changed on Linux only"))]
    pub fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|own| own == option)
    }

    /// Parses a line: the number is the first field, the place the fifth, and its own options are the sixth.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ');
        let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let path = PathBuf::from(OsString::from_vec(unescape(fields.nth(3)?)));
        let options = String::from_utf8_lossy(fields.next()?).into_owned();
        Some(Self { id, path, options })
    }
}

/// Removes the octal escapes of a field.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut at = 0;
    while let Some(byte) = field.get(at) {
        let digits = field.get(at + 1..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|_| *byte == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok());
        plain.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 4 } else { 1 };
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_unescaped() {
        assert_eq!(unescape(br"/a\040b\134c\012"), b"/a b\\c\n");
        assert_eq!(unescape(br"/a\9"), br"/a\9");
    }

    #[test]
    fn a_line_has_its_place_and_its_own_options() {
        let line = br"36 35 98:0 /root /mnt\040x ro,noatime,nosuid master:1 - ext3 /dev/root rw,errors=continue";
        let mount = MountPoint::parse(line).unwrap();
        assert_eq!((mount.id(), mount.path()), (36, Path::new("/mnt x")));
        assert!(mount.has("ro") && mount.has("noatime") && !mount.has("rw") && !mount.has("atime"));
        assert_eq!(MountPoint::parse(b""), None);
    }
}
