//! The refusals of a continue, a step, an answer, an approval, and of applying or discarding held changes.

use super::UndoRefusal;

/// The reason why a stopped span stays where it is.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum ReleaseRefusal {
    /// No span is stopped there.
    #[error("nothing is paused at {label}")]
    NothingPaused { label: String },
    /// It waits for an approval, which a continue is not.
    #[error("it needs an approval: ]a shows it")]
    NeedsApproval,
    /// It waits for a person's answer, which a continue is not.
    #[error("it waits for your answer: a answers it")]
    NeedsAnswer,
    /// Its changes are held, and a continue does not decide about them.
    #[error("its changes are held: apply or discard them")]
    ChangesHeld,
    /// An answer for several spans.
    #[error("several spans are paused here; select the one to answer for")]
    SeveralToAnswerFor,
    /// An approval where none is needed.
    #[error("nothing here needs an approval")]
    NoApprovalNeeded,
    /// An approval for several spans.
    #[error("several spans need an approval here; select the one to answer")]
    SeveralNeedApproval,
    /// Apply or discard where no changes are held.
    #[error("no changes are held here")]
    NoChangesHeld,
    /// Apply or discard for several commands.
    #[error("several commands hold changes here; select one of them")]
    SeveralHoldChanges,
    /// An answer in the place of a divergence.
    #[error("a divergence can't be answered; retry the agent")]
    Diverged,
    /// An answer in the place of a command that ran.
    #[error("the command has run already: apply or discard its changes")]
    HasRun,
    /// Holding changes of commands that have no overlay.
    #[error("changes can't be held here: commands run directly in the workspace")]
    CannotHold,
    /// Holding changes of a command that runs directly in the workspace, because of open files.
    #[error("changes can't be held: {open}, so the command runs directly in the workspace")]
    OpenFiles { open: String },
    /// An approval for an agent whose changes were undone.
    #[error(
        "failed to allow it: changes of {label} were undone, and its model does not know. Redo them (Ctrl-r), retry \
         {label} (r), or deny this call"
    )]
    AllowUndone { label: String },
    /// A continue of an agent whose changes were undone.
    #[error("changes of {label} were undone. Retry it, redo them, or continue and tell the model")]
    ContinueUndone { label: String },
    /// Its changes are being undone.
    #[error(transparent)]
    Undo(#[from] UndoRefusal),
}
