//! The locks of the world: one for each memory key, and one for the workspace; always taken in this order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};

/// The part of the world that an effect locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Keys of memory.
    Memory(BTreeSet<String>),
    /// The workspace, for a file tool.
    Files,
    /// The workspace, for a shell command, which takes it alone.
    Shell,
    /// Everything, for undo and redo.
    All,
}

impl Scope {
    fn workspace(&self) -> bool {
        !matches!(self, Self::Memory(_))
    }
}

/// The locks of a world.
#[derive(Default)]
pub(super) struct Locks {
    memory: MemoryLock,
    workspace: NamedLock,
    /// How many wait for the workspace.
    waiting: watch::Sender<usize>,
}

/// Holds what was locked until it is dropped.
#[must_use = "dropping it unlocks"]
pub struct Guard {
    _memory: Option<MemoryHeld>,
    _workspace: Option<Held>,
}

impl Locks {
    pub(super) async fn lock(&self, scope: &Scope, holder: &str) -> Guard {
        let memory = match scope {
            Scope::Memory(keys) => Some(self.memory.lock_keys(keys, holder).await),
            Scope::All => Some(self.memory.lock_whole(holder).await),
            Scope::Files | Scope::Shell => None,
        };
        let workspace = if scope.workspace() {
            let _waits = Waiting::new(&self.waiting);
            Some(self.workspace.lock(holder).await)
        } else {
            None
        };
        Guard { _memory: memory, _workspace: workspace }
    }

    /// Returns as soon as somebody waits for the workspace.
    pub(super) async fn wanted(&self) {
        // The sender is in `self`.
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting > 0).await;
    }

    pub(super) fn try_lock(&self, scope: &Scope, holder: &str) -> Option<Guard> {
        let memory = match scope {
            Scope::Memory(keys) => Some(self.memory.try_lock_keys(keys, holder)?),
            Scope::All => Some(self.memory.try_lock_whole(holder)?),
            Scope::Files | Scope::Shell => None,
        };
        let workspace = if scope.workspace() { Some(self.workspace.try_lock(holder)?) } else { None };
        Some(Guard { _memory: memory, _workspace: workspace })
    }

    pub(super) fn holder(&self, scope: &Scope) -> Option<String> {
        let memory = match scope {
            Scope::Memory(keys) => self.memory.holder(|key| keys.contains(key)),
            Scope::All => self.memory.holder(|_| true),
            Scope::Files | Scope::Shell => None,
        };
        memory.or_else(|| if scope.workspace() { self.workspace.holder() } else { None })
    }
}

/// Counts one that waits, until it is dropped.
struct Waiting<'l>(&'l watch::Sender<usize>);

impl<'l> Waiting<'l> {
    fn new(waiting: &'l watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
    }
}

/// A lock that knows the name of its holder.
#[derive(Default, Clone)]
struct NamedLock {
    lock: Arc<AsyncMutex<()>>,
    holder: Arc<Mutex<Option<String>>>,
}

struct Held {
    holder: Arc<Mutex<Option<String>>>,
    _lock: OwnedMutexGuard<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Runs before the lock itself is let go, so it can't wipe out the next holder's name.
        *lock(&self.holder) = None;
    }
}

impl NamedLock {
    async fn lock(&self, holder: &str) -> Held {
        self.held(self.lock.clone().lock_owned().await, holder)
    }

    fn try_lock(&self, holder: &str) -> Option<Held> {
        self.lock.clone().try_lock_owned().ok().map(|lock| self.held(lock, holder))
    }

    fn held(&self, guard: OwnedMutexGuard<()>, holder: &str) -> Held {
        *lock(&self.holder) = Some(holder.to_owned());
        Held { holder: self.holder.clone(), _lock: guard }
    }

    fn holder(&self) -> Option<String> {
        lock(&self.holder).clone()
    }
}

type Keys = Arc<Mutex<BTreeMap<String, NamedLock>>>;

/// Memory: its keys one by one, or all of it. Holders of keys share the whole; a caller that wants the whole waits for
/// them, and all that come later wait for it.
#[derive(Default)]
struct MemoryLock {
    whole: Arc<RwLock<()>>,
    /// The holder of the whole.
    holder: Arc<Mutex<Option<String>>>,
    /// The keys that somebody has or waits for.
    keys: Keys,
}

enum MemoryHeld {
    Keys { _keys: Vec<HeldKey>, _shared: OwnedRwLockReadGuard<()> },
    Whole { holder: Arc<Mutex<Option<String>>>, _whole: OwnedRwLockWriteGuard<()> },
}

impl Drop for MemoryHeld {
    fn drop(&mut self) {
        if let Self::Whole { holder, .. } = self {
            *lock(holder) = None;
        }
    }
}

impl MemoryLock {
    async fn lock_keys(&self, keys: &BTreeSet<String>, holder: &str) -> MemoryHeld {
        let shared = self.whole.clone().read_owned().await;
        let mut held = Vec::with_capacity(keys.len());
        // In the order of their names: nobody waits in a circle.
        for key in keys {
            let place = KeyPlace::new(&self.keys, key);
            let lock = place.lock.lock(holder).await;
            held.push(HeldKey { held: Some(lock), _place: place });
        }
        MemoryHeld::Keys { _keys: held, _shared: shared }
    }

    fn try_lock_keys(&self, keys: &BTreeSet<String>, holder: &str) -> Option<MemoryHeld> {
        let shared = self.whole.clone().try_read_owned().ok()?;
        let held = keys.iter().map(|key| {
            let place = KeyPlace::new(&self.keys, key);
            let lock = place.lock.try_lock(holder)?;
            Some(HeldKey { held: Some(lock), _place: place })
        });
        let held = held.collect::<Option<_>>()?;
        Some(MemoryHeld::Keys { _keys: held, _shared: shared })
    }

    async fn lock_whole(&self, holder: &str) -> MemoryHeld {
        self.whole(self.whole.clone().write_owned().await, holder)
    }

    fn try_lock_whole(&self, holder: &str) -> Option<MemoryHeld> {
        Some(self.whole(self.whole.clone().try_write_owned().ok()?, holder))
    }

    fn whole(&self, whole: OwnedRwLockWriteGuard<()>, holder: &str) -> MemoryHeld {
        *lock(&self.holder) = Some(holder.to_owned());
        MemoryHeld::Whole { holder: self.holder.clone(), _whole: whole }
    }

    /// The holder of the whole, or of one of these keys.
    fn holder(&self, wanted: impl Fn(&String) -> bool) -> Option<String> {
        let whole = lock(&self.holder).clone();
        whole.or_else(|| lock(&self.keys).iter().filter(|(key, _)| wanted(key)).find_map(|(_, lock)| lock.holder()))
    }
}

/// A key that is held.
struct HeldKey {
    held: Option<Held>,
    _place: KeyPlace,
}

impl Drop for HeldKey {
    fn drop(&mut self) {
        // Before its place is given up.
        self.held = None;
    }
}

/// The place of a key in the map, as long as somebody has it or waits for it.
struct KeyPlace {
    keys: Keys,
    key: String,
    lock: NamedLock,
}

impl KeyPlace {
    fn new(keys: &Keys, key: &str) -> Self {
        let lock = lock(keys).entry(key.to_owned()).or_default().clone();
        Self { keys: keys.clone(), key: key.to_owned(), lock }
    }
}

impl Drop for KeyPlace {
    fn drop(&mut self) {
        let mut keys = lock(&self.keys);
        // The map's and this one: nobody else has it or waits.
        if Arc::strong_count(&self.lock.holder) == 2 {
            keys.remove(&self.key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(keys: &[&str]) -> Scope {
        Scope::Memory(keys.iter().map(ToString::to_string).collect())
    }

    #[tokio::test]
    async fn scopes_exclude_what_they_share() {
        let locks = Locks::default();
        let files = locks.lock(&Scope::Files, "#35").await;
        assert_eq!(locks.holder(&Scope::Shell).as_deref(), Some("#35"));
        assert_eq!(locks.holder(&Scope::All).as_deref(), Some("#35"));
        assert_eq!(locks.holder(&memory(&["k"])), None);
        assert!(locks.try_lock(&Scope::Shell, "#36").is_none());
        assert!(locks.try_lock(&memory(&["k"]), "#36").is_some());
        assert!(locks.try_lock(&Scope::All, "undo").is_none());
        drop(files);
        assert_eq!(locks.holder(&Scope::Shell), None);
        assert!(locks.try_lock(&Scope::All, "undo").is_some());
        assert_eq!(locks.holder(&Scope::All), None);
    }

    #[tokio::test]
    async fn keys_are_held_one_by_one() {
        let locks = Locks::default();
        let both = locks.lock(&memory(&["b", "a"]), "#35").await;
        assert!(locks.try_lock(&memory(&["a"]), "#36").is_none());
        assert_eq!(locks.holder(&memory(&["a"])).as_deref(), Some("#35"));
        let other = locks.try_lock(&memory(&["c"]), "#36").unwrap();
        assert_eq!(locks.holder(&memory(&["c"])).as_deref(), Some("#36"));
        assert!(locks.try_lock(&memory(&["b", "d"]), "#37").is_none());
        assert_eq!(locks.holder(&memory(&["d"])), None, "what a failed try took is free again");
        assert!(locks.try_lock(&Scope::All, "undo").is_none());
        assert!(locks.holder(&Scope::All).is_some());
        drop((both, other));
        assert_eq!(lock(&locks.memory.keys).len(), 0, "a key that nobody has takes no place");
        let all = locks.try_lock(&Scope::All, "undo").unwrap();
        assert_eq!(locks.holder(&memory(&["a"])).as_deref(), Some("undo"));
        assert!(locks.try_lock(&memory(&["a"]), "#38").is_none());
        drop(all);
        assert_eq!(locks.holder(&memory(&["a"])), None);
    }

    #[tokio::test]
    async fn a_waiter_gets_it_when_it_is_free() {
        for (first, second) in
            [(Scope::All, memory(&["k"])), (memory(&["k"]), memory(&["k"])), (memory(&["k"]), Scope::All)]
        {
            let locks = Arc::new(Locks::default());
            let held = locks.lock(&first, "first").await;
            let waiting = tokio::spawn({
                let (locks, second) = (locks.clone(), second.clone());
                async move {
                    let _guard = locks.lock(&second, "second").await;
                    locks.holder(&second)
                }
            });
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            drop(held);
            assert_eq!(waiting.await.unwrap().as_deref(), Some("second"), "{first:?} before {second:?}");
            assert_eq!(lock(&locks.memory.keys).len(), 0);
        }
    }

    #[tokio::test]
    async fn a_holder_of_the_workspace_hears_of_one_that_waits() {
        let locks = Arc::new(Locks::default());
        let held = locks.lock(&Scope::Shell, "watch").await;
        let wanted = tokio::spawn({
            let locks = locks.clone();
            async move { locks.wanted().await }
        });
        tokio::task::yield_now().await;
        assert!(!wanted.is_finished(), "nobody waits for what is held");
        let waiting = tokio::spawn({
            let locks = locks.clone();
            async move { drop(locks.lock(&Scope::All, "undo").await) }
        });
        wanted.await.unwrap();
        drop(held);
        waiting.await.unwrap();
        let again = locks.lock(&Scope::Shell, "watch").await;
        assert_eq!(*locks.waiting.borrow(), 0, "one that was served waits no more");
        drop(again);
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_leaves_no_place() {
        let locks = Arc::new(Locks::default());
        let held = locks.lock(&memory(&["k"]), "first").await;
        let waiting = tokio::spawn({
            let locks = locks.clone();
            async move { drop(locks.lock(&memory(&["k"]), "second").await) }
        });
        tokio::task::yield_now().await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        drop(held);
        assert_eq!(lock(&locks.memory.keys).len(), 0);
        assert!(locks.try_lock(&memory(&["k"]), "third").is_some());
    }
}
