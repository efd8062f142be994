//! The program under test, this test binary, and copies of both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::skip::{Capability, skip};

/// Names another program than the one that was built, to the tests that run as another user.
pub const PROGRAM: &str = "TAMA_TUI_TEST_HELPER";

/// Libraries that lie beside the program when it is linked against a prebuilt DuckDB.
const LIBRARIES: [&str; 2] = ["libduckdb.so", "libduckdb.dylib"];

/// The program under test.
pub fn path() -> PathBuf {
    std::env::var_os(PROGRAM).map_or_else(|| env!("CARGO_BIN_EXE_tama-tui").into(), PathBuf::from)
}

/// A folder without settings, in the place of the one in which the user's own are: no test goes by those. It is beside
/// the program, where that is another one: another user may have no access to the target folder.
pub fn no_settings() -> PathBuf {
    let other = std::env::var_os(PROGRAM).map(PathBuf::from);
    let folder = other.as_deref().and_then(Path::parent);
    folder.unwrap_or(Path::new(env!("CARGO_TARGET_TMPDIR"))).join("no-settings")
}

/// The program, without the settings and the data folder of the user who runs the tests.
pub fn command() -> Command {
    let mut command = Command::new(path());
    command.env("XDG_CONFIG_HOME", no_settings()).env_remove("TAMA_TUI_DATA_DIR");
    command
}

/// Runs the program in a folder.
pub fn run(folder: &Path, args: &[&str]) -> Output {
    command().args(args).current_dir(folder).output().unwrap()
}

/// What this machine enforces for the commands of a pipeline in this folder.
fn sandbox(folder: &Path) -> serde_json::Value {
    let output = run(folder, &["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report["sandbox"].clone()
}

/// True when commands are fully confined here; else the test is skipped, as each command is a call without undo then.
#[track_caller]
pub fn is_confined(folder: &Path) -> bool {
    let gaps = sandbox(folder)["gaps"].clone();
    let confined = gaps.as_array().unwrap().is_empty();
    if !confined {
        skip(Capability::Namespaces, format_args!("commands are not fully confined here: {gaps}"));
    }
    confined
}

/// True when commands are fully confined here, and their changes are held; else the test is skipped.
#[track_caller]
pub fn holds_changes(folder: &Path) -> bool {
    if !is_confined(folder) {
        return false;
    }
    let lane = sandbox(folder)["lane"].clone();
    let holds = lane == "overlay";
    if !holds {
        skip(Capability::Overlay, format_args!("changes of commands are not held here: {lane}"));
    }
    holds
}

/// Has commands confined by the program, as this process is not the program.
pub fn set_helper() {
    tama_tui::effects::confine::set_helper(path());
}

/// Copies the program into a folder, with the library that it loads; returns the copy.
pub fn copy_to(folder: &Path) -> PathBuf {
    copy_with_library(&path(), folder)
}

/// Copies this test binary into a folder, with the library that it loads; returns the copy.
pub fn copy_tests_to(folder: &Path) -> PathBuf {
    copy_with_library(&std::env::current_exe().unwrap(), folder)
}

/// The program that runs the confinement, beside the one under test.
const SANDBOX: &str = "tama-tui-sandbox";

/// The copy finds the library beside itself (see build.rs), so no `LD_LIBRARY_PATH` is needed.
fn copy_with_library(program: &Path, folder: &Path) -> PathBuf {
    let beside = path();
    for file in LIBRARIES.into_iter().chain([SANDBOX]).map(|name| beside.with_file_name(name)) {
        if file.exists() {
            copy(&file, folder);
        }
    }
    copy(program, folder)
}

/// Links where that is possible: these files are large.
fn copy(file: &Path, folder: &Path) -> PathBuf {
    let copy = folder.join(file.file_name().unwrap());
    if !copy.exists() {
        fs::hard_link(file, &copy).or_else(|_| fs::copy(file, &copy).map(drop)).unwrap();
    }
    copy
}
