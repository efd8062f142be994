//! A folder as it is, byte by byte, read by nothing of the program's own.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// A file, link or folder at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    File {
        mode: u32,
        bytes: Vec<u8>,
    },
    Folder {
        mode: u32,
    },
    Link {
        target: Vec<u8>,
    },
    /// A pipe, socket or device.
    Other,
}

/// Everything below a folder, by its path in it.
pub type Manifest = BTreeMap<Vec<u8>, Node>;

/// Reads a folder, itself (`.`) and all in it; links are not followed, and what is named `.tama` at the top is left
/// out.
pub fn manifest(root: &Path) -> Manifest {
    let mut found = Manifest::new();
    let own = root.metadata().unwrap().permissions().mode() & 0o7777;
    found.insert(b".".to_vec(), Node::Folder { mode: own });
    let mut open = vec![root.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let inside = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_owned();
            if inside == b".tama" {
                continue;
            }
            let is = path.symlink_metadata().unwrap();
            let mode = is.permissions().mode() & 0o7777;
            let node = if is.is_symlink() {
                Node::Link { target: fs::read_link(&path).unwrap().as_os_str().as_bytes().to_owned() }
            } else if is.is_dir() {
                open.push(path);
                Node::Folder { mode }
            } else if is.is_file() {
                Node::File { mode, bytes: fs::read(&path).unwrap() }
            } else {
                assert_ne!(is.mode(), 0);
                Node::Other
            };
            found.insert(inside, node);
        }
    }
    found
}

/// The paths at which two manifests differ, readable.
pub fn differences(one: &Manifest, other: &Manifest) -> Vec<String> {
    let paths: std::collections::BTreeSet<&Vec<u8>> = one.keys().chain(other.keys()).collect();
    let differing = paths.into_iter().filter(|path| one.get(*path) != other.get(*path));
    differing
        .map(|path| format!("{}: {} / {}", path.escape_ascii(), short(one.get(path)), short(other.get(path))))
        .collect()
}

fn short(node: Option<&Node>) -> String {
    match node {
        None => "nothing".into(),
        Some(Node::File { mode, bytes }) if bytes.len() > 40 => format!("file {mode:o} of {} bytes", bytes.len()),
        Some(Node::File { mode, bytes }) => format!("file {mode:o} {:?}", String::from_utf8_lossy(bytes)),
        Some(other) => format!("{other:?}"),
    }
}
