//! The README's commands, key table and files are those of the project.

use std::path::Path;

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
    let first: String = README.lines().take(40).collect::<Vec<_>>().join("\n");
    for command in ["./x run assets/demo/pipeline.toml ", "./x test "] {
        assert!(first.lines().any(|line| line.starts_with(command)), "{command}");
    }
}

#[test]
fn ci_runs_the_readmes_test_command() {
    let script = include_str!("../../.ci/run");
    assert!(script.contains("./x test"));
    assert!(script.contains("./x lint"));
}

#[test]
fn links_lead_to_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/pipeline.md", "docs/runs.md", "docs/reliability.md"]
    {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let targets = text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap());
        let folder = root.join(file).parent().unwrap().to_owned();
        for target in targets.filter(|target| !target.is_empty() && !target.contains("://")) {
            assert!(folder.join(target).exists(), "{file} links to {target}, which isn't there");
        }
    }
}

#[test]
fn the_table_of_patterns_is_that_of_the_program() {
    let docs = include_str!("../../docs/pipeline.md");
    for row in &tama_tui::pipeline::PATTERNS {
        let line = docs.lines().find(|line| line.starts_with(&format!("| `{}` |", row.name)));
        let line = line.unwrap_or_else(|| panic!("{} is not in docs/pipeline.md", row.name));
        assert!(line.contains(&format!(" {} |", row.does)), "{}: {line}", row.name);
        for key in row.keys.iter().filter(|key| **key != "steps") {
            assert!(line.contains(&format!("`{key}`")), "{}: {key}", row.name);
        }
        for step in row.steps {
            assert!(
                line.contains(&format!("`{}`", step.name)) || line.contains(&format!(".{}]`", step.name)),
                "{line}"
            );
        }
    }
}
