//! An agent that tries what it must not: the run's own files, secrets, the servers of this program, and the terminal.
//!
//! The calls of the confinement table are tried by a wrapped agent in `shell::table_agent`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value as Json;

use crate::cli::cli::{stderr, stdout};
use crate::support::post::POST;
use crate::support::program;
use crate::support::project::Project;
use crate::support::wait::{exit_status, until};

/// A secret in this program's own environment, which an agent does not get.
const SECRET: &str = "sk-canary-5d1e";

/// Tries of an agent, and what each must print.
const TRIES: [(&str, &str, &str); 13] = [
    ("the folder of runs is out of sight", "ls -A .tama 2>&1 | grep -c runs", "0"),
    ("the database can't be read", "cat .tama/runs/*/* 2>/dev/null | wc -c", "0"),
    (
        "nothing can be put beside it",
        "(mkdir -p .tama/runs; echo x > .tama/runs/forged) 2>/dev/null; echo tried",
        "tried",
    ),
    ("the key of this user's runs is out of sight", "cat \"$STATE\"/tama-tui/* 2>/dev/null | wc -c", "0"),
    ("no other process is seen", "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c canary", "0"),
    ("nor its arguments", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c -e [-]-headless", "0"),
    ("nor its memory", "dd if=/proc/$PARENT/mem bs=1 count=1 2>/dev/null | wc -c", "0"),
    ("it can't be ended", "kill -9 $PARENT 2>/dev/null; echo $?", "1"),
    ("it does not get other secrets", "env | grep -c canary", "0"),
    (
        "a hook without the secret is refused",
        "post $(root $TAMA_TUI_HOOK)/claude \"$before\" | head -1 | grep -c 404",
        "1",
    ),
    (
        "a hook with a wrong secret is refused",
        "post $(root $TAMA_TUI_HOOK)/0000000000000000000000000000000000000000/claude \"$before\" | head -1 | grep -c 404",
        "1",
    ),
    (
        "a model call without the secret is refused",
        "post $(root $ANTHROPIC_BASE_URL)/v1/messages \"$call\" | head -1 | grep -c ' [2-3][0-9][0-9] '",
        "0",
    ),
    ("no terminal can be written to", "(echo x > /dev/tty) 2>/dev/null; echo $?", "1"),
];

fn wrap(project: &Project, script: &str, more: &[&str]) -> Output {
    let mut command = program::command();
    command.args(["wrap", "--headless"]).args(more).args(["--", "bash", "-c", &format!("{POST}{script}")]);
    command.env("CANARY_API_KEY", SECRET).env("PARENT", std::process::id().to_string());
    command.current_dir(project.folder()).output().unwrap()
}

#[test]
fn what_an_agent_must_not_is_refused_in_both_ways() {
    let project = Project::empty();
    if !program::is_confined(project.folder()) {
        return;
    }
    let state = std::env::var_os("XDG_STATE_HOME").map(std::path::PathBuf::from);
    let state = state.unwrap_or_else(|| std::env::home_dir().unwrap().join(".local/state"));
    let lines: Vec<String> =
        TRIES.iter().enumerate().map(|(at, (_, line, _))| format!("echo \"{at} $({line})\"\n")).collect();
    let script = format!("STATE='{}'\n{}", state.display(), lines.concat());
    let ways: &[&[&str]] = if program::holds_changes(project.folder()) { &[&[], &["--review"]] } else { &[&[]] };
    for more in ways {
        let ran = wrap(&project, &script, more);
        let printed = stdout(&ran);
        let found: Vec<&str> = printed.lines().collect();
        let wrong: Vec<String> = TRIES
            .iter()
            .enumerate()
            .filter(|(at, (_, _, wanted))| found.get(*at) != Some(&format!("{at} {wanted}").as_str()))
            .map(|(at, (what, line, _))| format!("{what}: {line}: {:?}", found.get(at)))
            .collect();
        assert!(wrong.is_empty(), "{more:?}\n{}\n{}", wrong.join("\n"), stderr(&ran));
        assert!(!project.path(".tama/runs/forged").exists());
        assert_eq!(spans(&project), ["", "bash", "bash/program"]);
    }
}

/// The paths of the newest run's spans.
fn spans(project: &Project) -> Vec<String> {
    let shown = project.json(&["runs", "show", &project.newest()]);
    shown["spans"].as_array().unwrap().iter().map(|span| span["path"].as_str().unwrap().to_owned()).collect()
}

/// Sends a request, and returns the status of the answer.
fn status(address: &str, request: &str, body: &str) -> u16 {
    let rest = address.strip_prefix("http://").unwrap();
    let place = rest.split('/').next().unwrap();
    let mut stream = TcpStream::connect(place).unwrap();
    let length = body.len();
    write!(stream, "{request} HTTP/1.0\r\nhost: {place}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    // The other side may close before it has read all.
    let _ = stream.read_to_string(&mut answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[test]
fn another_program_on_this_machine_gets_nothing_from_the_servers_of_a_run() {
    let project = Project::empty();
    let script = "echo $TAMA_TUI_HOOK > hook; echo $ANTHROPIC_BASE_URL > gateway; until [ -e go ]; do sleep 0.05; done";
    let mut command = program::command();
    command.args(["wrap", "--headless", "--", "bash", "-c", script]).current_dir(project.folder());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the addresses", || project.read("gateway").is_some_and(|text| text.ends_with('\n')));
    let (hook, gateway) = (project.read("hook").unwrap(), project.read("gateway").unwrap());
    let forged = r#"{"hook_event_name":"PreToolUse","session_id":"s","tool_name":"Forged","tool_input":{}}"#;
    let call = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(status(&hook, "POST /claude", forged), 404);
    assert_eq!(status(&hook, "GET /", ""), 404);
    for path in ["/v1/messages", "/v1/responses", "/v1/chat/completions", "/v1beta/models/g:generateContent", "/"] {
        let found = status(&gateway, &format!("POST {path}"), call);
        assert!((400..500).contains(&found), "{path}: {found}");
    }
    // The secret of one server opens no other.
    let secret = hook.trim().trim_start_matches("http://").split('/').nth(1).unwrap().to_owned();
    assert!((400..500).contains(&status(&gateway, &format!("POST /{secret}/v1/messages"), call)));
    fs::write(project.path("go"), "").unwrap();
    assert!(exit_status(&mut child, "the agent").success());
    let shown = stdout(&project.tama(&["runs", "show", &project.newest(), "--json"]));
    assert_eq!(spans(&project), ["", "bash", "bash/program"]);
    assert!(!shown.contains(&secret), "the secret is stored");
}

/// Escape sequences: they would set the title, clear the screen, move the cursor.
const ODD: &str = "\\u001b]0;owned\\u0007\\u001b[2J\\u009b1A";

/// True for text that a terminal only shows.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t')
}

#[test]
fn no_text_of_an_agent_or_its_model_reaches_the_terminal_as_an_escape_sequence() {
    let project = Project::empty();
    let hook = |event: &str, more: &str| {
        format!(
            r#"post $TAMA_TUI_HOOK '{{"hook_event_name":"{event}","session_id":"{ODD}","tool_name":"Ba{ODD}sh",
               "tool_use_id":"{ODD}","tool_input":{{"command":"ls {ODD}","pa{ODD}th":"{ODD}"}}{more}}}' > answer
"#
        )
    };
    let after = format!(r#","tool_response":{{"stdout":"out{ODD}","stderr":"{ODD}","error":"{ODD}"}}"#);
    let call = format!(r#"{{"model":"m{ODD}","max_tokens":9,"messages":[{{"role":"user","content":"hi {ODD}"}}]}}"#);
    let files = r"name=$(printf 'odd\033]0;owned\007\033[2J'); echo x > $name; mkdir $name.d; ln -s $name $name.l";
    let script = [
        hook("PreToolUse", ""),
        files.to_owned(),
        "\n".to_owned(),
        hook("PostToolUse", &after),
        format!("post $ANTHROPIC_BASE_URL/v1/messages '{call}' > answer; printf 'told\\033[2J\\n' >&2; exit 1\n"),
    ]
    .concat();
    let replies = format!(
        "[[reply]]\nagent = \"*\"\ntext = \"{ODD}\"\ncalls = [{{ name = \"f{ODD}\", args = {{ \"a{ODD}\" = \"{ODD}\" }} }}]\n"
    );
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("replies.toml");
    fs::write(&file, &replies).unwrap();
    let ran = wrap(&project, &script, &["--json", "--upstream", &format!("script:{}", file.display())]);
    // What the agent itself prints is passed on as it is, to standard error here.
    let own: Vec<String> =
        stderr(&ran).lines().filter(|line| !line.starts_with("told")).map(ToOwned::to_owned).collect();
    assert!(is_plain(&own.join("\n")), "{own:?}");
    assert!(is_plain(&stdout(&ran)), "{:?}", stdout(&ran));
    let told: Json = serde_json::from_str(&stdout(&ran)).unwrap();
    assert_eq!(told["changes"].as_array().unwrap().len(), 4, "{told}");
    let run = project.newest();
    for args in
        [&["runs"][..], &["runs", "show", &run], &["runs", "show", &run, "--json"], &["undo", &run, "--dry-run"]]
    {
        let shown = project.tama(args);
        assert!(is_plain(&stdout(&shown)) && is_plain(&stderr(&shown)), "{args:?}: {:?}", stdout(&shown));
    }
    let shown = stdout(&project.tama(&["runs", "show", &run]));
    assert!(shown.contains("llm") && shown.contains("odd"), "{shown}");
    let undone = project.tama(&["undo", &run]);
    assert_eq!(undone.status.code(), Some(0), "{}", stderr(&undone));
    assert!(is_plain(&stdout(&undone)) && is_plain(&stderr(&undone)), "{:?}", stdout(&undone));
    assert!(left_nothing(project.folder()));
}

fn left_nothing(folder: &Path) -> bool {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name != ".tama").count() == 0
}
