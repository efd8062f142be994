//! Finding out what the system can do.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;

use super::shell::{Means, Place, Shell};
use super::spec::{End, Gap, OverlayDirs, Report, Spec, line};
use super::{Scratch, helper, run, scratch};

/// How long a try may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Tries from the most down, and takes the first that works.
pub(super) fn probe(place: Place, most: Means) -> Shell {
    let place = resolved(place);
    let helper = helper().filter(|_| cfg!(target_os = "linux") && most > Means::Group);
    let Some(helper) = helper else { return Shell::bare(place) };
    let bases: Vec<PathBuf> =
        bases(&place).into_iter().filter(|base| apart(base, &place) && scratch::prepare(base).is_ok()).collect();
    for base in &bases {
        scratch::sweep(base);
    }
    let mounts = has_mounts_below(&place.workspace);
    let mut refused = vec![];
    for means in [Means::Overlay, Means::Namespaces, Means::Landlock].into_iter().filter(|means| *means <= most) {
        if means == Means::Overlay && mounts {
            refused.push((means, "something is mounted in the workspace, and would not be seen through it".into()));
            continue;
        }
        if means == Means::Overlay && is_foreign(&place.workspace) {
            let why = "the workspace has another owner or group than this program, which an overlay can't keep here";
            refused.push((means, why.into()));
            continue;
        }
        for base in &bases {
            match works(helper, &place, base, means) {
                Ok(mut gaps) => {
                    gaps.extend(mounts.then_some(Gap::Mounts));
                    let place = Place { scratch: Some(base.clone()), ..place };
                    return Shell { place, means, gaps, refused, helper: Some(helper.to_owned()) };
                }
                Err(why) => refused.push((means, why)),
            }
        }
    }
    Shell { refused, ..Shell::bare(place) }
}

/// The same place without links in its paths.
fn resolved(place: Place) -> Place {
    let real = |path: PathBuf| fs::canonicalize(&path).unwrap_or(path);
    Place {
        workspace: real(place.workspace),
        hidden: place.hidden.into_iter().map(real).collect(),
        scratch: place.scratch,
    }
}

/// Where scratch folders could be, best first.
fn bases(place: &Place) -> Vec<PathBuf> {
    if let Some(base) = &place.scratch {
        return vec![base.clone()];
    }
    let state = etcetera::choose_base_strategy()
        .ok()
        .and_then(|strategy| Some(strategy.state_dir()?.join("tama-tui").join("scratch")));
    let temp = std::env::temp_dir().join(format!("tama-tui-{}", nix::unistd::geteuid()));
    state.into_iter().chain([temp]).collect()
}

/// An overlay's folders can't be in its workspace, or the other way round; in a hidden folder nothing can be written.
fn apart(base: &Path, place: &Place) -> bool {
    let mut real = base.to_owned();
    for there in base.ancestors() {
        if let Ok(resolved) = fs::canonicalize(there) {
            real = resolved.join(base.strip_prefix(there).unwrap_or(Path::new("")));
            break;
        }
    }
    let within = |folder: &PathBuf| real.starts_with(folder);
    !within(&place.workspace) && !place.workspace.starts_with(&real) && !place.hidden.iter().any(within)
}

/// Whether a folder belongs to ids that the user namespace of a user who is not root can't know.
fn is_foreign(folder: &Path) -> bool {
    use nix::unistd::{getegid, geteuid};
    let others = |found: fs::Metadata| found.uid() != geteuid().as_raw() || found.gid() != getegid().as_raw();
    !geteuid().is_root() && fs::metadata(folder).is_ok_and(others)
}

/// Whether something is mounted below the folder.
fn has_mounts_below(folder: &Path) -> bool {
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mut points = table.split(|byte| *byte == b'\n').filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    points.any(|point| {
        let point = PathBuf::from(std::ffi::OsString::from_vec(unescaped(point)));
        point != folder && point.starts_with(folder)
    })
}

/// A field of mountinfo without its octal escapes (proc(5)).
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut at = 0;
    while let Some(byte) = field.get(at) {
        let digits = field.get(at + 1..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|_| *byte == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok());
        plain.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 4 } else { 1 };
    }
    plain
}

/// What is not enforced with those means, or why they can't be had.
fn works(helper: &Path, place: &Place, base: &Path, means: Means) -> Result<Vec<Gap>, String> {
    let report = attempt(helper, place, base, means).map_err(|error| error.to_string())?;
    match report.end {
        End::Code(0) => Ok(report.gaps),
        End::NoSetUp(why) | End::NotStarted(why) => Err(why),
        End::Code(_) | End::Signal(_) | End::Killed => Err("`true` failed".into()),
    }
}

fn attempt(helper: &Path, place: &Place, base: &Path, means: Means) -> io::Result<Report> {
    let scratch = Scratch::create(base)?;
    let overlay = means == Means::Overlay;
    if overlay {
        // Without them an overlay can't replace a folder.
        xattr::set(scratch.upper(), "user.overlay.probe", b"y")?;
    }
    let spec = Spec {
        programs: vec![vec!["true".into()]],
        workspace: place.workspace.clone().into(),
        hidden: place.hidden.iter().map(Into::into).collect(),
        temp: scratch.temp().into(),
        overlay: overlay.then(|| OverlayDirs { upper: scratch.upper().into(), work: scratch.work().into() }),
        namespaces: means >= Means::Namespaces,
        network: false,
        ended: None,
    };
    let (mut command, mut stream) = run::outer(helper, &place.workspace)?;
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()?;
    drop(command);
    let report = converse(&mut stream, &spec);
    // Letting go of the leash ends whatever hangs.
    drop(stream);
    child.wait()?;
    report
}

fn converse(stream: &mut std::os::unix::net::UnixStream, spec: &Spec) -> io::Result<Report> {
    stream.set_read_timeout(Some(LONGEST))?;
    stream.write_all(&line(spec)?)?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_unescaped() {
        assert_eq!(unescaped(br"/a\040b\134c\012"), b"/a b\\c\n");
        assert_eq!(unescaped(br"/a\9"), br"/a\9");
    }

    #[test]
    fn scratch_is_apart_from_workspace_and_data() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let place = Place { workspace: root.join("a/work"), hidden: vec![root.join("data")], scratch: None };
        for base in ["a/work/x", "a/work", "a", "", "data", "data/x"] {
            assert!(!apart(&root.join(base), &place), "{base}");
        }
        for base in ["a/workshop", "b", "database"] {
            assert!(apart(&root.join(base), &place), "{base}");
        }
    }
}
