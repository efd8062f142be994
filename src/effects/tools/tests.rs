//! The tools: arguments, what they would change, and shell commands.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::*;
use crate::model::{ActionOp, EffectClass, Element, Key, Seq};
use crate::world::{Change, Value, World};

fn prepare(tool: &str, args: &Json) -> Result<Prepared, ToolError> {
    Toolbox::standard().get(tool).unwrap().prepare(args)
}

fn world_call(tool: &str, args: &Json) -> WorldCall {
    match prepare(tool, args) {
        Ok(Prepared::World(call)) => call,
        Ok(_) => panic!("{tool} is no world call"),
        Err(error) => panic!("{error}"),
    }
}

fn refusal(tool: &str, args: &Json) -> String {
    match prepare(tool, args) {
        Err(error) => error.0,
        Ok(_) => panic!("{tool} took {args}"),
    }
}

/// Calls a tool on a world, as the gate does.
fn act(world: &World, tool: &str, args: &Json) -> Result<Decision, ToolError> {
    let call = world_call(tool, args);
    let values: Vec<Value> = call.keys.iter().map(|key| world.read(key).unwrap()).collect();
    let decision = (call.decide)(&values)?;
    for change in &decision.changes {
        world.put(&change.key, &change.new).unwrap();
    }
    Ok(decision)
}

fn workspace() -> (tempfile::TempDir, World) {
    let temp = tempfile::tempdir().unwrap();
    let world = World::open(temp.path(), None).unwrap();
    (temp, world)
}

#[test]
fn tools_are_found_by_name_and_old_name() {
    let toolbox = Toolbox::standard();
    assert_eq!(toolbox.get("tama_read_file").unwrap().decl().name, "tama_read_file");
    assert_eq!(toolbox.names().count(), 14);
    assert_eq!(toolbox.nearest("tama_file_write"), Some("tama_files_write"));
    assert_eq!(toolbox.nearest("quux"), None);
    assert!(toolbox.get("tama_http").is_none());
    let edit = toolbox.get("tama_files_edit").unwrap();
    let schema = &edit.decl().schema;
    assert_eq!(schema["required"], json!(["path", "old", "new"]));
    assert_eq!(schema["properties"]["all"]["type"], "boolean");
}

#[test]
fn wrong_arguments_are_told() {
    assert!(refusal("tama_files_read", &json!({})).starts_with("missing \"path\""));
    assert_eq!(refusal("tama_mem_set", &json!({"keey": "a"})), "unknown argument \"keey\"; did you mean \"key\"?");
    assert!(refusal("tama_mem_set", &json!({"key": "a", "value": [1]})).contains("must be a string, not a list"));
    assert!(refusal("tama_mem_get", &json!({"key": ""})).contains("empty"));
    assert!(refusal("tama_mem_get", &json!("{\"key\"")).contains("not valid JSON"));
    assert!(refusal("tama_mem_get", &json!([1])).contains("object"));
    assert!(refusal("tama_files_read", &json!({"path": "../x"})).contains("leads out"));
    assert!(refusal("tama_files_read", &json!({"path": "/x"})).contains("absolute"));
    assert!(refusal("tama_bash", &json!({"command": " "})).contains("empty"));
    assert!(refusal("tama_bash", &json!({"command": "ls", "timeout": 0})).contains("from 1"));
    assert!(prepare("tama_files_list", &json!({"path": null})).is_ok());
}

#[test]
fn absolute_paths_work_where_the_workspace_is_known() {
    let tool = Toolbox::for_workspace(Path::new("/w")).get("tama_files_read").unwrap();
    let Ok(Prepared::World(call)) = tool.prepare(&json!({"path": "/w/a/../b"})) else { panic!("refused") };
    assert_eq!(call.keys, [Key::file("b")]);
    assert!(tool.prepare(&json!({"path": "/x"})).is_err());
}

#[test]
fn memory_is_set_read_appended_and_deleted() {
    let decide = |tool: &str, args: Json, value: Value| (world_call(tool, &args).decide)(&[value]).unwrap();
    let set = decide("tama_mem_set", json!({"key": "k", "value": "v"}), Value::Absent);
    assert_eq!(set.changes, [Change { key: Key::memory("k"), op: ActionOp::Set, new: Value::Text("v".into()) }]);
    assert!(set.reads.is_empty());
    let append = decide("tama_mem_append", json!({"key": "k", "value": "v"}), Value::Absent);
    assert_eq!(append.changes[0].op, ActionOp::Append);
    assert_eq!(append.changes[0].new, Value::Text("v".into()));
    let get = |value| decide("tama_mem_get", json!({"key": "k"}), value);
    assert_eq!(get(Value::Text("v".into())).result, "v");
    let list = ["a", "b\""].map(|text| Element { by: Seq(1), text: text.into() });
    assert_eq!(get(Value::List(list.to_vec())).result, "[\"a\",\"b\\\"\"]");
    assert_eq!(get(Value::Absent).result, "the key \"k\" is not set");
    assert_eq!(get(Value::Absent).reads, [Key::memory("k")]);
    let delete = |value| decide("tama_mem_delete", json!({"key": "k"}), value);
    assert_eq!(delete(Value::Text("v".into())).changes[0].op, ActionOp::Delete);
    assert!(delete(Value::Absent).changes.is_empty());
}

#[test]
fn writing_makes_each_missing_folder_first() {
    let (temp, world) = workspace();
    fs::create_dir(temp.path().join("a")).unwrap();
    let call = world_call("tama_files_write", &json!({"path": "a/b/c.md", "content": "x"}));
    assert_eq!(call.keys, [Key::directory("a"), Key::directory("a/b"), Key::file("a/b/c.md")]);
    let done = act(&world, "tama_files_write", &json!({"path": "a/b/c.md", "content": "x"})).unwrap();
    let keys: Vec<Key> = done.changes.iter().map(|change| change.key.clone()).collect();
    assert_eq!(keys, [Key::directory("a/b"), Key::file("a/b/c.md")]);
    assert_eq!(fs::read_to_string(temp.path().join("a/b/c.md")).unwrap(), "x");
    let refused = act(&world, "tama_files_write", &json!({"path": "a/b/c.md/d", "content": "x"})).unwrap_err();
    assert_eq!(refused.0, "\"a/b/c.md\" is a file, not a folder");
    assert!(act(&world, "tama_files_write", &json!({"path": "a/b", "content": "x"})).is_err());
}

#[test]
fn a_rewritten_file_keeps_its_mode() {
    let call = world_call("tama_files_write", &json!({"path": "run.sh", "content": "new"}));
    let there = Value::File { bytes: b"old".to_vec(), mode: Some(0o755) };
    let decision = (call.decide)(&[there]).unwrap();
    assert_eq!(decision.changes[0].new, Value::File { bytes: b"new".to_vec(), mode: Some(0o755) });
}

#[test]
fn an_edit_must_be_unmistakable() {
    let (temp, world) = workspace();
    let file = temp.path().join("f");
    let edit = |old: &str, new: &str, all: bool| {
        act(&world, "tama_files_edit", &json!({"path": "f", "old": old, "new": new, "all": all}))
    };
    assert_eq!(edit("a", "b", false).unwrap().result, "there is no file \"f\"; nothing was edited");
    fs::write(&file, "one two two").unwrap();
    assert!(edit("three", "x", false).unwrap_err().0.contains("does not occur"));
    assert!(edit("two", "x", false).unwrap_err().0.contains("occurs 2 times"));
    assert_eq!(edit("one", "1", false).unwrap().result, "replaced 1 place in \"f\"");
    assert_eq!(edit("two", "2", true).unwrap().result, "replaced 2 places in \"f\"");
    assert_eq!(fs::read_to_string(&file).unwrap(), "1 2 2");
    assert!(refusal("tama_files_edit", &json!({"path": "f", "old": "", "new": "x"})).contains("empty"));
}

#[test]
fn reading_deleting_and_listing_say_what_is_there() {
    let (temp, world) = workspace();
    let say = |tool: &str, path: &str| match act(&world, tool, &json!({"path": path})) {
        Ok(decision) => decision.result,
        Err(error) => error.0,
    };
    fs::create_dir(temp.path().join("dir")).unwrap();
    fs::write(temp.path().join("dir/f"), "text").unwrap();
    fs::write(temp.path().join("bin"), b"\xff\xfe").unwrap();
    std::os::unix::fs::symlink("dir/f", temp.path().join("link")).unwrap();
    assert_eq!(say("tama_files_read", "dir/f"), "text");
    assert_eq!(say("tama_files_read", "no"), "there is no file \"no\"");
    assert_eq!(say("tama_files_read", "dir"), "\"dir\" is a folder, not a file");
    assert!(say("tama_files_read", "bin").contains("not a text file"));
    assert!(say("tama_files_read", "link").contains("symbolic link to \"dir/f\""));
    assert_eq!(act(&world, "tama_files_list", &json!({})).unwrap().result, "bin\ndir/\nlink");
    assert!(say("tama_files_list", "dir/f").contains("is a file"));
    assert!(say("tama_files_delete", "dir").contains("not empty"));
    assert!(say("tama_files_delete", "no").contains("nothing was deleted"));
    for path in ["dir/f", "dir", "link", "bin"] {
        assert_eq!(say("tama_files_delete", path), format!("deleted {path:?}"));
    }
    assert_eq!(act(&world, "tama_files_list", &json!({})).unwrap().result, "the folder \".\" is empty");
    assert!(refusal("tama_files_delete", &json!({"path": "."})).contains("workspace itself"));
}

#[test]
fn a_long_file_keeps_both_ends() {
    let (temp, world) = workspace();
    fs::write(temp.path().join("long"), format!("first\n{}last\n", "line\n".repeat(100_000))).unwrap();
    let read = act(&world, "tama_files_read", &json!({"path": "long"})).unwrap().result;
    assert!(read.starts_with("first\nline\n") && read.ends_with("line\nlast\n"));
    assert!(read.contains("characters cut …]"));
}

#[test]
fn an_edit_with_lf_works_in_a_file_with_crlf() {
    let (temp, world) = workspace();
    let path = temp.path().join("dos.txt");
    fs::write(&path, "one\r\ntwo\r\nthree\r\n").unwrap();
    let edit = json!({"path": "dos.txt", "old": "one\ntwo\n", "new": "1\n2\n2b\n"});
    assert!(act(&world, "tama_files_edit", &edit).unwrap().result.contains("replaced 1 place"));
    assert_eq!(fs::read(&path).unwrap(), b"1\r\n2\r\n2b\r\nthree\r\n");
}

#[test]
fn tama_s_item_is_json_as_text() {
    let appended = |args: Json| {
        let call = world_call("tama_mem_append", &args);
        (call.decide)(&[Value::Absent]).unwrap().changes[0].new.clone()
    };
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(appended(json!({"key": "k", "item": "\"some string\""})), text("some string"));
    assert_eq!(appended(json!({"key": "k", "item": "{\"phase\": \"fixer\"}"})), text("{\"phase\": \"fixer\"}"));
    assert_eq!(appended(json!({"key": "k", "item": "no JSON"})), text("no JSON"));
    assert_eq!(appended(json!({"key": "k", "item": {"a": 1}})), text("{\"a\":1}"));
    assert!(refusal("tama_mem_append", &json!({"key": "k"})).starts_with("missing \"value\""));
    assert!(refusal("tama_mem_append", &json!({"key": "k", "value": "v", "item": "1"})).contains("not both"));
    assert!(refusal("tama_mem_set", &json!({"key": "k", "item": "1"})).contains("unknown argument"));
    // Stored runs have its declaration in the hashes of their requests.
    let schema = Toolbox::standard().get("tama_mem_append").unwrap().decl().schema.clone();
    assert_eq!(schema["required"], json!(["key", "value"]));
    assert!(schema["properties"].get("item").is_none());
}

async fn shell(command: &str, timeout_seconds: u64, limits: ShellLimits) -> ShellOutcome {
    let temp = tempfile::tempdir().unwrap();
    run_shell(&shell_call(command, timeout_seconds), temp.path(), limits).await
}

#[tokio::test]
async fn a_command_answers_with_output_and_exit_code() {
    let done = shell("echo out; echo err >&2; exit 3", 60, ShellLimits::default()).await;
    assert!(done.text.contains("out\n") && done.text.contains("err\n"), "{}", done.text);
    assert!(done.text.ends_with("[exit code 3]"), "{}", done.text);
    assert_eq!((done.exit, done.timed_out, done.truncated), (Some(3), false, false));
    let done = shell("read line; echo \"got:$line $TERM\"", 60, ShellLimits::default()).await;
    assert_eq!(done.text, "got: dumb\n[exit code 0]");
    let done = shell("kill -9 $$", 60, ShellLimits::default()).await;
    assert_eq!((done.text.as_str(), done.exit), ("[killed by signal 9]", None));
}

#[tokio::test]
async fn background_children_end_with_the_shell() {
    // Were they left alone, the pipe would stay open and the pid would answer.
    let done = shell("sleep 1000 & echo $!", 60, ShellLimits::default()).await;
    assert_eq!(done.exit, Some(0));
    let pid: i32 = done.text.lines().next().unwrap().parse().unwrap();
    assert!(is_gone(pid), "{pid} is alive");
}

#[tokio::test]
async fn a_command_whose_time_is_up_is_killed() {
    let done = shell("echo started; sleep 1000", 1, ShellLimits::default()).await;
    assert_eq!((done.exit, done.timed_out), (None, true));
    assert_eq!(done.text, "started\n[timed out after 1 s and was killed]");
}

#[tokio::test]
async fn dropping_the_future_kills_the_group() {
    let temp = tempfile::tempdir().unwrap();
    let call = shell_call("mkfifo p; (sleep 1000; :) & echo $! > pid; cat p", 60);
    let running = tokio::spawn({
        let dir = temp.path().to_owned();
        async move { run_shell(&call, &dir, ShellLimits::default()).await }
    });
    let file = temp.path().join("pid");
    let pid: i32 = loop {
        tokio::task::yield_now().await;
        if let Some(pid) = fs::read_to_string(&file).ok().and_then(|text| text.strip_suffix('\n')?.parse().ok()) {
            break pid;
        }
    };
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert!(is_gone(pid), "{pid} is alive");
}

/// Waits until a killed process is no more, or a zombie nobody collects.
fn is_gone(pid: i32) -> bool {
    let dead = || match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')),
        Err(_) => nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_err(),
    };
    (0..1_000_000).any(|_| dead())
}

#[tokio::test]
async fn long_output_keeps_both_ends() {
    let done = shell("echo first; seq 100000; echo last", 60, ShellLimits { output_bytes: 100 }).await;
    assert!(done.truncated);
    assert!(done.text.starts_with("first\n1\n"), "{}", done.text);
    assert!(done.text.ends_with("100000\nlast\n[exit code 0]"), "{}", done.text);
    assert!(done.text.contains("bytes of output cut"), "{}", done.text);
    assert!(done.text.len() < 200);
}

#[tokio::test]
async fn a_missing_folder_is_told() {
    let call = shell_call("true", 60);
    let done = run_shell(&call, Path::new("/no/such/folder"), ShellLimits::default()).await;
    assert!(done.text.starts_with("[failed to start"), "{}", done.text);
}

fn shell_call(command: &str, timeout_seconds: u64) -> ShellCall {
    ShellCall {
        program: Program::Shell(command.into()),
        timeout_seconds,
        network: false,
        local_sockets: false,
        compensation: None,
    }
}

fn custom(args: &Json) -> Result<ShellCall, ToolError> {
    use crate::pipeline::{ArgType, CustomTool, ToolArg};
    let arg = |holds, required| ToolArg { holds, description: "what".into(), required };
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let tool = CustomTool {
        name: "deploy".into(),
        description: "Deploys".into(),
        command: words(&["/p/deploy", "{tag}", "{note}", "-n={times}", "{dry}"]),
        before: Some(words(&["/p/deploy", "--current", "{tag}"])),
        undo: Some(words(&["/p/deploy", "{before}"])),
        effect: EffectClass::Compensable,
        network: true,
        local_sockets: false,
        timeout_seconds: 7,
        args: [
            ("tag".into(), arg(ArgType::String, true)),
            ("note".into(), arg(ArgType::String, false)),
            ("times".into(), arg(ArgType::Integer, false)),
            ("dry".into(), arg(ArgType::Boolean, false)),
        ]
        .into(),
    };
    let tool = Toolbox::standard().with([&tool]).get("deploy").unwrap();
    assert_eq!(tool.decl().schema["required"], json!(["tag"]));
    assert_eq!(tool.decl().schema["properties"]["times"], json!({"type": "integer", "description": "what"}));
    match tool.prepare(args)? {
        Prepared::Shell(call) => Ok(call),
        _ => panic!("it is a command"),
    }
}

#[test]
fn an_own_tool_gets_its_arguments_unread_by_any_shell() {
    let call = custom(&json!({"tag": "v1; rm $x", "times": 3, "note": null, "dry": true})).unwrap();
    let argv = ["/p/deploy", "v1; rm $x", "-n=3", "true"].map(str::to_owned);
    assert_eq!(call.program, Program::Argv(argv.to_vec()));
    assert_eq!(call.program.to_string(), "deploy 'v1; rm $x' -n=3 true");
    assert_eq!(call.program.exact(), "/p/deploy 'v1; rm $x' -n=3 true");
    assert_eq!((call.network, call.timeout_seconds), (true, 7));
    let made = call.compensation.unwrap();
    assert_eq!(made.before.as_ref().unwrap()[2], "v1; rm $x");
    assert_eq!(made.command(Some("v0"), None).unwrap(), ["/p/deploy", "v0"]);
}

#[test]
fn wrong_arguments_of_an_own_tool_are_told() {
    let refused = |args: Json| custom(&args).unwrap_err().0;
    assert_eq!(refused(json!({})), "missing \"tag\": what");
    assert_eq!(refused(json!({"tagg": "x"})), "unknown argument \"tagg\"; did you mean \"tag\"?");
    assert_eq!(refused(json!({"tag": "x", "times": 1.5})), "\"times\" must be a whole number, not that number");
    assert_eq!(refused(json!({"tag": "x", "times": "3"})), "\"times\" must be a whole number, not a string");
    assert_eq!(refused(json!({"tag": null})), "\"tag\" must be a string, not null");
    assert_eq!(refused(json!({"tag": "a\u{0}b"})), "\"tag\" must not contain a NUL character");
}

#[tokio::test]
async fn what_a_command_prints_is_known_apart_from_its_errors() {
    let done = shell("echo '{\"id\": 1}'; echo warning >&2", 60, ShellLimits::default()).await;
    assert_eq!(done.printed, "{\"id\": 1}");
    assert!(done.text.contains("warning"), "{}", done.text);
}

fn request(tool: &str, args: &Json) -> crate::effects::remote::HttpCall {
    match prepare(tool, args) {
        Ok(Prepared::Remote(RemoteCall { target: RemoteTarget::Http(call), .. })) => call,
        Ok(_) => panic!("{tool} is no request"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_request_takes_headers_as_tama_has_them() {
    let get = request("tama_http_get", &json!({"url": "https://x/", "headers": [{"A": "1"}, {"B": "${V}", "C": "3"}]}));
    let pairs: Vec<(&str, &str)> = get.headers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    assert_eq!(pairs, [("A", "1"), ("B", "${V}"), ("C", "3")]);
    assert_eq!(get.body, None);
    let one = request("tama_http_get", &json!({"url": "https://x/", "headers": {"A": "1"}}));
    assert_eq!(one.headers.len(), 1);
    let post = request("tama_http_post", &json!({"url": "https://x/", "body": "{\"a\":1}"}));
    assert_eq!(post.headers, [("content-type".to_owned(), "application/json".to_owned())]);
}

#[test]
fn a_request_that_can_not_be_one_is_refused() {
    let get = |args: Json| refusal("tama_http_get", &args);
    assert_eq!(get(json!({"url": ""})), "\"url\" must not be empty");
    assert!(get(json!({"url": "file:///etc/passwd"})).contains("must begin with http:// or https://"));
    assert!(get(json!({"url": "https://x/\ny"})).contains("control character"));
    assert!(get(json!({"url": "https://"})).contains("is no address"));
    assert!(get(json!({"url": "https://x", "headers": [{"Host": "y"}]})).contains("set by the program"));
    assert!(get(json!({"url": "https://x", "headers": [{"a b": "y"}]})).contains("no name of a header"));
    assert!(get(json!({"url": "https://x", "headers": [{"a": "y\r\nB: c"}]})).contains("control character"));
    assert!(get(json!({"url": "https://x", "headers": "a: b"})).contains("a list of objects with text values"));
    assert!(refusal("tama_http_post", &json!({"url": "https://x"})).contains("missing \"body\""));
}

#[test]
fn a_request_that_gives_a_variable_away_has_no_undo() {
    let class = |tool: &str, args: Json| Toolbox::standard().get(tool).unwrap().effect_of(&args);
    assert_eq!(class("tama_http_get", json!({"url": "https://x/$${A}"})), EffectClass::Read);
    assert_eq!(class("tama_http_get", json!({"url": "https://x/${A}"})), EffectClass::Irreversible);
    let headers = json!({"url": "https://x/", "headers": [{"Authorization": "Bearer ${KEY}"}]});
    assert_eq!(class("tama_http_get", headers), EffectClass::Irreversible);
    assert_eq!(class("tama_http_post", json!({"url": "https://x/", "body": ""})), EffectClass::Irreversible);
    assert_eq!(class("tama_files_read", json!({"path": "${A}"})), EffectClass::Read);
}
