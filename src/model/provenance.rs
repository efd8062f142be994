//! Where a run comes from: who made its events, and which run it continues.

use serde::{Deserialize, Serialize};

use super::{RunId, Seq};

/// Where a run comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The maker of its events.
    #[serde(default, skip_serializing_if = "RunSource::is_native")]
    pub source: RunSource,
    /// The run that it continues. A fork fills it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Lineage>,
}

impl Provenance {
    /// True for a run that this program made from its beginning.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Where it comes from in a few words; `None` for a run that this program made from its beginning.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let lineage = self.lineage.as_ref().map(|Lineage { parent, cut }| format!("forked from {parent} at {cut}"));
        let source = (self.source != RunSource::Native).then(|| self.source.name().to_owned());
        let words: Vec<String> = source.into_iter().chain(lineage).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// The maker of a run's events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunSource {
    /// This program ran the pipeline.
    #[default]
    Native,
    /// Another program's agent ran, and this program watched it. The gateway fills it.
    Wrapped,
    /// It was read from another program's record. The import fills it.
    Imported,
}

impl RunSource {
    /// The name used in SQL and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Wrapped => "wrapped",
            Self::Imported => "imported",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_native(&self) -> bool {
        *self == Self::Native
    }
}

/// The run that another one continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// The earlier run.
    pub parent: RunId,
    /// Its last event that counts here too.
    pub cut: Seq,
}
