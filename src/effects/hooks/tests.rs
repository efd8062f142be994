use serde_json::{Value as Json, json};

use super::call::result_text;
use super::*;

fn read(dialect: HookDialect, said: &Json) -> Option<HookCall> {
    HookCall::read(dialect, said.to_string().as_bytes())
}

fn before() -> Json {
    json!({
        "session_id": "s", "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_use_id": "toolu_1",
        "tool_input": { "command": "ls" }, "agent_id": "a1", "agent_type": "Explore",
    })
}

#[test]
fn hooks_are_read_in_one_form() {
    let call = read(HookDialect::Claude, &before()).unwrap();
    let agent = HookAgent { session: "s".into(), subagent: Some("a1".into()), kind: Some("Explore".into()) };
    let tool = ToolUse { id: Some("toolu_1".into()), name: "Bash".into(), input: json!({ "command": "ls" }) };
    assert_eq!(call, HookCall { agent, event: HookEvent::Before(tool) });
    let gemini = json!({ "session_id": "g", "hook_event_name": "AfterTool", "tool_name": "write_file",
        "tool_input": {}, "tool_response": { "llmContent": "done", "error": null } });
    let HookEvent::After { tool, response, failed } = read(HookDialect::Gemini, &gemini).unwrap().event else {
        panic!()
    };
    assert_eq!((tool.id, failed, result_text(&response).as_str()), (None, false, "done"));
    let names = |event: &str| read(HookDialect::Claude, &json!({ "hook_event_name": event })).map(|call| call.event);
    assert_eq!(names("Stop"), Some(HookEvent::TurnEnd));
    let batch = json!({ "hook_event_name": "PostToolBatch", "tool_calls": [
        { "tool_name": "Bash", "tool_input": { "command": "ls" }, "tool_use_id": "toolu_1", "tool_response": "refused" }, {},
    ] });
    let tool = ToolUse { id: Some("toolu_1".into()), name: "Bash".into(), input: json!({ "command": "ls" }) };
    let event = read(HookDialect::Claude, &batch).map(|call| call.event);
    assert_eq!(event, Some(HookEvent::BatchEnd(vec![(tool, json!("refused"))])));
    assert_eq!(names("Notification"), Some(HookEvent::Other("Notification".into())));
    assert_eq!(names("PreToolUse"), None, "a tool without a name");
    assert!(
        HookCall::read(HookDialect::Claude, b"[1]").is_none() && HookCall::read(HookDialect::Codex, b"x").is_none()
    );
}

#[test]
fn a_result_is_shown_as_its_text() {
    let shown = |response: Json| result_text(&response);
    assert_eq!(shown(json!({ "stdout": "a", "stderr": "b", "interrupted": false })), "a\nb");
    assert_eq!(shown(json!({ "stdout": "", "stderr": "" })), "");
    assert_eq!(shown(json!("text")), "text");
    assert_eq!(shown(json!({ "filePath": "f" })), r#"{"filePath":"f"}"#);
}

#[test]
fn answers_are_written_as_each_agent_reads_them() {
    let event = read(HookDialect::Claude, &before()).unwrap().event;
    let write = |answer: HookAnswer, dialect| answer.write(dialect, &event);
    assert_eq!(write(HookAnswer::default(), HookDialect::Claude), json!({}), "its own rules decide");
    let denied = write(HookAnswer::deny("no"), HookDialect::Claude);
    assert_eq!(denied["hookSpecificOutput"]["permissionDecision"], "deny");
    assert_eq!(denied["hookSpecificOutput"]["permissionDecisionReason"], "no");
    let edited =
        HookAnswer { input: Some(json!({ "command": "pwd" })), context: Some("c".into()), ..Default::default() };
    let written = write(edited.clone(), HookDialect::Codex);
    assert_eq!(
        written,
        json!({ "hookSpecificOutput": { "hookEventName": "PreToolUse", "permissionDecision": "allow",
            "updatedInput": { "command": "pwd" }, "additionalContext": "c" } })
    );
    assert_eq!(write(edited, HookDialect::Gemini)["hookSpecificOutput"]["tool_input"], json!({ "command": "pwd" }));
    assert_eq!(write(HookAnswer::deny("no"), HookDialect::Gemini), json!({ "decision": "deny", "reason": "no" }));
}

#[test]
fn a_result_is_changed_only_in_a_shape_that_is_known() {
    let after = |response: Json| HookEvent::After {
        tool: ToolUse { id: None, name: "t".into(), input: Json::Null },
        response,
        failed: false,
    };
    let answer = HookAnswer { output: Some("other".into()), ..HookAnswer::default() };
    let bash = after(json!({ "stdout": "x", "stderr": "y", "isImage": false }));
    let written = answer.write(HookDialect::Claude, &bash);
    assert_eq!(
        written["hookSpecificOutput"]["updatedToolOutput"],
        json!({ "stdout": "other", "stderr": "", "isImage": false })
    );
    let edit = after(json!({ "filePath": "f" }));
    assert_eq!(answer.write(HookDialect::Claude, &edit), json!({}));
    assert!(bash.can_change_result(HookDialect::Claude) && !edit.can_change_result(HookDialect::Claude));
}

#[tokio::test]
async fn a_hook_waits_for_its_answer_and_a_forged_one_gets_none() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (server, mut calls) = HookServer::start().await.unwrap();
    let address = server.address(HookDialect::Claude);
    let (host, path) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let post = |path: String, body: String| {
        let host = host.to_owned();
        async move {
            let mut stream = tokio::net::TcpStream::connect(&host).await.unwrap();
            let head = format!(
                "POST /{path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text
        }
    };
    let forged = post("0123/claude".into(), before().to_string()).await;
    assert!(forged.starts_with("HTTP/1.1 404"), "{forged}");
    let garbage = post(path.to_owned(), "no json".into()).await;
    assert!(garbage.starts_with("HTTP/1.1 400"), "{garbage}");
    let waiting = tokio::spawn(post(path.to_owned(), before().to_string()));
    let hooked = calls.recv().await.unwrap();
    assert!(!waiting.is_finished() && !hooked.reply.is_gone());
    assert!(hooked.reply.send(HookAnswer::deny("later")));
    assert!(waiting.await.unwrap().contains("\"permissionDecisionReason\":\"later\""));
    let waiting = tokio::spawn(post(path.to_owned(), before().to_string()));
    let mut hooked = calls.recv().await.unwrap();
    waiting.abort();
    hooked.reply.gone().await;
    assert!(!hooked.reply.send(HookAnswer::default()), "nobody waits for it any more");
}
