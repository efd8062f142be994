//! A person's own breakpoints: kept in the data folder, by pipeline, from one run to the next.
//!
//! The file is `breakpoints.json`: an object from the pipeline's name to a list of breakpoints, each with the keys of
//! `[[breakpoints]]` and `enabled`. Those of the pipeline itself, and those of `--break`, are not in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::model::Breakpoint;

/// The largest file that is read.
const LARGEST: u64 = 1_000_000;

/// Breakpoints by the name of their pipeline.
type ByPipeline = BTreeMap<String, Vec<Breakpoint>>;

/// Where a person's own breakpoints of a pipeline are kept.
#[derive(Debug, Clone)]
pub(super) struct OwnBreakpoints {
    file: PathBuf,
    pipeline: String,
    /// Breakpoints that are not the person's own.
    shared: Vec<Breakpoint>,
}

impl OwnBreakpoints {
    /// Those of a pipeline, in a data folder; `shared` are the others of the session.
    pub(super) fn new(data: &Path, pipeline: &str, shared: &[Breakpoint]) -> Self {
        Self { file: data.join("breakpoints.json"), pipeline: pipeline.to_owned(), shared: shared.to_vec() }
    }

    /// The breakpoints of the session: the shared ones and the person's own. A file that can't be read is left alone,
    /// and the reason comes with those that are known.
    pub(super) fn load(&self) -> (Vec<Breakpoint>, Option<String>) {
        let (kept, fault) = match read(&self.file) {
            Ok(mut all) => (all.remove(&self.pipeline).unwrap_or_default(), None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        let own = kept.into_iter().filter(|point| !self.is_shared(point));
        (self.shared.iter().cloned().chain(own).collect(), fault)
    }

    /// Keeps the person's own among the breakpoints of the session.
    ///
    /// # Errors
    /// When the file can't be read or written; the text says what to do.
    pub(super) fn save(&self, all: &[Breakpoint]) -> Result<(), String> {
        let own: Vec<Breakpoint> = all.iter().filter(|point| !self.is_shared(point)).cloned().collect();
        let mut kept = read(&self.file)?;
        if kept.get(&self.pipeline).map_or(own.is_empty(), |before| *before == own) {
            return Ok(());
        }
        if own.is_empty() {
            kept.remove(&self.pipeline)
        } else {
            kept.insert(self.pipeline.clone(), own)
        };
        write(&self.file, &kept).map_err(|error| {
            format!("failed to write {}: {error}; these breakpoints hold for this session only", self.file.display())
        })
    }

    fn is_shared(&self, point: &Breakpoint) -> bool {
        self.shared.iter().any(|shared| shared.is_like(point))
    }
}

fn read(file: &Path) -> Result<ByPipeline, String> {
    let fault = |why: &dyn std::fmt::Display| {
        format!(
            "failed to read {}: {why}; correct or remove it, until then your own breakpoints are not kept",
            file.display()
        )
    };
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(ByPipeline::new()),
        Err(error) => return Err(fault(&error)),
        Ok(found) if !found.is_file() => return Err(fault(&"it is no file")),
        Ok(found) if found.len() > LARGEST => return Err(fault(&"it is larger than 1 MB")),
        Ok(_) => {}
    }
    let text = fs::read_to_string(file).map_err(|error| fault(&error))?;
    serde_json::from_str(&text).map_err(|error| fault(&error))
}

fn write(file: &Path, kept: &ByPipeline) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut new, kept)?;
    new.write_all(b"\n")?;
    new.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    new.as_file().sync_all()?;
    new.persist(file).map(drop).map_err(|failed| failed.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Condition, Gate};

    #[test]
    fn own_breakpoints_come_back_and_shared_ones_are_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let shared = Breakpoint::new(Gate::Error);
        let when = Some(Condition::parse("tokens > 4000").unwrap());
        let own = Breakpoint { when, enabled: false, ..Breakpoint::new(Gate::AfterLlm) };
        let kept = OwnBreakpoints::new(folder.path(), "notes", std::slice::from_ref(&shared));
        assert_eq!(kept.load(), (vec![shared.clone()], None));
        kept.save(&[shared.clone(), own.clone()]).unwrap();
        assert_eq!(kept.load().0, [shared.clone(), own.clone()]);
        let other = OwnBreakpoints::new(folder.path(), "other", &[]);
        assert_eq!(other.load().0, [], "each pipeline has its own");
        other.save(std::slice::from_ref(&shared)).unwrap();
        kept.save(&[]).unwrap();
        assert_eq!((kept.load().0, other.load().0), (vec![shared.clone()], vec![shared]));
        let text = fs::read_to_string(folder.path().join("breakpoints.json")).unwrap();
        assert!(!text.contains("notes"), "{text}");
    }

    #[test]
    fn a_file_that_is_no_list_of_breakpoints_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("breakpoints.json");
        let bad = "{\"notes\": [{\"at\": \"after-llm\", \"when\": \"tokns > 1\", \"enabled\": true}]}";
        fs::write(&file, bad).unwrap();
        let kept = OwnBreakpoints::new(folder.path(), "notes", &[]);
        let (points, fault) = kept.load();
        assert!(points.is_empty() && fault.is_some_and(|fault| fault.contains("tokns")));
        assert!(kept.save(&[Breakpoint::new(Gate::Error)]).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), bad);
    }
}
