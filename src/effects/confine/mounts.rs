//! Mounts the command's view of the file system: an overlay over the workspace, empty folders over hidden ones, and
//! its own temporary folder, devices and shared memory.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;

use super::spec::{Gap, OverlayDirs, Spec};

/// Folders that programs expect to be able to write.
const TEMPS: [&str; 2] = ["/tmp", "/var/tmp"];
const NONE: Option<&str> = None;

/// The view that was mounted.
pub(super) struct View {
    /// The folder for temporary files as the command sees it.
    pub temp: OsString,
    /// Folders and devices that can be written, beside the workspace.
    pub writable: Vec<OsString>,
    /// The gaps: mounts that failed.
    pub gaps: Vec<Gap>,
}

/// Changes the mounts of this process' mount namespace.
///
/// # Errors
/// When the mounts can't be changed at all, or the overlay can't be mounted.
pub(super) fn build(spec: &Spec, sockets: &[PathBuf]) -> io::Result<View> {
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
        .map_err(|e| describe_failure("own its mounts", e))?;
    let workspace = Path::new(&spec.workspace);
    let temp = folder(&spec.temp)?;
    if let Some(dirs) = &spec.overlay {
        overlay(workspace, dirs).map_err(|error| describe_failure("mount the overlay", error))?;
    }
    let mut view = View { temp: spec.temp.clone(), writable: vec![spec.temp.clone()], gaps: vec![] };
    for hidden in &spec.hidden {
        if hide(Path::new(hidden), workspace).is_err() {
            view.gaps.extend([Gap::DataRead, Gap::DataChanged]);
        }
    }
    let home = std::env::var_os("HOME").map(PathBuf::from);
    // The inner process is this program once more: it must still find the library beside it.
    let program = std::env::current_exe().ok();
    for target in TEMPS {
        let needed = |path: &Path| path.starts_with(target);
        let free = ![Some(workspace), home.as_deref(), program.as_deref()].into_iter().flatten().any(needed);
        if free && is_folder(target) && bind(&by_handle(&temp), target).is_ok() {
            if view.temp == spec.temp {
                view.temp = target.into();
            }
            view.writable.push(target.into());
        }
    }
    devices(&mut view, workspace);
    if !spec.network && !cover_sockets(sockets, workspace) {
        view.gaps.push(Gap::LocalServices);
    }
    Ok(view)
}

/// Mounts an overlay over the workspace. Its folders are named by handle: their names would have to be escaped.
fn overlay(workspace: &Path, dirs: &OverlayDirs) -> io::Result<()> {
    let (lower, upper, work) = (folder(workspace.as_os_str())?, folder(&dirs.upper)?, folder(&dirs.work)?);
    // `userxattr`: the upper folder looks the same for every mounting user, and can be read without being root.
    // `volatile`: applied changes are synced when they are applied; without it, each command would wait for the whole
    // file system.
    // `index=off`, wherever another is the default: with an index, a write through one name of a file shows through
    // its other names without being in the upper folder. Without it, the names part, as they do when the file is
    // applied.
    let data = format!(
        "lowerdir={},upperdir={},workdir={},userxattr,volatile,index=off",
        by_handle(&lower),
        by_handle(&upper),
        by_handle(&work)
    );
    Ok(mount(Some("overlay"), workspace, Some("overlay"), MsFlags::empty(), Some(data.as_str()))?)
}

/// Mounts an empty read-only folder over one. Neither it nor a folder of the workspace above it can then be removed or
/// renamed.
fn hide(hidden: &Path, workspace: &Path) -> nix::Result<()> {
    if !hidden.is_dir() {
        return Ok(());
    }
    let mut between: Vec<&Path> =
        hidden.ancestors().skip(1).take_while(|path| *path != workspace && path.starts_with(workspace)).collect();
    while let Some(folder) = between.pop() {
        mount(Some(folder), folder, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)?;
    }
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), hidden, Some("tmpfs"), flags, Some("size=4k,mode=555"))
}

/// Mounts terminals and shared memory of its own, so that the command can't write to those of others.
fn devices(view: &mut View, workspace: &Path) {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = "newinstance,ptmxmode=0666,mode=0620";
    if is_folder("/dev/pts") && mount(Some("devpts"), "/dev/pts", Some("devpts"), flags, Some(options)).is_ok() {
        let link = fs::symlink_metadata("/dev/ptmx").is_ok_and(|data| data.is_symlink());
        if link || bind("/dev/pts/ptmx", "/dev/ptmx").is_ok() {
            view.writable.extend(["/dev/pts".into(), "/dev/ptmx".into()]);
        }
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    // A workspace may be in there, and would be gone.
    let free = !workspace.starts_with("/dev/shm") && is_folder("/dev/shm");
    if free && mount(Some("tmpfs"), "/dev/shm", Some("tmpfs"), flags, Some("mode=1777")).is_ok() {
        view.writable.push("/dev/shm".into());
    }
}

/// Lists the sockets of this machine's processes: a network namespace does not close them.
pub(super) fn sockets() -> Vec<PathBuf> {
    // unix(7): the path is the eighth field.
    let table = fs::read("/proc/net/unix").unwrap_or_default();
    let mut paths: Vec<PathBuf> = String::from_utf8_lossy(&table)
        .lines()
        .filter_map(|line| line.find(" /").map(|at| PathBuf::from(&line[at + 1..])))
        .collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Mounts a device over each socket; `false` when one stays open.
fn cover_sockets(sockets: &[PathBuf], workspace: &Path) -> bool {
    let there = |path: &Path| fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket());
    let outside = sockets.iter().filter(|path| !path.starts_with(workspace) && there(path));
    outside.filter(|path| bind("/dev/null", path.as_path()).is_err()).count() == 0
}

fn bind<P: ?Sized + nix::NixPath>(from: &str, to: &P) -> nix::Result<()> {
    mount(Some(from), to, NONE, MsFlags::MS_BIND, NONE)
}

fn folder(path: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty())
        .map_err(|error| describe_failure(&format!("open {}", Path::new(path).display()), error))
}

fn by_handle(folder: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", folder.as_raw_fd())
}

fn is_folder(path: &str) -> bool {
    fs::symlink_metadata(path).is_ok_and(|data| data.is_dir())
}

fn describe_failure(what: &str, error: impl Display) -> io::Error {
    io::Error::other(format!("failed to {what}: {error}"))
}
