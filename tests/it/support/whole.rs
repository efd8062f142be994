//! Everything below a folder as the system has it: what a program that only looks must leave as it is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that is longer is told by its length and by what it takes on the disk.
const LONG: u64 = 1 << 30;

/// Every entry below a folder, itself too: its type and mode, owner, links, size, time of last change, content, and
/// extended attributes.
pub fn whole(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let is = path.symlink_metadata().unwrap();
        let content = if is.is_symlink() {
            fs::read_link(&path).unwrap().display().to_string()
        } else if is.is_file() && is.size() > LONG {
            format!("{} blocks", is.blocks())
        } else if is.is_file() {
            blake3::hash(&fs::read(&path).unwrap()).to_string()
        } else {
            String::new()
        };
        if is.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let mut attributes: Vec<_> = xattr::list(&path).into_iter().flatten().collect();
        attributes.sort();
        let attributes: Vec<_> =
            attributes.iter().map(|name| (name, xattr::get(&path, name).unwrap_or(None))).collect();
        let changed = (is.mtime(), is.mtime_nsec(), is.ctime(), is.ctime_nsec());
        let size = if is.is_dir() { 0 } else { is.size() };
        let facts = format!(
            "{:o} {}:{} x{} {size} {changed:?} {content} {attributes:?}",
            is.mode(),
            is.uid(),
            is.gid(),
            is.nlink()
        );
        found.insert(path, facts);
    }
    found
}

/// The paths at which a folder differs from what it was.
pub fn changed(before: &BTreeMap<PathBuf, String>, after: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let paths: std::collections::BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    let differing = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    differing.map(|path| format!("{}: {:?} -> {:?}", path.display(), before.get(path), after.get(path))).collect()
}
