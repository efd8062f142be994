//! Lines that are seen also when a test passes.

use std::io::Write;

/// Prints a line. Not with `eprintln!`: the test harness hides what a passed test prints.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
