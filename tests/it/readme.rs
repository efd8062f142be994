//! The README promises only what the program has.

use tama_tui::app::keys;

const README: &str = include_str!("../../README.md");

#[test]
fn the_key_table_is_the_programs() {
    let (_, rest) = README.split_once("<!-- keys -->\n").unwrap();
    let (table, _) = rest.split_once("<!-- /keys -->").unwrap();
    assert_eq!(table, keys::markdown(), "copy what is right into README.md, between the keys marks");
}

#[test]
fn the_first_screen_has_the_two_commands() {
    let first: String = README.lines().take(30).collect::<Vec<_>>().join("\n");
    assert!(first.contains("\ncargo run --release -- assets/demo/pipeline.toml\n"));
    assert!(first.contains("\ncargo test --release\n"));
}

#[test]
fn ci_runs_the_readmes_test_command() {
    let script = include_str!("../../.ci/run");
    assert!(script.contains("cargo test --release"));
}
