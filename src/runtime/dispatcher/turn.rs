//! The turn of a tool: it gets its lock and begins, or a retry has it wait again, whichever is first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const OPEN: u8 = 0;
const BEGUN: u8 = 1;
const WITHDRAWN: u8 = 2;

/// Decides once if a tool begins or is withdrawn, so that one that has begun is never started again.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Turn(Arc<AtomicU8>);

impl Turn {
    /// The tool begins; returns false when it was withdrawn before.
    pub fn begin(&self) -> bool {
        self.decide(BEGUN)
    }

    /// Has the tool not begin; returns false when it began before.
    pub fn withdraw(&self) -> bool {
        self.decide(WITHDRAWN)
    }

    /// True when the tool did not begin, and will not.
    pub fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire) == WITHDRAWN
    }

    fn decide(&self, wanted: u8) -> bool {
        let decided = self.0.compare_exchange(OPEN, wanted, Ordering::AcqRel, Ordering::Acquire);
        decided.map_or_else(|before| before == wanted, |_| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_decision_stays() {
        let turn = Turn::default();
        assert!(!turn.is_withdrawn());
        assert!(turn.begin() && turn.clone().begin(), "it takes one lock after the other");
        assert!(!turn.withdraw() && !turn.is_withdrawn());

        let turn = Turn::default();
        assert!(turn.clone().withdraw() && turn.withdraw());
        assert!(!turn.begin() && turn.is_withdrawn());
    }
}
