//! The way back: places that were left by a jump.

use super::{Pane, State, UiAction};
use crate::model::SpanId;

/// Places that are kept.
const MOST: usize = 100;

/// Places that were left by a jump, the last one last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    places: Vec<(SpanId, Pane)>,
}

impl Trail {
    /// True while there is a way back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Keeps the place that a key left, unless it only moved on by a line or a page.
    pub(super) fn leave(&mut self, place: (SpanId, Pane), now: (SpanId, Pane), verb: Option<UiAction>) {
        use UiAction as A;
        let is_step = matches!(
            verb,
            Some(
                A::Down
                    | A::Up
                    | A::PageDown
                    | A::PageUp
                    | A::OtherDown
                    | A::OtherUp
                    | A::Fold
                    | A::Unfold
                    | A::Follow
                    | A::WayBack
                    | A::Search
                    | A::EventBack
                    | A::EventOn
            )
        );
        if place == now || is_step || place.0 == SpanId::RUN || self.places.last() == Some(&place) {
            return;
        }
        self.places.push(place);
        if self.places.len() > MOST {
            self.places.remove(0);
        }
    }
}

impl State {
    /// Goes back to the place that the last jump left.
    pub(super) fn go_back(&mut self) {
        let here = (self.selected(), self.focus);
        while let Some((span, pane)) = self.trail.places.pop() {
            if (span, pane) == here || self.run.trace.get(span).is_none() {
                continue;
            }
            self.go_to(span);
            self.show(if pane == Pane::Rollback && !self.has_rollback() { Pane::Tree } else { pane });
            return;
        }
        self.refuse("this is where you came from");
    }
}
