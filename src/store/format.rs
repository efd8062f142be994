//! The format of a run: a major and a minor number in its manifest, and why this version can't read a run.
//!
//! A new *major* means that an earlier version can't read the run. A new *minor* adds events, fields or columns that an
//! earlier version may pass over: it keeps them as they are, and says that they are there.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The version of this program.
pub(super) const OWN: &str = env!("CARGO_PKG_VERSION");

/// The format of a run's folder and database.
///
/// 2 has commands: `command_started`, `command_ended`, `renamed`, and held and dropped changes. 3 has the log file: an
/// earlier version would take the rows in it for lost. 4 has more columns (see `schema`), approvals, waits, groups of
/// tries, after-images, and where a run comes from. 4.1 has questions to persons. 5 has tries that stand again
/// (`restored`), and runs of agents of other programs with what is held of them: an earlier version would take another try
/// for the one that stands, and held changes for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Format {
    /// An earlier version can't read a greater one.
    #[serde(rename = "format")]
    pub major: u32,
    /// An earlier version passes over the additions of a greater one.
    #[serde(rename = "format_minor", default, skip_serializing_if = "is_zero")]
    pub minor: u32,
}

impl Format {
    /// The format that this version writes.
    pub const CURRENT: Self = Self { major: 5, minor: 1 };

    /// Checks that this version can read it. `writer`: the version that wrote it.
    ///
    /// # Errors
    /// When it is of a newer major.
    pub fn check(self, writer: &str) -> Result<(), Incompatible> {
        if self.major <= Self::CURRENT.major {
            return Ok(());
        }
        Err(Incompatible::Newer { found: self, writer: writer.to_owned() })
    }

    /// True for a newer minor: there may be additions that this version doesn't know.
    #[must_use]
    pub fn has_more(self) -> bool {
        self > Self::CURRENT
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            0 => write!(f, "{}", self.major),
            minor => write!(f, "{}.{minor}", self.major),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A reason why this version can't read a run; it follows "failed to open the run: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Incompatible {
    /// It is of a newer major.
    #[error(
        "it has format {found}, written by tama-tui {writer}; this is tama-tui {OWN}, which reads formats up to {}; use \
         tama-tui {writer} or a newer tama-tui",
        Format::CURRENT.major
    )]
    Newer {
        /// The run's format.
        found: Format,
        /// The version that wrote it.
        writer: String,
    },
    /// Its requests were hashed in a way that this version doesn't know.
    #[error(
        "its requests are hashed by version {found}, and this is tama-tui {OWN}, which doesn't know it; use a newer tama-tui"
    )]
    Hash {
        /// The run's version of the request hash.
        found: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_major_is_refused_with_its_writer_and_a_newer_minor_is_not() {
        let Format { major, minor } = Format::CURRENT;
        assert_eq!(Format { major, minor: minor + 1 }.check("1.2.0"), Ok(()));
        assert!(Format { major, minor: minor + 1 }.has_more() && !Format { major: 1, minor: 9 }.has_more());
        let text = Format { major: major + 1, minor: 2 }.check("9.1.0").unwrap_err().to_string();
        assert!(text.contains(&format!("format {}.2, written by tama-tui 9.1.0", major + 1)), "{text}");
        assert!(text.contains(&format!("this is tama-tui {OWN}")) && text.ends_with("a newer tama-tui"), "{text}");
    }

    #[test]
    fn the_first_formats_had_one_number() {
        let read = |text| serde_json::from_str::<Format>(text).unwrap();
        assert_eq!(read(r#"{"format":3}"#), Format { major: 3, minor: 0 });
        assert_eq!(read(r#"{"format":4,"format_minor":2}"#), Format { major: 4, minor: 2 });
        assert_eq!(serde_json::to_string(&Format { major: 4, minor: 0 }).unwrap(), r#"{"format":4}"#);
    }
}
