//! Headless commands tell the harm: the line at the end, the list of net changes, denials with their remedy, exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value as Json;
use tama_tui::store::DataDir;

use crate::cli::cli::{Project, fresh, json, stderr, stdout};
use crate::cli::undo_cli::commanding;
use crate::support::program::{is_confined, run as tama};
use crate::support::project;
use crate::support::sketch::Sketch;
use crate::support::skip::{Capability, skip};

/// The line at the end of a command, with the run's short id as ID.
fn end_line(folder: &Path, output: &Output) -> String {
    let said = stderr(output);
    let line = said.lines().last().unwrap_or_default();
    let short = line.split(' ').nth(1).unwrap_or_default();
    let data = DataDir::open_or_create(folder.join(".tama")).unwrap();
    let found = data.find(short).map(|folder| folder.id().to_string());
    assert!(short.len() >= 4 && found.is_ok_and(|id| id.ends_with(short)), "{said}");
    line.replace(short, "ID")
}

const HINTS: &str = "undo: tama-tui undo ID · open: tama-tui replay ID";

#[test]
fn the_wreck_is_told_at_the_end() {
    let project = project::Project::wreck("");
    if !is_confined(project.folder()) {
        return;
    }
    project.write("work/docs/old.md", "old");
    project.write("work/README.md", "mine");
    let ran = tama(project.folder(), &["run", "."]);
    let wanted = format!("run ID ok · 2 files added, 2 deleted · {HINTS}");
    assert_eq!((ran.status.code(), end_line(project.folder(), &ran)), (Some(0), wanted), "{}", stderr(&ran));
    let run = project.newest();
    let dry = stdout(&tama(project.folder(), &["undo", &run, "--dry-run"]));
    assert!(dry.contains("would restore README.md (") && dry.contains("would delete the link NOTES · #"), "{dry}");
    let undone = tama(project.folder(), &["undo", &run]);
    let wanted = "run ID undone · open: tama-tui replay ID";
    assert_eq!((undone.status.code(), end_line(project.folder(), &undone).as_str()), (Some(0), wanted));
    assert_eq!(project.work("README.md").as_deref(), Some("mine"));
}

#[test]
fn a_failed_command_leaves_0_and_is_counted() {
    let project = fresh("");
    let folder = project.folder.path();
    if !is_confined(folder) {
        return;
    }
    let replies = fs::read_to_string(folder.join("replies.toml")).unwrap();
    fs::write(folder.join("replies.toml"), replies.replace("command = \"true\"", "command = \"/bin/false\"")).unwrap();
    let ran = project.tama(&["run", "."]);
    let said = stderr(&ran);
    assert!(said.contains("\n✗ main/writer/tama_bash: exit 1 in ") && said.contains(" · /bin/false\n"), "{said}");
    let wanted = format!("run ID ok · 1 file added · 1 command failed · {HINTS}");
    assert_eq!((ran.status.code(), end_line(folder, &ran)), (Some(0), wanted), "{said}");
    let result = json(&project.tama(&["run", ".", "--json"]));
    assert_eq!((&result["exit"], &result["commands"][0]["exit"]), (&0.into(), &1.into()), "{result}");
    assert_eq!(result["commands"][0]["command"], "/bin/false");
    let shown = json(&project.tama(&["runs", "show", result["run"].as_str().unwrap(), "--json"]));
    let spans = shown["spans"].as_array().unwrap();
    let bash = spans.iter().find(|span| span["name"] == "tama_bash").unwrap();
    assert_eq!((&bash["status"], &bash["state"], &bash["exit"]), (&"ok".into(), &"failed".into(), &1.into()));
    let table = stdout(&project.tama(&["runs", "show", result["run"].as_str().unwrap()]));
    assert!(table.lines().any(|line| line.contains("tama_bash") && line.contains("exit 1")), "{table}");
}

#[test]
fn net_changes_are_listed() {
    let project = commanding("mv f g; rm old; echo x >> kept; mkdir d; echo new > d/n; touch t; rm t", "auto");
    let work = project.folder.path().join("work");
    fs::write(work.join("f"), "a text that is long enough to be found again under another name").unwrap();
    fs::write(work.join("old"), "old").unwrap();
    fs::write(work.join("kept"), "kept").unwrap();
    let ran = project.tama(&["run", ".", "--json", "--allow", "*"]);
    let result = json(&ran);
    let lines: Vec<String> = result["changes"].as_array().unwrap().iter().map(change_text).collect();
    let wanted = ["added d -", "added d/n 4", "renamed g from f 63", "modified kept 6", "deleted old 3"];
    assert_eq!(lines, wanted, "{}", result["changes"]);
    assert_eq!(result["exit"], 0);
    let end = end_line(project.folder.path(), &ran);
    assert!(end.starts_with("run ID ok · 2 files changed, 1 added, 1 deleted · "), "{end}");
    let counts =
        |shown: &Json| ["added", "changed", "deleted"].map(|how| shown["summary"][format!("files_{how}")].clone());
    assert_eq!(counts(&result), [1, 2, 1].map(Json::from), "{}", result["summary"]);
    let undone = json(&project.tama(&["undo", result["run"].as_str().unwrap(), "--json"]));
    assert_eq!((&undone["changes"], counts(&undone)), (&Json::Array(Vec::new()), [0, 0, 0].map(Json::from)));
}

fn change_text(change: &Json) -> String {
    let text = |name: &str| change[name].as_str().unwrap_or_default();
    let from = change.get("from").map(|from| format!(" from {}", from.as_str().unwrap())).unwrap_or_default();
    let bytes = change.get("bytes").map_or_else(|| "-".to_owned(), Json::to_string);
    format!("{} {}{from} {bytes}", text("change"), text("path"))
}

#[test]
fn memory_keys_are_changes_too() {
    let project = project::Project::writer();
    let ran = tama(project.folder(), &["run", "."]);
    let wanted = format!("run ID ok · 1 file changed · 1 key changed · {HINTS}");
    assert_eq!((ran.status.code(), end_line(project.folder(), &ran)), (Some(0), wanted));
    let run = project.newest();
    let dry = stdout(&tama(project.folder(), &["undo", &run, "--dry-run"]));
    let lines: Vec<&str> = dry.lines().map(|line| line.split(" · ").next().unwrap()).collect();
    assert_eq!(
        lines,
        ["would restore out.txt (4 B)", "would delete the key word", "2 of 2 actions would be undone"],
        "{dry}"
    );
}

#[test]
fn a_denial_names_tool_cause_and_remedy() {
    let cases = [
        ("ask = [\"tama_bash\"]", "ask rule \"tama_bash\"; nobody is there to approve it", "--allow tama_bash"),
        ("deny = [\"tama_bash:tru*\"]", "policy denies \"tama_bash:tru*\"", "change [policy] deny"),
    ];
    for (policy, why, hint) in cases {
        let project = fresh(&format!("[policy]\n{policy}\n"));
        let ran = project.tama(&["run", "."]);
        let said = stderr(&ran);
        assert_eq!(ran.status.code(), Some(3), "{said}");
        assert!(said.contains("⊘ main/writer/tama_bash: denied in ") && said.contains(" · true\n"), "{said}");
        let line = said.lines().find(|line| line.starts_with("denied: ")).unwrap_or_default();
        assert!(line.starts_with(&format!("denied: tama_bash at main/writer/tama_bash: {why}. ")), "{said}");
        assert!(line.contains(hint), "{said}");
        let end = end_line(project.folder.path(), &ran);
        assert_eq!(end, format!("run ID ok · 1 file added · 1 denied · {HINTS}"));
        let result = json(&project.tama(&["run", ".", "--json"]));
        let denial = &result["denials"][0];
        assert_eq!((&denial["tool"], &denial["path"]), (&"tama_bash".into(), &"main/writer/tama_bash".into()));
        assert_eq!((denial["why"].as_str(), &result["exit"]), (Some(why), &3.into()));
        assert!(denial["hint"].as_str().unwrap().contains(hint), "{denial}");
        assert_eq!(result["commands"], Json::Array(Vec::new()));
    }
}

#[test]
fn a_failed_model_call_is_1_also_when_the_run_goes_on_without_its_answer() {
    let project = fresh("");
    let folder = project.folder.path();
    let two = Sketch::new("demo", "main").parallel("main", &["one", "two"]).oneshot("one", "One.");
    let two = two.oneshot("two", "Two.").reply("*one", "text = \"1\"").reply("*two", "error = \"HTTP 529\"");
    two.write(folder);
    let ran = project.tama(&["run", "."]);
    let said = stderr(&ran);
    assert!(said.contains("✗ main/two/llm: failed in ") && said.contains("HTTP 529"), "{said}");
    let wanted = "run ID ok · 1 model call failed · open: tama-tui replay ID";
    assert_eq!((ran.status.code(), end_line(folder, &ran).as_str()), (Some(1), wanted), "{said}");
}

#[test]
fn a_run_that_is_not_recorded_says_that_nothing_can_be_undone() {
    let project = fresh("");
    let ran = project.tama(&["run", ".", "--no-record", "--allow", "*"]);
    let wanted = "run ok · 1 file added · the changes of commands are not counted · nothing can be undone";
    assert_eq!((ran.status.code(), stderr(&ran).lines().last()), (Some(0), Some(wanted)), "{}", stderr(&ran));
}

#[test]
fn the_hints_name_the_data_folder_where_a_command_would_not_find_it() {
    let project = fresh("");
    let folder = project.folder.path();
    fs::create_dir(folder.join("elsewhere")).unwrap();
    let ran = tama(&folder.join("elsewhere"), &["run", "..", "--allow", "*"]);
    let said = stderr(&ran);
    let option = format!(" --data-dir {}", folder.canonicalize().unwrap().join(".tama").display());
    let line = said.lines().last().unwrap();
    assert_eq!(line.matches(&option).count(), 2, "{said}");
    let undo = line.split("undo: tama-tui ").nth(1).unwrap().split(" · ").next().unwrap();
    let undone = tama(&folder.join("elsewhere"), &undo.split(' ').collect::<Vec<_>>());
    assert_eq!(project.work("a"), None, "{}", stderr(&undone));
}

#[tokio::test]
async fn undo_says_how_far_it_got() {
    let project = Project::new().await;
    let folder = project.folder.path();
    let dry = project.tama(&["undo", &project.run, "--dry-run"]);
    let lines: Vec<String> = stdout(&dry).lines().map(|line| line.split(" · ").next().unwrap().to_owned()).collect();
    assert_eq!(lines[..3], ["would restore kept (11 B)", "would delete out/a", "would delete the folder out/"]);
    assert_eq!(stderr(&dry), "");
    let wanted = "run ID partly undone · left: 1 call without undo · open: tama-tui replay ID";
    assert_eq!(end_line(folder, &project.tama(&["undo", &project.run])), wanted);
    assert_eq!(end_line(folder, &project.tama(&["undo", &project.run])), wanted);
}

/// Runs the program as on a system that refuses user namespaces; `None`: that can't be had here.
fn without_user_namespaces(folder: &Path, args: &[&str]) -> Option<Output> {
    let unshare = |command: &[&str]| {
        let mut process = Command::new("unshare");
        process.args(["--user", "--map-root-user"]).args(command).current_dir(folder).env_remove("TAMA_TUI_DATA_DIR");
        process.output()
    };
    let off = "echo 0 > /proc/sys/user/max_user_namespaces";
    if !unshare(&["sh", "-c", off]).is_ok_and(|output| output.status.success()) {
        skip(Capability::Namespaces, "user namespaces can't be had here, nor switched off");
        return None;
    }
    let script = format!("{off}; exec \"$0\" \"$@\"");
    let program = ["sh", "-c", &script, env!("CARGO_BIN_EXE_tama-tui")];
    Some(unshare(&[&program[..], args].concat()).unwrap())
}

#[test]
fn without_user_namespaces_a_command_is_denied_with_the_remedy() {
    let project = fresh("");
    let folder = project.folder.path();
    let Some(denied) = without_user_namespaces(folder, &["run", "."]) else { return };
    let said = stderr(&denied);
    assert_eq!(denied.status.code(), Some(3), "{said}");
    let line = said.lines().find(|line| line.starts_with("denied: tama_bash at ")).unwrap_or_default();
    assert!(line.contains("commands are not fully confined here ("), "{said}");
    assert!(line.contains("--allow tama_bash") && line.contains("`tama-tui doctor`"), "{said}");
    assert!(end_line(folder, &denied).starts_with("run ID ok · 1 file added · 1 denied · "), "{said}");
    let allowed = without_user_namespaces(folder, &["run", ".", "--allow", "tama_bash"]).unwrap();
    let end = end_line(folder, &allowed);
    assert_eq!(allowed.status.code(), Some(0), "{}", stderr(&allowed));
    let told = stderr(&allowed).lines().filter(|line| line.starts_with("SANDBOX OFF: ")).count();
    assert_eq!(told, 1, "{}", stderr(&allowed));
    assert!(end.contains(" · 1 call without undo · ") && !end.contains("denied"), "{end}");
    let report = json(&without_user_namespaces(folder, &["doctor", "--json"]).unwrap());
    let parts = report["sandbox"]["parts"].as_array().unwrap();
    let user = parts.iter().find(|part| part["part"] == "user namespace").unwrap();
    assert_eq!(user["state"], "off", "{report}");
    assert!(user["fixes"][0].as_str().unwrap().contains("user.max_user_namespaces"), "{report}");
}
