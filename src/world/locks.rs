//! The locks of the world: one for memory, one for the workspace, always taken in this order.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The part of the world that an effect locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Memory.
    Memory,
    /// The workspace, for a file tool.
    Files,
    /// The workspace, for a shell command, which takes it alone.
    Shell,
    /// Everything, for undo and redo.
    All,
}

impl Scope {
    fn memory(self) -> bool {
        matches!(self, Self::Memory | Self::All)
    }

    fn workspace(self) -> bool {
        !matches!(self, Self::Memory)
    }
}

/// The locks of a world.
#[derive(Default)]
pub(super) struct Locks {
    memory: NamedLock,
    workspace: NamedLock,
}

/// A lock that knows the name of its holder.
#[derive(Default, Clone)]
struct NamedLock {
    lock: Arc<AsyncMutex<()>>,
    holder: Arc<Mutex<Option<String>>>,
}

/// Holds what was locked until it is dropped.
#[must_use = "dropping it unlocks"]
pub struct Guard {
    _memory: Option<Held>,
    _workspace: Option<Held>,
}

struct Held {
    holder: Arc<Mutex<Option<String>>>,
    _lock: OwnedMutexGuard<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Runs before the lock itself is let go, so it can't wipe out the next holder's name.
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl NamedLock {
    async fn lock(&self, holder: &str) -> Held {
        self.held(self.lock.clone().lock_owned().await, holder)
    }

    fn try_lock(&self, holder: &str) -> Option<Held> {
        self.lock.clone().try_lock_owned().ok().map(|lock| self.held(lock, holder))
    }

    fn held(&self, lock: OwnedMutexGuard<()>, holder: &str) -> Held {
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = Some(holder.to_owned());
        Held { holder: self.holder.clone(), _lock: lock }
    }

    fn holder(&self) -> Option<String> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Locks {
    pub(super) async fn lock(&self, scope: Scope, holder: &str) -> Guard {
        let memory = if scope.memory() { Some(self.memory.lock(holder).await) } else { None };
        let workspace = if scope.workspace() { Some(self.workspace.lock(holder).await) } else { None };
        Guard { _memory: memory, _workspace: workspace }
    }

    pub(super) fn try_lock(&self, scope: Scope, holder: &str) -> Option<Guard> {
        let memory = if scope.memory() { Some(self.memory.try_lock(holder)?) } else { None };
        let workspace = if scope.workspace() { Some(self.workspace.try_lock(holder)?) } else { None };
        Some(Guard { _memory: memory, _workspace: workspace })
    }

    pub(super) fn holder(&self, scope: Scope) -> Option<String> {
        let memory = if scope.memory() { self.memory.holder() } else { None };
        memory.or_else(|| if scope.workspace() { self.workspace.holder() } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn scopes_exclude_what_they_share() {
        let locks = Locks::default();
        let files = locks.lock(Scope::Files, "#35").await;
        assert_eq!(locks.holder(Scope::Shell).as_deref(), Some("#35"));
        assert_eq!(locks.holder(Scope::All).as_deref(), Some("#35"));
        assert_eq!(locks.holder(Scope::Memory), None);
        assert!(locks.try_lock(Scope::Shell, "#36").is_none());
        assert!(locks.try_lock(Scope::Memory, "#36").is_some());
        assert!(locks.try_lock(Scope::All, "undo").is_none());
        drop(files);
        assert_eq!(locks.holder(Scope::Shell), None);
        assert!(locks.try_lock(Scope::All, "undo").is_some());
        assert_eq!(locks.holder(Scope::All), None);
    }

    #[tokio::test]
    async fn a_waiter_gets_it_when_it_is_free() {
        let locks = Arc::new(Locks::default());
        let first = locks.lock(Scope::All, "first").await;
        let waiting = tokio::spawn({
            let locks = locks.clone();
            async move {
                let _guard = locks.lock(Scope::Memory, "second").await;
                locks.holder(Scope::Memory)
            }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(waiting.await.unwrap().as_deref(), Some("second"));
    }
}
