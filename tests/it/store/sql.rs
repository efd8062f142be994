//! A finished run's database, read with any DuckDB client: the ancestor's queries give what its users expect.

use duckdb::{AccessMode, Config, Connection, Row, params};

use crate::engine::scenario::{Scenario, Stage};

const PIPELINE: &str = r#"
[pipeline]
name = "sql"
entrypoint = "editor"
task = "the task"
workspace = "work"
[models]
default = "script:replies.toml"
[agents.editor]
pattern = "fsm"
initial = "writer"
states = { writer = "reviewer", reviewer = "$end" }
[agents.writer]
pattern = "react"
tools = ["tama_mem_set", "tama_files_write"]
prompt = "write"
[agents.reviewer]
pattern = "oneshot"
model = { name = "script:replies.toml", temperature = 0.5 }
prompt = "review"
"#;

const REPLIES: &str = r#"
[[reply]]
agent = "editor/writer"
call = 1
tokens = { input = 11, output = 7 }
calls = [
  { name = "tama_mem_set", args = { key = "outline", value = "one" } },
  { name = "tama_mem_set", args = { key = "outline", value = "two" } },
  { name = "tama_files_write", args = { path = "NOTES.md", content = "notes" } },
]
[[reply]]
agent = "editor/writer"
calls = [{ name = "finish", args = { key = "done", value = "written" } }]
[[reply]]
agent = "editor/reviewer"
text = "fine"
tokens = { input = 5, output = 1 }
"#;

/// A row of `llm_calls`.
type Call = (String, Option<String>, String, i32, i32, Option<f64>);

/// A finished run whose writer was tried twice, and the reviewer's call once more, opened as a stranger would.
async fn finished() -> (tempfile::TempDir, Connection) {
    let scenario = Scenario { pipeline: PIPELINE.into(), replies: REPLIES.into(), ..Scenario::default() };
    let mut stage = Stage::set(&scenario);
    let retry =
        |span: &str| format!("wait end\nstatus ok\nplan {span}\nwait plan\nretry\nwait retried\nwait end\nstatus ok");
    stage.play(&retry("editor/writer")).await.unwrap();
    stage.play(&retry("editor/reviewer/llm")).await.unwrap();
    let database = stage.session.folder.as_ref().unwrap().database();
    let folder = stage.close().await;
    let config = Config::default().access_mode(AccessMode::ReadOnly).unwrap();
    (folder, Connection::open_with_flags(database, config).unwrap())
}

fn rows<T>(connection: &Connection, sql: &str, of: &str, read: impl FnMut(&Row<'_>) -> duckdb::Result<T>) -> Vec<T> {
    let mut statement = connection.prepare(sql).unwrap();
    if of.is_empty() {
        statement.query_map([], read).unwrap().map(Result::unwrap).collect()
    } else {
        statement.query_map(params![of], read).unwrap().map(Result::unwrap).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_action_log_reads_as_in_tama() {
    let (_folder, connection) = finished().await;
    let sql = "SELECT span_id FROM spans WHERE node_id = 'editor/writer' ORDER BY seq";
    let tries: Vec<String> = rows(&connection, sql, "", |row| row.get(0));
    assert_eq!(tries.len(), 2);
    let sql = "SELECT tool_name, key, old_value FROM action_log WHERE span_id = ? ORDER BY seq DESC";
    for span in &tries {
        let actions: Vec<(String, String, Option<String>)> =
            rows(&connection, sql, span, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let expected = [
            ("tama_files_write", "NOTES.md", None),
            ("tama_mem_set", "outline", Some("one")),
            ("tama_mem_set", "outline", None),
        ];
        let found: Vec<_> =
            actions.iter().map(|(tool, key, old)| (tool.as_str(), key.as_str(), old.as_deref())).collect();
        assert_eq!(found, expected, "{span}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_and_spans_read_as_in_tama() {
    let (_folder, connection) = finished().await;
    let sql =
        "SELECT trace_id, timestamp, entrypoint, task, status, duration_ms FROM runs ORDER BY timestamp DESC LIMIT 20";
    let runs: Vec<(String, i64, String, String, String, i64)> = rows(&connection, sql, "", |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    });
    let [(run, started, entrypoint, task, status, duration)] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!((entrypoint.as_str(), task.as_str(), status.as_str()), ("editor", "the task", "ok"));
    assert!(*started > 1_600_000_000_000 && *duration >= 0);
    let sql = "SELECT entrypoint, task, status, output, duration_ms FROM runs WHERE trace_id = ?";
    let shown: Vec<(String, String, String, String, i64)> =
        rows(&connection, sql, run, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
    assert_eq!(shown[0].3, "fine");

    let sql =
        "SELECT span_id, parent_span_id, name, kind, start_ms, end_ms FROM spans WHERE trace_id = ? ORDER BY start_ms";
    let spans: Vec<(String, Option<String>, String, String, i64, i64)> = rows(&connection, sql, run, |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    });
    // editor; writer with 2 calls and 3 tools, twice; reviewer with its call, twice; that call alone.
    assert_eq!(spans.len(), 1 + 2 * 6 + 2 * 2 + 1);
    assert!(spans.iter().all(|span| span.5 >= span.4), "a span that ended has an end");
    let named = |name: &str| spans.iter().filter(|span| span.2 == name).count();
    assert_eq!(named("agent:editor:fsm"), 1);
    assert_eq!(named("agent:writer:react"), 2);
    assert_eq!(named("llm:react_1"), 2);
    assert_eq!(named("tool:tama_mem_set"), 4);
    let known: Vec<&str> = spans.iter().map(|span| span.0.as_str()).collect();
    let below = spans.iter().filter(|span| span.1.as_deref().is_some_and(|above| known.contains(&above))).count();
    assert_eq!(below, spans.len() - 1);

    let sql = "SELECT span_id, parent_span_id, prev_span_id, node_id, name, start_ms, end_ms FROM spans \
               WHERE trace_id = ? AND kind = 'agent' ORDER BY start_ms";
    let agents: Vec<(String, Option<String>, String)> =
        rows(&connection, sql, run, |row| Ok((row.get(0)?, row.get(2)?, row.get(3)?)));
    let writers: Vec<_> = agents.iter().filter(|agent| agent.2 == "editor/writer").collect();
    assert_eq!((&writers[0].1, &writers[1].1), (&None, &Some(writers[0].0.clone())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_read_as_in_tama() {
    let (_folder, connection) = finished().await;
    let agent: Vec<String> =
        rows(&connection, "SELECT span_id FROM spans WHERE node_id = 'editor/writer' ORDER BY seq", "", |row| {
            row.get(0)
        });
    let sql = "SELECT span_id, kind, name, start_ms, end_ms FROM spans WHERE parent_span_id = ? AND kind IN \
               ('llm', 'tool', 'synthetic') ORDER BY seq";
    let children: Vec<(String, String, String)> =
        rows(&connection, sql, &agent[1], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let kinds: Vec<&str> = children.iter().map(|child| child.1.as_str()).collect();
    assert_eq!(kinds, ["llm", "tool", "tool", "tool", "llm"]);

    let sql = "SELECT model, system_prompt, response, input_tokens, output_tokens, temperature FROM llm_calls WHERE span_id = ?";
    let call = |span: &str| {
        let mut found: Vec<Call> = rows(&connection, sql, span, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        });
        assert_eq!(found.len(), 1, "{span}");
        found.remove(0)
    };
    let first = call(&children[0].0);
    let prompt = "write\n\nCall start() first: it returns your input.";
    assert_eq!((first.0.as_str(), first.1.as_deref()), ("script:replies.toml", Some(prompt)));
    assert_eq!((first.3, first.4, first.5), (11, 7, None));
    let reviewed: Vec<String> =
        rows(&connection, "SELECT span_id FROM spans WHERE node_id = 'editor/reviewer/llm' ORDER BY seq", "", |row| {
            row.get(0)
        });
    let reviewed = call(&reviewed[2]);
    assert_eq!((reviewed.1.as_deref(), reviewed.2.as_str(), reviewed.5), (Some("review"), "fine", Some(0.5)));

    let sql = "SELECT tool_name, args_json, result, duration_ms FROM tool_calls WHERE span_id = ?";
    let tools: Vec<(String, String, String, i64)> =
        rows(&connection, sql, &children[1].0, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
    assert_eq!(tools[0].0, "tama_mem_set");
    let args: serde_json::Value = serde_json::from_str(&tools[0].1).unwrap();
    assert_eq!(args["value"], "one");
    assert!(!tools[0].2.is_empty());
}
