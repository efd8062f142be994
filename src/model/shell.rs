//! How commands run: how their changes are found, and what confines them.

use serde::{Deserialize, Serialize};

use super::{BlobHash, SpanId};

/// How the changes of a command are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureMode {
    /// The command writes into an overlay over the workspace, and its changes are applied afterwards. Commands run
    /// side by side.
    Overlay,
    /// The workspace is looked at before and after; the command has the workspace alone.
    #[serde(rename = "portable")]
    Snapshot,
}

impl CaptureMode {
    /// The name used on the screen and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Snapshot => "portable",
        }
    }
}

/// How commands run on this machine in this workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellMode {
    /// How changes are found.
    #[serde(rename = "lane")]
    pub capture: CaptureMode,
    /// The gaps that the system leaves, a few words each (`"network"`, `"writes outside of the workspace"`); empty:
    /// commands are confined in every way promised.
    pub gaps: Vec<String>,
}

impl ShellMode {
    /// The sandbox in a few words: `sandbox on`, `SANDBOX OFF: network, files outside`.
    #[must_use]
    pub fn sandbox(&self) -> String {
        /// Gaps named; the log names all.
        const MOST: usize = 2;
        if self.gaps.is_empty() {
            return "sandbox on".into();
        }
        let mut open: Vec<&str> = Vec::new();
        for gap in &self.gaps {
            // Writing and truncating files outside are two rules of the system and one danger.
            let word = if gap.contains("outside") { "files outside" } else { gap };
            let word = if word == "all rights of root" { "commands have all rights of root" } else { word };
            if !open.contains(&word) {
                open.push(word);
            }
        }
        let more = if open.len() > MOST { ", …" } else { "" };
        open.truncate(MOST);
        format!("SANDBOX OFF: {}{more}", open.join(", "))
    }
}

/// A command is about to start: durable before it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandStart {
    /// The tool's span.
    pub span: SpanId,
    /// The command, for people.
    pub command: String,
    /// How changes are found.
    #[serde(rename = "lane")]
    pub capture: CaptureMode,
    /// The snapshot of the workspace that the changes are found against, by the hash of its list.
    pub snapshot: Option<BlobHash>,
    /// The gaps of its confinement.
    pub gaps: Vec<String>,
}
