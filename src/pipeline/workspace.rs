//! Checks the folder that tools may touch.

use std::fs;
use std::path::{Path, PathBuf};

use super::faults::Doc;
use super::reader::Text;

/// A workspace that can be used.
pub(super) enum Workspace {
    /// It exists.
    Existing(PathBuf),
    /// It is missing right beside the pipeline's file.
    Missing(PathBuf),
}

/// Checks the workspace as the pipeline names it; `None` after a fault.
pub(super) fn check_workspace(doc: &Doc<'_>, base: &Path, named: &Text) -> Option<Workspace> {
    let path = Path::new(".").join(base).join(named.get_ref());
    let Ok(folder) = fs::canonicalize(&path) else {
        return missing_workspace(doc, path, named);
    };
    if !folder.is_dir() {
        doc.fault(named.span(), format!("the workspace `{}` is not a folder", named.get_ref()));
        return None;
    }
    let home = etcetera::home_dir().ok().and_then(|home| fs::canonicalize(home).ok());
    let too_wide = match home {
        _ if folder.parent().is_none() => Some("the root of the file system"),
        Some(home) if home == folder => Some("your home folder"),
        Some(home) if home.starts_with(&folder) => Some("a folder that holds your home folder"),
        _ => None,
    };
    if let Some(what) = too_wide {
        let help = "name a folder of its own, e.g. workspace = \"work\"";
        doc.fault_help(named.span(), format!("the workspace is {what}, which tools must not touch"), help);
        return None;
    }
    Some(Workspace::Existing(folder))
}

fn missing_workspace(doc: &Doc<'_>, path: PathBuf, named: &Text) -> Option<Workspace> {
    let one_name = Path::new(named.get_ref()).components().count() == 1 && !named.get_ref().starts_with('.');
    // A link that leads nowhere is there, but making a folder in its place fails.
    if one_name && fs::symlink_metadata(&path).is_err() {
        return Some(Workspace::Missing(path));
    }
    let message = format!("the workspace `{}` does not exist", named.get_ref());
    doc.fault_help(named.span(), message, format!("mkdir -p {}", shell_words::quote(&display_path(&path))));
    None
}

impl Workspace {
    /// Resolves the absolute path, makes a missing folder when `make` is true, and returns a notice about that.
    pub(super) fn resolve(&self, make: bool) -> Result<(PathBuf, Option<String>), String> {
        let path = match self {
            Self::Existing(path) => return Ok((path.clone(), None)),
            Self::Missing(path) => path,
        };
        let failed = |error| format!("failed to make the workspace: {error}");
        if !make {
            let absolute = std::path::absolute(path).map_err(failed)?;
            return Ok((
                absolute,
                Some(format!("the workspace folder {} does not exist yet: a run makes it", display_path(path))),
            ));
        }
        // Another start of the pipeline may have made it just now.
        fs::create_dir(path).or_else(|error| if path.is_dir() { Ok(()) } else { Err(error) }).map_err(failed)?;
        let folder = fs::canonicalize(path).map_err(failed)?;
        Ok((folder, Some(format!("made the workspace folder {}", display_path(path)))))
    }
}

fn display_path(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}
