//! One thing in the workspace, as a snapshot has it.

use std::cmp::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::stat::{FileStat, SFlag};

use super::left_out::LeftOut;
use crate::model::{BlobHash, KeyState, name_from_bytes};

/// The file type of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    Pipe,
    Socket,
    Device,
}

impl Kind {
    const ALL: [Self; 6] = [Self::File, Self::Folder, Self::Link, Self::Pipe, Self::Socket, Self::Device];

    pub(super) fn code(self) -> u8 {
        Self::ALL.iter().position(|one| *one == self).and_then(|at| u8::try_from(at).ok()).unwrap_or(0)
    }

    pub(super) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Returns why a kind is left out: it is neither file, folder nor link.
    pub(super) fn left_out(self) -> Option<LeftOut> {
        match self {
            Self::File | Self::Folder | Self::Link => None,
            Self::Pipe => Some(LeftOut::Pipe),
            Self::Socket => Some(LeftOut::Socket),
            Self::Device => Some(LeftOut::Device),
        }
    }
}

/// The system's metadata of a path, as git's index compares it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) dev: u64,
    pub(super) ino: u64,
    /// Permission bits.
    pub(super) mode: u32,
    pub(super) size: u64,
    /// Nanoseconds since the epoch.
    pub(super) mtime: i64,
    pub(super) ctime: i64,
}

impl Stat {
    /// Returns the kind and stat of a system's answer. The types of its fields differ from system to system.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast, clippy::cast_lossless, reason = "as it says")]
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "compared for equality only")]
    pub(super) fn of(found: &FileStat) -> (Kind, Self) {
        let kind = match SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFREG => Kind::File,
            SFlag::S_IFDIR => Kind::Folder,
            SFlag::S_IFLNK => Kind::Link,
            SFlag::S_IFIFO => Kind::Pipe,
            SFlag::S_IFSOCK => Kind::Socket,
            _ => Kind::Device,
        };
        let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
        let stat = Self {
            dev: found.st_dev as u64,
            ino: found.st_ino as u64,
            mode: found.st_mode as u32 & 0o7777,
            size: found.st_size as u64,
            mtime: nanos(found.st_mtime as i64, found.st_mtime_nsec as i64),
            ctime: nanos(found.st_ctime as i64, found.st_ctime_nsec as i64),
        };
        (kind, stat)
    }

    /// True when a change right after `at` (nanoseconds) could leave the times as they are.
    ///
    /// The clock that stamps files is coarse: it may be behind by a tick (10 ms at most on Linux), or by two seconds
    /// where times have no fraction. This is git's "racily clean" rule.
    pub(super) fn is_racy(&self, at: i64) -> bool {
        const TICK: i64 = 50_000_000;
        const WHOLE: i64 = 2_000_000_000;
        let fraction = |time: i64| time % 1_000_000_000 != 0;
        let margin = if fraction(self.mtime) || fraction(self.ctime) { TICK } else { WHOLE };
        self.mtime.max(self.ctime) >= at.saturating_sub(margin)
    }

    /// Returns the time of the last write.
    pub(super) fn modified(&self) -> SystemTime {
        let since = Duration::from_nanos(self.mtime.unsigned_abs());
        let time = if self.mtime < 0 { UNIX_EPOCH.checked_sub(since) } else { UNIX_EPOCH.checked_add(since) };
        time.unwrap_or(UNIX_EPOCH)
    }
}

/// Returns the present time as in [`Stat`].
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The location of stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) pack: u64,
    pub(super) offset: u64,
    /// Bytes in the pack: as many as the file has, or fewer when they are compressed.
    pub(super) stored: u64,
}

impl Place {
    /// The location of empty files: nothing is stored.
    pub(super) const NOWHERE: Self = Self { pack: 0, offset: 0, stored: 0 };
}

/// A file's bytes, as read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes {
    pub(super) hash: BlobHash,
    /// Their location; `None` when they were only hashed.
    pub(super) place: Option<Place>,
    /// True when they were read so soon after a change that a later one may not show in the stat.
    pub(super) racy: bool,
}

/// Compares paths part by part, so that a folder's entries come right behind the folder.
pub(super) fn compare_paths(a: &[u8], b: &[u8]) -> Ordering {
    let shared = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    // No name has a byte below this, since none has a NUL.
    let part = |path: &[u8]| path.get(shared).map(|byte| if *byte == b'/' { 1 } else { u16::from(*byte) + 1 });
    part(a).cmp(&part(b))
}

/// One thing in the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative to the workspace, as the system has it.
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) stat: Stat,
    /// The reason why the list has its stat only.
    pub(super) left_out: Option<LeftOut>,
    /// The target of a link.
    pub(super) target: Vec<u8>,
    /// The bytes of a file that is not left out.
    pub(super) bytes: Option<Bytes>,
}

impl Entry {
    /// Returns the path as text.
    pub(super) fn name(&self) -> String {
        name_from_bytes(&self.path)
    }

    /// True for a folder whose entries are not in the list.
    pub(super) fn is_closed_folder(&self) -> bool {
        self.kind == Kind::Folder && self.left_out.is_some()
    }

    /// Returns its state, as far as it is known.
    pub(super) fn state(&self) -> KeyState {
        match (self.left_out, self.kind, &self.bytes) {
            (None, Kind::File, Some(bytes)) => {
                KeyState::File { blob: bytes.hash, size: self.stat.size, mode: self.stat.mode }
            }
            (None, Kind::Folder, _) => KeyState::Directory { mode: self.stat.mode },
            (None, Kind::Link, _) => KeyState::Symlink { target: name_from_bytes(&self.target) },
            _ => KeyState::Unknown,
        }
    }
}
