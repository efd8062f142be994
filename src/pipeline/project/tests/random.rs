//! Files changed at random: the loader ends, without a panic, and each fault has a place.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{Files, agent};

/// Pieces of heads, some of them in the wrong place.
const PIECES: [&str; 34] = [
    "---\n",
    "--- ",
    "...\n",
    "name: lead\n",
    "description: |\n  x\n  y\n",
    "description: >-\n",
    "version: 1.0\n",
    "pattern: react\n",
    "pattern: fsm\n",
    "pattern: critic\n",
    "initial: lead\n",
    "states:\n",
    "  lead:\n",
    "    - a: ~\n",
    "    - \"*\": lead\n",
    "call:\n",
    "  uses: [notes]\n",
    "  model: {role: x}\n",
    "workers: [lead, helper]\n",
    "tama:\n",
    "&a [*a]\n",
    "*x",
    "!!str ",
    "? [a]\n: b\n",
    "[[{",
    "}]",
    "\"",
    "'",
    "\t",
    "\r\n",
    "\u{feff}",
    "# x\n",
    "%YAML 1.2\n",
    "é",
];

/// A text of pieces and of single characters.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => "\\PC{0,3}"];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A sound text with a part replaced.
fn changed(sound: &str, at: prop::sample::Index, cut: usize, put: &str) -> String {
    let places: Vec<usize> = sound.char_indices().map(|(at, _)| at).collect();
    let at = at.index(places.len());
    let end = places.get(at + cut).copied().unwrap_or(sound.len());
    format!("{}{put}{}", &sound[..places[at]], &sound[end..])
}

fn ends(name: &str, text: &str) -> Result<(), TestCaseError> {
    let files = Files::scripted("lead")
        .agent("lead", "pattern: critic")
        .agent("helper", "pattern: react\ncall:\n  uses: [notes]")
        .file("agents/lead/draft.md", "---\ncall:\n  uses: [notes]\n---\nYou draft.\n")
        .file("agents/lead/critique.md", "You judge.\n")
        .file("agents/lead/refine.md", "You refine.\n")
        .file("skills/notes/SKILL.md", "---\ndescription: x\n---\nx\n");
    files.put(name, text);
    if let Err(faults) = files.read(&[]) {
        prop_assert!(!faults.is_empty());
        prop_assert!(faults.iter().all(|line| !line.contains(":0:") && !line.contains(":0 ")), "{faults:#?}");
    }
    Ok(())
}

/// The files that are changed.
const NAMES: [&str; 3] = ["agents/lead/AGENT.md", "agents/lead/draft.md", "skills/notes/SKILL.md"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_any_file_is_read_or_told(at in 0..NAMES.len(), text in text()) {
        ends(NAMES[at], &text)?;
    }

    #[test]
    fn a_changed_head_is_read_or_told(
        at in 0..NAMES.len(),
        place in any::<prop::sample::Index>(),
        cut in 0usize..30,
        put in text(),
    ) {
        let sound = agent("lead", "pattern: fsm\ninitial: lead\nstates:\n  helper:\n    - a: ~\n    - \"*\": helper\n  x:");
        ends(NAMES[at], &changed(&sound, place, cut, &put))?;
    }
}

#[test]
fn heads_that_are_deep_long_or_full_of_aliases_end() {
    let deep = format!("---\na: {}\n---\nx\n", "[".repeat(30_000));
    let blocks = format!("---\n{}x\n---\nx\n", "- ".repeat(30_000));
    let laughs = (1..30).fold("---\na0: &a0 [x, x]\n".to_owned(), |mut text, at| {
        let _ = writeln!(text, "a{at}: &a{at} [*a{0}, *a{0}]", at - 1);
        text
    });
    let keys = (0..300).fold("---\n".to_owned(), |mut text, at| {
        let _ = writeln!(text, "key{at}: 1");
        text
    });
    for text in [deep, blocks, format!("{laughs}---\nx\n"), format!("{keys}---\nx\n"), "---\n".repeat(30_000)] {
        for name in NAMES {
            ends(name, &text).unwrap();
        }
    }
}
