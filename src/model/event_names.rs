//! The names of events, as their JSON has them: tells an event of a newer version from one that is damaged.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapDeserializer;

use super::TraceBody;

/// True for an event that this version knows.
#[must_use]
pub fn is_known_event(name: &str) -> bool {
    let only_name = MapDeserializer::<_, NameError>::new(std::iter::once(("event", name)));
    TraceBody::deserialize(only_name) != Err(NameError::Unknown)
}

/// The error of an event of which only the name is there.
#[derive(Debug, PartialEq)]
enum NameError {
    /// No event has the name.
    Unknown,
    /// Anything else.
    Other,
}

impl serde::de::Error for NameError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::Unknown
    }
}

impl std::error::Error for NameError {}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event's name")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_events_are_those_of_their_json() {
        for known in ["run_started", "span_ended", "note", "approval_asked", "kept"] {
            assert!(is_known_event(known), "{known}");
        }
        for unknown in ["", "unknown", "Note", "teleported"] {
            assert!(!is_known_event(unknown), "{unknown}");
        }
    }
}
