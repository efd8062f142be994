//! The commands for scripts and editors: what they print is what the program knows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jsonschema::Validator;
use serde_json::Value as Json;
use tama_tui::app::keys;
use tama_tui::pipeline::{PATTERNS, TOOLS};

use crate::cli::cli::{json, stderr, stdout};
use crate::engine::scenario::Scenario;
use crate::support::program::{self, run as tama};
use crate::support::project::Project;
use crate::support::sketch::Sketch;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The schema as the program prints it.
fn validator() -> Validator {
    jsonschema::draft7::new(&json(&tama(root(), &["schema"]))).unwrap()
}

fn assert_valid(validator: &Validator, toml: &str, named: &str) {
    let value: toml::Table = toml::from_str(toml).unwrap();
    let value = serde_json::to_value(value).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{named}: {faults:#?}");
}

#[test]
fn the_schema_takes_every_pipeline_of_this_repository() {
    let validator = validator();
    let mut files: Vec<PathBuf> =
        vec!["assets/demo".into(), "assets/demo/wreck".into(), "assets/templates/hello".into()];
    files.extend(PATTERNS.iter().map(|row| format!("assets/examples/{}", row.name).into()));
    for folder in files {
        let file = root().join(folder).join("pipeline.toml");
        assert_valid(&validator, &fs::read_to_string(&file).unwrap(), &file.display().to_string());
    }
    let scenarios = fs::read_dir(root().join("tests/scenarios")).unwrap().map(|entry| entry.unwrap().path());
    for file in scenarios {
        let scenario: Scenario = toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_valid(&validator, &scenario.pipeline, &file.display().to_string());
    }
}

#[test]
fn the_graph_names_agents_tools_and_who_runs_whom() {
    let project = Project::empty();
    let pipeline = Sketch::new("demo", "lead")
        .table("[agents.lead]\npattern = \"fsm\"\ninitial = \"one\"\nstates = { one = \"two\", two = { again = \"one\", \"*\" = \"$end\" } }")
        .react("one", "One.", &["tama_mem_set", "deploy"])
        .parallel("two", &["three", "three"])
        .oneshot("three", "Three.")
        .oneshot("lonely", "Nobody runs it.")
        .table("[tools.deploy]\ndescription = \"d\"\ncommand = [\"true\"]");
    pipeline.write(project.folder());
    let said = stdout(&project.tama(&["graph", "."]));
    let wanted = "demo\n  lead · fsm\n    state, starts: one · react · script:replies.toml\n        tools tama_mem_set, deploy\n        \
                  then two\n    state: two · parallel\n      worker: three · oneshot · script:replies.toml\n      worker: three (above)\n        \
                  again: one\n        any other key: the end\n  never run: lonely · oneshot · script:replies.toml\nown tools\n  deploy: irreversible\n";
    assert_eq!(said, wanted);
    let graph = project.json(&["graph", "."]);
    let agent = |name: &str| {
        let agents = graph["agents"].as_array().unwrap();
        agents.iter().find(|agent| agent["name"] == name).unwrap().clone()
    };
    assert_eq!(agent("lead")["runs"][1]["next"][0], serde_json::json!({ "finish": "again", "agent": "one" }));
    assert_eq!((&agent("lead")["initial"], &agent("lonely")["reached"]), (&"one".into(), &false.into()));
    assert_eq!((&agent("one")["tools"][1], &graph["tools"][0]["effect"]), (&"deploy".into(), &"irreversible".into()));
    assert_eq!(tama(project.folder(), &["graph", "nowhere"]).status.code(), Some(2));
}

#[test]
fn the_keys_are_those_that_are_bound() {
    let project = Project::empty();
    assert!(stdout(&project.tama(&["keys"])).starts_with(&keys::markdown()));
    let listed = project.json(&["keys"]);
    assert_eq!(listed["debugger"].as_array().unwrap().len(), keys::VERBS.len());
    project.write("mine.toml", "[keys]\ncancel = [\"Ctrl-x\"]\n");
    let mine = stdout(&project.tama(&["--config", "mine.toml", "keys"]));
    assert!(mine.contains("| `Ctrl-x` | cancel the run"), "{mine}");
}

#[test]
fn the_settings_file_is_printed_read_and_its_faults_have_a_place() {
    let project = Project::empty();
    let own = project.path("settings");
    let with_own = |args: &[&str]| {
        program::command().args(args).current_dir(project.folder()).env("XDG_CONFIG_HOME", &own).output().unwrap()
    };
    let place = own.join("tama-tui/config.toml");
    assert_eq!(stdout(&with_own(&["config", "--path"])), format!("{}\n", place.display()));
    let printed = stdout(&with_own(&["config"]));
    assert!(printed.contains(&place.display().to_string()) && printed.contains("# retry = [\"r\"]"), "{printed}");
    assert_eq!(with_own(&["keys"]).status.code(), Some(0), "a file that nobody named may be missing");
    project.write("settings/tama-tui/config.toml", &printed);
    assert_eq!(stdout(&with_own(&["keys"])), stdout(&project.tama(&["keys"])));
    project.write("settings/tama-tui/config.toml", "[keys]\nretri = \"R\"\n");
    let wrong = with_own(&["keys"]);
    let said = stderr(&wrong);
    assert_eq!(wrong.status.code(), Some(2), "{said}");
    assert!(said.contains("config.toml:2:1") && said.contains("did you mean `retry`?"), "{said}");
    assert_eq!(with_own(&["config"]).status.code(), Some(0), "what mends it works all the same");
    let missing = project.tama(&["--config", "none.toml", "keys"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("none.toml") && stderr(&missing).contains("`tama-tui config`"));
}

#[test]
fn the_settings_say_where_runs_are_kept() {
    let project = Project::writer();
    let kept = project.path("kept");
    project.write("mine.toml", &format!("data_dir = {:?}\ncolor = \"always\"\n", kept.display().to_string()));
    let ran = project.tama(&["--config", "mine.toml", "run", "."]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    assert!(kept.join("runs").is_dir() && !project.path(".tama").exists());
    let beaten = project.tama(&["--config", "mine.toml", "--data-dir", "other", "run", "."]);
    assert_eq!(beaten.status.code(), Some(0), "{}", stderr(&beaten));
    assert!(project.path("other/runs").is_dir());
    project.write("pipeline.toml", "[pipeline\n");
    let drawn = project.tama(&["--config", "mine.toml", "check", "."]);
    assert!(stderr(&drawn).contains("\u{1b}["), "coloured as the settings say");
    let plain = project.tama(&["--config", "mine.toml", "--color", "never", "check", "."]);
    assert!(!stderr(&plain).contains("\u{1b}["), "the command line beats them");
}

#[test]
fn completions_and_pages_name_the_commands() {
    let folder = Project::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = stdout(&folder.tama(&["completions", shell]));
        for word in ["tama-tui", "replay", "data-dir", "max-cost"] {
            assert!(said.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(folder.tama(&["completions", "csh"]).status.code(), Some(2));
    let page = stdout(&folder.tama(&["man"]));
    assert!(page.contains(".TH tama-tui 1") && page.contains(r"tama\-tui\-replay"), "{page}");
    let page = stdout(&folder.tama(&["man", "runs", "show"]));
    assert!(page.contains(".TH tama-tui-runs-show 1"), "{page}");
    let unknown = folder.tama(&["man", "rnus"]);
    assert!(unknown.status.code() == Some(1) && stderr(&unknown).contains("runs"), "{}", stderr(&unknown));
}

#[test]
fn bash_takes_the_completions() {
    let folder = Project::empty();
    fs::write(folder.path("tama-tui.bash"), stdout(&folder.tama(&["completions", "bash"]))).unwrap();
    let script = "source ./tama-tui.bash && COMP_WORDS=(tama-tui ver) COMP_CWORD=1 && _tama__tui tama-tui ver tama-tui && \
                  echo \"${COMPREPLY[@]}\"";
    let bash = Command::new("bash").args(["-c", script]).current_dir(folder.folder()).stderr(Stdio::inherit()).output();
    let Ok(bash) = bash else { return };
    assert_eq!(String::from_utf8_lossy(&bash.stdout).trim(), "verify");
}

#[test]
fn an_editor_gets_the_words_that_may_follow() {
    let schema = json(&tama(root(), &["schema"]));
    let words = |at: &str| -> Vec<String> {
        let list = schema.pointer(at).and_then(Json::as_array).unwrap_or_else(|| panic!("{at}"));
        list.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let patterns: Vec<&str> = PATTERNS.iter().map(|row| row.name).collect();
    assert_eq!(words("/definitions/agent/properties/pattern/enum"), patterns);
    assert_eq!(words("/definitions/tool-names/items/anyOf/0/enum"), TOOLS);
}
