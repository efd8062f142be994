//! The model: a folder as a map, what commands do to it, and an oracle that tries what an undo would mean.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::support::manifest::{Manifest, Node};

/// A path, as the system has it.
pub type Path = Vec<u8>;

/// One thing that a command does; each always works, whatever is there.
#[derive(Debug, Clone)]
pub enum Op {
    Write(Path, String),
    Append(Path, String),
    Remove(Path),
    Folder(Path),
    Move(Path, Path),
    Mode(Path, u32),
    Link(Path, String),
}

/// Shell functions that do what [`apply`] does.
const PRELUDE: &str = r#"umask 022
up() { local at="" rest=$1; while [[ $rest == */* ]]; do at+=${rest%%/*}; rest=${rest#*/}
  [[ -d $at && ! -L $at ]] || { rm -f -- "$at"; mkdir -- "$at"; }; at+=/; done; }
clear() { if [[ -L $1 || -d $1 ]]; then rm -rf -- "$1"; fi; }
put() { up "$1"; clear "$1"; printf %s "$2" > "$1"; }
more() { up "$1"; clear "$1"; printf %s "$2" >> "$1"; }
folder() { up "$1"; [[ -d $1 && ! -L $1 ]] || { rm -f -- "$1"; mkdir -- "$1"; }; }
move() { if [[ -e $1 || -L $1 ]]; then up "$2"; rm -rf -- "$2"; mv -T -- "$1" "$2"; fi; }
mode() { if [[ ! -L $1 ]]; then if [[ -d $1 ]]; then chmod 7$3 "$1"; elif [[ -e $1 ]]; then chmod $2 "$1"; fi; fi; }
link() { up "$1"; rm -rf -- "$1"; ln -s -- "$2" "$1"; }
"#;

/// The command that does these.
pub fn script(ops: &[Op]) -> String {
    let mut script = PRELUDE.to_owned();
    for op in ops {
        let line = match op {
            Op::Write(path, text) => format!("put {} '{text}'", quoted(path)),
            Op::Append(path, text) => format!("more {} '{text}'", quoted(path)),
            Op::Remove(path) => format!("rm -rf -- {}", quoted(path)),
            Op::Folder(path) => format!("folder {}", quoted(path)),
            Op::Move(from, to) => format!("move {} {}", quoted(from), quoted(to)),
            Op::Mode(path, mode) => format!("mode {} {mode:o} {:02o}", quoted(path), mode & 0o77),
            Op::Link(path, target) => format!("link {} '{target}'", quoted(path)),
        };
        writeln!(script, "{line}").unwrap();
    }
    script
}

fn quoted(path: &[u8]) -> String {
    let mut quoted = String::from("$'");
    for byte in path {
        write!(quoted, "\\x{byte:02x}").unwrap();
    }
    quoted + "'"
}

/// Does one thing to the model.
pub fn apply(tree: &mut Manifest, op: &Op) {
    match op {
        Op::Write(path, text) => write(tree, path, text, false),
        Op::Append(path, text) => write(tree, path, text, true),
        Op::Remove(path) => remove(tree, path),
        Op::Folder(path) => {
            up(tree, path);
            if !matches!(tree.get(path), Some(Node::Folder { .. })) {
                tree.insert(path.clone(), Node::Folder { mode: 0o755 });
            }
        }
        Op::Move(from, to) => {
            if !tree.contains_key(from) {
                return;
            }
            up(tree, to);
            remove(tree, to);
            let moved: Vec<Path> = tree.keys().filter(|path| *path == from || is_inside(path, from)).cloned().collect();
            for path in moved {
                let node = tree.remove(&path).unwrap();
                tree.insert([to.as_slice(), &path[from.len()..]].concat(), node);
            }
        }
        Op::Mode(path, wanted) => match tree.get_mut(path) {
            Some(Node::File { mode, .. }) => *mode = *wanted,
            Some(Node::Folder { mode }) => *mode = 0o700 | wanted & 0o77,
            _ => {}
        },
        Op::Link(path, target) => {
            up(tree, path);
            remove(tree, path);
            tree.insert(path.clone(), Node::Link { target: target.as_bytes().to_vec() });
        }
    }
}

/// Writes a file as the shell functions and the file tools do: a mode that is there stays.
pub fn write(tree: &mut Manifest, path: &Path, text: &str, append: bool) {
    up(tree, path);
    let (mode, mut bytes) = if let Some(Node::File { mode, bytes }) = tree.get(path) {
        (*mode, bytes.clone())
    } else {
        remove(tree, path);
        (0o644, Vec::new())
    };
    if !append {
        bytes.clear();
    }
    bytes.extend_from_slice(text.as_bytes());
    tree.insert(path.clone(), Node::File { mode, bytes });
}

pub fn remove(tree: &mut Manifest, path: &Path) {
    tree.retain(|at, _| at != path && !is_inside(at, path));
}

/// Makes the folders above a path; what stands in their place goes.
fn up(tree: &mut Manifest, path: &[u8]) {
    for at in parents(path) {
        if !matches!(tree.get(&at), Some(Node::Folder { .. })) {
            tree.insert(at, Node::Folder { mode: 0o755 });
        }
    }
}

pub fn parents(path: &[u8]) -> impl Iterator<Item = Path> {
    let ends: Vec<usize> = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at).collect();
    ends.into_iter().map(|end| path[..end].to_vec()).collect::<Vec<_>>().into_iter()
}

pub fn is_inside(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// One change of one path, in the order in which they happened.
#[derive(Debug, Clone)]
pub struct Change {
    pub path: Path,
    pub old: Option<Node>,
    pub new: Option<Node>,
    /// Not undone (an outsider's never is).
    pub applied: bool,
}

/// The differences between two trees, in an order in which they can be made one by one.
pub fn changes(before: &Manifest, after: &Manifest) -> Vec<Change> {
    let paths: std::collections::BTreeSet<&Path> = before.keys().chain(after.keys()).collect();
    let mut found: Vec<Change> = paths
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| Change {
            path: path.clone(),
            old: before.get(path).cloned(),
            new: after.get(path).cloned(),
            applied: true,
        })
        .collect();
    // What goes, the innermost first; then the rest, the outermost first.
    found.sort_by_key(|change| match change.new {
        None => (false, usize::MAX - change.path.len(), change.path.clone()),
        Some(_) => (true, change.path.len(), change.path.clone()),
    });
    found
}

/// True when an action can be undone by itself: the history without it still works, and ends in the present tree with
/// the one path as it was before. Tried out, not reasoned.
pub fn is_free(start: &Manifest, history: &[Change], at: usize) -> bool {
    let mut tree = start.clone();
    let others = history.iter().enumerate().filter(|(index, change)| change.applied && *index != at);
    for (_, change) in others {
        if !can(&tree, change) {
            return false;
        }
        set(&mut tree, change);
    }
    true
}

/// True when a change can be made to this tree: the path and its parents are as the change found them.
fn can(tree: &Manifest, change: &Change) -> bool {
    let folder_is_there = parents(&change.path).all(|at| matches!(tree.get(&at), Some(Node::Folder { .. })));
    let stays_folder = matches!(change.new, Some(Node::Folder { .. }));
    let empty = stays_folder || !tree.keys().any(|path| is_inside(path, &change.path));
    folder_is_there && empty && tree.get(&change.path) == change.old.as_ref()
}

fn set(tree: &mut Manifest, change: &Change) {
    match &change.new {
        Some(node) => tree.insert(change.path.clone(), node.clone()),
        None => tree.remove(&change.path),
    };
}

/// Memory as the model has it: a text, or a list with the number of the append that added each.
pub type Memory = BTreeMap<String, Vec<(usize, String)>>;
