//! Reading a run's rows back, and finding out whether they are what was written.

use std::collections::{BTreeSet, HashMap, HashSet};

use duckdb::{Connection, ToSql};

use super::chain::{Cell, Chain};
use super::database::failed;
use super::decode::decode;
use super::encode::Stored;
use super::mark::Noted;
use super::schema::{Columns, Table};
use super::tail::Tail;
use super::{Row, StoreError};
use crate::model::{RunState, Seq, SpanId, TextHash, TraceEvent};

/// How many rows are in memory at once while a run is loaded.
const WINDOW: i64 = 16_384;

/// How many texts one statement names.
const NAMED: usize = 4096;

/// The tables that hold events.
const WITH_EVENTS: [Table; 3] = [Table::Events, Table::ActionLog, Table::ActionEvents];

/// Rows of one table that fit a condition, by seq.
fn rows(connection: &Connection, table: Table, fits: &str, params: &[&dyn ToSql]) -> Result<Vec<Stored>, StoreError> {
    let sql = format!("SELECT * FROM {} WHERE {fits}", table.name());
    let fault = failed("read the run's log");
    let mut statement = connection.prepare_cached(&sql).map_err(&fault)?;
    let mut found = statement.query(params).map_err(&fault)?;
    let columns = Columns::named(table, found.as_ref().map(duckdb::Statement::column_names).unwrap_or_default());
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(&fault)? {
        let cells = (0..columns.all().len()).map(|at| row.get_ref(at).map(Cell::read));
        let cells = cells.collect::<duckdb::Result<_>>().map_err(&fault)?;
        rows.push(Stored { table, columns: columns.clone(), cells });
    }
    Ok(rows)
}

/// Events after a seq, up to the committed one.
pub(super) fn events(
    connection: &Connection,
    after: Seq,
    committed: Seq,
    limit: usize,
) -> Result<Vec<TraceEvent>, StoreError> {
    let [after, committed, most] =
        [after.0, committed.0, limit as u64].map(|value| i64::try_from(value).unwrap_or(i64::MAX));
    let mut found = Vec::new();
    for table in WITH_EVENTS {
        let fits = "seq > ? AND seq <= ? ORDER BY seq LIMIT ?";
        found.extend(rows(connection, table, fits, &[&after, &committed, &most])?);
    }
    let mut events = decoded(found)?;
    events.truncate(limit);
    Ok(events)
}

/// The events of one span: its own, edits of its path, its actions (an agent's and a tool's), and changes of their
/// status.
pub(super) fn span_events(
    connection: &Connection,
    span: SpanId,
    committed: Seq,
) -> Result<Vec<TraceEvent>, StoreError> {
    const EVENTS: &str = "seq <= ? AND (span_id = ? OR span_id = ?)";
    const ACTIONS: &str = "seq <= ? AND (span_id = ? OR tool_span_id = ?)";
    const CHANGES: &str =
        "seq <= ? AND action_seq IN (SELECT seq FROM action_log WHERE span_id = ? OR tool_span_id = ?)";
    let committed = i64::try_from(committed.0).unwrap_or(i64::MAX);
    let span = span.to_string();
    let mut found = Vec::new();
    for (table, fits) in WITH_EVENTS.into_iter().zip([EVENTS, ACTIONS, CHANGES]) {
        found.extend(rows(connection, table, fits, &[&committed, &span, &span])?);
    }
    decoded(found)
}

/// The starts of the spans directly below one.
pub(super) fn starts_below(
    connection: &Connection,
    span: SpanId,
    committed: Seq,
) -> Result<Vec<TraceEvent>, StoreError> {
    let committed = i64::try_from(committed.0).unwrap_or(i64::MAX);
    let fits = "seq <= ? AND parent_span_id = ?";
    decoded(rows(connection, Table::Events, fits, &[&committed, &span.to_string()])?)
}

/// A text as the database has it.
pub(super) fn text(connection: &Connection, hash: TextHash) -> Result<Option<String>, StoreError> {
    const SQL: &str = "SELECT text FROM texts WHERE hash = ? LIMIT 1";
    let found = connection.prepare_cached(SQL).and_then(|mut sql| sql.query_row([hash.to_string()], |row| row.get(0)));
    match found {
        Ok(text) => Ok(Some(text)),
        Err(duckdb::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(failed("read a text")(error)),
    }
}

/// Texts by their hashes; those that are not there are left out.
pub(super) fn texts(connection: &Connection, hashes: &[TextHash]) -> Result<HashMap<TextHash, String>, StoreError> {
    let mut found = HashMap::with_capacity(hashes.len());
    for some in hashes.chunks(NAMED) {
        // Hashes are hexadecimal digits, so they can stand in the statement.
        let list = some.iter().map(|hash| format!("'{hash}'")).collect::<Vec<_>>().join(", ");
        for row in rows(connection, Table::Texts, &format!("hash IN ({list})"), &[])? {
            let read = decode(&row).map_err(|why| StoreError::Damaged(format!("row {}: {why}", row.seq())))?;
            if let Row::Text { hash, text, .. } = read {
                found.insert(hash, text);
            }
        }
    }
    Ok(found)
}

fn decoded(mut found: Vec<Stored>) -> Result<Vec<TraceEvent>, StoreError> {
    found.sort_by_key(Stored::seq);
    let mut events = Vec::with_capacity(found.len());
    for row in &found {
        let read = decode(row).map_err(|why| StoreError::Damaged(format!("row {} can't be read: {why}", row.seq())))?;
        if let Row::Event(event) = read {
            events.push(event);
        }
    }
    Ok(events)
}

/// A whole run as it is stored.
#[derive(Default)]
pub(super) struct Loaded {
    /// Every event that can be read and is what was written.
    pub(super) events: Vec<TraceEvent>,
    /// Their fold.
    pub(super) state: RunState,
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
    pub(super) fn load(connection: &Connection, logged: Vec<Stored>, mark: Option<Noted>) -> Result<Self, StoreError> {
        Self::load_with(connection, logged, mark, &mut |_| ())
    }

    /// Reads a run as [`Loaded::load`] does, and hands over every row that is what was written, by seq, as it is.
    pub(super) fn load_with(
        connection: &Connection,
        mut logged: Vec<Stored>,
        mark: Option<Noted>,
        keep: &mut dyn FnMut(&Stored),
    ) -> Result<Self, StoreError> {
        let (loaded, before) = (Self::default(), vec![Chain::default()]);
        let mut check = Check { loaded, before, mark, broken: BTreeSet::new(), more: 0, keep };
        let displaced = placeless(connection)?;
        if displaced > 0 {
            check.fault(format!("{displaced} rows have no place in the log"));
        }
        loop {
            let broken = check.broken.len();
            let window = check.window(connection);
            if window.is_empty() && check.broken.len() == broken {
                break;
            }
            for row in &window {
                check.take(row);
            }
        }
        // What the log file still has of the rows that were moved is passed over.
        let moved = check.loaded.last;
        logged.retain(|row| row.seq() > moved);
        for row in &logged {
            check.take(row);
        }
        check.loaded.tail = Tail::after(moved);
        check.loaded.tail.push(logged);
        Ok(check.finish())
    }
}

/// The first row of a table after a seq.
fn first_after(connection: &Connection, table: Table, last: Seq) -> Result<Option<i64>, StoreError> {
    let sql = format!("SELECT min(seq) FROM {} WHERE seq > ?", table.name());
    let fault = failed("read the run's log");
    let last = i64::try_from(last.0).unwrap_or(i64::MAX);
    connection.prepare_cached(&sql).and_then(|mut sql| sql.query_row([last], |row| row.get(0))).map_err(fault)
}

/// How many rows all tables have.
pub(super) fn count(connection: &Connection) -> Result<u64, StoreError> {
    let mut sum = 0;
    for table in Table::ALL {
        let sql = format!("SELECT count(*) FROM {}", table.name());
        sum += connection.query_row(&sql, [], |row| row.get::<_, u64>(0)).map_err(failed("read the run's log"))?;
    }
    Ok(sum)
}

fn placeless(connection: &Connection) -> Result<i64, StoreError> {
    let mut sum = 0;
    for table in Table::ALL {
        let sql = format!("SELECT count(*) FROM {} WHERE seq IS NULL OR seq < 1", table.name());
        sum += connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map_err(failed("read the run's log"))?;
    }
    Ok(sum)
}

/// Lines of damage that are printed; more are counted.
const LINES: usize = 200;

struct Check<'a> {
    loaded: Loaded,
    /// The possible chains before the next row; more than one after a row that doesn't fit, since either its
    /// content or its chain was changed. Empty after a gap.
    before: Vec<Chain>,
    mark: Option<Noted>,
    /// Tables that can't be read any more.
    broken: BTreeSet<Table>,
    /// The number of further lines of damage.
    more: usize,
    keep: &'a mut dyn FnMut(&Stored),
}

impl Check<'_> {
    /// The next rows of all tables, by seq; none after the last. What can't be read of one table leaves the others.
    fn window(&mut self, connection: &Connection) -> Vec<Stored> {
        let last = self.loaded.last;
        let mut firsts = Vec::new();
        for table in Table::ALL.into_iter().filter(|table| !self.broken.contains(table)).collect::<Vec<_>>() {
            match first_after(connection, table, last) {
                Ok(first) => firsts.extend(first),
                Err(error) => self.breaks(table, &error),
            }
        }
        let Some(first) = firsts.into_iter().min() else { return Vec::new() };
        let end = first.saturating_add(WINDOW);
        let mut window = Vec::new();
        for table in Table::ALL.into_iter().filter(|table| !self.broken.contains(table)).collect::<Vec<_>>() {
            match rows(connection, table, "seq >= ? AND seq < ?", &[&first, &end]) {
                Ok(rows) => window.extend(rows),
                Err(error) => self.breaks(table, &error),
            }
        }
        window.sort_by_key(Stored::seq);
        window
    }

    fn breaks(&mut self, table: Table, error: &StoreError) {
        self.broken.insert(table);
        let (table, last) = (table.name(), self.loaded.last);
        self.fault(format!("its table {table} can't be read after row {last}: failed to {error}"));
    }

    fn take(&mut self, row: &Stored) {
        let (seq, last) = (row.seq(), self.loaded.last);
        if seq <= last {
            return self.fault(format!("row {seq} is there twice"));
        }
        if seq.0 > last.0 + 1 {
            self.fault(missing(last.0 + 1, seq.0 - 1));
            self.before.clear();
        }
        self.loaded.last = seq;
        self.loaded.rows += 1;
        let recorded = match row.cell("chain") {
            Cell::Text(text) => Chain::parse(text),
            _ => None,
        };
        let computed: Vec<Chain> = self.before.iter().map(|before| row.chain_after(*before)).collect();
        let unproven = computed.is_empty();
        if let Some(chain) = recorded.filter(|chain| unproven || computed.contains(chain)) {
            self.before = vec![chain];
            self.loaded.chain = chain;
            self.keep(row);
        } else {
            self.fault(format!("row {seq} ({}) has changed since it was written", row.table.name()));
            self.before = recorded.into_iter().chain(computed).collect();
        }
        if let Some(mark) = self.mark.filter(|mark| mark.seq == seq && recorded != Some(mark.chain)) {
            self.fault(format!("row {} is not the one that the mark names", mark.seq));
        }
    }

    fn keep(&mut self, row: &Stored) {
        match decode(row) {
            Ok(read) => {
                (self.keep)(row);
                self.add(read);
            }
            Err(why) => self.fault(format!("row {} ({}) can't be read: {why}", row.seq(), row.table.name())),
        }
    }

    fn add(&mut self, row: Row) {
        match row {
            Row::Text { hash, .. } => {
                self.loaded.texts.insert(hash);
            }
            Row::Event(event) => {
                self.loaded.state.apply(&event);
                self.loaded.events.push(event);
            }
        }
    }

    fn finish(mut self) -> Loaded {
        let last = self.loaded.last;
        match self.mark {
            None => {
                self.fault("the mark is lost or damaged, so rows lost at the log's end can't be detected".to_owned());
            }
            Some(mark) if mark.seq > last => {
                self.fault(format!("{} at the log's end, although committed", missing(last.0 + 1, mark.seq.0)));
            }
            Some(_) => {}
        }
        if self.more > 0 {
            self.loaded.damage.push(format!("and {} more", self.more));
        }
        self.loaded
    }

    fn fault(&mut self, line: String) {
        if self.loaded.damage.len() < LINES {
            self.loaded.damage.push(line);
        } else {
            self.more += 1;
        }
    }
}

fn missing(first: u64, last: u64) -> String {
    if first == last {
        format!("row {} is missing", Seq(first))
    } else {
        format!("rows {} to {} are missing", Seq(first), Seq(last))
    }
}
