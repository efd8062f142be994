//! Long commands for a shell: they come in a file, as the system limits the length of an argument.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The longest command that is passed as an argument, in bytes; the system takes 128 KiB (execve(2)).
const LONGEST_ARGUMENT: usize = 100_000;
/// The file's name in the command's temporary folder.
const FILE: &str = ".command";
/// The shells; the first that is found is used.
const SHELLS: [&str; 2] = ["bash", "sh"];

/// Returns the programs that run a command from its argument.
pub(super) fn from_argument(command: &OsStr) -> Vec<Vec<OsString>> {
    SHELLS.map(|shell| vec![shell.into(), "-c".into(), command.to_owned()]).into()
}

/// Returns the programs with a command that is too long moved to a file in `temp`, the folder that the command knows as
/// `TMPDIR`.
pub(super) fn with_file(programs: &[Vec<OsString>], temp: &Path) -> io::Result<Vec<Vec<OsString>>> {
    let Some(command) = long_command(programs) else { return Ok(programs.to_vec()) };
    let mut file = File::create(temp.join(FILE))?;
    file.write_all(command.as_bytes())?;
    file.write_all(b"\n")?;
    Ok(from_argument(OsStr::new(&format!(". \"$TMPDIR/{FILE}\""))))
}

/// True when a command needs a file.
pub(super) fn needs_file(programs: &[Vec<OsString>]) -> bool {
    long_command(programs).is_some()
}

/// The command of a shell, if it is too long for an argument.
fn long_command(programs: &[Vec<OsString>]) -> Option<&OsString> {
    let [shell, option, command] = programs.first()?.as_slice() else { return None };
    let is_shell = SHELLS.iter().any(|known| shell == known) && option == "-c";
    (is_shell && command.len() > LONGEST_ARGUMENT).then_some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_command_moves_to_a_file() {
        let temp = tempfile::tempdir().unwrap();
        let short = from_argument(OsStr::new("echo hello"));
        assert_eq!(with_file(&short, temp.path()).unwrap(), short);
        let long = "x".repeat(LONGEST_ARGUMENT + 1);
        let programs = with_file(&from_argument(OsStr::new(&long)), temp.path()).unwrap();
        assert_eq!(programs.len(), 2);
        assert!(programs.iter().flatten().all(|word| word.len() < 100));
        assert_eq!(std::fs::read_to_string(temp.path().join(FILE)).unwrap(), long + "\n");
    }
}
