//! `doctor`, and the missing keys that `check` names.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::cli::cli::{fresh, json, stderr, stdout};
use crate::support::program;

/// Runs the program without the keys that this machine may have.
fn keyless(folder: &Path, args: &[&str]) -> Output {
    let mut command = program::command();
    for name in ["TAMA_TUI_DATA_DIR", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "MY_KEY"] {
        command.env_remove(name);
    }
    command.args(args).current_dir(folder).output().unwrap()
}

#[test]
fn doctor_says_what_is_enforced_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let told = keyless(folder.path(), &["doctor"]);
    let text = stdout(&told);
    assert_eq!(told.status.code(), Some(0), "{text}");
    let workspace = folder.path().canonicalize().unwrap();
    assert!(text.starts_with(&format!("Commands in {}: ", workspace.display())), "{text}");
    for part in ["user namespace", "process namespace", "network namespace", "overlay", "Landlock", "seccomp"] {
        assert!(text.lines().any(|line| line.starts_with(&format!("  {part} "))), "{part}: {text}");
    }
    assert!(text.contains("data folder") && text.contains("made by the first run"), "{text}");
    let report = json(&keyless(folder.path(), &["doctor", "--json"]));
    let sandbox = &report["sandbox"];
    let is_on = |at: usize| sandbox["parts"][at]["state"] == "on";
    assert_eq!(is_on(3), sandbox["lane"] == "overlay", "{report}");
    assert_eq!(report["system"]["kernel"]["landlock_abi"].is_i64(), is_on(4), "{report}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn missing_keys_are_named_before_a_run_needs_them() {
    let project = fresh("[providers.mine]\nbase_url = \"https://example.com/\"\napi_key_env = \"MY_KEY\"\n");
    let folder = project.folder.path();
    let file = folder.join("pipeline.toml");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("\"script:replies.toml\"", "\"anthropic:x\"\nother = \"mine:y\"");
    fs::write(&file, text.replacen("prompt = \"Plan.\"", "prompt = \"Plan.\"\nmodel = \"other\"", 1)).unwrap();
    let checked = keyless(folder, &["check", "."]);
    let said = stderr(&checked);
    assert_eq!(checked.status.code(), Some(0), "{said}");
    let warnings: Vec<&str> = said.lines().filter(|line| line.ends_with(" is not set")).collect();
    let wanted = ["warning: anthropic: ANTHROPIC_API_KEY is not set", "warning: mine: MY_KEY is not set"];
    assert_eq!(warnings, wanted, "{said}");
    let listed = json(&keyless(folder, &["check", ".", "--json"]));
    let has = |message: &str| {
        let mut all = listed.as_array().unwrap().iter();
        all.any(|found| found["level"] == "warning" && found["message"] == message)
    };
    assert!(has("anthropic: ANTHROPIC_API_KEY is not set") && has("mine: MY_KEY is not set"), "{listed}");
    let report = keyless(folder, &["doctor", "."]);
    assert!(stdout(&report).contains("mine: MY_KEY is not set: a run needs it"), "{}", stdout(&report));
    fs::write(&file, "[pipeline]").unwrap();
    let report = keyless(folder, &["doctor", "."]);
    assert_eq!(report.status.code(), Some(0));
    assert!(stdout(&report).contains(": `tama-tui check .` shows more"), "{}", stdout(&report));
    assert_eq!(json(&keyless(folder, &["check", ".", "--json"]))[0]["level"], "fault");
}
