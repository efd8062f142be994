//! Tells the linker where the program looks for libduckdb when it is linked against a prebuilt one.
//!
//! `TAMA_TUI_LIBRARY=beside` (set by `./x`) makes the program find the library beside itself, one folder up (tests and
//! benches lie in `deps/`), or in `../lib/tama-tui` (an installed program). Nothing else is read, and without the
//! variable nothing is done: a bundled build has DuckDB inside.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
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
