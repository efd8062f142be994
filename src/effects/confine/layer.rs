//! Layers that last: the upper side of the overlay over the workspace of an agent whose changes are held.
//!
//! A layer lies beside the scratch folders, under a name that nobody can guess, and outlives this program and the agent.
//! Its run remembers the name; the layer remembers the run.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::confinement::ShellPaths;
use super::layer_sweep::{note_run, sweep_layers};
use super::probe::{is_apart, resolve, scratch_bases};
use super::scratch::{prepare, random_name, remove_tree};

/// Characters of a name.
const NAME: usize = 16;
/// Bytes of a run's id, at most.
const OWNER: u64 = 200;

/// The folder of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFolder {
    dir: PathBuf,
}

impl LayerFolder {
    /// Makes a layer for a run, and removes those of deleted runs. `base`: the parent of scratch folders. `paths`: of the
    /// workspace, which is seen with the permission bits of the layer. `folder`: the run's.
    pub(super) fn create(base: &Path, paths: &ShellPaths, run: &str, folder: &Path) -> io::Result<Self> {
        let parent = layers_beside(base);
        if !is_apart(&parent, paths) {
            let why = format!("{} is not apart from the workspace", parent.display());
            return Err(io::Error::other(why));
        }
        prepare(&parent)?;
        sweep_layers(&parent);
        let layer = Self { dir: parent.join(random_name()?) };
        let make = |dir: &Path| DirBuilder::new().mode(0o700).create(dir);
        make(&layer.dir)?;
        make(&layer.upper())?;
        make(&layer.work())?;
        fs::set_permissions(layer.upper(), fs::metadata(&paths.workspace)?.permissions())?;
        for (path, text) in [(layer.owner(), run), (layer.looked(), "")] {
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
            io::Write::write_all(&mut file, text.as_bytes())?;
        }
        note_run(&layer.dir, folder)?;
        Ok(layer)
    }

    /// Finds the layer of a run by its name; `None`: it is gone, or another run's.
    pub fn find(name: &str, run: &str) -> Option<Self> {
        let is_name = name.len() == NAME && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bases = scratch_bases(&resolve(ShellPaths::default())).into_iter().filter(|_| is_name);
        let mut found = bases.map(|base| Self { dir: layers_beside(&base).join(name) });
        found.find(|layer| fs::symlink_metadata(&layer.dir).is_ok_and(|dir| dir.is_dir()) && layer.is_of(run))
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The side of the overlay that takes what is written.
    pub fn upper(&self) -> PathBuf {
        self.dir.join("upper")
    }

    /// A file whose time is that of the last look at the layer.
    pub fn looked(&self) -> PathBuf {
        self.dir.join("looked")
    }

    /// Removes it with everything in it; blocks for as long as that takes.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(&self) -> io::Result<()> {
        remove_tree(&self.dir)
    }

    pub(super) fn work(&self) -> PathBuf {
        self.dir.join("work")
    }

    fn owner(&self) -> PathBuf {
        self.dir.join("run")
    }

    fn is_of(&self, run: &str) -> bool {
        let mut text = String::new();
        let read = File::open(self.owner()).and_then(|file| file.take(OWNER).read_to_string(&mut text));
        read.is_ok() && text == run
    }
}

/// The parent of layers that lies beside that of scratch folders.
fn layers_beside(base: &Path) -> PathBuf {
    base.with_extension("layers")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_layer_is_private_and_its_runs_own() {
        let folder = tempfile::tempdir().unwrap();
        let (workspace, base) = (folder.path().join("work"), folder.path().join("scratch"));
        fs::create_dir(&workspace).unwrap();
        fs::set_permissions(&workspace, fs::Permissions::from_mode(0o750)).unwrap();
        let paths = ShellPaths { workspace, ..ShellPaths::default() };
        let layer = LayerFolder::create(&base, &paths, "run-1", folder.path()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&layer.dir), mode(&layer.upper())), (0o700, 0o750));
        assert!(layer.is_of("run-1") && !layer.is_of("run-2"));
        assert_eq!(layer.name().len(), NAME);
        layer.remove().unwrap();
        assert!(!layer.dir.exists());
    }

    #[test]
    fn a_layer_is_never_in_the_workspace() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ShellPaths { workspace: folder.path().to_owned(), ..ShellPaths::default() };
        assert!(LayerFolder::create(&folder.path().join("scratch"), &paths, "run-1", folder.path()).is_err());
    }

    #[test]
    fn no_name_leads_elsewhere() {
        for name in ["", "../../etc", "0123456789abcde/", "..", "0123456789abcdef"] {
            assert!(LayerFolder::find(name, "run-1").is_none(), "{name}");
        }
    }
}
