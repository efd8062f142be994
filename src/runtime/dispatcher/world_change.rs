//! Calls that read and change keys of the world: read, decided, recorded, made.

use std::sync::Arc;

use super::Services;
use super::exec::{Done, fault};
use crate::effects::tools::{ToolError, WorldCall};
use crate::model::{Key, TraceBody};
use crate::rollback::{ActError, Origin, perform};
use crate::store::RunLog;
use crate::world::{Value, WorldError};

/// Bytes of a file that a tool reads, or has read before it changes the file. Larger ones are for commands.
const LARGEST_FILE: u64 = 16 << 20;

/// A call under way; its caller holds the lock.
pub(super) struct WorldChange {
    pub log: RunLog,
    pub services: Arc<Services>,
    pub origin: Origin,
}

impl WorldChange {
    /// Reads the keys, decides, and makes the changes. Blocks.
    pub async fn run(self, call: WorldCall) -> Done {
        let world = &self.services.world;
        let values = match call.keys.iter().map(|key| self.read(key)).collect::<Result<Vec<_>, _>>() {
            Ok(values) => values,
            Err(error) => return fault(&error),
        };
        let decision = (call.decide)(&values);
        drop(values);
        // A refusal depends on all that was looked at.
        let reads = decision.as_ref().map_or(call.keys, |decision| decision.reads.clone());
        let reads = reads.into_iter().map(|key| {
            let action = self.log.with(|state| state.ledger.last_at(&key).map(|entry| entry.seq));
            TraceBody::Read { span: self.origin.tool_span, key, action }
        });
        self.log.append(reads.collect());
        let decision = match decision {
            Ok(decision) => decision,
            Err(error) => return fault(&error),
        };
        let done = perform(&self.log, world, &self.origin, decision.changes).await;
        let notes = world.take_notes().into_iter().map(|note| format!("\n[{note}]"));
        let text = std::iter::once(decision.result).chain(notes).collect();
        match done {
            Ok(_) => Done::Tool { text, fault: false, cause: None },
            Err(error @ ActError::NotRecorded(_)) => Done::from_error(&error),
            Err(error) => fault(&ToolError(format!("failed to {error}"))),
        }
    }

    fn read(&self, key: &Key) -> Result<Value, ToolError> {
        self.services.world.read_at_most(key, LARGEST_FILE).map_err(|error| match error {
            WorldError::TooLarge { .. } => {
                ToolError(format!("{error}; use a command for it, which can read or change a part (head, tail, sed)"))
            }
            error => ToolError(error.to_string()),
        })
    }
}
