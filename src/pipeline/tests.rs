//! Good and bad pipelines, as files in a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::model::{Gate, ModelName};

const GOOD: &str = r#"[pipeline]
name = "notes"
entrypoint = "editor"
task = "Write"
workspace = "work"

[models]
default = "script:replies.toml"
thinker = { name = "openai:gpt-5-mini", temperature = 0.5, max_tokens = 100 }

[providers.local]
base_url = "http://127.0.0.1:8089/v1"
timeout_seconds = 30

[prices."openai:gpt-5-mini"]
input = 0.25
output = 2

[agents.editor]
pattern = "fsm"
initial = "collector"
[agents.editor.states]
collector = "writer"
writer = { Done = "$end", "*" = "both" }
both = "writer"

[agents.collector]
pattern = "scatter"
worker = "reader"
[agents.collector.steps.map]
prompt = "List"
tools = ["tama_files_list"]
[agents.collector.steps.reduce]
prompt = "Join"
model = "thinker"

[agents.reader]
pattern = "oneshot"
prompt = "Read"

[agents.writer]
description = "Writes"
pattern = "react"
model = { role = "thinker", temperature = 0.1 }
tools = ["tama_mem_set", "tama_write_file"]
skills = ["house-style"]
max_iter = 12
prompt_file = "prompts/writer.md"

[agents.both]
pattern = "parallel"
workers = ["reader", "reader"]

[policy]
allow = ["tama_*"]
deny = ["tama_bash:sudo *"]

[limits]
max_tokens = 200_000
max_cost_usd = 1.5
max_parallel = 8

[[breakpoints]]
at = "before-tool"
agent = "wri*"
tool = "tama_files_write"
"#;

const SKILL: &str =
    "---\nname: house-style\ndescription: \"How we write\"\ntools:\n  - tama_mem_get\n---\n\nBe short.\n";

/// A folder with everything that the good pipeline names.
fn folder(pipeline: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("pipeline.toml", pipeline);
    write("replies.toml", "[[reply]]\nagent = \"*\"\ntext = \"x\"\n");
    write("prompts/writer.md", "Write well.\n");
    write("prompts/empty.md", " \n");
    write("skills/house-style/SKILL.md", SKILL);
    write("deploy", "#!/bin/sh\n");
    fs::set_permissions(dir.path().join("deploy"), PermissionsExt::from_mode(0o755)).unwrap();
    fs::create_dir(dir.path().join("work")).unwrap();
    dir
}

/// Every fault as `FILE:LINE:COLUMN [underlined] message | help`, the folder's path left out.
fn faults_in(dir: &Path) -> Vec<String> {
    let Err(faults) = check(dir) else { return vec![] };
    let line = |fault: &Fault| {
        let help = fault.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        let at = (fault.line, fault.column);
        format!("{}:{}:{} [{}] {}{help}", fault.file, at.0, at.1, fault.underlined(), fault.message)
    };
    let bare = format!("{}/", dir.display());
    faults.all().iter().map(|fault| line(fault).replace(&bare, "")).collect()
}

fn faults(pipeline: &str) -> Vec<String> {
    faults_in(folder(pipeline).path())
}

/// The one fault of the good pipeline with one text replaced, without its file.
fn fault(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    let found = faults(&GOOD.replacen(from, to, 1));
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0].trim_start_matches("pipeline.toml:").to_owned()
}

#[test]
fn a_good_pipeline_is_read_whole() {
    let dir = folder(GOOD);
    let loaded = load(dir.path()).unwrap();
    let root = fs::canonicalize(dir.path()).unwrap();
    assert_eq!((&loaded.base, &loaded.file), (&root, &root.join("pipeline.toml")));
    assert_eq!(loaded.workspace, root.join("work"));
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let pipeline = loaded.pipeline;
    assert_eq!(pipeline.agents.keys().collect::<Vec<_>>(), ["editor", "collector", "reader", "writer", "both"]);
    let writer = &pipeline.agents["writer"];
    let model = writer.model.as_ref().unwrap();
    assert_eq!(model.name, ModelName { provider: "openai".into(), model: "gpt-5-mini".into() });
    assert_eq!((model.options.temperature, model.options.max_tokens), (Some(0.1), Some(100)));
    assert_eq!((writer.max_iter, writer.tools.len()), (12, 2));
    let prompt = writer.prompt.as_ref().unwrap();
    assert_eq!((prompt.text.as_str(), prompt.file.as_deref()), ("Write well.\n", Some("prompts/writer.md")));
    let skill = &writer.skills[0];
    assert_eq!((skill.description.as_str(), skill.body.as_str()), ("How we write", "Be short."));
    assert_eq!(skill.tools, ["tama_mem_get"]);
    let Pattern::Fsm { initial, states } = &pipeline.agents["editor"].pattern else { panic!() };
    assert_eq!(initial, "collector");
    assert_eq!(states["writer"]["done"], Target::End, "finish keys are lower case");
    assert_eq!(states["both"]["*"], Target::Agent("writer".into()));
    let steps = &pipeline.agents["collector"].steps;
    assert!(steps["map"].react && !steps["reduce"].react);
    assert_eq!(steps["map"].model.as_ref().unwrap().name.provider, "script", "the role `default`");
    assert_eq!(steps["reduce"].model.as_ref().unwrap().name.provider, "openai");
    assert_eq!(pipeline.providers["local"].base_url.as_deref(), Some("http://127.0.0.1:8089/v1/"));
    assert_eq!(pipeline.breakpoints[0].at, Gate::BeforeTool);
    let own = Price { input: 0.25, output: 2.0, cached: None, public: None };
    assert_eq!(pipeline.prices["openai:gpt-5-mini"], own);
}

#[test]
fn a_stored_pipeline_reads_back_the_same() {
    let pipeline = load(folder(GOOD).path()).unwrap().pipeline;
    let stored = serde_json::to_string(&pipeline).unwrap();
    assert_eq!(serde_json::from_str::<Pipeline>(&stored).unwrap(), pipeline);
}

/// A text of the good pipeline, its replacement, and the one fault that follows.
const FAULTS: &[(&str, &str, &str)] = &[
    // Syntax and keys.
    (r#"task = "Write""#, "task = ", "4:8 [] string values must be quoted, expected literal string"),
    (r#"task = "Write""#, r#"name = "again""#, "4:1 [name] duplicate key"),
    (r#"task = "Write""#, r#"taks = "Write""#, "4:1 [taks] unknown key `taks` in [pipeline] | did you mean `task`?"),
    ("[limits]", "[limts]", "58:2 [limts] unknown key `limts` in the file | did you mean `limits`?"),
    (
        "max_iter = 12",
        "max_iters = 12",
        "47:1 [max_iters] unknown key `max_iters` in [agents.writer] | did you mean `max_iter`?",
    ),
    (
        "max_iter = 12",
        r#"max_iter = "12""#,
        r#"47:12 ["12"] `max_iter` must be a whole number, this is of type string"#,
    ),
    ("max_iter = 12", "max_iter = 0", "47:12 [0] `max_iter` must be at least 1"),
    ("max_iter = 12", "max_iter = 5_000_000_000", "47:12 [5_000_000_000] `max_iter` must be at most 4294967295"),
    (
        "temperature = 0.1 }",
        "temprature = 0.1 }",
        "44:29 [temprature] unknown key `temprature` in `model` | did you mean `temperature`?",
    ),
    // Names.
    (
        r#"name = "notes""#,
        r#"name = "My Notes""#,
        r#"2:8 ["My Notes"] the name `My Notes` is not kebab-case | lower-case words with hyphens, e.g. `release-notes`"#,
    ),
    (
        "name = \"notes\"\n",
        "",
        r#"1:2 [pipeline] [pipeline] has no `name` | a name in kebab-case, e.g. "release-notes""#,
    ),
    ("entrypoint = \"editor\"\n", "", "1:2 [pipeline] [pipeline] has no `entrypoint` | the agent it starts with"),
    (
        r#"entrypoint = "editor""#,
        r#"entrypoint = "edtior""#,
        r#"3:14 ["edtior"] `entrypoint` names no agent: `edtior` | did you mean `editor`?"#,
    ),
    (
        r#""tama_write_file""#,
        r#""tama_mem_ste""#,
        r#"45:26 ["tama_mem_ste"] unknown tool `tama_mem_ste` | did you mean `tama_mem_set`?"#,
    ),
    (r#""tama_write_file""#, r#""tama_mem_set""#, r#"45:26 ["tama_mem_set"] the tool `tama_mem_set` is listed twice"#),
    (
        r#""tama_write_file""#,
        r#""tracker__create""#,
        r#"45:26 ["tracker__create"] no MCP server is named `tracker` | add [mcp.tracker] with its command or url"#,
    ),
    (
        r#""tama_write_file""#,
        r#""finish""#,
        r#"45:26 ["finish"] the tool `finish` is given to every tool loop by itself"#,
    ),
    (
        r#"role = "thinker""#,
        r#"role = "thinkr""#,
        r#"44:18 ["thinkr"] no role `thinkr` in [models] | did you mean `thinker`? (a model is written `provider:model`)"#,
    ),
    (
        r#"role = "thinker""#,
        r#"role = "thinker", name = "openai:x""#,
        r#"44:36 ["openai:x"] `model` has both `role` and `name` | keep one of them"#,
    ),
    (
        r#"openai:gpt-5-mini", temp"#,
        r#"opnai:gpt-5-mini", temp"#,
        r#"9:20 ["opnai:gpt-5-mini"] unknown model provider `opnai` | did you mean `openai`? (an OpenAI-compatible server needs [providers.NAME] base_url)"#,
    ),
    (
        r#"openai:gpt-5-mini", temp"#,
        r#"gpt-5-mini", temp"#,
        r#"9:20 ["gpt-5-mini"] `gpt-5-mini` is not of the form `provider:model` | e.g. `openai:gpt-5-mini` or `script:replies.toml`"#,
    ),
    (
        "[providers.local]\nbase_url = \"http://127.0.0.1:8089/v1\"",
        "[providers.opnai]",
        "11:12 [opnai] unknown model provider `opnai` | did you mean `openai`? (or give it a `base_url`)",
    ),
    ("http://127", "127", r#"12:12 ["127.0.0.1:8089/v1"] `base_url` must begin with http:// or https://"#),
    (
        r#"pattern = "oneshot""#,
        r#"pattern = "onshot""#,
        r#"38:11 ["onshot"] unknown pattern `onshot` | did you mean `oneshot`?"#,
    ),
    (
        r#"pattern = "oneshot""#,
        r#"pattern = "human""#,
        "37:9 [reader] [agents.reader] has no `steps` | it needs [agents.reader.steps.resume]",
    ),
    (
        r#"pattern = "oneshot""#,
        "pattern = \"human\"\nsteps = { resume = { prompt = \"x\", pattern = \"oneshot\" } }",
        r#"39:46 ["oneshot"] the step `resume` must be a tool loop: `start` gives it the answer"#,
    ),
    (
        "pattern = \"oneshot\"\n",
        "",
        "37:9 [reader] [agents.reader] has no `pattern` | one of oneshot, react, fsm, parallel, scatter, critic, reflexion, constitutional, chain-of-verification, plan-execute, debate, best-of-n, human",
    ),
    (
        r#"at = "before-tool""#,
        r#"at = "before-tol""#,
        r#"64:6 ["before-tol"] unknown breakpoint place `before-tol` | did you mean `before-tool`?"#,
    ),
    (
        "at = \"before-tool\"\n",
        "",
        "63:1 [[[breakpoints]]] [breakpoints] has no `at` | one of before-llm, after-llm, before-tool, after-tool, after-agent, error",
    ),
    (
        r#"at = "before-tool""#,
        "at = \"error\"\nwhen = \"tokns > 4000\"",
        "65:9 [tokns] unknown word `tokns` | did you mean `tokens`?",
    ),
    (
        r#"at = "before-tool""#,
        "at = \"error\"\nwhen = 'tokens > 1 and key = \"x\"'",
        "65:24 [key] `key` is not known at error | use after-agent",
    ),
    (
        r#"at = "before-tool""#,
        "at = \"error\"\nwhen = 'output ~ TODO'",
        "65:18 [TODO] a text in quotes is missing here | write the text in quotes, as \"TODO\"",
    ),
    (
        r#"at = "before-tool""#,
        "at = \"error\"\nwrites = \"notes\"",
        r#"65:10 ["notes"] the write of a key stops before the tool that writes it | use at = "before-tool""#,
    ),
    (
        r#"agent = "wri*""#,
        r#"agent = "wirter""#,
        r#"65:9 ["wirter"] `wirter` matches no agent | did you mean `writer`?"#,
    ),
    (
        r#"tool = "tama_files_write""#,
        r#"tool = "tama_[""#,
        r#"66:8 ["tama_["] failed to read the glob `tama_[`: unclosed character class; missing ']'"#,
    ),
    (
        r#"deny = ["tama_bash:sudo *"]"#,
        r#"deny = ["tama_bahs:sudo *"]"#,
        r#"56:9 ["tama_bahs:sudo *"] `tama_bahs` matches no tool | did you mean `tama_bash`?"#,
    ),
    (
        r#"deny = ["tama_bash:sudo *"]"#,
        r#"deny = ["tama_bash:{sudo"]"#,
        r#"56:9 ["tama_bash:{sudo"] failed to read the glob `{sudo`: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)"#,
    ),
    (
        r#"worker = "reader""#,
        r#"worker = "readr""#,
        r#"29:10 ["readr"] unknown agent `readr` | did you mean `reader`?"#,
    ),
    (r#"workers = ["reader", "reader"]"#, "workers = []", "52:1 [workers] `workers` is empty"),
    (r#"["reader", "reader"]"#, r#"["reader", 7]"#, "52:22 [7] `workers` must be a string, this is of type integer"),
    // Prompts, models, steps.
    (
        "prompt = \"Read\"\n",
        "",
        r#"37:9 [reader] [agents.reader] has no `prompt` | give it `prompt_file = "prompts/NAME.md"` or `prompt = """…"""`"#,
    ),
    (
        r#"prompt_file = "prompts/writer.md""#,
        "prompt_file = \"prompts/writer.md\"\nprompt = \"x\"",
        "48:1 [prompt_file] [agents.writer] has both `prompt` and `prompt_file` | keep one of them",
    ),
    (
        "prompts/writer.md",
        "prompts/wirter.md",
        r#"48:15 ["prompts/wirter.md"] failed to read the prompt file `prompts/wirter.md`: No such file or directory (os error 2) | paths are relative to the pipeline's file"#,
    ),
    ("prompts/writer.md", "prompts/empty.md", r#"48:15 ["prompts/empty.md"] the prompt is empty"#),
    (
        "script:replies.toml",
        "script:none.toml",
        r#"8:11 ["script:none.toml"] failed to read the script `none.toml`: No such file or directory (os error 2) | put the script beside the pipeline's file, e.g. `script:replies.toml`"#,
    ),
    (
        "[agents.collector.steps.reduce]\nprompt = \"Join\"\nmodel = \"thinker\"\n",
        "",
        "30:19 [steps] [agents.collector.steps] has no `reduce` | a table with a prompt: [agents.collector.steps.reduce]",
    ),
    (
        r#"prompt = "List""#,
        "prompt = \"List\"\npattern = \"oneshot\"",
        r#"32:11 ["oneshot"] the step `map` must be a tool loop: it fans out by `finish`"#,
    ),
    (
        r#"prompt = "Read""#,
        "prompt = \"Read\"\ntools = [\"tama_bash\"]",
        r#"40:1 [tools] `tools` belongs to a tool loop | use pattern = "react""#,
    ),
    (
        "workers = [",
        "model = \"thinker\"\nworkers = [",
        "52:1 [model] pattern `parallel` calls no model itself and has no `model` | put it into the agents that it runs",
    ),
    (
        r#""house-style""#,
        r#""hose-style""#,
        r#"46:11 ["hose-style"] failed to read the skill `hose-style`: No such file or directory (os error 2) | a skill is the file skills/hose-style/SKILL.md"#,
    ),
    // The fsm.
    ("initial = \"collector\"\n", "", "19:9 [editor] [agents.editor] has no `initial` | the state it starts in"),
    (
        r#"initial = "collector""#,
        r#"initial = "colector""#,
        r#"21:11 ["colector"] `initial` names no state: `colector` | did you mean `collector`?"#,
    ),
    (r#"both = "writer""#, r#"both = "writr""#, r#"25:8 ["writr"] unknown state `writr` | did you mean `writer`?"#),
    (r#"both = "writer""#, "both = {}", r#"25:1 [both] the state `both` has no way to go | both = "$end" stops there"#),
    (
        r#"both = "writer""#,
        r#"both = { A = "writer", a = "$end" }"#,
        "25:24 [a] the finish key `a` is listed twice in the state `both` | finish keys are compared in lower case",
    ),
    (
        r#"both = "writer""#,
        r#"both = "both""#,
        r#"25:1 [both] the state `both` never comes to an end | let it, or a state that it leads to, go to "$end""#,
    ),
    (
        r#""*" = "both""#,
        r#""*" = "$end""#,
        "25:1 [both] the state `both` is never reached | no state that is reached from `collector` leads to it",
    ),
    (
        r#"worker = "reader""#,
        r#"worker = "editor""#,
        r#"29:10 ["editor"] the agent `editor` would run itself: editor → collector → editor | an agent can't be a part of itself"#,
    ),
    (
        r#"worker = "reader""#,
        r#"worker = "collector""#,
        r#"29:10 ["collector"] the agent `collector` would run itself: collector → collector | an agent can't be a part of itself"#,
    ),
    // Limits and prices.
    (
        r#"thinker = { name = "openai:gpt-5-mini""#,
        r#"thinker = { name = "openai:unheard-of""#,
        r#"9:20 ["openai:unheard-of"] `max_cost_usd` can't be kept: there is no price for `openai:unheard-of` | add [prices."openai:unheard-of"] with `input` and `output`"#,
    ),
    (
        "input = 0.25\n",
        "",
        r#"15:9 ["openai:gpt-5-mini"] [prices.openai:gpt-5-mini] has no `input` | US dollars per million tokens, e.g. 0.25"#,
    ),
    ("output = 2", "output = -2", "17:10 [-2] `output` must be 0 or more"),
    // The workspace.
    (
        r#"workspace = "work""#,
        r#"workspace = "a/b""#,
        r#"5:13 ["a/b"] the workspace `a/b` does not exist | mkdir -p a/b"#,
    ),
    (
        r#"workspace = "work""#,
        r#"workspace = "replies.toml""#,
        r#"5:13 ["replies.toml"] the workspace `replies.toml` is not a folder"#,
    ),
    (
        r#"workspace = "work""#,
        r#"workspace = "/""#,
        r#"5:13 ["/"] the workspace is the root of the file system, which tools must not touch | name a folder of its own, e.g. workspace = "work""#,
    ),
    // What comes later.
    ("[policy]", "[mcp.tracker]\ncommand = []\n[policy]", "55:11 [[]] `command` is empty"),
    ("[policy]", "[verify]\ncommand = []\n[policy]", "55:1 [command] `command` is empty"),
    (
        "[policy]",
        "[verify]\ntimeout_seconds = 9\n[policy]",
        r#"54:2 [verify] [verify] has no `command` | the program and its arguments, e.g. command = ["./check.sh"]"#,
    ),
    (
        "[policy]",
        "[verify]\ncommand = [\"./chekc.sh\"]\n[policy]",
        r#"55:12 ["./chekc.sh"] failed to find the program `./chekc.sh`: No such file or directory (os error 2) | paths are relative to the pipeline's file"#,
    ),
    (
        "[policy]",
        "[verify]\ncommand = [\"true\"]\ntimeout_seconds = 3601\n[policy]",
        "56:19 [3601] `timeout_seconds` must be at most 3600",
    ),
    (
        "[policy]",
        "[verify]\ncommand = [\"true\"]\ncomand = [\"true\"]\n[policy]",
        "56:1 [comand] unknown key `comand` in [verify] | did you mean `command`?",
    ),
];

#[test]
fn every_single_fault_is_placed_and_named() {
    for (from, to, expected) in FAULTS {
        assert_eq!(fault(from, to), *expected, "{from:?} replaced by {to:?}");
    }
}

#[test]
fn all_faults_are_found_at_once_in_the_order_of_the_lines() {
    let pipeline = GOOD
        .replace("name = \"notes\"", "name = \"Notes\"")
        .replace("tama_mem_set", "tama_mem_sett")
        .replace("max_iter = 12", "max_iter = 0")
        .replace("at = \"before-tool\"", "at = \"before\"");
    let lines: Vec<String> = faults(&pipeline).iter().map(|fault| fault.split(':').nth(1).unwrap().into()).collect();
    assert_eq!(lines, ["2", "45", "47", "64"]);
}

#[test]
fn without_a_model_and_a_default_every_caller_is_faulted() {
    let found = faults(&GOOD.replace("default = \"script:replies.toml\"\n", ""));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].starts_with("pipeline.toml:29:25 [map] [agents.collector.steps.map] has no `model`"),
        "{found:#?}"
    );
    assert!(found[1].starts_with("pipeline.toml:36:9 [reader] [agents.reader] has no `model`"), "{found:#?}");
}

#[test]
fn all_syntax_errors_are_shown_and_nothing_that_follows_from_them() {
    let found = faults("[pipeline]\nname = \nentrypoint == 1\n");
    assert!(found.len() >= 2, "{found:#?}");
    assert!(found.iter().all(|fault| !fault.contains("has no")), "{found:#?}");
}

#[test]
fn a_fault_is_drawn_with_its_text_underlined() {
    let dir = folder(
        "[pipeline]\nname = \"a\"\nentrypoint = \"edtior\"\n[agents.editor]\npattern = \"oneshot\"\n\
                      prompt = \"\\u001b[31m\"\nmodel = \"script:replies.toml\"\n",
    );
    let faults = check(dir.path()).unwrap_err();
    let drawn = faults.to_string().replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(drawn, @r#"
    error: `entrypoint` names no agent: `edtior`
     --> DIR/pipeline.toml:3:14
      |
    3 | entrypoint = "edtior"
      |              ^^^^^^^^
      |
      = help: did you mean `editor`?
    "#);
    assert!(!drawn.contains('\u{1b}') && faults.render(true).contains('\u{1b}'), "colour only when asked for");
    let json = serde_json::to_value(&faults).unwrap();
    assert_eq!((&json[0]["line"], &json[0]["column"]), (&3.into(), &14.into()));
}

#[test]
fn control_characters_of_names_are_shown_not_sent() {
    let found = faults("[pipeline]\n\"\\u001b[31m\" = 1\n");
    assert!(found.iter().any(|fault| fault.contains("unknown key `\\u{1b}[31m`")), "{found:#?}");
}

#[test]
fn faults_in_a_script_stand_in_the_script() {
    let dir = folder(GOOD);
    fs::write(dir.path().join("replies.toml"), "[[reply]]\nagent = \"*\"\ntxt = 1\n").unwrap();
    let found = faults_in(dir.path());
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("replies.toml:3:1 [txt] unknown field `txt`"), "{found:#?}");
}

#[test]
fn faults_in_a_skill_stand_in_the_skill() {
    let with = |skill: &str| {
        let dir = folder(GOOD);
        fs::write(dir.path().join("skills/house-style/SKILL.md"), skill).unwrap();
        let found = faults_in(dir.path());
        assert_eq!(found.len(), 1, "{found:#?}");
        found[0].trim_start_matches("skills/house-style/SKILL.md:").to_owned()
    };
    let wrong_tool = with("---\nname: house-style\ndescription: x\ntools: [tama_mem_get, \"tama_mem_gte\"]\n---\n");
    assert_eq!(wrong_tool, "4:23 [\"tama_mem_gte\"] unknown tool `tama_mem_gte` | did you mean `tama_mem_get`?");
    let other_name = with("---\nname: other\ndescription: x\n---\nBody");
    assert!(other_name.starts_with("2:7 [other] the skill in the folder `house-style` calls itself `other`"));
    assert!(with("Be short").starts_with("1:1 [Be short] a skill begins with a head"));
    assert!(with("---\nname: house-style\n---\n").contains("has no `description`"));
    assert!(with("---\nwhat\n---\n").starts_with("2:1 [what] the head is a string"));
    assert!(with("---\ndescription: a: b\n---\n").starts_with("2:15 [:] no YAML"));
}

#[test]
fn a_skill_may_be_written_in_any_yaml() {
    let dir = folder(GOOD);
    let skill = "---\r\ndescription: >\r\n  How we\r\n  write\r\nlicense: MIT\r\ntools: tama_mem_get, tama_bash\r\n---\r\n\r\nBody\r\n";
    fs::write(dir.path().join("skills/house-style/SKILL.md"), skill).unwrap();
    let skill = load(dir.path()).unwrap().pipeline.agents["writer"].skills[0].clone();
    assert_eq!((skill.description.as_str(), skill.body.as_str()), ("How we write", "Body"));
    assert_eq!(skill.tools, ["tama_mem_get", "tama_bash"]);
}

#[test]
fn the_head_of_a_prompt_file_is_never_sent() {
    let with = |text: &str| {
        let dir = folder(GOOD);
        fs::write(dir.path().join("prompts/writer.md"), text).unwrap();
        let loaded = check(dir.path());
        let shown = loaded.map(|loaded| {
            let bare = format!("{}/", dir.path().display());
            let told = loaded.warnings.iter().map(|line| line.replace(&bare, "")).collect::<Vec<_>>().join("\n");
            (loaded.pipeline.agents["writer"].prompt.clone().unwrap().text, told)
        });
        shown.map_err(|_| faults_in(dir.path()).join("\n"))
    };
    let told = "prompts/writer.md:2:1: the head of a prompt's file is not sent, and its keys are ignored; write them into \
                the table of its agent, and remove them here";
    for text in ["---\npattern: react\n---\n\nWrite.", "\u{feff}---\r\npattern: react\r\n---\r\nWrite."] {
        assert_eq!(with(text), Ok(("Write.".to_owned(), told.to_owned())), "{text:?}");
    }
    // A text that begins with a line across is no head.
    for text in ["---\nA quotation\n---\nWrite.", "---\nWrite.", "Write.\n---\nname: x\n---\n"] {
        assert_eq!(with(text), Ok((text.to_owned(), String::new())));
    }
    assert_eq!(with("\u{feff}Write."), Ok(("Write.".to_owned(), String::new())));
    assert!(with("---\nname: a: b\n---\nWrite.").unwrap_err().starts_with("prompts/writer.md:2:8 "));
    assert!(
        with("---\nname: x\nWrite.").unwrap_err().starts_with("prompts/writer.md:1:1 [---] the head is not closed")
    );
    assert!(with("---\nname: x\n---\n\n").unwrap_err().contains("the prompt is empty"));
}

#[test]
fn what_is_no_pipeline_says_what_to_name() {
    let dir = tempfile::tempdir().unwrap();
    assert!(faults_in(dir.path())[0].contains("there is no pipeline.toml in this folder, and no tama.toml"));
    assert!(faults_in(&dir.path().join("none.toml"))[0].contains("failed to read the file"));
    fs::write(dir.path().join("tama.toml"), "").unwrap();
    for path in [dir.path().to_path_buf(), dir.path().join("tama.toml")] {
        assert!(faults_in(&path)[0].contains("the project has no entrypoint"));
    }
    assert!(faults("")[0].contains("the file has no `pipeline`"));
}

#[test]
fn a_missing_workspace_beside_the_file_is_made_by_load_alone() {
    let dir = folder(GOOD);
    let work = dir.path().join("work");
    fs::remove_dir(&work).unwrap();
    let checked = check(dir.path()).unwrap();
    assert!(checked.warnings[0].contains("does not exist yet: a run makes it") && !work.exists());
    let loaded = load(dir.path()).unwrap();
    assert!(loaded.warnings[0].contains("made the workspace") && work.is_dir());
    assert_eq!(load(dir.path()).unwrap().workspace, loaded.workspace);
}

#[test]
fn the_home_folder_is_no_workspace() {
    let home = etcetera::home_dir().unwrap();
    let found = faults(&GOOD.replace("\"work\"", &format!("{:?}", home.display().to_string())));
    assert!(found[0].contains("the workspace is your home folder"), "{found:#?}");
}

#[test]
fn an_agent_that_is_never_run_is_a_warning_with_its_place() {
    let dir = folder(&format!("{GOOD}\n[agents.spare]\npattern = \"oneshot\"\nprompt = \"x\"\n"));
    let warnings = check(dir.path()).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].ends_with("pipeline.toml:68:9: the agent `spare` is never run from `editor`"), "{warnings:?}");
}

#[test]
fn the_demo_has_no_fault_and_goes_wrong_on_the_first_try_only() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo");
    let pipeline = check(&folder).unwrap().pipeline;
    let stop = &pipeline.breakpoints[0];
    assert_eq!((stop.agent.as_deref(), stop.tool.as_deref()), (Some("writer"), Some("tama_files_write")));
    let script = Script::parse(&fs::read_to_string(folder.join("replies.toml")).unwrap()).unwrap();
    let writes = |attempt| {
        let answers = script.replies.iter().filter(move |reply| reply.agent.matches("editor/writer"));
        let taken = answers.filter(move |reply| reply.attempt.is_none_or(|wanted| wanted == attempt));
        let calls: Vec<_> = taken.flat_map(|reply| &reply.calls).map(|call| call.name.as_str()).collect();
        calls.contains(&"tama_files_delete")
    };
    assert!(writes(1), "the first try throws a file away");
    assert!(!writes(2) && !writes(3), "every later one does not, whatever was typed");
}

#[test]
fn commands_are_captured_by_snapshot_under_its_new_and_its_old_name() {
    let with = |mode: &str| folder(&format!("{GOOD}\n[capture]\nlane = \"{mode}\"\n"));
    let snapshot = |mode: &str| check(with(mode).path()).unwrap().pipeline.capture.snapshot;
    assert!(snapshot("snapshot") && snapshot("portable"));
    assert!(!snapshot("auto") && !check(folder(GOOD).path()).unwrap().pipeline.capture.snapshot);
    let unknown = faults_in(with("snapshots").path());
    assert!(
        unknown[0].ends_with("[\"snapshots\"] unknown capture mode `snapshots` | did you mean `snapshot`?"),
        "{unknown:?}"
    );
    let stored = serde_json::to_value(Capture { snapshot: true, ..Capture::default() }).unwrap();
    assert_eq!(stored["portable"], true);
}

#[test]
fn changed_agents_are_the_edited_the_gone_and_the_new() {
    let dir = folder(GOOD);
    let stored = load(dir.path()).unwrap().pipeline;
    assert_eq!(changed_agents(&stored, &stored), Vec::<String>::new());
    fs::write(dir.path().join("prompts/writer.md"), "Write better.\n").unwrap();
    let mut today = load(dir.path()).unwrap().pipeline;
    let reader = today.agents.shift_remove("reader").unwrap();
    today.agents.insert("fresh".into(), reader);
    assert_eq!(changed_agents(&stored, &today), ["reader", "writer", "fresh"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mangled_pipeline_never_panics(at in 0..GOOD.len(), cut in 0usize..40, put in "(\\PC|[\\[\\]{}=\"\n.*$#é]){0,8}") {
        let end = (at + cut).min(GOOD.len());
        let dir = folder(&format!("{}{put}{}", &GOOD[..at], &GOOD[end..]));
        if let Err(faults) = check(dir.path()) {
            prop_assert!(!faults.all().is_empty());
            prop_assert!(faults.all().iter().all(|fault| fault.line > 0 && fault.column > 0));
            prop_assert!(!faults.render(true).is_empty());
        }
    }

    #[test]
    fn a_mangled_skill_never_panics(at in 0..SKILL.len(), cut in 0usize..20, put in "(\\PC|[\\[\\]{}:,\"\n\r-]){0,8}") {
        let dir = folder(GOOD);
        let end = (at + cut).min(SKILL.len());
        let skill = format!("{}{put}{}", &SKILL[..at], &SKILL[end..]);
        fs::write(dir.path().join("skills/house-style/SKILL.md"), skill).unwrap();
        if let Err(faults) = check(dir.path()) {
            prop_assert!(!faults.to_string().is_empty());
        }
    }

    #[test]
    fn a_mangled_script_never_panics(text in "(\\[\\[reply\\]\\]\n|agent = |\"[*{\\[]\"|\n|try = 0|\\PC){0,12}") {
        let _ = Script::parse(&text);
    }
}

/// The TOML blocks of docs/pipeline.md.
fn documented_blocks() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pipeline.md")).unwrap();
    let blocks = text.split("```toml\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_documented_samples_have_no_fault() {
    let blocks = documented_blocks();
    let [_, pipeline, rules, servers, script] = blocks.as_slice() else { panic!("{} samples", blocks.len()) };
    assert_eq!(faults(pipeline), Vec::<String>::new());
    let head = "[pipeline]\nname = \"p\"\nentrypoint = \"a\"\n[models]\ndefault = \"openai:x\"\n[agents.a]\n\
                pattern = \"react\"\nprompt = \"x\"\n\
                tools = [\"tama_http_get\", \"tama_http_post\", \"tracker__create_issue\"]\n";
    assert_eq!(faults(&format!("{head}{rules}{servers}")), Vec::<String>::new());
    assert_eq!(Script::parse(script).unwrap().replies.len(), 2);
}
