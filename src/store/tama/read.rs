//! Reading the tables of a copied database. Only base tables are read, and their columns by name.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::duck::Duck;
use super::kind::Kind;
use super::rows::{ActionRow, Field, LlmRow, RunRow, SpanRow, TableRow, ToolRow, Type};
use super::sqlite::Sqlite;

/// Rows of one table that are read at most.
const MOST: usize = 1_000_000;

/// A database that can be asked. Errors are in its own words.
pub(super) trait Source {
    /// The columns of a base table; `None`: there is no such one.
    fn columns(&self, table: &str) -> Result<Option<Vec<String>>, String>;

    /// The expression that reads a column as a type, NULL where it can't be.
    fn cast(&self, column: &str, to: Type) -> String;

    /// The rows of a statement with at most one parameter, each of so many values.
    fn rows(&self, sql: &str, param: Option<&str>, width: usize) -> Result<Vec<Vec<Field>>, String>;
}

/// Opens a copied database.
fn open(path: &Path, kind: Kind) -> Result<Box<dyn Source>, String> {
    Ok(match kind {
        Kind::Sqlite => Box::new(Sqlite::open(path)?),
        Kind::Duck => Box::new(Duck::open(path)?),
    })
}

/// The part of a database that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// Its runs, with their counts.
    Runs,
    /// All rows of one run.
    Run(String),
}

/// The rows that were read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub runs: Vec<RunRow>,
    pub counts: Vec<Counted>,
    pub spans: Vec<SpanRow>,
    pub llm_calls: Vec<LlmRow>,
    pub tool_calls: Vec<ToolRow>,
    pub actions: Vec<ActionRow>,
    /// Lines about what could not be read.
    pub notices: Vec<String>,
}

/// The counts of one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counted {
    pub trace_id: String,
    pub spans: i64,
    pub tokens: i64,
}

/// Reads the answer to a question from a copied database and the copied rollback database, if there is one.
pub(super) fn read(main: (&Path, Kind), rollback: Option<(&Path, Kind)>, asked: &Question) -> Result<Answer, String> {
    let mut answer = Answer::default();
    let source = open(main.0, main.1)?;
    for table in [RunRow::TABLE, SpanRow::TABLE] {
        if source.columns(table)?.is_none() {
            return Err(format!("it is a {} database, but has no table {table}, as tama's have", main.1.name()));
        }
    }
    if let Some((path, kind)) = rollback {
        let found = open(path, kind).and_then(|source| table::<ActionRow>(&*source, None));
        match found {
            Ok(Some(rows)) => answer.actions = rows,
            Ok(None) => answer.notices.push("the rollback database has no table action_log".to_owned()),
            Err(why) => answer.notices.push(format!("failed to read the rollback database: {why}")),
        }
    }
    match asked {
        Question::Runs => {
            answer.runs = table(&*source, None)?.unwrap_or_default();
            answer.counts = counts(&*source)?;
            if !answer.actions.is_empty() {
                answer.spans = spans_of_actions(&*source, &answer.actions)?;
            }
        }
        Question::Run(trace) => read_run(&*source, trace, &mut answer)?,
    }
    Ok(answer)
}

fn read_run(source: &dyn Source, trace: &str, answer: &mut Answer) -> Result<(), String> {
    answer.runs = table(source, Some(trace))?.unwrap_or_default();
    answer.spans = table(source, Some(trace))?.unwrap_or_default();
    let mut lost = |name: &str| answer.notices.push(format!("the database has no table {name}"));
    answer.llm_calls = table(source, Some(trace))?.unwrap_or_else(|| {
        lost(LlmRow::TABLE);
        Vec::new()
    });
    answer.tool_calls = table(source, Some(trace))?.unwrap_or_else(|| {
        lost(ToolRow::TABLE);
        Vec::new()
    });
    for (name, count) in [
        (SpanRow::TABLE, answer.spans.len()),
        (LlmRow::TABLE, answer.llm_calls.len()),
        (ToolRow::TABLE, answer.tool_calls.len()),
    ] {
        if count == MOST {
            answer.notices.push(format!("only the first {MOST} rows of {name} are read"));
        }
    }
    let spans: HashSet<&str> = answer.spans.iter().filter_map(|span| span.span_id.as_deref()).collect();
    answer.actions.retain(|action| action.span_id.as_deref().is_some_and(|span| spans.contains(span)));
    Ok(())
}

/// Quotes a name for a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The rows of a table, all of them or those of one run; `None`: there is no such table. A row whose run is not named
/// may be of any.
fn table<R: TableRow>(source: &dyn Source, trace: Option<&str>) -> Result<Option<Vec<R>>, String> {
    let Some(columns) = source.columns(R::TABLE)? else { return Ok(None) };
    let column = |name: &str| columns.iter().find(|column| column.eq_ignore_ascii_case(name));
    let shown = R::COLUMNS.iter().map(|(name, to)| match column(name) {
        Some(found) => source.cast(&quoted(found), *to),
        None => "NULL".to_owned(),
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    let mut sql = format!("SELECT {shown} FROM {}", quoted(R::TABLE));
    let trace = trace.filter(|_| column("trace_id").is_some());
    if trace.is_some() {
        let of = source.cast("\"trace_id\"", Type::Text);
        let or_none = if R::TABLE == SpanRow::TABLE || R::TABLE == RunRow::TABLE { "" } else { " OR trace_id IS NULL" };
        sql = format!("{sql} WHERE {of} = ?{or_none}");
    }
    let rows = source.rows(&format!("{sql} LIMIT {MOST}"), trace, R::COLUMNS.len())?;
    Ok(Some(rows.into_iter().map(|row| R::of(&mut row.into_iter())).collect()))
}

/// Spans and tokens of each run.
fn counts(source: &dyn Source) -> Result<Vec<Counted>, String> {
    let mut counts: Vec<Counted> = Vec::new();
    let sum = |table: &str, what: &str| -> Result<Vec<(String, i64)>, String> {
        let sql = format!(
            "SELECT {}, {what} FROM {} WHERE trace_id IS NOT NULL GROUP BY 1 LIMIT {MOST}",
            source.cast("\"trace_id\"", Type::Text),
            quoted(table)
        );
        let rows = source.rows(&sql, None, 2)?.into_iter();
        Ok(rows
            .filter_map(|row| match <[Field; 2]>::try_from(row) {
                Ok([Field::Text(trace), Field::Int(sum)]) => Some((trace, sum)),
                _ => None,
            })
            .collect())
    };
    let has = |table: &str, wanted: &[&str]| -> Result<bool, String> {
        let columns = source.columns(table)?.unwrap_or_default();
        Ok(wanted.iter().all(|name| columns.iter().any(|column| column.eq_ignore_ascii_case(name))))
    };
    if has(SpanRow::TABLE, &["trace_id"])? {
        let spans = sum(SpanRow::TABLE, "count(*)")?;
        counts.extend(spans.into_iter().map(|(trace_id, spans)| Counted { trace_id, spans, tokens: 0 }));
    }
    if has(LlmRow::TABLE, &["trace_id", "input_tokens", "output_tokens"])? {
        let [input, output] = ["input_tokens", "output_tokens"].map(|name| source.cast(&quoted(name), Type::Int));
        let total = source.cast(&format!("sum(coalesce({input}, 0) + coalesce({output}, 0))"), Type::Int);
        // Numbers that nobody can add are not worth losing the list for.
        let tokens: HashMap<String, i64> = sum(LlmRow::TABLE, &total).unwrap_or_default().into_iter().collect();
        for count in &mut counts {
            count.tokens = tokens.get(&count.trace_id).copied().unwrap_or_default();
        }
    }
    Ok(counts)
}

/// The runs of the spans that actions are of.
fn spans_of_actions(source: &dyn Source, actions: &[ActionRow]) -> Result<Vec<SpanRow>, String> {
    let wanted: HashSet<&str> = actions.iter().filter_map(|action| action.span_id.as_deref()).collect();
    let [span, trace] = ["\"span_id\"", "\"trace_id\""].map(|name| source.cast(name, Type::Text));
    let columns = source.columns(SpanRow::TABLE)?.unwrap_or_default();
    if !["span_id", "trace_id"].iter().all(|name| columns.iter().any(|column| column.eq_ignore_ascii_case(name))) {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {trace}, {span} FROM {} LIMIT {MOST}", quoted(SpanRow::TABLE));
    let rows = source.rows(&sql, None, 2)?.into_iter().map(|row| SpanRow::of(&mut row.into_iter()));
    Ok(rows.filter(|row| row.span_id.as_deref().is_some_and(|span| wanted.contains(span))).collect())
}
