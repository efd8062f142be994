//! Rules: the paths of a workspace that are captured, and those that are left out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use nix::unistd::geteuid;

use super::changed::{LEFT_ALONE, UNSTEADY};
use super::entry::{Kind, Stat};
use super::error::CaptureError;
use super::left_out::LeftOut;
use crate::model::name_to_bytes;

/// Bytes up to which files are captured by default.
const MAX_BYTES: u64 = 512_000_000;

/// The paths of a workspace that are captured.
#[derive(Debug, Clone)]
pub struct Rules {
    exclude: GlobSet,
    max_bytes: u64,
    skip: Vec<(u64, u64)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { exclude: GlobSet::empty(), max_bytes: MAX_BYTES, skip: Vec::new() }
    }
}

impl Rules {
    /// Leaves out what matches a glob over paths relative to the workspace, and everything below it; `*` crosses `/`,
    /// as in every glob of a pipeline. `target`, `target/` and `target/**` all mean the folder.
    ///
    /// # Errors
    /// When a text is no glob.
    pub fn excluding<'a>(globs: impl IntoIterator<Item = &'a str>) -> Result<Self, CaptureError> {
        let wrong = |glob: &str, error: &globset::Error| CaptureError::Glob {
            glob: glob.to_owned(),
            why: error.kind().to_string(),
        };
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            let bare = glob.strip_suffix("/**").or(glob.strip_suffix('/')).unwrap_or(glob);
            let built = GlobBuilder::new(bare).literal_separator(false).build();
            set.add(built.map_err(|error| wrong(glob, &error))?);
        }
        let exclude = set.build().map_err(|error| wrong(error.glob().unwrap_or_default(), &error))?;
        Ok(Self { exclude, ..Self::default() })
    }

    /// Leaves out files of more bytes than this.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// The largest file that is captured, in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Takes what has this device and inode as not there: the data folder is no part of the workspace.
    #[must_use]
    pub fn skipping(mut self, device: u64, inode: u64) -> Self {
        self.skip.push((device, inode));
        self
    }

    /// Returns why a path in a workspace on `device` is left out, apart from the globs.
    pub(super) fn left_out(&self, kind: Kind, stat: &Stat, owner: u32, device: u64) -> Option<LeftOut> {
        const RUNS_AS_ANOTHER: u32 = 0o6000;
        if kind == Kind::Folder && stat.dev != device {
            Some(LeftOut::Mount)
        } else if kind == Kind::File && stat.size > self.max_bytes {
            Some(LeftOut::TooLarge)
        } else if kind == Kind::File && stat.mode & RUNS_AS_ANOTHER != 0 && owner != geteuid().as_raw() {
            Some(LeftOut::Owner)
        } else {
            kind.left_out()
        }
    }

    /// True when neither a path of the workspace nor a folder above it is excluded.
    #[must_use]
    pub fn captures(&self, path: &str) -> bool {
        let path = name_to_bytes(path);
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        self.exclude.is_empty() || !slashes.chain([path.len()]).any(|end| self.excludes(&path[..end]))
    }

    pub(super) fn excludes(&self, path: &[u8]) -> bool {
        !self.exclude.is_empty() && self.exclude.is_match(OsStr::from_bytes(path))
    }

    pub(super) fn skips(&self, device: u64, inode: u64) -> bool {
        self.skip.contains(&(device, inode))
    }

    /// Describes why a path is left out.
    pub(super) fn describe(&self, why: LeftOut) -> String {
        match why {
            LeftOut::TooLarge => format!("larger than {}", describe_size(self.max_bytes)),
            LeftOut::Excluded => "excluded".into(),
            LeftOut::Unreadable => "can't be read".into(),
            LeftOut::InUnreadable => "in a folder that can't be read".into(),
            LeftOut::Pipe => format!("a named pipe, {LEFT_ALONE}"),
            LeftOut::Socket => format!("a socket, {LEFT_ALONE}"),
            LeftOut::Device => format!("a device, {LEFT_ALONE}"),
            LeftOut::Mount => "on another file system".into(),
            LeftOut::Unsteady => UNSTEADY.into(),
            LeftOut::Owner => "it runs as another user, which can't be restored".into(),
            LeftOut::Lost => "its before-image is lost".into(),
        }
    }
}

fn describe_size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{} kB", bytes / 1000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}
