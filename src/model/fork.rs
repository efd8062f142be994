//! The plan of a fork as the screen shows it, and the user's choice about the workspace.

use super::{RetryPlan, SpanId};

/// The plan of a fork, shown before it happens.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForkOutlook {
    /// The span to go on from.
    pub span: SpanId,
    /// The spans that run anew, and the calls that are reused.
    pub plan: RetryPlan,
    /// The paths of the workspace that are not as they were there, a line each.
    pub moved: Vec<String>,
    /// Remarks of its making.
    pub notes: Vec<String>,
}

/// The choice about a workspace that is not as it was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForkHow {
    /// Nothing differs.
    AsItWas,
    /// The fork goes on in it as it is.
    AsItIs,
    /// It is put back first, which can be undone in the fork.
    Restore,
    /// The fork has a copy of it beside it, which is put back.
    Copy,
}
