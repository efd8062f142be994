//! Looking before touching: is a key still as the action left it, and if not, who changed it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::compensate::amends;
use crate::model::{
    ActionRecord, ActionStatus, BlobHash, Conflict, ConflictBy, Key, KeyKind, KeyState, Ledger, Seq, SpanId,
    Undoability, readable_name,
};
use crate::store::{RunLog, StoreError};
use crate::world::path::ROOT;
use crate::world::{Value, World};

/// One undo that may be carried out.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The action.
    pub action: Seq,
    /// Its row.
    pub record: ActionRecord,
    /// What is there now (of memory nothing is read: it is what the log says; of a compensation: the action's result).
    pub present: KeyState,
    /// The bytes to keep for a redo.
    pub keep: Option<BlobHash>,
    /// The action had no outcome, but the world shows that it was done.
    pub settles: bool,
}

/// What came of looking at an action.
pub(super) enum Finding {
    /// It can be undone.
    Go(Box<Step>),
    /// It never changed the world.
    Never,
    /// It is left as it is, and why.
    Leave(String),
    /// Something changed its key since.
    Conflict(Conflict),
    /// It can be seen only once the steps before it have opened a folder above it.
    Shut,
}

/// What the steps already found good will have done.
#[derive(Default)]
pub(super) struct Ahead {
    /// The actions they undo.
    pub gone: HashSet<Seq>,
    /// Those of them that will stay after all, such as folders that are not empty when their turn comes.
    pub stays: HashSet<Seq>,
    /// The states they leave, by path.
    pub states: HashMap<String, KeyState>,
    /// Nothing will be done: nothing needs to be kept either.
    pub only_looking: bool,
    /// Bytes to be kept for a redo, not yet on disk.
    pub keeping: Vec<Vec<u8>>,
}

impl Ahead {
    /// Whether an action will be undone by then.
    pub fn undoes(&self, action: Seq) -> bool {
        self.gone.contains(&action) && !self.stays.contains(&action)
    }

    /// Has bytes kept; they are on disk after [`Ahead::kept`].
    fn keep(&mut self, log: &RunLog, bytes: Vec<u8>) -> Result<(), StoreError> {
        const AT_ONCE: usize = 64 << 20;
        self.keeping.push(bytes);
        if self.keeping.iter().map(Vec::len).sum::<usize>() > AT_ONCE { self.kept(log) } else { Ok(()) }
    }

    /// Whether a folder above a path will be another than it is now.
    fn opens(&self, key: &Key) -> bool {
        self.states.contains_key(ROOT)
            || key.name.match_indices('/').any(|(at, _)| self.states.contains_key(&key.name[..at]))
    }

    /// Makes everything to be kept last.
    pub fn kept(&mut self, log: &RunLog) -> Result<(), StoreError> {
        if self.keeping.is_empty() {
            return Ok(());
        }
        let keeping = std::mem::take(&mut self.keeping);
        let all: Vec<&[u8]> = keeping.iter().map(Vec::as_slice).collect();
        log.recorder().put_blobs(&all).map(drop)
    }
}

struct Facts {
    record: ActionRecord,
    status: ActionStatus,
    after: KeyState,
    obstacles: Vec<(Seq, SpanId)>,
}

/// Looks at one action, as if the steps `ahead` were done.
pub(super) fn look(log: &RunLog, world: &World, action: Seq, ahead: &mut Ahead, force: bool) -> Finding {
    let Some(facts) = log.with(|state| facts(&state.ledger, action, &ahead.gone)) else {
        return Finding::Leave(format!("there is no action {action}"));
    };
    match (&facts.record.undo, facts.status) {
        (Undoability::Permanent { why }, _) => return Finding::Leave(why.clone()),
        (_, ActionStatus::Undone) => return Finding::Leave("it is undone already".into()),
        (_, ActionStatus::NotApplied) => return Finding::Leave("it never happened".into()),
        (_, ActionStatus::Held) => return Finding::Leave("it has not landed yet".into()),
        (_, ActionStatus::Intent) if facts.record.key.kind == KeyKind::Memory => return Finding::Never,
        _ => {}
    }
    if facts.record.key.kind == KeyKind::Compensation {
        return look_at_compensation(action, facts, ahead, force);
    }
    if !facts.obstacles.is_empty() && !force {
        let by = ConflictBy::Actions { first: facts.obstacles };
        return Finding::Conflict(Conflict { action, key: facts.record.key.to_string(), by });
    }
    if facts.record.key.kind == KeyKind::Memory {
        return go(action, facts.record, KeyState::Unknown, None, false);
    }
    look_at_path(log, world, action, facts, ahead, force)
}

/// Nothing of it can be read: it blocks nothing, and nothing blocks it.
fn look_at_compensation(action: Seq, facts: Facts, ahead: &Ahead, force: bool) -> Finding {
    if facts.status == ActionStatus::Intent && !force {
        let why = "it was started, and whether it was done is not known; force runs its compensation all the same";
        return Finding::Leave(why.into());
    }
    // Recorded as refused only when it is tried.
    if ahead.only_looking
        && let Err(why) = amends(&facts.record, &facts.after)
    {
        return Finding::Leave(format!("it can't be compensated: {why}"));
    }
    go(action, facts.record, facts.after, None, false)
}

fn look_at_path(log: &RunLog, world: &World, action: Seq, facts: Facts, ahead: &mut Ahead, force: bool) -> Finding {
    let key = facts.record.key.clone();
    let outside = |found: String| {
        let by = match log.with(|state| permanent_after(&state.ledger, action, &key)) {
            Some((action, span)) => ConflictBy::Permanent { action, span },
            None => ConflictBy::Outside { found },
        };
        Finding::Conflict(Conflict { action, key: key.to_string(), by })
    };
    let (present, bytes) = match ahead.states.get(&key.name) {
        Some(state) => (state.clone(), None),
        None => match world.peek(&key) {
            Ok(value) => (value.state(), Some(value)),
            Err(_) if ahead.opens(&key) && !ahead.only_looking => return Finding::Shut,
            Err(_) if ahead.opens(&key) => (facts.after.clone(), None),
            Err(error) => return outside(format!("something that can't be read: failed to {error}")),
        },
    };
    let intent = facts.status == ActionStatus::Intent;
    if intent && present == facts.record.old {
        return Finding::Never;
    }
    let left = if intent { &facts.record.intended } else { &facts.after };
    let as_left = if intent { same_content(&present, left) } else { present == *left };
    if !as_left && !force {
        return outside(describe(&present, left));
    }
    // Read when its turn comes otherwise.
    if ahead.only_looking
        && let Err(why) = value_of(log, &facts.record.old)
    {
        return Finding::Leave(why);
    }
    if let Some(Value::File { bytes, .. }) = bytes
        && !ahead.only_looking
        && let Err(error) = ahead.keep(log, bytes)
    {
        return Finding::Leave(format!("what is there now could not be kept: failed to {error}"));
    }
    let keep = match &present {
        KeyState::File { blob, .. } => Some(*blob),
        _ => None,
    };
    go(action, facts.record, present, keep, intent)
}

fn go(action: Seq, record: ActionRecord, present: KeyState, keep: Option<BlobHash>, settles: bool) -> Finding {
    Finding::Go(Box::new(Step { action, record, present, keep, settles }))
}

fn facts(ledger: &Ledger, action: Seq, gone: &HashSet<Seq>) -> Option<Facts> {
    let entry = ledger.get(action)?;
    Some(Facts {
        record: entry.record.clone(),
        status: entry.status,
        after: entry.after.clone(),
        obstacles: obstacles(ledger, action, gone),
    })
}

/// The newest later action of the run that can't be undone, at the same place or at a folder above.
fn permanent_after(ledger: &Ledger, action: Seq, key: &Key) -> Option<(Seq, SpanId)> {
    let above = key.name.match_indices('/').map(|(at, _)| Key::directory(&key.name[..at]));
    let places = std::iter::once(key.clone()).chain(above);
    let newest = |place: Key| {
        let mut later = ledger.applied_at(&place).rev().take_while(|later| later.seq > action);
        later.find(|later| !later.is_undoable()).map(|later| (later.seq, later.record.span))
    };
    places.filter_map(newest).max()
}

/// Every action that must be undone first, and those that block these in turn, newest first.
pub(super) fn obstacles(ledger: &Ledger, action: Seq, gone: &HashSet<Seq>) -> Vec<(Seq, SpanId)> {
    let mut found = BTreeMap::new();
    let mut open = vec![action];
    while let Some(at) = open.pop() {
        let Some(entry) = ledger.get(at) else { continue };
        for later in ledger.blockers(at) {
            // What is inside a folder doesn't stop its undo: the folder then stays until it is empty.
            let inside = makes_folder(&entry.record) && later.record.key.is_inside(&entry.record.key);
            if !inside && !gone.contains(&later.seq) && found.insert(later.seq, later.record.span).is_none() {
                open.push(later.seq);
            }
        }
    }
    found.into_iter().rev().collect()
}

/// Whether an action made a folder where nothing was.
pub(super) fn makes_folder(record: &ActionRecord) -> bool {
    record.old == KeyState::Absent && matches!(record.intended, KeyState::Directory { .. })
}

/// Whether any of the actions stands that has to be undone before what did it can run again. A folder that was made may
/// stay: others use it.
pub fn stands(ledger: &Ledger, actions: &[Seq]) -> bool {
    let applied = actions.iter().filter_map(|action| ledger.get(*action)).filter(|entry| entry.is_applied());
    applied.filter(|entry| !makes_folder(&entry.record)).count() > 0
}

/// Whether two states are the same but for mode bits.
pub(super) fn same_content(one: &KeyState, other: &KeyState) -> bool {
    match (one, other) {
        (KeyState::File { blob: a, .. }, KeyState::File { blob: b, .. }) => a == b,
        (KeyState::Directory { .. }, KeyState::Directory { .. }) => true,
        _ => one == other,
    }
}

/// What is there now, in words that tell it from what should be there.
pub(super) fn describe(found: &KeyState, expected: &KeyState) -> String {
    match (found, expected) {
        (KeyState::File { mode, .. }, KeyState::File { mode: other, .. })
        | (KeyState::Directory { mode }, KeyState::Directory { mode: other })
            if same_content(found, expected) =>
        {
            format!("permissions {mode:o} instead of {other:o}")
        }
        (KeyState::File { size, .. }, KeyState::File { .. }) => format!("other content ({size} bytes)"),
        (KeyState::File { size, .. }, _) => format!("a file of {size} bytes"),
        (KeyState::Absent, _) => "nothing".into(),
        (KeyState::Directory { .. }, _) => "a folder".into(),
        (KeyState::Symlink { target }, _) => format!("a link to {}", readable_name(target)),
        _ => found.summary(),
    }
}

/// The value to put for a recorded state.
pub(super) fn value_of(log: &RunLog, state: &KeyState) -> Result<Value, String> {
    Ok(match state {
        KeyState::Absent => Value::Absent,
        KeyState::Text { text } => Value::Text(text.clone()),
        KeyState::List { elements } => Value::List(elements.clone()),
        KeyState::File { blob, mode, .. } => {
            let bytes = log.recorder().blob(*blob).map_err(|error| format!("failed to {error}"))?;
            Value::File { bytes, mode: Some(*mode) }
        }
        KeyState::Directory { mode } => Value::Directory { mode: Some(*mode), entries: Vec::new() },
        KeyState::Symlink { target } => Value::Symlink { target: target.clone() },
        KeyState::Unknown => return Err("its state was not captured".into()),
    })
}

/// The place a key names: all kinds of paths share one name space.
pub(super) fn place(key: &Key) -> (bool, String) {
    (key.kind.is_path(), key.name.clone())
}
