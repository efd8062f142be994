//! A copy of the workspace, for a command whose changes must not stay where there is no overlay.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Copies folders, files and links as they are; anything else, and the folder `without`, is left out.
pub(in super::super) fn copy_workspace(from: &Path, to: &Path, without: Option<&Path>) -> io::Result<()> {
    let mut folders = vec![PathBuf::new()];
    // Permissions last: a folder may deny its owner.
    let mut modes = Vec::new();
    while let Some(folder) = folders.pop() {
        fs::create_dir(to.join(&folder))?;
        modes.push((to.join(&folder), fs::metadata(from.join(&folder))?.permissions()));
        for entry in fs::read_dir(from.join(&folder))? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let below = folder.join(entry.file_name());
            if kind.is_dir() && without != Some(path.as_path()) {
                folders.push(below);
            } else if kind.is_file() {
                fs::copy(&path, to.join(below))?;
            } else if kind.is_symlink() {
                symlink(fs::read_link(&path)?, to.join(below))?;
            }
        }
    }
    for (folder, mode) in modes.into_iter().rev() {
        fs::set_permissions(folder, mode)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_links_and_folders_are_copied_and_the_data_folder_is_not() {
        let home = tempfile::tempdir().unwrap();
        let from = home.path().join("from");
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::create_dir_all(from.join(".tama/runs")).unwrap();
        fs::write(from.join("a/b/text"), "one").unwrap();
        symlink("b/text", from.join("a/link")).unwrap();
        let to = home.path().join("to");
        copy_workspace(&from, &to, Some(&from.join(".tama"))).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/link")).unwrap(), "one");
        assert!(fs::symlink_metadata(to.join("a/link")).unwrap().is_symlink());
        assert!(!to.join(".tama").exists());
        fs::write(to.join("a/b/text"), "two").unwrap();
        assert_eq!(fs::read_to_string(from.join("a/b/text")).unwrap(), "one");
    }
}
