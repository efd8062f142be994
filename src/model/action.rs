//! Actions: recorded changes of the world, and their outcomes.

use serde::{Deserialize, Serialize};

use super::{Key, KeyState, Seq, SpanId};

/// The effect of a tool on the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectClass {
    /// Nothing.
    Read,
    /// Something that can be put back.
    Reversible,
    /// Something with an undo command.
    Compensable,
    /// Something that can't be undone.
    Irreversible,
}

impl EffectClass {
    /// The name used in pipeline.toml.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Reversible => "reversible",
            Self::Compensable => "compensable",
            Self::Irreversible => "irreversible",
        }
    }
}

/// How an action changes its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionOp {
    /// Gives the key a new state, whatever it had.
    Set,
    /// Adds one element to a memory list; commutes with other appends.
    Append,
    /// Removes the key.
    Delete,
    /// Changes something that is not read back (a shell command).
    External,
}

/// Says if an action can be undone; decided when it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "can", rename_all = "lowercase")]
pub enum Undoability {
    /// The before-state is kept.
    Undo,
    /// It can't be undone, and why ("may have reached outside").
    #[serde(rename = "permanent")]
    NoUndo {
        /// The reason, shown in the panel.
        why: String,
    },
}

/// One row of `action_log`: durable before the effect starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRecord {
    /// The agent's span.
    pub span: SpanId,
    /// The tool's own span.
    pub tool_span: SpanId,
    /// The tool.
    pub tool_name: String,
    /// The key that it changes.
    pub key: Key,
    /// How.
    pub op: ActionOp,
    /// The key's state before; `Absent` is SQL NULL.
    pub old: KeyState,
    /// The state it is meant to leave (for an append: the element, as [`KeyState::Text`]).
    pub intended: KeyState,
    /// Says if it can be undone.
    pub undo: Undoability,
}

/// One row of `action_events`: the outcome of an action, or a later change of its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionEvent {
    /// The action.
    pub action: Seq,
    /// The change of its status.
    pub change: ActionChange,
}

/// A change of an action's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ActionChange {
    /// The effect was done; the world is as `after` says (for an append: the element).
    Applied {
        /// The state it left.
        after: KeyState,
        /// True if the bytes that it left are kept under their hash.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        kept: bool,
    },
    /// The effect failed, and the world is as before.
    Failed {
        /// Why.
        error: String,
    },
    /// Found on reopening: the effect was never done.
    NotApplied,
    /// A command's change that is held beside the workspace: the user looks at it first.
    Held,
    /// A held change was discarded; it was never applied.
    #[serde(rename = "dropped")]
    Discarded {
        /// Why.
        why: String,
    },
    /// An undo is about to touch the world.
    UndoStarted,
    /// The undo is done.
    Undone {
        /// True if the user forced it over a conflict.
        forced: bool,
    },
    /// Its undo command was run; the undo that follows is its end.
    Compensated {
        /// The output of the undo command.
        result: String,
    },
    /// A redo is about to touch the world.
    RedoStarted,
    /// The redo is done.
    Redone,
    /// An undo or redo was refused, and nothing was touched.
    Refused {
        /// Why.
        why: String,
    },
}

impl ActionChange {
    /// The name used in SQL and JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Applied { .. } => "applied",
            Self::Failed { .. } => "failed",
            Self::NotApplied => "not_applied",
            Self::Held => "held",
            Self::Discarded { .. } => "dropped",
            Self::UndoStarted => "undo_started",
            Self::Undone { .. } => "undone",
            Self::Compensated { .. } => "compensated",
            Self::RedoStarted => "redo_started",
            Self::Redone => "redone",
            Self::Refused { .. } => "refused",
        }
    }
}
