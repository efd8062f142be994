//! The name by which a command line finds a run again.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::data::FOLDER;
use crate::model::quoted;
use crate::store::RunFolder;

/// A run's short id, and the option that names its data folder where a command would look elsewhere.
pub(super) struct RunName {
    id: String,
    option: String,
}

impl RunName {
    /// The name of a stored run.
    pub fn of(folder: &RunFolder) -> Self {
        let data = folder.path().parent().and_then(Path::parent);
        let here = env::current_dir().unwrap_or_default();
        let option = data.and_then(|data| option(data, &usual_data_folder(), &here));
        Self { id: folder.short_id(), option: option.unwrap_or_default() }
    }

    /// The short id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A command about this run: `tama-tui undo k7qd`.
    pub fn command(&self, verb: &str) -> String {
        format!("tama-tui {verb} {}{}", self.id, self.option)
    }
}

/// The data folder that a command uses when it is given none.
fn usual_data_folder() -> PathBuf {
    env::var_os("TAMA_TUI_DATA_DIR").filter(|named| !named.is_empty()).unwrap_or_else(|| FOLDER.into()).into()
}

/// The option that names a data folder; `None` when it is the usual one.
fn option(data: &Path, usual: &Path, here: &Path) -> Option<String> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (data, here) = (real(data), real(here));
    if real(&here.join(usual)) == data {
        return None;
    }
    let shown = data.strip_prefix(&here).unwrap_or(&data);
    Some(format!(" --data-dir {}", quoted(&shown.display().to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_is_named_only_where_a_command_would_look_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        for name in [".tama", "a b/.tama"] {
            fs::create_dir_all(here.join(name)).unwrap();
        }
        let option = |data: &str| option(&here.join(data), Path::new(FOLDER), here);
        assert_eq!(option(".tama"), None);
        assert_eq!(option("a b/../.tama"), None);
        assert_eq!(option("a b/.tama").as_deref(), Some(" --data-dir 'a b/.tama'"));
    }
}
