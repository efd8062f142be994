//! `[tools.*]`: good ones, and every fault of bad ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::model::EffectClass;

const GOOD: &str = r#"[pipeline]
name = "ship"
entrypoint = "shipper"
[models]
default = "script:replies.toml"
[agents.shipper]
pattern = "react"
tools = ["deploy", "tama_mem_set"]
prompt = "Ship"
[tools.deploy]
description = "Deploy a tag"
command = ["./deploy", "{tag}", "--times={times}"]
before = ["./deploy", "--current"]
undo = ["./deploy", "{before}", "{tag}", "{result.id}"]
network = true
[tools.deploy.args]
tag = { type = "string", description = "tag to deploy" }
times = { type = "integer", required = false }
[tools.look]
description = "Look"
command = ["uname", "{{}}"]
effect = "read"
[policy]
allow = ["deploy:v*"]
[[breakpoints]]
at = "before-tool"
tool = "deploy"
"#;

fn folder(pipeline: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("pipeline.toml"), pipeline).unwrap();
    fs::write(dir.path().join("replies.toml"), "[[reply]]\nagent = \"*\"\ntext = \"x\"\n").unwrap();
    for (name, mode) in [("deploy", 0o755), ("notes", 0o644)] {
        fs::write(dir.path().join(name), "#!/bin/sh\n").unwrap();
        fs::set_permissions(dir.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    dir
}

/// The faults of the good pipeline with one text replaced, each as `LINE:COLUMN [underlined] message | help`.
fn faults(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    let Err(faults) = check(folder(&GOOD.replacen(from, to, 1)).path()) else { return vec![] };
    let line = |fault: &Fault| {
        let help = fault.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{}:{} [{}] {}{help}", fault.line, fault.column, fault.underlined(), fault.message)
    };
    faults.all().iter().map(line).collect()
}

#[test]
fn tools_are_read_with_their_program_found() {
    let dir = folder(GOOD);
    let pipeline = load(dir.path()).unwrap_or_else(|faults| panic!("{faults}")).pipeline;
    let deploy = &pipeline.tools["deploy"];
    let program = fs::canonicalize(dir.path()).unwrap().join("deploy").display().to_string();
    assert_eq!(deploy.command, [program.as_str(), "{tag}", "--times={times}"]);
    assert_eq!(deploy.before.as_ref().unwrap(), &[program.as_str(), "--current"]);
    assert_eq!((deploy.effect, deploy.network, deploy.timeout_seconds), (EffectClass::Compensable, true, 120));
    assert!(deploy.args["tag"].required && !deploy.args["times"].required);
    let look = &pipeline.tools["look"];
    assert_eq!((look.effect, look.network, look.command[0].as_str()), (EffectClass::Read, false, "uname"));
    let stored = serde_json::to_string(&pipeline).unwrap();
    assert!(!stored.contains("local_sockets"), "{stored}");
    assert_eq!(serde_json::from_str::<Pipeline>(&stored).unwrap(), pipeline);
}

#[test]
fn tools_that_reach_outside_are_listed() {
    let good = GOOD.replacen("effect = \"read\"", "local_sockets = true", 1);
    let pipeline = load(folder(&good).path()).unwrap_or_else(|faults| panic!("{faults}")).pipeline;
    assert_eq!(pipeline.reaching_tools(), ["deploy: network and local sockets", "look: local sockets"]);
    assert!(pipeline.tools["look"].local_sockets);
    let stored = serde_json::to_string(&pipeline).unwrap();
    assert_eq!(serde_json::from_str::<Pipeline>(&stored).unwrap(), pipeline);
}

#[test]
fn a_pipeline_stored_before_there_were_tools_is_read() {
    let pipeline = load(folder(GOOD).path()).unwrap().pipeline;
    let mut stored = serde_json::to_value(&pipeline).unwrap();
    stored.as_object_mut().unwrap().remove("tools");
    assert!(serde_json::from_value::<Pipeline>(stored).unwrap().tools.is_empty());
}

const FAULTS: &[(&str, &str, &str)] = &[
    ("tools = [\"deploy\"", "tools = [\"depoly\"", r#"8:10 ["depoly"] unknown tool `depoly` | did you mean `deploy`?"#),
    (
        "[tools.look]",
        "[tools.tama_bash]",
        "19:8 [tama_bash] the tool's name `tama_bash` is reserved | choose a name that does not start with `tama_`",
    ),
    (
        "[tools.look]",
        "[tools.finish]",
        "19:8 [finish] the tool's name `finish` is taken | every tool loop has a tool of that name; choose another name",
    ),
    (
        "[tools.look]",
        "[tools.llm]",
        "19:8 [llm] the tool's name `llm` is taken | model calls have that name; choose another name",
    ),
    (
        "[tools.look]",
        "[tools.a__b]",
        "19:8 [a__b] the tool's name `a__b` is taken | tools of MCP servers have names with `__`; choose another name",
    ),
    (
        "[tools.look]",
        "[tools.\"a b\"]",
        "19:8 [\"a b\"] the tool's name `a b` is not one that models accept | letters, digits, `_` and `-`, at most 64",
    ),
    (
        "description = \"Look\"\n",
        "",
        "19:8 [look] [tools.look] has no `description` | add a line about its purpose, for the model",
    ),
    (
        "command = [\"uname\", \"{{}}\"]\n",
        "",
        "19:8 [look] [tools.look] has no `command` | the program and its arguments, e.g. command = [\"./deploy\", \"{tag}\"]",
    ),
    ("[\"uname\", \"{{}}\"]", "[]", "21:1 [command] `command` is empty"),
    ("[\"uname\", \"{{}}\"]", "[\" \"]", "21:12 [\" \"] the program is empty"),
    ("[\"uname\", \"{{}}\"]", "[\"uname\", 3]", "21:21 [3] `command` must be a string, this is of type integer"),
    ("{{}}", "a{b", "21:23 [{] this `{` is not closed; write `{{` for a brace"),
    ("{{}}", "a}b", "21:23 [}] this `}` closes nothing; write `}}` for a brace"),
    ("{{}}", "{x}", "21:22 [{x}] nothing fills {x} | it has no arguments; write `{{` for a brace"),
    ("\"{tag}\", \"--times", "\"{tga}\", \"--times", "12:25 [{tga}] nothing fills {tga} | did you mean `tag`?"),
    (
        "--times={times}",
        "--times={before}",
        "12:42 [{before}] nothing fills {before} | {before} is known to `undo` only",
    ),
    (
        "\"{tag}\", \"{result",
        "\"{tag}\", \"{reslut",
        "14:43 [{reslut.id}] nothing fills {reslut.id} | did you mean `result`?",
    ),
    ("{{}}", "{{x}}{y}", "21:27 [{y}] nothing fills {y} | it has no arguments; write `{{` for a brace"),
    (
        "command = [\"./deploy\", \"{tag}\"",
        "command = [\"./{tag}\", \"{tag}\"",
        "12:12 [\"./{tag}\"] the program can't be chosen by the model | holes belong after it",
    ),
    (
        "[\"uname\"",
        "[\"./nothing\"",
        "21:12 [\"./nothing\"] failed to find the program `./nothing`: No such file or directory (os error 2) | paths are relative to the pipeline's file",
    ),
    ("[\"uname\"", "[\"./notes\"", "21:12 [\"./notes\"] `./notes` can't be run | chmod +x ./notes"),
    ("[\"uname\"", "[\"./\"", "21:12 [\"./\"] `./` is no program | a file that can be run"),
    ("effect = \"read\"", "effect = \"raed\"", "22:10 [\"raed\"] unknown effect `raed` | did you mean `read`?"),
    (
        "effect = \"read\"",
        "effect = \"compensable\"",
        "22:10 [\"compensable\"] a compensable tool needs `undo` | add the undo command, e.g. undo = [\"./deploy\", \"{before}\"]",
    ),
    (
        "network = true",
        "effect = \"irreversible\"",
        "15:10 [\"irreversible\"] a tool with `undo` is compensable, not irreversible | leave `effect` out, or `undo`",
    ),
    (
        "network = true",
        "local_sockets = \"x\"",
        "15:17 [\"x\"] `local_sockets` must be true or false, this is of type string",
    ),
    ("network = true", "network = 1", "15:11 [1] `network` must be true or false, this is of type integer"),
    ("network = true", "timeout_seconds = 3601", "15:19 [3601] `timeout_seconds` must be at most 3600"),
    (
        "network = true",
        "netwrok = true",
        "15:1 [netwrok] unknown key `netwrok` in [tools.deploy] | did you mean `network`?",
    ),
    (
        "before = [\"./deploy\", \"--current\"]\n",
        "",
        "13:1 [undo] `undo` has {before}, and there is no `before` | a command",
    ),
    (
        "effect = \"read\"",
        "before = [\"uname\"]",
        "22:1 [before] `before` is for `undo`, and there is none | what it prints is {before}",
    ),
    (
        "type = \"integer\"",
        "type = \"int\"",
        "18:18 [\"int\"] unknown type `int` | known: `string`, `integer`, `number`, `boolean`",
    ),
    (
        "type = \"integer\", ",
        "",
        "18:1 [times] [tools.deploy.args.times] has no `type` | one of string, integer, number, boolean",
    ),
    ("deploy:v*", "depoly:v*", r#"24:10 ["depoly:v*"] `depoly` matches no tool | did you mean `deploy`?"#),
    ("tool = \"deploy\"", "tool = \"depoly\"", r#"27:8 ["depoly"] `depoly` matches no tool | did you mean `deploy`?"#),
];

#[test]
fn each_fault_is_told_with_its_place() {
    let wrong: Vec<String> = FAULTS
        .iter()
        .filter_map(|(from, to, told)| {
            let found = faults(from, to);
            (found != [*told]).then(|| format!("{from:?} -> {to:?}\n   told {found:#?}\n wanted {told:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_argument_named_like_what_undo_has_is_a_fault() {
    let told = faults("times = { type", "before = { type");
    assert!(told[0].contains("nothing fills {times}"), "{told:?}");
    assert!(told[1].contains("an argument can't be named `before`"), "{told:?}");
}

proptest! {
    #[test]
    fn a_mangled_tool_never_panics(at in 0..GOOD.len(), cut in 0usize..20, put in "(\\PC|[\\[\\]{}.\",\n-]){0,8}") {
        let end = (at + cut).min(GOOD.len());
        if let Err(faults) = check(folder(&format!("{}{put}{}", &GOOD[..at], &GOOD[end..])).path()) {
            prop_assert!(faults.all().iter().all(|fault| fault.line > 0 && fault.column > 0));
            prop_assert!(!faults.render(true).is_empty());
        }
    }
}
