//! An agent of another program that puts escape sequences into everything that it says: what it prints, its hooks, its
//! model calls and their answers, its files, and the name of its program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;

use vt100::Screen;

use super::approvals::TYPED_AHEAD;
use super::output::assert_harmless;
use crate::support::post::POST;
use crate::support::program;
use crate::support::project::Project;
use crate::support::pty::{Pty, Start};

/// Leaves the agent's terminal.
const F12: &str = "\x1b[24~";
/// In JSON and in TOML, in turn: a title, the clipboard, a clear, a colour by C1, turned-around text, another screen, a
/// mouse mode, a device string by C1, a reset, a sequence that never ends.
const ODD: &str = "\\u001b]0;owned\\u0007\\u001b]52;c;b3duZWQ=\\u0007\\u001b[2J\\u009b31m\\u202edn\\u001b[?1049l\
                   \\u001b[?1003h\\u0090q\\u009c\\u001bc\\u001b]2;";
/// The same in a name of a file, one part of it not UTF-8.
const ODD_NAME: &str = r"$'odd\e]0;owned\a\e[2J\302\23331m\23331m\342\200\256dn\e]2;'";
/// The name of the agent's program, and how it is shown.
const PROGRAM: (&str, &str) = ("e\x1b]0;owned\x07\x1b[2Jvil", "e␛␛vil");
/// The letter that the agent draws in each corner that it can reach.
const CORNER: &str = "Ω";
/// Columns and lines of the agent's terminal on a screen of 140 columns and 42 lines.
const TERMINAL: (u16, u16) = (82, 38);

/// Prints sequences that would draw beside the panel, scroll or reset the terminal, and letters that are wider or
/// narrower than they look.
const DRAW: &str = r"
printf '\e]0;owned\a\e]52;c;b3duZWQ=\a\e]8;;http://owned\aa link\e]8;;\a\ePq\e\\\302\23331m\e[?1049h\e[?1049l\e[8;5;5t'
printf '\e_owned\e\\\e^owned\e\\\e[!p\e[?1003h\e[?2004h\e[?25l\e[?5h\e[5i\e[4;0;0t\e(0\e#8\ec\e[2J\e(B'
printf '\e[999S\e[999T\e[999L\e[?69h\e[1;999s\e[?6l\e[r\e[?7l'
printf '\e[9;999H\344\270\226\e[10;999H\360\237\221\250\342\200\215\360\237\221\251\342\200\215\360\237\221\247'
printf '\e[11;999He\314\201\314\201\314\201\342\200\256\342\201\246\e[12;999H\360\237\207\251\360\237\207\252\e[13;1H\342\200\213\342\200\213shown'
printf '\e[1;1HΩ\e[999;999HΩ\e[1;999HΩ\e[999;1HΩ\e[14;1H\e]0;'
";

/// A hook of the agent, with more fields.
fn hook(event: &str, tool: &str, more: &str) -> String {
    format!(
        "post $TAMA_TUI_HOOK '{{\"hook_event_name\":\"{event}\",\"session_id\":\"{ODD}\",\"tool_name\":\"{tool}{ODD}\",\
         \"tool_use_id\":\"{tool}{ODD}\",\"tool_input\":{{\"command\":\"{tool} {ODD}\",\"pa{ODD}th\":\"{ODD}\"}}{more}}}' > answer\n"
    )
}

/// Both hooks of a tool, and a command between them.
fn tool(name: &str, between: &str, more: &str) -> String {
    let result = format!(r#"{more},"tool_response":{{"stdout":"out{ODD}","stderr":"{ODD}","error":"{ODD}"}}"#);
    [hook("PreToolUse", name, more), format!("{between}\n"), hook("PostToolUse", name, &result)].concat()
}

/// The agent: it draws, and when a line was typed uses a tool, has a subagent use one, calls its model and asks for a tool
/// that needs an approval.
fn agent() -> String {
    let files = format!("echo {ODD_NAME} > {ODD_NAME}; mkdir {ODD_NAME}.d; ln -s {ODD_NAME} {ODD_NAME}.l");
    let sub = format!(r#","agent_id":"{ODD}","agent_type":"sub{ODD}""#);
    let call = format!(
        r#"{{"model":"m{ODD}","max_tokens":9,"system":"{ODD}","tools":[{{"name":"t{ODD}","description":"{ODD}",
           "input_schema":{{"type":"object"}}}}],"messages":[{{"role":"user","content":"hi {ODD}"}}]}}"#
    );
    [
        "#!/usr/bin/env bash\n",
        POST,
        DRAW,
        "read -r _\n",
        &tool("first", &files, ""),
        &tool("second", "echo x > plain", &sub),
        &hook("SubagentStop", "second", &sub),
        &format!("post $ANTHROPIC_BASE_URL/v1/messages '{}' > answer\n", call.replace('\n', "")),
        &tool("Ask", "rm plain", ""),
        "exit 3\n",
    ]
    .concat()
}

/// The answer of the agent's model.
fn replies() -> String {
    format!(
        "[[reply]]\nagent = \"*\"\ntext = \"said {ODD}\"\ncalls = [{{ name = \"f{ODD}\", args = {{ \"a{ODD}\" = \"{ODD}\" }} }}]\n"
    )
}

/// Looks at everything that there is of each span.
fn look(pty: &mut Pty, spans: usize) {
    pty.send("1gg");
    for _ in 0..spans {
        for panel in ["2", "6", "1"] {
            pty.tap(panel);
        }
        pty.tap("j");
    }
    for panel in ["3", "4", "5"] {
        pty.tap(panel);
    }
    pty.send("1gg");
}

/// The cells that show a letter, as columns and lines.
fn places(screen: &Screen, letter: &str) -> Vec<(u16, u16)> {
    let (lines, columns) = screen.size();
    let all = (0..lines.get()).flat_map(|line| (0..columns.get()).map(move |column| (column, line)));
    let shows = |at: &(u16, u16)| screen.cell(at.1, at.0).is_some_and(|cell| cell.contents() == letter);
    all.filter(shows).collect()
}

/// Asserts that the agent reached the corners of its panel, and that the panel's border is whole.
fn assert_inside(pty: &Pty) {
    let (screen, (width, height)) = (pty.screen(), TERMINAL);
    let corners = places(screen, CORNER);
    let Some(&(x, y)) = corners.first() else { panic!("no corner on\n{}", pty.text()) };
    let (right, below) = (x + width - 1, y + height - 1);
    assert_eq!(corners, [(x, y), (right, y), (x, below), (right, below)], "{}", pty.text());
    let shown = |column: u16, line: u16| screen.cell(line, column).map(|cell| cell.contents().to_owned());
    for line in y..=below {
        for column in [x - 1, right + 1] {
            let border = shown(column, line).unwrap_or_default();
            assert!(["│", "┃", "▲", "▼"].contains(&border.as_str()), "{border:?} at {column} {line}\n{}", pty.text());
        }
    }
}

#[test]
fn no_sequence_leaves_the_agents_panel_or_gets_into_another_one() {
    let project = Project::empty();
    project.write("replies.toml", &replies());
    let program = project.path(PROGRAM.0);
    fs::write(&program, agent()).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    fs::create_dir(project.path("work")).unwrap();
    let command = format!("../{}", PROGRAM.0);
    let args = ["wrap", "--break", "before-tool", "--break", "before-llm", "--ask", "Ask*"];
    let args = [&args[..], &["--upstream", "script:../replies.toml", "--", &command]].concat();
    let mut pty = Start::tama(&project.path("work"), &args).env("TAMA_TUI_NOTIFY", "title").at(140, 42);
    pty.wait("shown");
    pty.wait_for("the corners", |screen| places(screen, CORNER).len() == 4);
    assert_inside(&pty);
    pty.press("\r", "PAUSED (before tool");
    pty.press(F12, "first ␛");
    look(&mut pty, 3);
    pty.press("c", "second ␛");
    look(&mut pty, 5);
    pty.press("c", "PAUSED (before llm");
    look(&mut pty, 7);
    pty.press("c", "PAUSED (before tool");
    pty.press("c", "◆ Approve tool");
    pty.wait("Allow once");
    sleep(TYPED_AHEAD);
    pty.send("\x1b");
    pty.wait_gone("◆ Approve tool");
    look(&mut pty, 8);
    pty.press("c", "Allow exactly this for the run");
    sleep(TYPED_AHEAD);
    pty.press("y", "ended with exit code 3");
    assert_inside(&pty);
    look(&mut pty, 9);
    pty.press("U", "Undo");
    pty.press("\r", "read back");
    pty.send("q");
    assert_eq!(pty.end(), 3);
    pty.assert_restored();
    assert_harmless(&pty, PROGRAM.1);
    assert!(fs::read_dir(project.path("work")).unwrap().all(|entry| entry.unwrap().file_name() == ".tama"));

    let open = |args: &[&str]| Start::tama(&project.path("work"), args).env("TAMA_TUI_NOTIFY", "title").at(140, 42);
    let mut pty = open(&[]);
    pty.wait("vil");
    pty.send("q");
    pty.end();
    pty.assert_restored();
    assert_harmless(&pty, PROGRAM.1);

    let runs = program::run(&project.path("work"), &["runs", "--json"]).stdout;
    let runs: serde_json::Value = serde_json::from_slice(&runs).unwrap();
    let run = runs[0]["run"].as_str().unwrap();
    let mut pty = open(&["replay", run]);
    pty.wait("first ␛");
    look(&mut pty, 9);
    pty.send("\x03\x03");
    pty.end();
    pty.assert_restored();
    assert_harmless(&pty, PROGRAM.1);
}
