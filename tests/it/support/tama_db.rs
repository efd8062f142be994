//! Databases as tama writes them, row by row.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The kinds of databases that tama has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 0.0.1 and 0.0.2: with columns that were added later.
    Duck,
    /// 0.0.4 and later.
    Sqlite,
    /// The same, with its last rows in the write-ahead log only.
    SqliteWal,
}

pub const KINDS: [Kind; 3] = [Kind::Duck, Kind::Sqlite, Kind::SqliteWal];

impl Kind {
    /// The names of tama's two files.
    pub fn names(self) -> [&'static str; 2] {
        if self == Self::Duck { ["runs.duckdb", "rollback.duckdb"] } else { ["runs.db", "rollback.db"] }
    }
}

/// Rows as SQL, in the order in which tama would write them.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    sql: Vec<String>,
    trace: String,
    seq: i64,
}

/// A text of SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn or_null(text: Option<&str>) -> String {
    text.map_or_else(|| "NULL".to_owned(), quoted)
}

impl Rows {
    pub fn raw(&mut self, sql: &str) {
        self.sql.push(sql.to_owned());
    }

    /// A run; the following rows are of it, and their seq restarts at 1.
    pub fn run(
        &mut self,
        trace: &str,
        at: i64,
        (entry, task): (&str, &str),
        (status, output, took): (&str, &str, i64),
    ) {
        trace.clone_into(&mut self.trace);
        self.seq = 0;
        let [id, entry, task, status, output] = [trace, entry, task, status, output].map(quoted);
        self.raw(&format!("INSERT INTO runs VALUES ({id}, {at}, {entry}, {task}, {status}, {output}, {took})"));
    }

    fn span(&mut self, (id, parent): (&str, &str), more: [Option<&str>; 2], name: &str, kind: &str, times: (i64, i64)) {
        self.seq += 1;
        let [prev, node] = more.map(or_null);
        let [id, parent, trace, name, kind] = [id, parent, &self.trace, name, kind].map(quoted);
        let (seq, (start, end)) = (self.seq, times);
        let row = format!("{id}, {parent}, {prev}, {node}, {trace}, {name}, {kind}, {start}, {end}, {seq}");
        self.raw(&format!("INSERT INTO spans VALUES ({row})"));
    }

    /// An agent; `name` with its pattern, as in `writer:react`.
    pub fn agent(&mut self, place: (&str, &str), prev: Option<&str>, node: &str, name: &str, times: (i64, i64)) {
        self.span(place, [prev, Some(node)], &format!("agent:{name}"), "agent", times);
    }

    /// A model call; its system prompt is stored with the first call of its agent only.
    pub fn llm(
        &mut self,
        place: (&str, &str),
        step: &str,
        times: (i64, i64),
        system: Option<&str>,
        (response, input, output): (&str, i64, i64),
    ) {
        self.span(place, [None, None], &format!("llm:{step}"), "llm", times);
        let (system, took) = (or_null(system), times.1 - times.0);
        let [id, trace, response] = [place.0, &self.trace, response].map(quoted);
        let columns = "span_id, trace_id, model, role, temperature, system_prompt, response, input_tokens, \
                       output_tokens, duration_ms";
        self.raw(&format!(
            "INSERT INTO llm_calls ({columns}) VALUES ({id}, {trace}, 'ollama::qwen3:4b', 'thinker', 0.5, {system}, \
             {response}, {input}, {output}, {took})"
        ));
    }

    fn call(&mut self, id: &str, name: &str, args: &str, result: &str, took: i64) {
        let [id, trace, name, args, result] = [id, &self.trace, name, args, result].map(quoted);
        self.raw(&format!("INSERT INTO tool_calls VALUES ({id}, {trace}, {name}, {args}, {result}, {took})"));
    }

    pub fn tool(&mut self, place: (&str, &str), name: &str, (args, result): (&str, &str), times: (i64, i64)) {
        self.span(place, [None, None], &format!("tool:{name}"), "tool", times);
        self.call(place.0, name, args, result, times.1 - times.0);
    }

    /// A call that tama made up: `start` with its input, `finish` with its value.
    pub fn synthetic(&mut self, place: (&str, &str), name: &str, (args, result): (&str, &str), at: i64) {
        self.span(place, [None, None], &format!("tool:{name}"), "synthetic", (at, at));
        self.call(place.0, name, args, result, 0);
    }

    /// A row of the rollback database.
    pub fn action(&mut self, seq: i64, span: &str, key: &str, old: Option<&str>) {
        let ([span, key], old) = ([span, key].map(quoted), or_null(old));
        self.raw(&format!("INSERT INTO action_log VALUES ({seq}, {span}, 'tama_mem_set', {key}, {old})"));
    }
}

fn tables(kind: Kind) -> Vec<String> {
    let sql = "
        CREATE TABLE runs (trace_id TEXT PRIMARY KEY, timestamp INTEGER, entrypoint TEXT, task TEXT, status TEXT,
            output TEXT, duration_ms INTEGER);
        CREATE TABLE spans (span_id TEXT PRIMARY KEY, parent_span_id TEXT, prev_span_id TEXT, node_id TEXT,
            trace_id TEXT, name TEXT, kind TEXT, start_ms INTEGER, end_ms INTEGER, seq INTEGER);
        CREATE TABLE llm_calls (span_id TEXT PRIMARY KEY, trace_id TEXT, model TEXT, temperature REAL,
            system_prompt TEXT, response TEXT, input_tokens INTEGER, output_tokens INTEGER, duration_ms INTEGER,
            role TEXT);
        CREATE TABLE tool_calls (span_id TEXT PRIMARY KEY, trace_id TEXT, tool_name TEXT, args_json TEXT, result TEXT,
            duration_ms INTEGER)";
    let mut all: Vec<String> = sql.split(';').map(str::to_owned).collect();
    if kind == Kind::Duck {
        for sql in &mut all {
            *sql = sql.replace("INTEGER", "BIGINT");
        }
        // The first versions had these columns not yet, and put them last.
        all[2] = all[2].replace("temperature REAL,", "").replace(",\n            role TEXT", "");
        all.push("ALTER TABLE llm_calls ADD COLUMN temperature DOUBLE".to_owned());
        all.push("ALTER TABLE llm_calls ADD COLUMN role TEXT".to_owned());
    }
    all
}

fn rollback_table(kind: Kind) -> Vec<String> {
    let whole = if kind == Kind::Duck { "BIGINT" } else { "INTEGER" };
    vec![format!("CREATE TABLE action_log (seq {whole}, span_id TEXT, tool_name TEXT, key TEXT, old_value TEXT)")]
}

/// Writes statements to a new database.
pub fn write_sql(path: &Path, kind: Kind, sql: &[String]) {
    match kind {
        Kind::Duck => {
            let connection = duckdb::Connection::open(path).unwrap();
            for sql in sql {
                connection.execute_batch(sql).unwrap();
            }
        }
        Kind::Sqlite => {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.execute_batch("PRAGMA journal_mode = WAL").unwrap();
            for sql in sql {
                connection.execute_batch(sql).unwrap();
            }
        }
        Kind::SqliteWal => {
            let folder = tempfile::tempdir().unwrap();
            let at = folder.path().join("live.db");
            let connection = rusqlite::Connection::open(&at).unwrap();
            connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0").unwrap();
            for sql in sql {
                connection.execute_batch(sql).unwrap();
            }
            // As somebody copies it while tama has it open; without `-shm`.
            fs::copy(&at, path).unwrap();
            let wal = format!("{}-wal", path.display());
            fs::copy(folder.path().join("live.db-wal"), wal).unwrap();
        }
    }
}

/// A project of tama with its databases.
pub struct TamaProject {
    folder: TempDir,
    kind: Kind,
}

impl TamaProject {
    /// Writes the two databases; without actions, only the first.
    pub fn new(kind: Kind, rows: &Rows, actions: Option<&Rows>) -> Self {
        let project = Self::with_tables(kind, &tables(kind), rows);
        if let Some(actions) = actions {
            let path = project.folder.path().join(".tama").join(kind.names()[1]);
            write_sql(&path, kind, &[rollback_table(kind), actions.sql.clone()].concat());
        }
        project
    }

    /// Writes one database with other tables.
    pub fn with_tables(kind: Kind, tables: &[String], rows: &Rows) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".tama")).unwrap();
        let project = Self { folder, kind };
        write_sql(&project.database(), kind, &[tables.to_vec(), rows.sql.clone()].concat());
        project
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the databases.
    pub fn data(&self) -> PathBuf {
        self.path().join(".tama")
    }

    pub fn database(&self) -> PathBuf {
        self.data().join(self.kind.names()[0])
    }
}
