//! Approvals: the policy's question about a call, and its answer. Both are events of the run; a retry or a fork asks
//! anew. A call that ends without an answer was cancelled, or interrupted.

use serde::{Deserialize, Serialize};

use super::{Seq, SpanId, TextHash};

/// The policy asked about a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalAsked {
    /// The tool's span.
    pub span: SpanId,
    /// Why it was asked, as the user reads it.
    pub why: String,
    /// The rule of the policy that asked, as it is written; `None`: no rule, but what the tool does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The rule's line in the pipeline's file, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The arguments asked about, as JSON: with the user's edit, if there is one.
    pub request: TextHash,
}

/// The answer to a question of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalAnswered {
    /// The tool's span.
    pub span: SpanId,
    /// The seq of the question.
    pub asked: Seq,
    /// The answer.
    pub how: ApprovalAnswer,
    /// The one that gave it.
    pub by: AnsweredBy,
    /// The word to the model that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
}

/// How an approval was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalAnswer {
    /// The call runs, this once.
    Allow,
    /// It runs, and its changes are held.
    AllowHeld,
    /// It runs, and so does every call with exactly its arguments.
    AllowAlways,
    /// It does not run.
    Deny,
    /// It does not run: the user gave its result.
    Answer,
}

impl ApprovalAnswer {
    /// The name used in SQL and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::AllowHeld => "allow_held",
            Self::AllowAlways => "allow_always",
            Self::Deny => "deny",
            Self::Answer => "answer",
        }
    }

    /// The answer in a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Allow => "allowed once",
            Self::AllowHeld => "allowed, its changes held",
            Self::AllowAlways => "allowed with exactly these arguments",
            Self::Deny => "denied",
            Self::Answer => "answered in its place",
        }
    }
}

/// The one that answered an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// The user, on the screen.
    User,
    /// The user, by `--allow` at the start.
    Flag,
    /// Nobody: the run has no screen, so the call is denied.
    Nobody,
}

impl AnsweredBy {
    /// Describes it in a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::User => "by the user",
            Self::Flag => "by --allow",
            Self::Nobody => "because nobody was there",
        }
    }
}
