//! Skips tests that need a capability which this machine lacks.

use std::fmt::Display;

/// Reports a skipped test and its reason on stderr.
///
/// # Panics
/// When the environment variable `TAMA_TUI_REQUIRE` (names separated by commas, e.g. `overlay,git`) lists the
/// capability.
pub(crate) fn skip(capability: &str, why: impl Display) {
    eprintln!("skipped: {why}");
    let required = std::env::var("TAMA_TUI_REQUIRE").unwrap_or_default();
    assert!(!is_required(&required, capability), "TAMA_TUI_REQUIRE names {capability}, which is missing here: {why}");
}

fn is_required(required: &str, capability: &str) -> bool {
    required.split(',').any(|name| name.trim() == capability)
}

#[test]
fn a_capability_is_required_by_its_whole_name() {
    assert!(is_required("overlay, git", "git") && is_required("overlay", "overlay"));
    assert!(!is_required("", "git") && !is_required("overlay,github", "git"));
}
