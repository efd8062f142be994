//! Files that are protected: by their paths, and by what they are, as one file can have more names.

use std::fs::{Metadata, canonicalize};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files as they are found at one moment.
#[derive(Debug, Clone, Default)]
pub struct Protected(Vec<Found>);

/// One file.
#[derive(Debug, Clone)]
struct Found {
    /// Its path without links above it, and where it leads when it is a link itself.
    paths: Vec<PathBuf>,
    /// Device and inode; `None`: there is none now.
    id: Option<(u64, u64)>,
    /// True when it has other names.
    has_more_names: bool,
}

impl Protected {
    /// Looks up these files. Reads their metadata.
    #[must_use]
    pub fn look_up(files: &[PathBuf]) -> Self {
        let find = |file: &PathBuf| {
            let metadata = file.metadata().ok();
            let paths = [plain(file), canonicalize(file).unwrap_or_else(|_| plain(file))];
            let has_more_names = metadata.as_ref().is_some_and(|found| found.nlink() > 1);
            Found { paths: paths.into(), id: metadata.as_ref().map(id), has_more_names }
        };
        Self(files.iter().map(find).collect())
    }

    /// The first of these changes of a workspace that would change one of the files, or take away a folder that holds
    /// one. `root`: the workspace, without links; `changes`: paths in it, without links above their last part.
    pub fn first_touched<'c>(&self, root: &Path, mut changes: impl Iterator<Item = &'c str>) -> Option<&'c str> {
        let within = |path: &PathBuf| path.strip_prefix(root).ok().map(Path::to_owned);
        let own: Vec<PathBuf> = self.0.iter().flat_map(|found| &found.paths).filter_map(within).collect();
        // A file that has no other name is found by its path: nothing has to be read.
        let linked: Vec<_> = self.0.iter().filter(|found| found.has_more_names).map(|found| found.id).collect();
        let is_linked = |change: &str| {
            let now = root.join(change).symlink_metadata().ok().map(|found| id(&found));
            now.is_some() && linked.contains(&now)
        };
        changes
            .find(|change| own.iter().any(|own| own.starts_with(change)) || (!linked.is_empty() && is_linked(change)))
    }

    /// The paths of the files that are there, without links.
    pub fn real_paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.iter().filter(|found| found.id.is_some()).filter_map(|found| found.paths.last())
    }

    /// True when a change at a path would change one of the files, or take away a folder that holds one.
    #[must_use]
    pub fn is_touched(&self, path: &Path) -> bool {
        let plain = plain(path);
        if self.0.iter().flat_map(|found| &found.paths).any(|own| own.starts_with(&plain)) {
            return true;
        }
        let linked = self.0.iter().any(|found| found.has_more_names) || path.is_symlink();
        let now = if linked { path.metadata().ok().as_ref().map(id) } else { None };
        now.is_some() && self.0.iter().any(|found| found.id == now)
    }
}

fn id(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// The path without links above its last part, which need not be there.
fn plain(path: &Path) -> PathBuf {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return canonicalize(path).unwrap_or_else(|_| path.to_owned());
    };
    canonicalize(parent).map_or_else(|_| path.to_owned(), |parent| parent.join(name))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_found_under_each_of_its_names_and_in_its_folders() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("prompts/more")).unwrap();
        for name in ["prompts/lead.md", "prompts/more/other.md", "real.md", "twice.md"] {
            fs::write(at(name), name).unwrap();
        }
        symlink(at("real.md"), at("prompts/link.md")).unwrap();
        symlink(at("prompts"), at("way")).unwrap();
        fs::hard_link(at("twice.md"), at("again.md")).unwrap();
        let own = ["prompts/lead.md", "prompts/link.md", "twice.md", "gone.md"].map(at);
        let own = Protected::look_up(&own);
        for touched in [
            "prompts/lead.md",
            "way/lead.md",
            "prompts",
            "real.md",
            "prompts/link.md",
            "twice.md",
            "again.md",
            "gone.md",
        ] {
            assert!(own.is_touched(&at(touched)), "{touched}");
        }
        for free in ["prompts/more/other.md", "prompts/more", "prompts/new.md", "lead.md", "way"] {
            assert!(!own.is_touched(&at(free)), "{free}");
        }
        let root = folder.path().canonicalize().unwrap();
        let first = |changes: &[&'static str]| own.first_touched(&root, changes.iter().copied());
        assert_eq!(first(&["a", "prompts/new.md", "prompts/lead.md", "real.md"]), Some("prompts/lead.md"));
        assert_eq!((first(&["again.md"]), first(&["real.md"])), (Some("again.md"), Some("real.md")));
        assert_eq!((first(&["prompts"]), first(&["prompts/more", "prompt", "new"])), (Some("prompts"), None));
        assert_eq!(own.real_paths().count(), 3);
        // One that was replaced since is looked up anew, and its name stays protected.
        fs::remove_file(at("prompts/lead.md")).unwrap();
        assert!(own.is_touched(&at("prompts/lead.md")));
    }
}
