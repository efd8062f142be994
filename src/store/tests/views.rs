//! tama's own queries over the views and the action log.

use super::*;

/// A run with one retry of its agent.
fn told() -> (Project, Connection) {
    let (project, log) = project();
    let answer = response(&log, "hello");
    let outcome = log.text("stored");
    let finished = log.text("done text");
    write_now(&log, vec![run_started(&log), start(1, 0, "editor", 1, agent(&log))]);
    write_now(&log, vec![start(2, 1, "editor/llm", 1, call(&log))]);
    write_now(&log, vec![end(2, answer, Some(Usage { input: 11, output: 5 }))]);
    write_now(&log, vec![start(3, 1, "editor/tama_mem_set", 1, tool(&log))]);
    write_now(&log, vec![TraceBody::Action(memory_set("a", KeyState::Absent, "1"))]);
    write_now(&log, vec![TraceBody::Action(memory_set("a", KeyState::Text { text: "1".into() }, "2"))]);
    write_now(&log, vec![end(3, outcome, None), start(4, 1, "editor/llm#2", 1, call(&log))]);
    // The same response again: its text is stored already.
    write_now(&log, vec![end(4, answer, Some(Usage { input: 20, output: 5 })), end(1, finished, None)]);
    write_now(&log, vec![start(5, 0, "editor", 2, agent(&log)), done(&log)]);
    log.recorder().close().unwrap();
    let connection = Connection::open(project.folder.database()).unwrap();
    (project, connection)
}

/// Every value of every row, as text.
fn rows(connection: &Connection, sql: &str) -> Vec<Vec<String>> {
    let mut statement = connection.prepare(sql).unwrap();
    let mut found = statement.query([]).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = found.next().unwrap() {
        let count = row.as_ref().column_count();
        let shown = (0..count).map(|at| match row.get_ref(at).unwrap() {
            duckdb::types::ValueRef::Null => "NULL".to_owned(),
            duckdb::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{:?}", duckdb::types::Value::from(other)),
        });
        rows.push(shown.collect());
    }
    rows
}

#[test]
fn runs_tell_status_task_and_output() {
    let (_project, connection) = told();
    let sql = "SELECT trace_id, entrypoint, task, status, output FROM runs ORDER BY timestamp DESC LIMIT 20";
    assert_eq!(rows(&connection, sql), [["0abcdef123", "editor", "Write", "ok", "all done"]]);
    let sql = "SELECT timestamp > 1600000000000 AND duration_ms >= 0 FROM runs";
    assert_eq!(rows(&connection, sql), [["Boolean(true)"]]);
}

#[test]
fn spans_tell_the_tree_and_the_tries() {
    let (_project, connection) = told();
    let sql = "SELECT span_id, parent_span_id, prev_span_id, node_id, name, kind FROM spans ORDER BY seq";
    let expected = [
        ["s1", "s0", "NULL", "editor", "agent:editor:react", "agent"],
        ["s2", "s1", "NULL", "editor/llm", "llm:react_1", "llm"],
        ["s3", "s1", "NULL", "editor/tama_mem_set", "tool:tama_mem_set", "tool"],
        ["s4", "s1", "NULL", "editor/llm#2", "llm:react_2", "llm"],
        ["s5", "s0", "s1", "editor", "agent:editor:react", "agent"],
    ];
    assert_eq!(rows(&connection, sql), expected);
    let sql = "SELECT span_id FROM spans WHERE end_ms = 0";
    assert_eq!(rows(&connection, sql), [["s5"]]);
}

#[test]
fn calls_tell_their_texts() {
    let (_project, connection) = told();
    let sql = "SELECT model, system_prompt, response, input_tokens, output_tokens, temperature FROM llm_calls \
        ORDER BY span_id";
    let expected = [
        ["openai:gpt-5-mini", "Be good", "hello", "Int(11)", "Int(5)", "Float(0.7)"],
        ["openai:gpt-5-mini", "NULL", "hello", "Int(20)", "Int(5)", "Float(0.7)"],
    ];
    assert_eq!(rows(&connection, sql), expected);
    let sql = "SELECT tool_name, args_json, result FROM tool_calls WHERE span_id = 's3'";
    assert_eq!(rows(&connection, sql), [["tama_mem_set", r#"{"key":"k"}"#, "stored"]]);
}

#[test]
fn the_action_log_answers_tamas_rollback_query() {
    let (_project, connection) = told();
    let sql = "SELECT tool_name, key, old_value FROM action_log WHERE span_id = 's1' ORDER BY seq DESC";
    assert_eq!(rows(&connection, sql), [["tama_mem_set", "a", "1"], ["tama_mem_set", "a", "NULL"]]);
}
