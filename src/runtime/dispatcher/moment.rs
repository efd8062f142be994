//! The run as it was at one of its events, read when the user goes back in time.

use super::inspector::Inspector;
use crate::model::{Moment, MomentAsked, Seq, TraceEvent, Update};
use crate::store::{RunLog, StoreError};

/// Seqs that are read at first to find an event: texts have seqs too, so that an event may lie further away.
const NEAR: u64 = 64;

impl Inspector {
    /// Sends the run as it was at an event to the screen.
    pub(super) fn moment(&self, asked: MomentAsked) {
        let log = self.log().clone();
        self.answer(move || match moment(&log, asked) {
            Ok(moment) => Update::Moment(Box::new(moment)),
            Err(error) => Update::Refused(format!("failed to read the run as it was at {}: {error}", asked.from)),
        });
    }
}

/// The run as it was; the first or the last event of the run where there are not as many as are asked for.
fn moment(log: &RunLog, asked: MomentAsked) -> Result<Moment, StoreError> {
    let event = event(log, asked)?;
    let run = log.state_at(event.as_ref().map_or(asked.from, |event| event.seq))?;
    Ok(Moment { asked, run, event })
}

fn event(log: &RunLog, MomentAsked { from, by }: MomentAsked) -> Result<Option<TraceEvent>, StoreError> {
    let wanted = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
    let last = log.with(|state| state.last);
    let mut reach = NEAR.max(by.unsigned_abs().saturating_mul(2));
    loop {
        // At an event itself, or before it: the newest ones up to there count.
        let (after, upto) = match by {
            1.. => (from, Seq(from.0.saturating_add(reach)).min(last)),
            0 => (Seq(from.0.saturating_sub(reach)), from),
            _ => (Seq(from.0.saturating_sub(reach)), Seq(from.0.saturating_sub(1))),
        };
        let mut events = log.recorder().events_to_fold(after, upto)?;
        let (is_enough, is_all) = match by {
            1.. => (events.len() >= wanted, upto >= last),
            _ => (events.len() >= wanted.max(1), after == Seq(0)),
        };
        if !is_enough && !is_all {
            reach = reach.saturating_mul(4);
            continue;
        }
        let at = match by {
            1.. => wanted.min(events.len()).checked_sub(1),
            _ => events.len().checked_sub(wanted.max(1)).or_else(|| (!events.is_empty()).then_some(0)),
        };
        return match at {
            Some(at) => Ok(Some(events.swap_remove(at))),
            // Nothing lies beyond the event that was asked from.
            None if by != 0 => self::event(log, MomentAsked { from, by: 0 }),
            None => Ok(None),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use super::*;
    use crate::model::{RunState, TraceBody};
    use crate::store::Volatile;

    /// A log of notes; three texts lie between each two of them.
    fn log(events: u64) -> RunLog {
        let recorder = Arc::new(Volatile::new(Box::new(|_| {})));
        let log = RunLog::new(recorder, RunState::default(), Seq(0), HashSet::new());
        for at in 0..events {
            for part in 0..3 {
                let _ = log.text(&format!("text {part} of {at}"));
            }
            log.append(vec![TraceBody::Note { span: None, error: false, text: format!("note {at}") }]);
        }
        log
    }

    fn at(log: &RunLog, from: u64, by: i64) -> (u64, u64) {
        let found = moment(log, MomentAsked { from: Seq(from), by }).unwrap();
        (found.event.unwrap().seq.0, found.run.last.0)
    }

    #[test]
    fn texts_between_two_events_are_no_moments() {
        let log = log(200);
        assert_eq!(at(&log, 8, -1), (4, 4));
        assert_eq!(at(&log, 8, 1), (12, 12));
        assert_eq!(at(&log, 8, 0), (8, 8));
        assert_eq!(at(&log, 10, 0), (8, 8), "a text's seq is the moment of the event before it");
        assert_eq!(at(&log, 800, -150), (200, 200));
        assert_eq!(at(&log, 4, 150), (604, 604));
    }

    #[test]
    fn beyond_the_ends_there_is_the_first_and_the_last_event() {
        let log = log(10);
        assert_eq!(at(&log, 8, -100), (4, 4));
        assert_eq!(at(&log, 4, -1), (4, 4));
        assert_eq!(at(&log, 8, 100), (40, 40));
        assert_eq!(at(&log, 40, 1), (40, 40));
    }
}
