//! Tests that cannot run on this machine: each names what is missing, and fails where the machine must have it.

use std::fmt::Display;
use std::io::Write;
use std::panic::Location;

/// Lists, with commas between, the capabilities that this machine must have: a test that misses one fails.
pub const REQUIRE: &str = "TAMA_TUI_REQUIRE";

/// A thing that some tests need and some machines lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// The C compiler `cc`.
    Cc,
    /// The program `git`.
    Git,
    Landlock,
    /// Namespaces of one's own, for users without privileges.
    Namespaces,
    /// Root and `setpriv`, by which tests run as another user.
    OtherUser,
    /// An overlay over the workspace, in namespaces.
    Overlay,
    /// The program `perl`.
    Perl,
    /// The program `python3`, with its module sqlite3.
    Python,
    /// Root, who may give files to other users.
    Root,
    /// A small disk: tmpfs in a mount namespace.
    SmallDisk,
}

impl Capability {
    const ALL: [Self; 10] = [
        Self::Cc,
        Self::Git,
        Self::Landlock,
        Self::Namespaces,
        Self::OtherUser,
        Self::Overlay,
        Self::Perl,
        Self::Python,
        Self::Root,
        Self::SmallDisk,
    ];

    /// Its name in `TAMA_TUI_REQUIRE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cc => "cc",
            Self::Git => "git",
            Self::Landlock => "landlock",
            Self::Namespaces => "namespaces",
            Self::OtherUser => "other-user",
            Self::Overlay => "overlay",
            Self::Perl => "perl",
            Self::Python => "python",
            Self::Root => "root",
            Self::SmallDisk => "small-disk",
        }
    }
}

/// Reports that the running test is skipped; the caller returns after it. Panics if the capability is required.
#[track_caller]
pub fn skip(missing: Capability, why: impl Display) {
    let thread = std::thread::current();
    // With one test thread the tests run in the main thread, which has no test's name.
    let test = match thread.name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => Location::caller().to_string(),
    };
    let required = required();
    assert!(!required.contains(&missing), "{test} is skipped ({why}), and {REQUIRE} names {}", missing.name());
    // Not with `eprintln!`: the test harness hides what a passed test prints.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

/// Everything that `TAMA_TUI_REQUIRE` names.
pub fn required() -> Vec<Capability> {
    parse(&std::env::var(REQUIRE).unwrap_or_default()).unwrap_or_else(|why| panic!("{REQUIRE}: {why}"))
}

fn parse(list: &str) -> Result<Vec<Capability>, String> {
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    let find = |name: &str| Capability::ALL.into_iter().find(|capability| capability.name() == name);
    names.map(|name| find(name).ok_or_else(|| format!("there is no capability {name:?}"))).collect()
}

#[test]
fn required_capabilities_have_known_names() {
    required();
    assert_eq!(parse(""), Ok(Vec::new()));
    assert_eq!(parse("overlay, small-disk,"), Ok(vec![Capability::Overlay, Capability::SmallDisk]));
    assert!(parse("overlay,overlays").unwrap_err().contains("\"overlays\""));
    for capability in Capability::ALL {
        assert_eq!(parse(capability.name()), Ok(vec![capability]));
    }
}
