//! Mounts the command's view of the file system: an overlay over the workspace, empty folders over hidden ones, its own
//! temporary folder, devices and shared memory, and overlays over the caches of tools. Everything else is read-only.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use super::caches::{CachePlaces, mount_caches};
use super::credentials::hide_credentials;
use super::devices::mount_devices;
use super::gap::Gap;
use super::overlay_mount::{by_handle, folder, handle, mount_overlay};
use super::read_only;
use super::roles::SMALL_PROGRAM;
use super::spec::Spec;

/// Folders that programs expect to be able to write.
const TEMPS: [&str; 2] = ["/tmp", "/var/tmp"];
const NONE: Option<&str> = None;

/// The view that was mounted.
pub(super) struct View {
    /// The folder for temporary files as the command sees it.
    pub temp: OsString,
    /// Folders and devices that can be written, beside the workspace.
    pub writable: Vec<OsString>,
    /// Variables to set for the command.
    pub variables: Vec<(OsString, OsString)>,
    /// The gaps: mounts that failed.
    pub gaps: Vec<Gap>,
}

/// Changes the mounts of this process' mount namespace.
///
/// # Errors
/// When the mounts can't be changed at all, or the workspace can't be mounted.
pub(super) fn build(spec: &Spec) -> io::Result<View> {
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
        .map_err(|e| describe_failure("own its mounts", e))?;
    let workspace = Path::new(&spec.workspace);
    // Everything that stays writable is mounted while what it is mounted from can be written.
    match &spec.overlay {
        Some(dirs) => mount_overlay(workspace, dirs).map_err(|error| describe_failure("mount the overlay", error))?,
        None => mount_itself(workspace).map_err(|error| describe_failure("mount the workspace", error))?,
    }
    let caches_folder = folder(&spec.caches)?;
    let caches = PathBuf::from(by_handle(&caches_folder));
    let mut view = View { temp: spec.temp.clone(), writable: vec![], variables: vec![], gaps: vec![] };
    mount_temps(&mut view, spec).map_err(|error| describe_failure("mount the temporary folder", error))?;
    let temp = PathBuf::from(&view.temp);
    // Before the caches are mounted: one of these may lie in a cache, and what is written there stays.
    let kept = spec.writable.iter().filter_map(|path| Some((path, handle(path)?)));
    let kept: Vec<(&OsString, OwnedFd)> = kept.collect();
    let places = CachePlaces { workspace, upper: Path::new(&spec.caches), handle: &caches, temp: &temp };
    let mounted = mount_caches(&places);
    view.writable.extend(mounted.writable.into_iter().map(PathBuf::into_os_string));
    view.variables = mounted.variables;
    // One that is not there can't be written, which the command hears from the system.
    for (path, own) in kept {
        if mount_by_handle(&own, Path::new(path)).is_ok() {
            view.writable.push(path.clone());
        }
    }
    for hidden in &spec.hidden {
        if hide(Path::new(hidden), workspace).is_err() {
            view.gaps.extend([Gap::DataRead, Gap::DataChanged]);
        }
    }
    // A tool with the network is one that its user wrote: it may have to log in somewhere.
    if !spec.network && hide_credentials(workspace, &caches).is_err() {
        view.gaps.push(Gap::Credentials);
    }
    if spec.overlay.is_none() && !protect_files(spec, workspace) {
        view.gaps.push(Gap::OwnFiles);
    }
    let devices = mount_devices(&needed(workspace, &temp).iter().map(PathBuf::as_path).collect::<Vec<_>>());
    view.writable.extend(devices.into_iter().map(OsString::from));
    if !protect_rest(&view.writable, workspace) {
        view.gaps.push(Gap::MetadataOutside);
    }
    Ok(view)
}

/// Mounts files of the workspace over themselves, read-only; then neither they nor the folders above them can be
/// replaced, renamed or removed. Returns `true` when all of them are.
fn protect_files(spec: &Spec, workspace: &Path) -> bool {
    let files: Vec<&Path> = spec.read_only.iter().map(Path::new).filter(|file| file.starts_with(workspace)).collect();
    // Each once, those above first.
    let folders: BTreeSet<&Path> = files.iter().flat_map(|file| folders_to(file, workspace)).collect();
    let mounted = folders.iter().chain(&files).all(|path| mount_itself(path).is_ok());
    mounted && read_only::protect(|path| files.contains(&path)).unwrap_or(false)
}

/// The folders between the workspace and something in it, the innermost first. One that is mounted over itself can't be
/// renamed or removed.
fn folders_to<'p>(path: &'p Path, workspace: &Path) -> impl Iterator<Item = &'p Path> {
    path.ancestors().skip(1).take_while(move |path| *path != workspace && path.starts_with(workspace))
}

/// Makes everything read-only but the workspace and the other places that can be written.
fn protect_rest(writable: &[OsString], workspace: &Path) -> bool {
    // The inner process mounts a `/proc` of its own.
    let kept = [workspace, Path::new("/proc")];
    let is_kept = |path: &Path| {
        kept.iter().any(|kept| path.starts_with(kept)) || writable.iter().any(|kept| path.starts_with(kept))
    };
    read_only::protect(|path| !is_kept(path)).unwrap_or(false)
}

/// Mounts the command's temporary folder where programs look for one, or else over itself.
fn mount_temps(view: &mut View, spec: &Spec) -> io::Result<()> {
    let temp = folder(&spec.temp)?;
    let mut needed = needed(Path::new(&spec.workspace), Path::new("/"));
    needed.extend(spec.visible.iter().map(PathBuf::from));
    for target in TEMPS {
        let free = !needed.iter().any(|path| path.starts_with(target));
        let is_folder = fs::symlink_metadata(target).is_ok_and(|data| data.is_dir());
        if free && is_folder && mount(Some(by_handle(&temp).as_str()), target, NONE, MsFlags::MS_BIND, NONE).is_ok() {
            if view.temp == spec.temp {
                view.temp = target.into();
            }
            view.writable.push(target.into());
        }
    }
    if view.temp == spec.temp {
        mount_itself(Path::new(&spec.temp))?;
        view.writable.push(spec.temp.clone());
    }
    Ok(())
}

/// Lists paths that must not be hidden.
fn needed(workspace: &Path, temp: &Path) -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    // The inner process is this program once more: unless it is the small one, it must still find the library beside it.
    let program = std::env::current_exe().ok().filter(|program| !program.ends_with(SMALL_PROGRAM));
    [Some(workspace.to_owned()), Some(temp.to_owned()), home, program].into_iter().flatten().collect()
}

/// Mounts a folder over itself, with all that is mounted in it.
fn mount_itself(folder: &Path) -> nix::Result<()> {
    mount(Some(folder), folder, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
}

/// Mounts what a handle names at its own path, with all that is mounted in it.
fn mount_by_handle(own: &OwnedFd, path: &Path) -> nix::Result<()> {
    mount(Some(by_handle(own).as_str()), path, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
}

/// Mounts an empty read-only folder over one. Neither it nor a folder of the workspace above it can then be removed or
/// renamed.
fn hide(hidden: &Path, workspace: &Path) -> nix::Result<()> {
    if !hidden.is_dir() {
        return Ok(());
    }
    let mut between: Vec<&Path> = folders_to(hidden, workspace).collect();
    while let Some(folder) = between.pop() {
        mount_itself(folder)?;
    }
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), hidden, Some("tmpfs"), flags, Some("size=4k,mode=555"))
}

fn describe_failure(what: &str, error: impl Display) -> io::Error {
    io::Error::other(format!("failed to {what}: {error}"))
}
