//! Loading a run: every row is read, checked against the hash chain and the mark, and folded.
//!
//! This thread reads and checks; a second one decodes and folds (`fold`). Each takes about half of the time.

use std::collections::HashSet;
use std::sync::mpsc::{SyncSender, sync_channel};

use duckdb::Connection;

use super::StoreError;
use super::chain::Chain;
use super::encode::Stored;
use super::faults::Faults;
use super::fold::{Batch, Folded, Sinks};
use super::mark::Noted;
use super::scan::{Scan, ScannedRow, Window, placeless};
use super::schema::Layout;
use super::tail::Tail;
use crate::model::{Keyframes, RunState, Seq, TextHash, TraceEvent};

/// Batches that may wait to be folded.
const AHEAD: usize = 1;

/// A whole run as it is stored.
#[derive(Default)]
pub(super) struct Loaded {
    /// The events that can be read, are what was written, and are handed out.
    pub(super) events: Vec<TraceEvent>,
    /// Their fold.
    pub(super) state: RunState,
    /// Copies of it along the run.
    pub(super) keyframes: Keyframes,
    /// Hashes of the texts that are stored.
    pub(super) texts: HashSet<TextHash>,
    /// How many rows there are.
    pub(super) rows: u64,
    /// Those of them that are in the log file alone, and the last row before them.
    pub(super) tail: Tail,
    /// The last row.
    pub(super) last: Seq,
    /// The chain up to it.
    pub(super) chain: Chain,
    /// The damage, a line each.
    pub(super) damage: Vec<String>,
}

impl Loaded {
    /// Reads a run, and checks that its seqs have no gap, that every row fits the chain, and that the log reaches
    /// the mark.
    pub(super) fn load(
        connection: &Connection,
        layout: &Layout,
        logged: Vec<Stored>,
        mark: Option<Noted>,
    ) -> Result<Self, StoreError> {
        Self::load_with(
            connection,
            layout,
            logged,
            mark,
            Sinks { keep: None, hands_out: |_| true, watch: &mut |_| true, states: false },
        )
    }

    /// Reads a run as [`Loaded::load`] does, and hands over every row that is what was written, by seq, as it is, and how
    /// far it is.
    pub(super) fn load_with(
        connection: &Connection,
        layout: &Layout,
        mut logged: Vec<Stored>,
        mark: Option<Noted>,
        sinks: Sinks<'_>,
    ) -> Result<Self, StoreError> {
        let displaced = placeless(connection)?;
        let (batches, to_fold) = sync_channel(AHEAD);
        let ((checked, faults), folded) = std::thread::scope(|scope| {
            let folder = scope.spawn(move || Folded::fold(&to_fold, sinks, mark.map_or(0, |mark| mark.seq.0)));
            let mut check = Check::new(mark, batches);
            if displaced > 0 {
                check.faults.push(Seq(0), format!("{displaced} rows have no place in the log"));
            }
            check.database(connection, layout);
            // What the log file still has of the rows that were moved is passed over.
            let moved = check.last;
            logged.retain(|row| row.seq() > moved);
            check.window(Window::of(&logged, layout));
            (check.finish(moved, logged), folder.join())
        });
        let folded = folded.map_err(|_| StoreError::Unreadable("folding its events failed".to_owned()))?;
        if folded.cancelled {
            return Err(StoreError::Cancelled);
        }
        let Folded { events, state, keyframes, texts, faults: undecoded, .. } = folded;
        Ok(Self { events, state, keyframes, texts, damage: Faults::lines([faults, undecoded]), ..checked })
    }
}

/// Checks rows one by one, and passes on those that are what was written.
struct Check {
    /// The possible chains before the next row; more than one after a row that doesn't fit, since either its
    /// content or its chain was changed. Empty after a gap.
    before: Vec<Chain>,
    mark: Option<Noted>,
    rows: u64,
    last: Seq,
    chain: Chain,
    faults: Faults,
    batches: SyncSender<Batch>,
    /// True once nobody takes batches any more.
    ended: bool,
}

impl Check {
    fn new(mark: Option<Noted>, batches: SyncSender<Batch>) -> Self {
        let (before, faults) = (vec![Chain::default()], Faults::default());
        Self { before, mark, rows: 0, last: Seq(0), chain: Chain::default(), faults, batches, ended: false }
    }

    /// Checks every row that the database has.
    fn database(&mut self, connection: &Connection, layout: &Layout) {
        let mut scan = Scan::new(connection, layout);
        loop {
            let (last, faults) = (self.last, &mut self.faults);
            let window = scan.next(&mut |table, error| {
                let table = table.name();
                faults.push(last, format!("its table {table} can't be read after row {last}: failed to {error}"));
            });
            match window {
                Some(window) if !self.ended => self.window(window),
                _ => return,
            }
        }
    }

    /// Checks rows, and passes on those that are what was written.
    fn window(&mut self, mut window: Window) {
        let all = window.take_rows();
        let mut rows = Vec::with_capacity(all.len());
        for row in all {
            if self.fits(&row, &mut window) {
                rows.push(row);
            }
        }
        self.ended |= self.batches.send(Batch { window, rows, read: self.rows }).is_err();
    }

    /// True if a row is what was written.
    fn fits(&mut self, row: &ScannedRow, window: &mut Window) -> bool {
        let (seq, last) = (row.seq, self.last);
        if seq <= last {
            self.faults.push(last, format!("row {seq} is there twice"));
            return false;
        }
        if seq.0 > last.0 + 1 {
            self.faults.push(last, missing(last.0 + 1, seq.0 - 1));
            self.before.clear();
        }
        self.last = seq;
        self.rows += 1;
        let computed: Vec<Chain> = self.before.iter().map(|before| window.chain_after(row, *before)).collect();
        let unproven = computed.is_empty();
        let proven = row.chain.filter(|chain| unproven || computed.contains(chain));
        if let Some(chain) = proven {
            self.before.clear();
            self.before.push(chain);
            self.chain = chain;
        } else {
            self.faults.push(seq, format!("row {seq} ({}) has changed since it was written", row.table.name()));
            self.before = row.chain.into_iter().chain(computed).collect();
        }
        if let Some(mark) = self.mark.filter(|mark| mark.seq == seq && row.chain != Some(mark.chain)) {
            self.faults.push(seq, format!("row {} is not the one that the mark names", mark.seq));
        }
        proven.is_some()
    }

    /// The result; the rows of the log file follow those that were moved.
    fn finish(mut self, moved: Seq, logged: Vec<Stored>) -> (Loaded, Faults) {
        let (rows, last, chain) = (self.rows, self.last, self.chain);
        match self.mark {
            None => {
                let line = "the mark is lost or damaged, so rows lost at the log's end can't be detected";
                self.faults.push(Seq(u64::MAX), line.to_owned());
            }
            Some(mark) if mark.seq > last => {
                let line = format!("{} at the log's end, although committed", missing(last.0 + 1, mark.seq.0));
                self.faults.push(Seq(u64::MAX), line);
            }
            Some(_) => {}
        }
        let mut tail = Tail::after(moved);
        tail.push(logged);
        (Loaded { rows, tail, last, chain, ..Loaded::default() }, self.faults)
    }
}

fn missing(first: u64, last: u64) -> String {
    if first == last {
        format!("row {} is missing", Seq(first))
    } else {
        format!("rows {} to {} are missing", Seq(first), Seq(last))
    }
}
