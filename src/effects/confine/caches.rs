//! Gives a command the caches of the user's tools: warm to read, and what it writes there is thrown away.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::overlay_mount::mount_overlay;
use super::spec::OverlayDirs;
use super::tool_caches::{ToolCache, Vars, tool_caches};

/// A folder of the command's temporary folder, for the caches that can't be had.
const PRIVATE: &str = ".caches";

/// The caches as a command has them.
#[derive(Debug, Default)]
pub(super) struct CacheView {
    /// The folders that have an overlay.
    pub writable: Vec<PathBuf>,
    /// The variables that lead tools to empty folders of the command's own, where there is no overlay.
    pub variables: Vec<(OsString, OsString)>,
}

/// The folders that matter for caches.
pub(super) struct CachePlaces<'a> {
    /// The workspace.
    pub workspace: &'a Path,
    /// The folder that takes the writes.
    pub upper: &'a Path,
    /// A path to that folder that holds whatever is mounted over it.
    pub handle: &'a Path,
    /// The temporary folder as the command sees it.
    pub temp: &'a Path,
}

/// Mounts an overlay over each cache. A tool whose cache can't have one gets an empty folder.
pub(super) fn mount_caches(places: &CachePlaces<'_>) -> CacheView {
    let mut view = CacheView::default();
    let vars = environment();
    for (at, cache) in tool_caches(&vars).iter().enumerate() {
        match fs::canonicalize(&cache.folder) {
            Ok(real) if is_within(&real, places.workspace, &view.writable) => {}
            Ok(real) if mount_cache(&real, places, at).is_ok() => view.writable.push(real),
            Ok(_) | Err(_) => view.variables.extend(redirect(cache, places.temp, &vars)),
        }
    }
    view
}

/// Leads every tool to an empty folder below the temporary one.
/// Those within one of these folders can be written as they are.
pub(super) fn redirect_caches(writable: &[&Path], temp: &Path) -> Vec<(OsString, OsString)> {
    let vars = environment();
    let outside = |cache: &ToolCache| !writable.iter().any(|folder| cache.folder.starts_with(folder));
    tool_caches(&vars).iter().filter(|cache| outside(cache)).filter_map(|cache| redirect(cache, temp, &vars)).collect()
}

fn environment() -> Box<Vars<'static>> {
    Box::new(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
}

/// True when a cache can be written without an overlay of its own.
fn is_within(real: &Path, workspace: &Path, mounted: &[PathBuf]) -> bool {
    real.starts_with(workspace) || mounted.iter().any(|cache| real.starts_with(cache))
}

fn redirect(cache: &ToolCache, temp: &Path, vars: &Vars<'_>) -> Option<(OsString, OsString)> {
    cache.redirect.variable(temp.join(PRIVATE).join(cache.name), vars)
}

fn mount_cache(real: &Path, places: &CachePlaces<'_>, at: usize) -> io::Result<()> {
    // An overlay would hide the workspace, or have its own upper folder below it.
    if [places.workspace, places.upper].iter().any(|inner| inner.starts_with(real)) {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let own = places.handle.join(at.to_string());
    let dirs = OverlayDirs { upper: own.join("upper").into(), work: own.join("work").into() };
    for dir in [own.as_os_str(), &dirs.upper, &dirs.work] {
        DirBuilder::new().mode(0o700).create(dir)?;
    }
    mount_overlay(real, &dirs)
}
