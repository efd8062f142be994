//! The program under test, this test binary, and copies of both.

use std::fs;
use std::path::{Path, PathBuf};

/// Names another program than the one that was built, to the tests that run as another user.
pub const PROGRAM: &str = "TAMA_TUI_TEST_HELPER";

/// Libraries that lie beside the program when it is linked against a prebuilt DuckDB.
const LIBRARIES: [&str; 2] = ["libduckdb.so", "libduckdb.dylib"];

/// The program under test.
pub fn path() -> PathBuf {
    std::env::var_os(PROGRAM).map_or_else(|| env!("CARGO_BIN_EXE_tama-tui").into(), PathBuf::from)
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

/// The copy finds the library beside itself (see build.rs), so no `LD_LIBRARY_PATH` is needed.
fn copy_with_library(program: &Path, folder: &Path) -> PathBuf {
    let beside = path();
    for library in LIBRARIES.map(|name| beside.with_file_name(name)) {
        if library.exists() {
            copy(&library, folder);
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
