//! The memory of a run: what its log says, and what was put since.

use std::collections::BTreeMap;

use super::Value;
use crate::model::{KeyState, Ledger};

/// The memory of a run. The log's part is read when somebody asks for a key.
#[derive(Debug, Default)]
pub(super) struct Memory {
    log: Ledger,
    /// Keys that were put since; those that are absent too.
    put: BTreeMap<String, Value>,
}

impl Memory {
    /// The memory that a run's log folds to.
    pub(super) fn of(log: Ledger) -> Self {
        Self { log, put: BTreeMap::new() }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Value {
        let logged = || Value::of_memory(self.log.memory(key)).unwrap_or(Value::Absent);
        self.put.get(key).cloned().unwrap_or_else(logged)
    }

    /// Sets the value of a key.
    pub(super) fn put(&mut self, key: &str, value: Value) {
        self.put.insert(key.to_owned(), value);
    }

    /// The states of all keys that exist.
    pub(super) fn states(&self) -> BTreeMap<String, KeyState> {
        let mut states = self.log.all_memory();
        for (key, value) in &self.put {
            match value {
                Value::Absent => drop(states.remove(key)),
                value => drop(states.insert(key.clone(), value.state())),
            }
        }
        states
    }
}
