//! What the README promises is what the program has.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tama_tui::app::keys;
use tama_tui::pipeline::check;

const README: &str = include_str!("../../README.md");

#[test]
fn the_key_table_is_the_programs() {
    let (_, rest) = README.split_once("<!-- keys -->\n").unwrap();
    let (table, _) = rest.split_once("<!-- /keys -->").unwrap();
    assert_eq!(table, keys::markdown(), "copy what is right into README.md, between the keys marks");
}

#[test]
fn the_sample_pipeline_has_no_faults() {
    let (_, rest) = README.split_once("```toml\n[pipeline]\n").unwrap();
    let (sample, _) = rest.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("pipeline.toml", &format!("[pipeline]\n{sample}"));
    put("replies.toml", "[[reply]]\nagent = \"*\"\ntext = \"x\"\n");
    put("prompts/writer.md", "Write.\n");
    put("skills/house-style/SKILL.md", "---\nname: house-style\ndescription: x\n---\nBe short.\n");
    put("deploy", "#!/bin/sh\n");
    fs::set_permissions(folder.path().join("deploy"), PermissionsExt::from_mode(0o755)).unwrap();
    let loaded = check(folder.path()).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(loaded.warnings.iter().all(|warning| warning.contains("will be made")), "{:?}", loaded.warnings);
    assert_eq!(loaded.pipeline.tools["deploy"].timeout_seconds, 300);
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
