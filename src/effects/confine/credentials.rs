//! Hides the files in which package managers keep credentials.

use std::fs;
use std::io;
use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::tool_caches::credential_files;

const NONE: Option<&str> = None;

/// True when there are such files.
pub(super) fn has_credentials() -> bool {
    !credential_files(&|name| std::env::var_os(name)).is_empty()
}

/// Mounts an empty file over each of them that is outside of the workspace. `stand_ins`: a folder for these.
pub(super) fn hide_credentials(workspace: &Path, stand_ins: &Path) -> io::Result<()> {
    let files = credential_files(&|name| std::env::var_os(name));
    if files.is_empty() {
        return Ok(());
    }
    let empty = stand_ins.join("empty");
    fs::write(&empty, "")?;
    // Maven stops at an empty one.
    let settings = stand_ins.join("settings.xml");
    fs::write(&settings, "<settings/>\n")?;
    for file in files {
        let Ok(real) = fs::canonicalize(&file) else { continue };
        if real.starts_with(workspace) {
            continue;
        }
        let is_settings = file.extension().is_some_and(|end| end == "xml");
        let stand_in = if is_settings { &settings } else { &empty };
        mount(Some(stand_in), &real, NONE, MsFlags::MS_BIND, NONE)?;
    }
    Ok(())
}
