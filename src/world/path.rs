//! Paths as models write them, made comparable without looking at any file.

use std::path::Path;

use super::WorldError;
use crate::model::{name_from_bytes, name_to_bytes};

/// The workspace itself, as a path.
pub const ROOT: &str = ".";

/// Makes a path relative to the workspace, with `/` between parts and no `.` or `..`; the workspace itself is `.`.
///
/// Absolute paths need `root`, the workspace's own place. Nothing is read: that the path does not leave the
/// workspace through a link is seen when it is used.
///
/// # Errors
/// When it is empty, leads out of the workspace, or is absolute and can't be made relative.
pub fn normalise(path: &str, root: Option<&Path>) -> Result<String, WorldError> {
    let invalid = |why| Err(WorldError::Invalid { path: path.to_owned(), why });
    if path.is_empty() {
        return invalid("it is empty");
    }
    if path.contains('\0') {
        return invalid("it contains a NUL character");
    }
    // One file, one name: bytes that make up text are that text.
    let path = &name_from_bytes(&name_to_bytes(path));
    if !path.starts_with('/') {
        return join_parts(path, path);
    }
    let Some(root) = root.map(|root| name_from_bytes(root.as_os_str().as_encoded_bytes())) else {
        return Err(WorldError::Absolute { path: path.to_owned() });
    };
    // `..` is resolved first, so that "/w/../etc" is not taken for something inside "/w".
    let absolute = join_parts(path.trim_start_matches('/'), path)?;
    let root = root.trim_matches('/');
    let inside = match absolute.strip_prefix(root) {
        Some("") => Some(ROOT),
        Some(rest) => rest.strip_prefix('/'),
        None => None,
    };
    inside.map(str::to_owned).ok_or_else(|| WorldError::Outside { path: path.to_owned() })
}

/// The folders above a normalised path, outermost first, without the workspace itself.
pub fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn join_parts(parts: &str, written: &str) -> Result<String, WorldError> {
    let mut kept: Vec<&str> = Vec::new();
    for part in parts.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if kept.pop().is_none() {
                    return Err(WorldError::Outside { path: written.to_owned() });
                }
            }
            name => kept.push(name),
        }
    }
    Ok(if kept.is_empty() { ROOT.to_owned() } else { kept.join("/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relative(path: &str) -> Result<String, WorldError> {
        normalise(path, Some(Path::new("/w/space")))
    }

    #[test]
    fn dots_and_slashes_go() {
        assert_eq!(relative("./a/../b//c/").unwrap(), "b/c");
        assert_eq!(relative(".").unwrap(), ".");
        assert_eq!(relative("a/..").unwrap(), ".");
        assert_eq!(relative("..a/...").unwrap(), "..a/...");
    }

    #[test]
    fn absolute_paths_inside_become_relative() {
        assert_eq!(relative("/w/space/a/b").unwrap(), "a/b");
        assert_eq!(relative("/w/space/").unwrap(), ".");
        assert_eq!(relative("//w/./space/a").unwrap(), "a");
        assert!(matches!(normalise("/w/space/a", None), Err(WorldError::Absolute { .. })));
    }

    #[test]
    fn what_leads_out_is_refused() {
        for path in ["..", "../x", "a/../../x", "/etc/passwd", "/w/spaceship", "/w", "/w/space/../x", "/../w"] {
            assert!(matches!(relative(path), Err(WorldError::Outside { .. })), "{path}");
        }
        for path in ["", "a\0b"] {
            assert!(matches!(relative(path), Err(WorldError::Invalid { .. })), "{path:?}");
        }
    }

    #[test]
    fn parents_are_outermost_first() {
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(parents("a").count(), 0);
    }
}
