//! Gives the two programs of the package a name that they share only when they are built from the same sources, and
//! tells the linker where the program looks for libduckdb when it is linked against a prebuilt one.
//!
//! `TAMA_TUI_LIBRARY=beside` (set by `./x`) makes the program find the library beside itself, one folder up (tests and
//! benches lie in `deps/`), or in `../lib/tama-tui` (an installed program). Nothing else is read, and without the
//! variable nothing is done: a bundled build has DuckDB inside.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The sources of the processes that talk to each other.
const CONFINE: &str = "src/effects/confine";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={CONFINE}");
    println!("cargo:rustc-env=TAMA_TUI_CONFINE={:016x}", hash_of(Path::new(CONFINE)));
    println!("cargo:rerun-if-env-changed=TAMA_TUI_LIBRARY");
    if std::env::var("TAMA_TUI_LIBRARY").as_deref() != Ok("beside") {
        return;
    }
    let origin =
        if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("macos") { "@loader_path" } else { "$ORIGIN" };
    for folder in ["", "/..", "/../lib/tama-tui"] {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{origin}{folder}");
    }
}

/// Hashes the names and contents of the files of a folder; one that can't be read counts as empty.
fn hash_of(folder: &Path) -> u64 {
    let mut files: Vec<PathBuf> = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        (file.file_name(), std::fs::read(&file).unwrap_or_default()).hash(&mut hasher);
    }
    hasher.finish()
}
