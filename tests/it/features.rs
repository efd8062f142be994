//! Libraries that the program and its tests share have the same features for both: else they, and what is built on them,
//! are compiled twice, for `run` and for `test`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The features of each library, by its name and version. `edges`: the kinds of dependencies that count.
fn features(edges: &str) -> Option<BTreeMap<String, BTreeSet<String>>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.current_dir(env!("CARGO_MANIFEST_DIR")).args([
        "tree",
        "--offline",
        "--no-default-features",
        "--prefix",
        "none",
    ]);
    let output = tree.args(["-e", edges, "-f", "{p}|{f}"]).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (library, features) = line.trim_end_matches(" (*)").split_once('|')?;
        found.entry(library.to_owned()).or_default().extend(features.split(',').map(str::to_owned));
    }
    Some(found)
}

#[test]
fn the_tests_switch_on_no_feature_of_a_shared_library() {
    let (Some(program), Some(tests)) = (features("normal,build"), features("normal,build,dev")) else {
        eprintln!("skipped: cargo can't list the libraries here");
        return;
    };
    assert!(program.len() > 100 && tests.len() > program.len());
    let other = |(library, features): (&String, &BTreeSet<String>)| {
        let more: Vec<&String> = tests.get(library)?.difference(features).collect();
        (!more.is_empty()).then(|| format!("{library}: {more:?}"))
    };
    let others: Vec<String> = program.iter().filter_map(other).collect();
    assert!(others.is_empty(), "add these features to [dependencies]: {others:#?}");
}
