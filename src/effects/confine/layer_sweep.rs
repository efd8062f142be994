//! Removes layers whose runs were deleted.
//!
//! A layer notes where its run's folder is. The run counts as deleted when the folder that it was in is still the same one
//! (by device and inode) and does not have it any more: where that folder is gone too, it may only have been moved, or its
//! disk is not there now. A layer that was looked at in the last hour stays: its agent may still write to it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::scratch::remove_tree;

/// The file in a layer that says where its run is: device and inode of the folder of runs, and the path of the run's own.
const WHERE: &str = "where";
/// Bytes of that file, at most.
const LONGEST: u64 = 16 << 10;
/// The time since the last look, at least.
const REST: Duration = Duration::from_secs(3600);

/// Notes in a layer where its run is.
pub(super) fn note_run(layer: &Path, run: &Path) -> io::Result<()> {
    let run = std::path::absolute(run)?;
    let (device, inode) = identity(run.parent().unwrap_or(&run))?;
    let mut text = format!("{device} {inode}\n").into_bytes();
    text.extend_from_slice(run.as_os_str().as_bytes());
    File::options().write(true).create_new(true).mode(0o600).open(layer.join(WHERE))?.write_all(&text)
}

/// Removes the layers in a folder whose runs were deleted; blocks for as long as that takes. What can't be removed, or of
/// which nothing is known, stays.
pub(super) fn sweep_layers(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let layer = entry.path();
        let is_layer = fs::symlink_metadata(&layer).is_ok_and(|found| found.is_dir());
        if is_layer && has_rested(&layer) && is_run_deleted(&layer) {
            let _ = remove_tree(&layer);
        }
    }
}

fn has_rested(layer: &Path) -> bool {
    let looked = fs::symlink_metadata(layer.join("looked")).and_then(|found| found.modified());
    looked.is_ok_and(|at| at.elapsed().is_ok_and(|since| since >= REST))
}

fn is_run_deleted(layer: &Path) -> bool {
    let Some((device, inode, run)) = read_where(&layer.join(WHERE)) else { return false };
    let is_same_place = run.parent().is_some_and(|runs| identity(runs).is_ok_and(|found| found == (device, inode)));
    let is_gone = fs::symlink_metadata(&run).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    is_same_place && is_gone
}

fn read_where(file: &Path) -> Option<(u64, u64, PathBuf)> {
    let mut text = Vec::new();
    File::open(file).ok()?.take(LONGEST).read_to_end(&mut text).ok()?;
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let path = PathBuf::from(OsString::from_vec(text.split_off(end + 1)));
    let (device, inode) = std::str::from_utf8(&text[..end]).ok()?.split_once(' ')?;
    Some((device.parse().ok()?, inode.parse().ok()?, path))
}

fn identity(folder: &Path) -> io::Result<(u64, u64)> {
    let found = fs::metadata(folder)?;
    Ok((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// A layer of a run, looked at so long ago.
    fn layer(home: &Path, name: &str, ago: Duration) -> (PathBuf, PathBuf) {
        let (layer, run) = (home.join("layers").join(name), home.join("runs").join(name));
        fs::create_dir_all(&layer).unwrap();
        fs::create_dir_all(&run).unwrap();
        note_run(&layer, &run).unwrap();
        let looked = File::create(layer.join("looked")).unwrap();
        looked.set_modified(SystemTime::now() - ago).unwrap();
        (layer, run)
    }

    #[test]
    fn only_the_layer_of_a_deleted_run_goes() {
        let home = tempfile::tempdir().unwrap();
        let old = 2 * REST;
        let (kept, _) = layer(home.path(), "kept", old);
        let (gone, gone_run) = layer(home.path(), "gone", old);
        let (busy, busy_run) = layer(home.path(), "busy", Duration::ZERO);
        let unknown = home.path().join("layers/unknown");
        fs::create_dir(&unknown).unwrap();
        fs::remove_dir(&gone_run).unwrap();
        fs::remove_dir(&busy_run).unwrap();
        sweep_layers(&home.path().join("layers"));
        assert!(kept.exists() && busy.exists() && unknown.exists() && !gone.exists());
    }

    #[test]
    fn a_layer_stays_whose_run_was_moved_with_its_folder() {
        let home = tempfile::tempdir().unwrap();
        let (layer, _) = layer(home.path(), "moved", 2 * REST);
        fs::rename(home.path().join("runs"), home.path().join("elsewhere")).unwrap();
        sweep_layers(&home.path().join("layers"));
        assert!(layer.exists());
        // Another folder of that name does not have it either.
        fs::create_dir(home.path().join("runs")).unwrap();
        sweep_layers(&home.path().join("layers"));
        assert!(layer.exists());
    }
}
