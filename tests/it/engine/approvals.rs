//! Approvals as events: every question of the policy and every answer is in the run.

use tama_tui::model::{AnsweredBy, ApprovalAnswer, TraceBody};
use tama_tui::pipeline::load;
use tama_tui::runtime::{self, Headless, Mode};
use tama_tui::store::{Access, DataDir};

use crate::engine::scenario::{Scenario, Stage};

const PIPELINE: &str = r#"
[pipeline]
name = "asks"
entrypoint = "lead"
task = "go"
workspace = "work"
[models]
default = "script:replies.toml"
[policy]
ask = [
  "tama_mem_delete",
  "tama_mem_set",
]
[agents.lead]
pattern = "react"
tools = ["tama_mem_set"]
prompt = "lead works"
"#;

const REPLIES: &str = r#"
[[reply]]
agent = "lead"
call = 1
calls = [
  { name = "tama_mem_set", args = { key = "a", value = "1" } },
  { name = "tama_mem_set", args = { key = "b", value = "1" } },
  { name = "tama_mem_set", args = { key = "c", value = "1" } },
  { name = "tama_mem_set", args = { key = "d", value = "1" } },
]
stop = "tool_use"
[[reply]]
agent = "lead"
calls = [{ name = "finish", args = { key = "done", value = "v" } }]
"#;

const PLAY: &str = "
wait at lead/tama_mem_set before-tool
step lead/tama_mem_set
wait refused approval
allow lead/tama_mem_set
wait at lead/tama_mem_set#2 before-tool
deny lead/tama_mem_set#2 :: ask me first
wait at lead/tama_mem_set#3 before-tool
allow-always lead/tama_mem_set#3
wait at lead/tama_mem_set#4 before-tool
answer lead/tama_mem_set#4 :: stored
wait end
status ok
";

type Answer = (ApprovalAnswer, AnsweredBy, Option<String>);

/// The answers in order; each is to a question about its own span, by the second rule.
fn answers(data: &DataDir, run: &str) -> Vec<Answer> {
    let opened = data.find(run).unwrap().open(Box::new(|_| ()), Access::ReadOnly).unwrap();
    let mut found = Vec::new();
    for event in &opened.events {
        let TraceBody::ApprovalAnswered(answered) = &event.body else { continue };
        let question = opened.events.iter().find(|event| event.seq == answered.asked).unwrap();
        let TraceBody::ApprovalAsked(asked) = &question.body else { panic!("{question:?}") };
        assert_eq!((asked.span, asked.rule.as_deref(), asked.line), (answered.span, Some("tama_mem_set"), Some(12)));
        let request = opened.log.recorder().text(asked.request).unwrap();
        assert!(request.contains("\"value\":\"1\""), "{request}");
        found.push((answered.how, answered.by, answered.word.clone()));
    }
    assert!(opened.log.with(|state| state.approvals.is_empty()));
    found
}

fn scenario() -> Scenario {
    Scenario { pipeline: PIPELINE.into(), replies: REPLIES.into(), ..Scenario::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_users_answers_are_events_with_their_questions() {
    let mut stage = Stage::set(&scenario());
    stage.play(PLAY).await.unwrap();
    let run = stage.session.run.0.clone();
    let database = stage.session.folder.as_ref().unwrap().database();
    let folder = stage.close().await;
    let data = DataDir::open_or_create(folder.path().join(".tama")).unwrap();
    let user = |how, word: Option<&str>| (how, AnsweredBy::User, word.map(str::to_owned));
    let expected = [
        user(ApprovalAnswer::Allow, None),
        user(ApprovalAnswer::Deny, Some("ask me first")),
        user(ApprovalAnswer::AllowAlways, None),
        user(ApprovalAnswer::Answer, None),
    ];
    assert_eq!(answers(&data, &run), expected);
    let connection = duckdb::Connection::open(database).unwrap();
    let sql = "SELECT tool_name, args_json, rule, answer FROM approvals WHERE answered_ms >= asked_ms ORDER BY seq";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    let rows: Vec<(String, String, String, String)> = rows.map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4);
    let first = rows[0].clone();
    assert_eq!((first.0.as_str(), first.2.as_str(), first.3.as_str()), ("tama_mem_set", "tama_mem_set", "allow"));
    assert!(first.1.contains("\"key\":\"a\""), "{}", first.1);
    let sql = "SELECT sum(waited_ms) > 0, max(stop_reason) FROM events WHERE kind = 'span_ended'";
    let found: (bool, String) = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(found.1, "tool_use");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_screen_the_flag_answers_or_nobody_does() {
    for (allow, how, by) in [
        (vec!["tama_mem_set".to_owned()], ApprovalAnswer::Allow, AnsweredBy::Flag),
        (vec![], ApprovalAnswer::Deny, AnsweredBy::Nobody),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        std::fs::write(folder.path().join("pipeline.toml"), PIPELINE).unwrap();
        std::fs::write(folder.path().join("replies.toml"), REPLIES).unwrap();
        let loaded = load(folder.path()).unwrap_or_else(|faults| panic!("{faults}"));
        let data = DataDir::open_or_create(folder.path().join(".tama")).unwrap();
        let session =
            runtime::start(loaded, &data, "go".into(), Mode::Headless(Headless { allow, ..Headless::default() }))
                .unwrap();
        session.engine.finish.await.unwrap();
        assert_eq!(answers(&data, &session.run.0), vec![(how, by, None); 4]);
    }
}
