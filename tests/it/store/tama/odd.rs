//! Databases that no tama wrote: any value anywhere, tables and columns missing, circles.

use proptest::prelude::*;
use tama_tui::model::{RunState, SpanId, SpanStatus};
use tama_tui::store::{Imported, TamaDatabase};

use crate::support::manifest::manifest;
use crate::support::tama_db::{Kind, Rows, TamaProject, write_sql};

/// Opens a run in this process, beside which nothing may change.
fn open(project: &TamaProject, run: &str) -> Result<Imported, String> {
    let before = manifest(&project.data());
    let database = TamaDatabase::open(&project.database(), None);
    let opened = database.and_then(|database| database.run(run, Box::new(|_| {}))).map_err(|error| error.to_string());
    assert!(manifest(&project.data()) == before);
    opened
}

/// A database of these tables and statements only.
fn of_sql(kind: Kind, sql: &[&str]) -> TamaProject {
    let sql: Vec<String> = sql.iter().map(|sql| (*sql).to_owned()).collect();
    TamaProject::with_tables(kind, &sql, &Rows::default())
}

fn paths(state: &RunState) -> Vec<String> {
    (1..u32::try_from(state.trace.len()).unwrap()).map(|at| state.trace.path(SpanId(at))).collect()
}

const FEW: [&str; 3] = [
    "CREATE TABLE runs (trace_id TEXT, status TEXT)",
    "CREATE TABLE spans (span_id TEXT, parent_span_id TEXT, trace_id TEXT, name TEXT, kind TEXT)",
    "INSERT INTO runs VALUES ('t', 'ok'), ('t', 'error'), (NULL, 'ok'), ('', 'ok')",
];

#[test]
fn missing_tables_and_columns_are_named_and_the_rest_is_shown() {
    for kind in [Kind::Duck, Kind::Sqlite] {
        let rows = "INSERT INTO spans VALUES ('a', 'x', 't', 'agent:solo:react', 'agent'), \
            ('b', 'a', 't', 'llm:react_1', 'llm'), ('c', 'a', 't', 'tool:look', NULL), (NULL, NULL, NULL, NULL, NULL), \
            (NULL, 'a', 't', NULL, NULL), ('a', 'b', 't', 'agent:again:react', 'agent')";
        let project = of_sql(kind, &[FEW[0], FEW[1], FEW[2], rows]);
        let opened = open(&project, "t").unwrap();
        assert_eq!(opened.notices, ["the database has no table llm_calls", "the database has no table tool_calls"]);
        opened.log.with(|state| {
            assert_eq!(paths(state), ["solo", "solo/llm", "solo/look", "solo/tool"], "{kind:?}");
            let unknown: Vec<bool> = (1..5).map(|span| state.trace.has_known_times(SpanId(span))).collect();
            assert_eq!(unknown, [false; 4], "no time is recorded");
        });
    }
}

#[test]
fn circles_are_cut_and_what_is_too_deep_is_put_higher_up() {
    let circle = "INSERT INTO spans VALUES ('a', 'b', 't', 'agent:one:fsm', 'agent'), \
        ('b', 'c', 't', 'agent:two:fsm', 'agent'), ('c', 'a', 't', 'agent:three:fsm', 'agent'), \
        ('d', 'd', 't', 'agent:own:fsm', 'agent')";
    let deep: Vec<String> =
        (1..4_000).map(|at| format!("('s{at}', 's{}', 't', 'agent:deep:fsm', 'agent')", at - 1)).collect();
    let deep = format!("INSERT INTO spans VALUES {}", deep.join(", "));
    let project = of_sql(Kind::Sqlite, &[FEW[0], FEW[1], FEW[2], circle, &deep]);
    let opened = open(&project, "t").unwrap();
    opened.log.with(|state| {
        let paths = paths(state);
        assert_eq!(paths.len(), 4 + 3_999);
        assert!(["one", "one/three", "one/three/two", "own"].iter().all(|path| paths.contains(&(*path).to_owned())));
        let deepest =
            (1..u32::try_from(state.trace.len()).unwrap()).map(|at| state.trace.ancestors(SpanId(at)).count());
        assert!(deepest.max().unwrap() < 200);
        assert!(state.trace.is_well_formed());
    });
}

#[test]
fn views_and_names_that_reach_elsewhere_are_not_followed() {
    for kind in [Kind::Duck, Kind::Sqlite] {
        let project = of_sql(kind, &[FEW[0], FEW[2], "CREATE VIEW spans AS SELECT * FROM runs"]);
        let error = open(&project, "t").err().unwrap();
        assert!(error.contains("no table spans"), "{kind:?}: {error}");
        // A name stays one part of a path, and no text becomes a part of a statement.
        let name = "agent:../x#1~2/y\u{1b}[31m:rea/ct";
        let row = format!("INSERT INTO spans VALUES ('''; DROP TABLE runs; --', 'x', 't''', '{name}', 'agent')");
        let project = of_sql(kind, &[FEW[0], FEW[1], "INSERT INTO runs VALUES ('t''', 'ok')", &row]);
        let opened = open(&project, "t'").unwrap();
        assert_eq!(opened.log.with(paths), [".._x_1_2_y_[31m"], "{kind:?}");
    }
}

#[test]
fn numbers_of_any_size_and_kind_are_taken() {
    for kind in [Kind::Duck, Kind::Sqlite] {
        let project = of_sql(
            kind,
            &[
                "CREATE TABLE runs (trace_id TEXT, timestamp TEXT, status TEXT, duration_ms BIGINT)",
                "CREATE TABLE spans (span_id TEXT, parent_span_id TEXT, trace_id TEXT, name TEXT, kind TEXT, \
                 start_ms BIGINT, end_ms BIGINT, seq BIGINT)",
                "CREATE TABLE llm_calls (span_id TEXT, trace_id TEXT, input_tokens BIGINT, output_tokens BIGINT)",
                "CREATE TABLE tool_calls (span_id TEXT, args_json TEXT, result BLOB)",
                "INSERT INTO runs VALUES ('t', 'yesterday', 'ok', 9223372036854775807)",
                "INSERT INTO spans VALUES ('a', 'x', 't', 'agent:solo:react', 'agent', -5, 9223372036854775807, NULL), \
                 ('b', 'a', 't', 'llm:react_1', 'llm', 9223372036854775807, -9223372036854775807, -1)",
                "INSERT INTO llm_calls VALUES ('b', 't', 9223372036854775807, 9223372036854775807)",
                "INSERT INTO tool_calls VALUES ('c', '{', CAST('x' AS BLOB))",
            ],
        );
        let opened = open(&project, "t").unwrap();
        assert_eq!(opened.log.with(paths), ["solo", "solo/llm"], "{kind:?}");
        let database = TamaDatabase::open(&project.database(), None).unwrap();
        assert_eq!(database.runs().unwrap().0.len(), 1, "{kind:?}");
    }
}

fn text(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    let some = prop::sample::select(of).prop_map(|text| format!("'{text}'"));
    prop_oneof![9 => some, 1 => Just("NULL".to_owned())]
}

fn number() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(&["NULL", "0", "-1", "9223372036854775807", "'x'", "1.5"][..]);
    prop_oneof![4 => (0..50_i64).prop_map(|number| number.to_string()), 1 => odd.prop_map(str::to_owned)]
}

fn span() -> impl Strategy<Value = String> {
    const IDS: &[&str] = &["a", "b", "c", "d", "e", "f", "g", "h"];
    const NAMES: &[&str] = &[
        "agent:x:react",
        "agent:x:parallel",
        "agent:y:fsm",
        "agent:map:scatter",
        "agent:v:best_of_n",
        "agent:r:reflexion",
        "llm:react_1",
        "llm:judge",
        "tool:start",
        "tool:finish",
        "tool:tama_mem_set",
        "tool:",
        "agent:",
        ":",
        "",
    ];
    const KINDS: &[&str] = &["agent", "llm", "tool", "synthetic", "other"];
    (text(IDS), text(IDS), text(IDS), text(&["n", "m"]), text(NAMES), text(KINDS), [number(), number(), number()])
        .prop_map(|(id, parent, prev, node, name, kind, numbers)| {
            format!("({id}, {parent}, {prev}, {node}, 't', {name}, {kind}, {})", numbers.join(", "))
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever the rows say: all of them are in a tree that comes to an end, or in an agent's input and output.
    #[test]
    fn any_rows_make_a_run_that_can_be_shown(spans in prop::collection::vec(span(), 0..24), status in text(&["ok", "error", "running"])) {
        let project = TamaProject::new(Kind::Sqlite, &Rows::default(), None);
        let mut sql = vec![format!("INSERT INTO runs (trace_id, status) VALUES ('t', {status})")];
        sql.extend(spans.iter().map(|row| format!("INSERT OR IGNORE INTO spans VALUES {row}")));
        sql.push("INSERT OR IGNORE INTO llm_calls (span_id, response) SELECT span_id, '[error: x]' FROM spans".to_owned());
        write_more(&project, &sql);
        let opened = open(&project, "t").unwrap();
        opened.log.with(|state| {
            assert!(state.trace.is_well_formed());
            assert!(state.trace.len() <= 1 + 2 * spans.len());
            let live = state.trace.spans().iter().filter(|span| span.status == SpanStatus::Running).count();
            assert_eq!(live, 0, "nothing of a past run is under way");
            for event in &opened.events {
                assert!(event.seq <= state.last);
            }
        });
    }
}

/// Adds rows to a database, and leaves nothing beside it.
fn write_more(project: &TamaProject, sql: &[String]) {
    write_sql(&project.database(), Kind::Sqlite, sql);
}
