//! The examples: one for each pattern, run offline as they are, verified, and compared with what they say.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use tama_tui::pipeline::{PATTERNS, load};

use crate::cli::cli::{json, stderr};
use crate::support::program::run as tama;

/// The output of each example.
const OUTPUTS: [(&str, &str); 13] = [
    ("oneshot", "Guten Morgen, alle zusammen."),
    ("react", "One note is written."),
    ("fsm", "Moss is green. It grows in the shade."),
    (
        "parallel",
        r#"{"developer":"The code is ready.","tester":"Two faults are open.","seller":"Monday is soon enough."}"#,
    ),
    ("scatter", "Moss is small, fern likes the shade, and ivy climbs."),
    ("critic", "The rain has found our street again."),
    ("reflexion", "23"),
    ("constitutional", "We are sorry: your parcel is lost. A new one leaves today."),
    ("chain-of-verification", "It was built in 1889 and is 330 m high."),
    ("plan-execute", "The tea is poured."),
    ("debate", "Spaces, by the formatter."),
    ("best-of-n", "Backstep"),
    ("human", "The notes go out on Monday."),
];

/// A copy of an example, in a folder of its own.
fn copied(name: &str) -> tempfile::TempDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/examples").join(name);
    let folder = tempfile::tempdir().unwrap();
    for file in ["pipeline.toml", "replies.toml"] {
        fs::copy(from.join(file), folder.path().join(file)).unwrap_or_else(|error| panic!("{name}/{file}: {error}"));
    }
    folder
}

#[test]
fn every_pattern_has_an_example_that_runs_offline_and_verifies() {
    for row in &PATTERNS {
        let folder = copied(row.name);
        let loaded = load(folder.path()).unwrap_or_else(|faults| panic!("{}: {faults}", row.name));
        let faults: Vec<_> = loaded.warnings.iter().filter(|line| !line.starts_with("made the workspace")).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", row.name);
        let entry = &loaded.pipeline.agents[&loaded.pipeline.entrypoint];
        assert_eq!(entry.pattern.name(), row.name);
        // Of another pattern nobody asks, which the run says in a line.
        let ran = tama(folder.path(), &["run", ".", "--json", "--answer", "on Monday"]);
        assert_eq!(ran.status.code(), Some(0), "{}: {}", row.name, stderr(&ran));
        let result = json(&ran);
        let (_, wanted) = OUTPUTS.iter().find(|(name, _)| *name == row.name).unwrap_or_else(|| panic!("{}", row.name));
        let output = result["output"].as_str().unwrap();
        assert!(output == *wanted || (row.name == "plan-execute" && output.contains(wanted)), "{}: {output}", row.name);
        let verified = json(&tama(folder.path(), &["verify", result["run"].as_str().unwrap(), "--json"]));
        assert_eq!(verified["status"], "verified", "{}: {verified}", row.name);
    }
}

#[test]
fn each_example_can_be_copied() {
    for row in &PATTERNS {
        let folder = tempfile::tempdir().unwrap();
        let wrote = tama(folder.path(), &["init", "--from", row.name]);
        assert_eq!(wrote.status.code(), Some(0), "{}: {}", row.name, stderr(&wrote));
        let own = copied(row.name);
        for file in ["pipeline.toml", "replies.toml"] {
            assert_eq!(fs::read(folder.path().join(file)).unwrap(), fs::read(own.path().join(file)).unwrap());
        }
    }
}

#[test]
fn the_react_example_writes_what_it_says() {
    let folder = copied("react");
    let result: Json = json(&tama(folder.path(), &["run", ".", "--json"]));
    assert_eq!(fs::read_to_string(folder.path().join("work/notes.md")).unwrap(), "- Ada likes tea\n");
    assert_eq!(result["summary"]["files_added"], 1);
}
