//! The other half of loading a run (`load`): rows that were checked are decoded and folded, on a thread of their own.

use std::collections::HashSet;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::Row;
use super::decode::decode;
use super::encode::Stored;
use super::faults::Faults;
use super::opening::{Opening, Watch};
use super::scan::{ScannedRow, Window};
use crate::model::{Keyframes, RunState, TextHash, TraceBody, TraceEvent};

/// Time between two states that are shown while a run is read.
const STATES: Duration = Duration::from_millis(250);

/// Rows that are what was written.
pub(super) struct Batch {
    /// Where their cells are.
    pub(super) window: Window,
    /// The rows.
    pub(super) rows: Vec<ScannedRow>,
    /// How many rows were read by now.
    pub(super) read: u64,
}

/// Receivers of the rows and of news while a run is loaded.
pub(super) struct Sinks<'a> {
    /// Takes every row, as it is.
    pub(super) keep: Option<&'a mut (dyn FnMut(Stored) + Send)>,
    /// Says which events are handed out with the fold.
    pub(super) hands_out: fn(&TraceBody) -> bool,
    /// Hears how far it is.
    pub(super) watch: Watch<'a>,
    /// True if it hears of the state too, every so often.
    pub(super) states: bool,
}

/// The fold of a run's rows.
#[derive(Default)]
pub(super) struct Folded {
    /// Every event that is handed out.
    pub(super) events: Vec<TraceEvent>,
    /// Their fold.
    pub(super) state: RunState,
    /// Copies of it along the run.
    pub(super) keyframes: Keyframes,
    /// Hashes of the texts.
    pub(super) texts: HashSet<TextHash>,
    /// Rows that can't be decoded.
    pub(super) faults: Faults,
    /// True if nobody waits for it any more.
    pub(super) cancelled: bool,
}

impl Folded {
    /// Folds batches until none follows. `of`: how many rows there should be.
    pub(super) fn fold(batches: &Receiver<Batch>, mut sinks: Sinks<'_>, of: u64) -> Self {
        let mut folded = Self::default();
        let mut shown = Instant::now();
        for Batch { window, rows, read } in batches {
            for row in &rows {
                folded.take(&window, row, &mut sinks);
            }
            let mut goes_on = (sinks.watch)(Opening::Checking { rows: read, of });
            if sinks.states && shown.elapsed() >= STATES {
                goes_on &= (sinks.watch)(Opening::State(Box::new(folded.state.clone())));
                shown = Instant::now();
            }
            if !goes_on {
                folded.cancelled = true;
                break;
            }
        }
        folded.keyframes.settle(&mut folded.state);
        folded
    }

    fn take(&mut self, window: &Window, scanned: &ScannedRow, sinks: &mut Sinks<'_>) {
        let stored = window.stored(scanned);
        match decode(&stored) {
            Ok(row) => {
                if let Row::Event(event) = &row {
                    self.state.apply(event);
                    self.keyframes.follow(&mut self.state);
                }
                if let Some(keep) = &mut sinks.keep {
                    keep(stored);
                }
                match row {
                    Row::Text { hash, .. } => drop(self.texts.insert(hash)),
                    Row::Event(event) if (sinks.hands_out)(&event.body) => self.events.push(event),
                    Row::Event(_) => {}
                }
            }
            Err(why) => {
                let (seq, table) = (scanned.seq, scanned.table.name());
                self.faults.push(seq, format!("row {seq} ({table}) can't be read: {why}"));
            }
        }
    }
}
