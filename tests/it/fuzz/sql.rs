//! Databases that no tama wrote, as SQL: columns of any type, values of any kind.

use super::mutate::Numbers;
use crate::support::tama_db::Kind;

/// A table: its name, and its columns.
const TABLES: [(&str, &[&str]); 5] = [
    ("runs", &["trace_id", "timestamp", "entrypoint", "task", "status", "output", "duration_ms"]),
    (
        "spans",
        &[
            "span_id",
            "parent_span_id",
            "prev_span_id",
            "node_id",
            "trace_id",
            "name",
            "kind",
            "start_ms",
            "end_ms",
            "seq",
        ],
    ),
    (
        "llm_calls",
        &[
            "span_id",
            "trace_id",
            "model",
            "role",
            "temperature",
            "system_prompt",
            "response",
            "input_tokens",
            "output_tokens",
            "duration_ms",
        ],
    ),
    ("tool_calls", &["span_id", "trace_id", "tool_name", "args_json", "result", "duration_ms"]),
    ("action_log", &["seq", "span_id", "tool_name", "key", "old_value"]),
];

/// The run that is opened.
pub const RUN: &str = "t";

const NUMBERS: [&str; 7] = ["timestamp", "duration_ms", "start_ms", "end_ms", "seq", "input_tokens", "output_tokens"];
const SQLITE_TYPES: [&str; 6] = ["TEXT", "INTEGER", "REAL", "BLOB", "", "NUMERIC"];
const DUCK_TYPES: [&str; 12] = [
    "VARCHAR",
    "BIGINT",
    "DOUBLE",
    "BLOB",
    "BOOLEAN",
    "HUGEINT",
    "TIMESTAMP",
    "UUID",
    "VARCHAR[]",
    "DECIMAL(18,3)",
    "DATE",
    "TINYINT",
];
const NAMES: [&str; 24] = [
    "agent:x:react",
    "agent:x:parallel",
    "agent:y:fsm",
    "agent:map:scatter",
    "agent:v:best_of_n",
    "agent:r:reflexion",
    "agent:reduce:oneshot",
    "agent:p:plan_execute",
    "agent:h:human",
    "agent:c:constitutional",
    "agent:../x#1~2:critic",
    "llm:react_1",
    "llm:judge",
    "llm:",
    "tool:start",
    "tool:finish",
    "tool:tama_mem_set",
    "tool:",
    "agent:",
    "agent::::",
    ":",
    "",
    "\u{1b}[31m",
    "\u{202e}é",
];
const KINDS: [&str; 6] = ["agent", "llm", "tool", "synthetic", "other", ""];
const TEXTS: [&str; 12] = [
    "",
    "x",
    "[error: down]",
    "ok",
    "running",
    "error",
    "{\"key\":\"done\",\"value\":\"v\"}",
    "{\"key\":1}",
    "{",
    "[1,2]",
    "\u{1b}]0;t\u{7}",
    "null",
];
const ODD_NUMBERS: [&str; 8] =
    ["NULL", "0", "-1", "9223372036854775807", "-9223372036854775807", "1.5", "1e300", "1770000000000"];

/// The statements that make the main database, and those that make the rollback database.
pub fn statements(kind: Kind, numbers: &mut Numbers) -> [Vec<String>; 2] {
    let mut all = [Vec::new(), Vec::new()];
    for (table, columns) in TABLES {
        let sql = &mut all[usize::from(table == "action_log")];
        if numbers.once_in(30) {
            continue;
        }
        let mut kept: Vec<&str> = columns.iter().copied().filter(|_| !numbers.once_in(25)).collect();
        if kept.is_empty() {
            kept.push("more");
        }
        let types: Vec<&str> = kept.iter().map(|column| type_of(kind, column, numbers)).collect();
        let declared: Vec<String> = kept.iter().zip(&types).map(|(name, of)| format!("{name} {of}")).collect();
        sql.push(format!("CREATE TABLE {table} ({})", declared.join(", ")));
        for _ in 0..numbers.below(16) {
            let values: Vec<String> =
                kept.iter().zip(&types).map(|(column, of)| cast(kind, of, &value(column, numbers))).collect();
            sql.push(format!("INSERT INTO {table} VALUES ({})", values.join(", ")));
        }
    }
    all
}

fn type_of(kind: Kind, column: &str, numbers: &mut Numbers) -> &'static str {
    let is_number = NUMBERS.contains(&column);
    let types: &[&'static str] = if kind == Kind::Duck { &DUCK_TYPES } else { &SQLITE_TYPES };
    match (numbers.once_in(6), is_number) {
        (true, _) => types[numbers.below(types.len())],
        (false, true) => types[1],
        (false, false) => types[0],
    }
}

/// Of DuckDB a value that doesn't fit its column would be refused.
fn cast(kind: Kind, of: &str, value: &str) -> String {
    if kind == Kind::Duck { format!("TRY_CAST({value} AS {of})") } else { value.to_owned() }
}

fn value(column: &str, numbers: &mut Numbers) -> String {
    let of: &[&str] = match column {
        "name" => &NAMES,
        "kind" => &KINDS,
        "trace_id" => &[RUN, RUN, RUN, "u", ""],
        "span_id" | "parent_span_id" | "prev_span_id" | "node_id" => &["a", "b", "c", "d", "e", "f", "g", "h", ""],
        "status" => &["ok", "error", "running", "gone"],
        _ if NUMBERS.contains(&column) => {
            let odd = numbers.once_in(4);
            return if odd { numbers.one_of(&ODD_NUMBERS).to_owned() } else { numbers.below(5000).to_string() };
        }
        _ => &TEXTS,
    };
    match numbers.below(24) {
        0 => "NULL".to_owned(),
        1 => "X'00FF41'".to_owned(),
        2 => numbers.one_of(&ODD_NUMBERS).to_owned(),
        _ => format!("'{}'", numbers.one_of(of).replace('\'', "''")),
    }
}
