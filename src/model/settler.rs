//! Packs what a state that is folded further does not change any more.

use super::RunState;

/// The smallest distance of two looks, in seqs.
const APART: u64 = 1024;

/// Follows a state, and packs what did not change between two looks at it.
#[derive(Debug, Clone, Default)]
pub struct Settler {
    before: RunState,
}

impl Settler {
    /// Looks at the state, if the last look is far enough behind it.
    pub fn follow(&mut self, state: &mut RunState) {
        if state.last.0 < self.before.last.0 + APART {
            return;
        }
        state.settle(std::slice::from_mut(&mut self.before), 0);
        self.before = state.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Millis, Seq, TraceBody, TraceEvent};

    #[test]
    fn the_state_stays_what_it_is() {
        let (mut state, mut settler) = (RunState::default(), Settler::default());
        for seq in 1..5_000 {
            let body = TraceBody::Note { span: None, error: false, text: String::new() };
            state.apply(&TraceEvent { seq: Seq(seq), at: Millis(seq), happened: None, body });
            let before = state.clone();
            settler.follow(&mut state);
            assert_eq!(state, before);
            assert!(settler.before.last.0 + APART > seq);
        }
    }
}
