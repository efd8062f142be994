//! A run that was not made here, as far as this program can prove it.

/// The reason why a run counts as made elsewhere; it follows "because".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// It has no stamp that can be read.
    #[error("it has no stamp: it came in a pack, or an earlier version made it, or another program")]
    NoStamp,
    /// The user's secret is not there.
    #[error("there is no secret of this user, by which tama-tui knows its own runs")]
    NoSecret,
    /// Its stamp was made with another secret.
    #[error("another user made it, or another machine, or the secret has changed since")]
    OtherStamp,
    /// It is not in the folder that it was made in.
    #[error("its folder was moved, copied or renamed")]
    Moved,
    /// It does not end with a row that this program has signed, or its manifest was changed.
    #[error("it was changed by another program since it was written, or by an earlier version")]
    Changed,
    /// Its workspace is another folder now.
    #[error("its workspace {path} is not the folder that it was")]
    OtherWorkspace {
        /// The workspace's path.
        path: String,
    },
}
