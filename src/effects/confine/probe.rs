//! Finds the strongest isolation that the system supports.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;

use super::confinement::{Confinement, Isolation, Launcher, ShellPaths};
use super::gap::Gap;
use super::helper::{helper, outer_command};
use super::mount_table::MountPoint;
use super::scratch::{self, Scratch};
use super::spec::{End, Go, OverlayDirs, Report, Spec, Streams, line};

/// The longest time that one try may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Tries the levels from `most` down, and takes the first that works.
pub(super) fn probe(paths: ShellPaths, most: Isolation) -> Confinement {
    let paths = resolve(paths);
    let helper = helper().filter(|_| cfg!(target_os = "linux") && most > Isolation::Group);
    let Some(helper) = helper else { return Confinement::none(paths) };
    let bases: Vec<PathBuf> = scratch_bases(&paths)
        .into_iter()
        .filter(|base| is_apart(base, &paths) && scratch::prepare(base).is_ok())
        .collect();
    for base in &bases {
        scratch::sweep(base);
    }
    let mounts = has_mounts_below(&paths.workspace);
    let mut refused = vec![];
    let levels = [Isolation::Overlay, Isolation::Namespaces, Isolation::Landlock];
    for isolation in levels.into_iter().filter(|isolation| *isolation <= most) {
        if isolation == Isolation::Overlay && mounts {
            let why = "other file systems are mounted in the workspace, and an overlay would hide them";
            refused.push((isolation, why.into()));
            continue;
        }
        if isolation == Isolation::Overlay && is_foreign(&paths.workspace) {
            let why = "the workspace has another owner or group than this program, which an overlay can't keep here";
            refused.push((isolation, why.into()));
            continue;
        }
        for base in &bases {
            match try_isolation(helper, &paths, base, isolation) {
                Ok(mut gaps) => {
                    gaps.extend(mounts.then_some(Gap::Mounts));
                    let launcher = Launcher { helper: helper.to_owned(), scratch: base.clone() };
                    return Confinement::new(paths, isolation, gaps, launcher).with_refused(refused);
                }
                Err(why) => refused.push((isolation, why)),
            }
        }
    }
    Confinement::none(paths).with_refused(refused)
}

/// Resolves the links in the paths.
pub(super) fn resolve(paths: ShellPaths) -> ShellPaths {
    let real = |path: PathBuf| fs::canonicalize(&path).unwrap_or(path);
    ShellPaths {
        workspace: real(paths.workspace),
        hidden: paths.hidden.into_iter().map(real).collect(),
        scratch: paths.scratch,
    }
}

/// Lists possible parents of scratch folders, best first.
pub(super) fn scratch_bases(paths: &ShellPaths) -> Vec<PathBuf> {
    if let Some(base) = &paths.scratch {
        return vec![base.clone()];
    }
    let state = etcetera::choose_base_strategy()
        .ok()
        .and_then(|strategy| Some(strategy.state_dir()?.join("tama-tui").join("scratch")));
    let temp = std::env::temp_dir().join(format!("tama-tui-{}", nix::unistd::geteuid()));
    state.into_iter().chain([temp]).collect()
}

/// True when scratch folders can be in `base`: an overlay's folders can't be in its workspace, or the other way
/// round, and nothing can be written in a hidden folder.
pub(super) fn is_apart(base: &Path, paths: &ShellPaths) -> bool {
    let mut real = base.to_owned();
    for there in base.ancestors() {
        if let Ok(resolved) = fs::canonicalize(there) {
            real = resolved.join(base.strip_prefix(there).unwrap_or(Path::new("")));
            break;
        }
    }
    let within = |folder: &PathBuf| real.starts_with(folder);
    !within(&paths.workspace) && !paths.workspace.starts_with(&real) && !paths.hidden.iter().any(within)
}

/// True when a folder belongs to ids that the user namespace of a user who is not root can't map.
fn is_foreign(folder: &Path) -> bool {
    use nix::unistd::{getegid, geteuid};
    let others = |found: fs::Metadata| found.uid() != geteuid().as_raw() || found.gid() != getegid().as_raw();
    !geteuid().is_root() && fs::metadata(folder).is_ok_and(others)
}

/// True when something is mounted below the folder.
fn has_mounts_below(folder: &Path) -> bool {
    let mounts = MountPoint::read_all().unwrap_or_default();
    mounts.iter().any(|mount| mount.path() != folder && mount.path().starts_with(folder))
}

/// Tries a level, and returns its gaps, or the reason why it does not work.
fn try_isolation(helper: &Path, paths: &ShellPaths, base: &Path, isolation: Isolation) -> Result<Vec<Gap>, String> {
    let report = run_true(helper, paths, base, isolation).map_err(|error| error.to_string())?;
    match report.end {
        End::Code(0) => Ok(report.gaps),
        End::NoSetUp(why) | End::NotStarted(why) | End::Unknown(why) | End::Lost(why) => Err(why),
        End::Code(_) | End::Signal(_) | End::Killed => Err("failed to run `true`".into()),
    }
}

fn run_true(helper: &Path, paths: &ShellPaths, base: &Path, isolation: Isolation) -> io::Result<Report> {
    let scratch = Scratch::create(base)?;
    let overlay = isolation == Isolation::Overlay;
    if overlay {
        // Without extended attributes an overlay can't replace a folder.
        xattr::set(scratch.upper(), "user.overlay.probe", b"y")?;
    }
    let spec = Spec {
        programs: vec![vec!["true".into()]],
        workspace: paths.workspace.clone().into(),
        hidden: paths.hidden.iter().map(Into::into).collect(),
        read_only: Vec::new(),
        temp: scratch.temp().into(),
        caches: scratch.caches().into(),
        overlay: overlay.then(|| OverlayDirs { upper: scratch.upper().into(), work: scratch.work().into() }),
        namespaces: isolation >= Isolation::Namespaces,
        network: false,
        local_sockets: false,
        variables: Vec::new(),
        streams: Streams::Pipes,
        writable: Vec::new(),
        visible: Vec::new(),
        ended: None,
    };
    let (mut command, mut stream) = outer_command(helper, &paths.workspace)?;
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()?;
    drop(command);
    let report = converse(&mut stream, &spec);
    // Dropping the leash ends everything that hangs.
    drop(stream);
    child.wait()?;
    report
}

fn converse(stream: &mut std::os::unix::net::UnixStream, spec: &Spec) -> io::Result<Report> {
    stream.set_read_timeout(Some(LONGEST))?;
    stream.write_all(&[line(spec)?, line(&Go)?].concat())?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_is_apart_from_workspace_and_data() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let paths = ShellPaths { workspace: root.join("a/work"), hidden: vec![root.join("data")], scratch: None };
        for base in ["a/work/x", "a/work", "a", "", "data", "data/x"] {
            assert!(!is_apart(&root.join(base), &paths), "{base}");
        }
        for base in ["a/workshop", "b", "database"] {
            assert!(is_apart(&root.join(base), &paths), "{base}");
        }
    }
}
