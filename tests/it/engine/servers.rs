//! MCP servers that hang, die, change their list, or speak the newest revision: each disturbs its own span only.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value as Json, json};

use super::remote::{Server, called, output_text};
use crate::support::project::Project;

/// A server of the older kind: its first argument says what it does wrong. Bash, so that nothing has to be installed.
const SERVER: &str = r#"#!/bin/bash
what=$1
list='[{"name":"do","description":"does it","inputSchema":{"type":"object"}},{"name":"undo","inputSchema":{"type":"object"}}]'
reply() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
hang() { sleep 1000 & wait; }
while IFS= read -r line; do
  [[ $line =~ \"id\":([0-9]+) ]] && id=${BASH_REMATCH[1]} || continue
  [[ $line =~ \"method\":\"([^\"]+)\" ]] && method=${BASH_REMATCH[1]}
  case $method in
  initialize)
    [ "$what" = starts ] && hang
    reply '{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"x","version":"1"}}' ;;
  tools/list)
    [ "$what" = lists ] && hang
    reply "{\"tools\":$list}" ;;
  tools/call)
    [ "$what" = calls ] && hang
    [ "$what" = dies ] && { touch dying; kill -9 $$; }
    if [ "$what" = changes ]; then
      list='[{"name":"new","inputSchema":{"type":"object"}}]'
      printf '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n'
    fi
    reply '{"content":[{"type":"text","text":"did it"}]}' ;;
  *)
    printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}\n' "$id" ;;
  esac
done
"#;

/// What a server does, and what its agent ends with.
const SERVERS: [(&str, &str); 6] = [
    ("starts", "the MCP server starts did not answer: no answer within 4 s"),
    ("lists", "the MCP server lists did not answer: no answer within 4 s"),
    ("calls", "the MCP server calls did not answer: no answer within 4 s"),
    ("dies", "the MCP server dies did not answer: it was killed by signal 9"),
    ("changes", "did it"),
    ("fine", "did it"),
];

/// An agent for each server, all at once.
fn project() -> Project {
    let project = Project::empty();
    let mut pipeline =
        "[pipeline]\nname = \"many\"\nentrypoint = \"lead\"\ntask = \"go\"\nworkspace = \"work\"\n[models]\n\
        default = \"script:replies.toml\"\n[policy]\nallow = [\"*__*\"]\n[agents.lead]\npattern = \"parallel\"\n\
        workers = [\"starts\", \"lists\", \"calls\", \"dies\", \"changes\", \"fine\"]\n"
            .to_owned();
    let mut replies = String::new();
    for (name, wanted) in SERVERS {
        let agent = format!("[agents.{name}]\npattern = \"react\"\nprompt = \"x\"\ntools = [\"{name}__*\"]\n");
        let server = format!("[mcp.{name}]\ncommand = [\"./server\", \"{name}\"]\ntimeout_seconds = 4\n");
        pipeline += &(agent + &server);
        let reply = format!("[[reply]]\nagent = \"lead/{name}\"\n");
        let call = format!("call = 1\ncalls = [{{ name = \"{name}__do\", args = {{ }} }}]\n");
        let end = format!("contains = \"{wanted}\"\ntext = \"as it should\"\n");
        replies += &[&*reply, &call, &reply, &end].concat();
    }
    replies += "[[reply]]\nagent = \"*\"\ntext = \"got another answer\"\n";
    project.write("pipeline.toml", &pipeline);
    project.write("replies.toml", &replies);
    project.write("work/x", "");
    project.write("server", SERVER);
    fs::set_permissions(project.path("server"), fs::Permissions::from_mode(0o755)).unwrap();
    project
}

#[test]
fn a_server_that_hangs_dies_or_changes_its_list_disturbs_only_its_span() {
    let project = project();
    let ran = project.tama(&["run", "."]);
    assert_eq!(ran.status.code(), Some(0), "{}", output_text(&ran));
    let run = project.newest();
    let output: Json = serde_json::from_slice(&ran.stdout).unwrap();
    for (name, wanted) in SERVERS {
        // One that can't be asked for its tools fails its agent; another one answers its model.
        if ["starts", "lists"].contains(&name) {
            let told = output[name].as_str().unwrap();
            assert!(told.starts_with("[error: ") && told.contains(wanted), "{name}: {told}");
        } else {
            assert_eq!(output[name], "as it should", "{name}: {output}");
        }
    }
    assert!(project.path("work/dying").exists(), "what it did before is there");
    fs::remove_file(project.path("server")).unwrap();
    let verified = project.tama(&["verify", &run]);
    assert_eq!(verified.status.code(), Some(0), "{}", output_text(&verified));
}

#[test]
fn a_name_that_stands_for_a_server_s_tools_offers_those_that_fit() {
    let project = Project::empty();
    let pipeline = |tools: &str| {
        format!(
            "[pipeline]\nname = \"one\"\nentrypoint = \"lead\"\ntask = \"go\"\n[models]\ndefault = \"script:replies.toml\"\n\
             [agents.lead]\npattern = \"react\"\nprompt = \"x\"\ntools = [{tools}]\n[mcp.box]\ncommand = [\"./server\", \
             \"fine\"]\n[policy]\nallow = [\"box__*\"]\n"
        )
    };
    let call = |name: &str| format!("{{ name = \"{name}\", args = {{ }} }}");
    let calls = [call("box__do"), call("box__undo"), call("tama_bash")].join(", ");
    project.write(
        "replies.toml",
        &format!(
            "[[reply]]\nagent = \"lead\"\ncall = 1\ncalls = [{calls}]\n[[reply]]\nagent = \"lead\"\ntext = \"v\"\n"
        ),
    );
    project.write("server", SERVER);
    fs::set_permissions(project.path("server"), fs::Permissions::from_mode(0o755)).unwrap();
    project.write("pipeline.toml", &pipeline("\"box__d*\""));
    let ran = project.tama(&["run", "."]);
    assert_eq!(ran.status.code(), Some(0), "{}", output_text(&ran));
    let said = output_text(&ran);
    assert!(said.contains("no tool is named \"box__undo\" here; you have: box__do, start, finish"), "{said}");
    let verified = project.tama(&["verify", &project.newest()]);
    assert_eq!(verified.status.code(), Some(0), "{}", output_text(&verified));
    project.write("pipeline.toml", &pipeline("\"box__nothing*\""));
    let none = project.tama(&["run", "."]);
    assert_eq!(none.status.code(), Some(1), "{}", output_text(&none));
    assert!(output_text(&none).contains("the MCP server box has no tool nothing*; it has: do, undo"));
    project.write("pipeline.toml", &pipeline("\"tama_*\""));
    let refused = project.tama(&["check", "."]);
    let said = output_text(&refused);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("`tama_*` is a glob") && said.contains("only the tools of one MCP server"), "{said}");
}

/// A server of the revision without a session: each request has all that it needs.
fn stateless(line: &str, body: &str) -> (u16, String) {
    if !line.starts_with("POST") {
        return (405, String::new());
    }
    let asked: Json = serde_json::from_str(body).unwrap();
    let Some(id) = asked.get("id") else { return (202, String::new()) };
    let result = match asked["method"].as_str().unwrap() {
        "server/discover" => json!({"resultType": "complete", "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"}),
        "tools/list" => json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "private",
            "tools": [{"name": "create", "inputSchema": {"type": "object"}}]}),
        "tools/call" => json!({"resultType": "complete", "content": [{"type": "text", "text": "made"}]}),
        other => panic!("{other} is of the older revisions"),
    };
    (200, json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string())
}

#[test]
fn a_server_of_the_revision_without_a_session_is_asked_without_one() {
    let server = Server::start(stateless);
    let project = Project::empty();
    let pipeline = format!(
        "[pipeline]\nname = \"one\"\nentrypoint = \"lead\"\ntask = \"go\"\n[models]\ndefault = \"script:replies.toml\"\n\
         [agents.lead]\npattern = \"react\"\nprompt = \"x\"\ntools = [\"far__create\"]\n[mcp.far]\n\
         url = \"http://127.0.0.1:{}/mcp\"\n",
        server.port()
    );
    project.write("pipeline.toml", &pipeline);
    let call = "calls = [{ name = \"far__create\", args = { title = \"bug\" } }]";
    project.write(
        "replies.toml",
        &format!("[[reply]]\nagent = \"lead\"\ncall = 1\n{call}\n[[reply]]\nagent = \"lead\"\ntext = \"v\"\n"),
    );
    let ran = project.tama(&["run", ".", "--allow", "far__create"]);
    assert_eq!(ran.status.code(), Some(0), "{}", output_text(&ran));
    assert_eq!(called(&server), [r#"create {"title":"bug"}"#]);
    let seen = server.seen();
    assert!(seen.iter().all(|seen| !seen.contains("\"initialize\"")), "{seen:#?}");
    let heads: Vec<String> = seen.iter().map(|seen| seen.to_lowercase()).collect();
    assert!(heads.iter().all(|head| !head.contains("mcp-session-id")), "{heads:#?}");
    let call = heads.iter().find(|head| head.contains("tools/call")).unwrap();
    assert!(
        call.contains("mcp-method: tools/call\r\n") && call.contains("mcp-protocol-version: 2026-07-28\r\n"),
        "{call}"
    );
    let verified = project.tama(&["verify", &project.newest()]);
    assert_eq!(verified.status.code(), Some(0), "{}", output_text(&verified));
    assert_eq!(server.seen().len(), seen.len(), "verify asks no server");
}
