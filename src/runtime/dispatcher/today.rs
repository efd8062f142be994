//! Today's pipeline for previews: its files are read again only after one of them changed.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::versions::read_today;
use crate::pipeline::Pipeline;

/// A file that changed so lately may change again without another stamp.
const LATELY: Duration = Duration::from_secs(2);

/// Today's pipeline, as it was read last.
#[derive(Default)]
pub(super) struct Today(Mutex<Option<Known>>);

struct Known {
    source: PathBuf,
    stamps: Vec<(PathBuf, Option<Stamp>)>,
    pipeline: Arc<Pipeline>,
}

/// The facts that change when a file is written or replaced, or a folder gets another entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let found = path.metadata().ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }

    /// When it changed, in seconds since 1970.
    fn changed(&self) -> u64 {
        u64::try_from(self.changed.0.max(self.modified.0)).unwrap_or(0)
    }
}

impl Today {
    /// The pipeline as its file has it now; `None` where it can't be read.
    pub(super) fn read(&self, source: Option<&Path>) -> Option<Arc<Pipeline>> {
        let source = source?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known
            && known.source == source
            && known.stamps.iter().all(|(path, stamp)| Stamp::of(path) == *stamp)
        {
            return Some(known.pipeline.clone());
        }
        *known = None;
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let pipeline = Arc::new(read_today(Some(source)).ok()?);
        let stamps = stamps(&pipeline, source);
        let newest = stamps.iter().filter_map(|(_, stamp)| stamp.map(|stamp| stamp.changed())).max();
        if newest.unwrap_or(0) + LATELY.as_secs() < began.as_secs() {
            *known = Some(Known { source: source.to_owned(), stamps, pipeline: pipeline.clone() });
        }
        Some(pipeline)
    }
}

/// The stamps of all files of a pipeline, of the folders that they are in, and of those above these: a file or the folder
/// of an agent may come to them.
fn stamps(pipeline: &Pipeline, source: &Path) -> Vec<(PathBuf, Option<Stamp>)> {
    let files = pipeline.files(source);
    let above = files.iter().flat_map(|file| file.ancestors().skip(1).take(2));
    let folders: BTreeSet<PathBuf> = above.map(Path::to_owned).collect();
    files.into_iter().chain(folders).map(|path| (path.clone(), Stamp::of(&path))).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    const PIPELINE: &str = "[pipeline]\nname = \"n\"\nentrypoint = \"main\"\nworkspace = \".\"\n[models]\ndefault = \
                            \"script:replies.toml\"\n[agents.main]\npattern = \"oneshot\"\nprompt_file = \"agents/one/p.md\"\n";

    /// A pipeline's folder whose files changed long ago, as far as they say.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pipeline.toml"), PIPELINE).unwrap();
        fs::create_dir_all(folder.path().join("agents/one")).unwrap();
        fs::write(folder.path().join("agents/one/p.md"), "speak").unwrap();
        fs::write(folder.path().join("replies.toml"), "[[reply]]\nagent = \"*\"\ntext = \"x\"\n").unwrap();
        let source = folder.path().join("pipeline.toml");
        (folder, source)
    }

    #[test]
    fn what_changed_lately_is_read_each_time() {
        let (folder, source) = folder();
        let today = Today::default();
        let first = today.read(Some(&source)).unwrap();
        assert!(today.0.lock().unwrap().is_none());
        fs::write(folder.path().join("agents/one/p.md"), "spoke").unwrap();
        assert_ne!(today.read(Some(&source)).unwrap(), first, "of the same length, and within the same second");
    }

    #[test]
    fn a_change_of_any_file_and_a_fault_are_seen() {
        let (folder, source) = folder();
        let today = Today::default();
        let pipeline = Arc::new(read_today(Some(&source)).unwrap());
        let keep = |today: &Today| {
            let known =
                Known { source: source.clone(), stamps: stamps(&pipeline, &source), pipeline: pipeline.clone() };
            *today.0.lock().unwrap() = Some(known);
        };
        keep(&today);
        assert!(Arc::ptr_eq(&today.read(Some(&source)).unwrap(), &pipeline), "it is not read again");
        fs::write(folder.path().join("agents/one/p.md"), "shout").unwrap();
        assert_ne!(today.read(Some(&source)).unwrap(), pipeline);
        keep(&today);
        File::create(folder.path().join("another.md")).unwrap();
        assert!(!Arc::ptr_eq(&today.read(Some(&source)).unwrap(), &pipeline), "a file has come");
        keep(&today);
        fs::create_dir(folder.path().join("agents/two")).unwrap();
        assert!(!Arc::ptr_eq(&today.read(Some(&source)).unwrap(), &pipeline), "an agent has come");
        keep(&today);
        fs::write(&source, "[pipeline").unwrap();
        assert_eq!(today.read(Some(&source)), None);
        assert_eq!(today.read(None), None);
    }
}
