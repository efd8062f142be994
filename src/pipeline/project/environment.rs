//! The environment variables that a project reads.

use std::collections::BTreeMap;

/// Environment variables by name, at one moment.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this program. One that is no text is left out.
    pub(in super::super) fn of_program() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// The value of a variable; an empty one counts as not set.
    pub(in super::super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The names that begin with a text, sorted, of variables that are set.
    pub(in super::super) fn names_from(&self, start: &str) -> impl Iterator<Item = &str> {
        let set = self.0.iter().filter(|(_, value)| !value.trim().is_empty());
        set.map(|(name, _)| name.as_str()).filter(move |name| name.starts_with(start))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}
