//! Each trap: it loads and runs, with a warning, or is a fault, with file, line and column.

use super::super::super::spec::{Pattern, Target};
use super::{Files, agent};

/// The end of a trap.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    /// It loads with this warning.
    Warned,
    /// It is refused.
    Refused,
}
use Ends::{Refused, Warned};

/// A file of a sound project, changed, and its end; `text` of an AGENT.md is that of its head's further lines.
type Trap = (&'static str, &'static str, Ends, &'static str);

const LEAD: &str = "agents/lead/AGENT.md";

/// Whole files.
const FILES: [Trap; 33] = [
    (LEAD, "You are lead.\n", Refused, "agents/lead/AGENT.md:1:1 [] an AGENT.md begins with a head"),
    (LEAD, "---\nname: lead\n", Refused, "agents/lead/AGENT.md:1:1 [---] the head is not closed"),
    (LEAD, "---\n---\nBody\n", Refused, "agents/lead/AGENT.md:1:1 [---] the head has no `name`"),
    (LEAD, "---\n- a\n---\nBody\n", Refused, "agents/lead/AGENT.md:2:1 [- a] the head is a list"),
    (
        LEAD,
        "---\nname: lead\ndescription: a: b\nversion: 1.0.0\npattern: react\n---\nBody\n",
        Refused,
        "agents/lead/AGENT.md:3:15 [",
    ),
    (
        LEAD,
        "---\nname: lead\ndescription: x\npattern: react\n---\nBody\n",
        Refused,
        "agents/lead/AGENT.md:1:1 [---] the head has no `version` | e.g. version: \"1.0.0\"",
    ),
    (
        LEAD,
        "---\nname: lead\ndescription:\nversion: 1.0.0\npattern: react\n---\nBody\n",
        Refused,
        "agents/lead/AGENT.md:3:1 [description] `description` has no value",
    ),
    (
        LEAD,
        "---\nname: lead\ndescription: x\nversion: 1.0\npattern: react\n---\nBody\n",
        Warned,
        "agents/lead/AGENT.md:4:10: `version` is a number here, which tama refuses; it is read as the text `1.0`; write \
         \"1.0\"",
    ),
    (
        LEAD,
        "---\nname: leader\ndescription: x\nversion: 1.0.0\npattern: react\n---\nBody\n",
        Warned,
        "agents/lead/AGENT.md:2:7: the agent in the folder `lead` calls itself `leader`",
    ),
    (
        LEAD,
        "\u{feff}---\nname: lead\ndescription: x\nversion: 1.0.0\npattern: react\n---\nBody\n",
        Warned,
        "agents/lead/AGENT.md:1:1: the file begins with a byte order mark, with which tama refuses it",
    ),
    (
        LEAD,
        "---\nname: lead\ndescription: x\nversion: 1.0.0\npattern: react\n---Body\n",
        Warned,
        "agents/lead/AGENT.md:6:4: text behind the dashes that close the head is a part of the prompt",
    ),
    (
        LEAD,
        "---\nname: lead\ndescription: x\nversion: 1.0.0\npattern: react\n---\nmax_iter: 3\n---\nBody\n",
        Warned,
        "agents/lead/AGENT.md:7:1: this line is a part of the prompt",
    ),
    (
        LEAD,
        "---\nname: lead\nname: lead\ndescription: x\nversion: 1.0.0\npattern: react\n---\nBody\n",
        Refused,
        "agents/lead/AGENT.md:3:1 [name] the key `name` is listed twice",
    ),
    (
        LEAD,
        "---\nname: lead\ndescription: x\nversion: 1.0.0\npattern: react\n---\n\n",
        Refused,
        "agents/lead/AGENT.md:8:1 [] the prompt is empty",
    ),
    (
        LEAD,
        "---\ndescription: x\ntama:\n  version: 1.0.0\n  pattern: react\n  usse: [a]\nname: lead\n---\nBody\n",
        Warned,
        "agents/lead/AGENT.md:6:3: unknown key `usse` in `tama`, which is ignored; did you mean `uses`?",
    ),
    ("agents/cut/draft.md", "---\ncall: [\n---\nx\n", Refused, "agents/cut/draft.md:2:8 ["),
    (
        "agents/cut/draft.md",
        "---\npattern: react\nx\n",
        Refused,
        "agents/cut/draft.md:1:1 [---] the head is not closed",
    ),
    ("agents/cut/draft.md", "\n \n", Refused, "agents/cut/draft.md:1:1 [] the prompt is empty"),
    (
        "agents/cut/draft.md",
        "---\npattern: raect\n---\nx\n",
        Warned,
        "agents/cut/draft.md:2:10: a step's pattern is `react` or `oneshot`: `raect` counts as `oneshot`",
    ),
    (
        "agents/cut/draft.md",
        "---\nuses: [notes]\n---\nx\n",
        Warned,
        "agents/cut/draft.md:2:1: unknown key `uses` in the head, which is ignored",
    ),
    (
        "agents/cut/draft.md",
        "---\ncall:\n  max_iter: 3\n---\nx\n",
        Warned,
        "agents/cut/draft.md:3:3: `max_iter` belongs to a tool loop, and is ignored",
    ),
    (
        "skills/notes/SKILL.md",
        "Remember.\n",
        Refused,
        "skills/notes/SKILL.md:1:1 [Remember.] a skill begins with a head between two `---` lines",
    ),
    (
        "skills/notes/SKILL.md",
        "---\nname: note\ndescription: x\n---\nx\n",
        Warned,
        "skills/notes/SKILL.md:2:7: the skill in the folder `notes` calls itself `note`",
    ),
    (
        "skills/notes/SKILL.md",
        "---\nname: notes\n---\nx\n",
        Warned,
        "skills/notes/SKILL.md:1:1: the skill has no `description`",
    ),
    (
        "skills/notes/SKILL.md",
        "---\ndescription: x\ntools: [tama_mem_gte, mem_set]\n---\nx\n",
        Warned,
        "skills/notes/SKILL.md:3:9: unknown tool `tama_mem_gte`: it is not offered; did you mean `tama_mem_get`?",
    ),
    (
        "skills/notes/SKILL.md",
        "---\ndescription: x\ntool: [tama_bash]\n---\nx\n",
        Warned,
        "skills/notes/SKILL.md:3:1: unknown key `tool` in the head, which is ignored; did you mean `tools`?",
    ),
    (
        "tama.toml",
        "[project]\nname = \"x\"\n[models]\ndefault = \"script:replies.toml\"\n",
        Refused,
        "tama.toml:1:1 [] the project has no entrypoint: the agent it starts with",
    ),
    (
        "tama.toml",
        "[project]\nentrypoint = \"leda\"\n[models]\ndefault = \"script:replies.toml\"\n",
        Refused,
        "tama.toml:2:14 [\"leda\"] unknown agent `leda`: failed to read agents/leda/AGENT.md: No such file or directory (os \
         error 2) | did you mean `lead`?",
    ),
    (
        "tama.toml",
        "[project]\nentrypoint = \"lead\"\nentry = 1\n[models]\ndefault = \"script:replies.toml\"\n[extra]\n",
        Warned,
        "tama.toml:3:1: unknown key `entry` in [project], which is ignored; did you mean `entrypoint`?",
    ),
    (
        "tama.toml",
        "[project]\nentrypoint = \"lead\"\n[models]\ndefault = { name = \"script:replies.toml\", temprature = 1 }\n",
        Warned,
        "tama.toml:4:43: unknown key `temprature` in `default`, which is ignored; did you mean `temperature`?",
    ),
    (
        "tama.toml",
        "[project]\nentrypoint = \"lead\"\n[models]\nother = \"script:replies.toml\"\n",
        Refused,
        "agents/lead/AGENT.md:5:10 [react] no role `thinker` in [models] of tama.toml, and no role `default`",
    ),
    (
        "tama.toml",
        "[project]\nentrypoint = \"lead\"\n[models]\ndefault = \"script:replies.toml\"\nodd = \"mistral:x\"\n",
        Refused,
        "tama.toml:5:7 [\"mistral:x\"] unknown model provider `mistral`",
    ),
    (
        "tama.toml",
        "[project]\nentrypoint = \"lead\"\n[models]\ndefault = \"script:replies.toml\"\n[policy]\nallow = []\n",
        Refused,
        "tama.toml:5:2 [policy] tama.toml has no `policy`: it would be ignored | write it into a pipeline.toml",
    ),
];

/// Heads of an AGENT.md, from its fifth line on.
const HEADS: [(&str, Ends, &str); 34] = [
    ("patern: react", Refused, "1:1 [---] the head has no `pattern`"),
    ("pattern: raect", Refused, "5:10 [raect] unknown pattern `raect` | did you mean `react`?"),
    ("pattern: orchestrator", Refused, "5:10 [orchestrator] unknown pattern `orchestrator`"),
    (
        "pattern: react\ncal:\n  uses: []",
        Warned,
        "6:1: unknown key `cal` in the head, which is ignored; did you mean `call`?",
    ),
    ("pattern: react\nuses: [notes]", Warned, "6:1: `uses` is ignored here: it belongs under `call`"),
    ("pattern: react\nmodel:\n  role: x", Warned, "6:1: `model` is ignored here: it belongs under `call`"),
    (
        "pattern: react\nworker: helper",
        Warned,
        "6:1: `worker` belongs to the pattern `scatter`, and is ignored by `react`",
    ),
    (
        "pattern: react\ncall:\n  max_iter: 3",
        Warned,
        "7:3: `max_iter` is ignored here: in an AGENT.md it stands beside",
    ),
    (
        "pattern: react\ncall:\n  use: [notes]",
        Warned,
        "7:3: unknown key `use` in `call`, which is ignored; did you mean `uses`?",
    ),
    ("pattern: react\ncall:\n  uses: [none]", Warned, "7:10: failed to read skills/none/SKILL.md: No such file"),
    ("pattern: react\ncall:\n  uses: notes", Refused, "7:9 [notes] `uses` must be a list of strings"),
    ("pattern: react\ncall:\n  model: thinker", Refused, "7:10 [thinker] `model` must be a table"),
    (
        "pattern: react\ncall:\n  model:\n    role: thinkr",
        Warned,
        "8:11: no role `thinkr` in [models]: the role `default`",
    ),
    (
        "pattern: react\ncall:\n  model:\n    temperature: 1",
        Warned,
        "7:3: `model` has no `role` and no `name`, so that its",
    ),
    (
        "pattern: react\ncall:\n  model:\n    role: default\n    name: ollama:x",
        Warned,
        "8:11: `model` has a `name`, so that its `role` is ignored",
    ),
    ("pattern: react\ncall:\n  model:\n    name: gpt", Refused, "8:11 [gpt] `gpt` is not of the form `provider:model`"),
    ("pattern: react\nmax_iter: 0", Refused, "6:11 [0] `max_iter` must be a whole number from 1 up, this is 0"),
    ("pattern: react\nenv: [NOT_SET]", Warned, "6:7: the environment variable NOT_SET is not set"),
    ("pattern: plan-execute\nmax_iter: 2", Warned, "6:1: the pattern `plan-execute` ignores `max_iter`"),
    (
        "pattern: oneshot\ncall:\n  uses: [notes]",
        Warned,
        "7:3: the pattern `oneshot` ignores the skills in its AGENT.md",
    ),
    ("pattern: critic", Warned, "8:1: the pattern `critic` has no prompt of its own: this text is never sent"),
    ("pattern: reflexion", Refused, "5:10 [reflexion] failed to read the step `act` (agents/lead/act.md)"),
    ("pattern: scatter", Refused, "1:1 [---] the head has no `worker`"),
    ("pattern: scatter\nworker: nobody", Refused, "6:9 [nobody] unknown agent `nobody`: failed to read"),
    ("pattern: parallel\nworkers: []", Refused, "6:10 [[]] `workers` is empty"),
    ("pattern: parallel\nworkers: [../cut]", Refused, "6:11 [../cut] `../cut` can't be the name of an agent"),
    ("pattern: parallel\nworkers: [lead]", Refused, "6:11 [lead] the agent `lead` would run itself"),
    (
        "pattern: debate\nagents: [helper]\nrounds: two\njudge: helper",
        Refused,
        "7:9 [two] `rounds` must be a whole number",
    ),
    ("pattern: best-of-n", Refused, "1:1 [---] the head has no `n`"),
    (
        "pattern: fsm\ninitial: helper\nstates:\n  helper:\n    - Done: ~\n    - \"*\": ~",
        Warned,
        "9:7: the finish key `Done` never matches: keys of models are compared in lower case; write `done`",
    ),
    ("pattern: fsm\ninitial: helper\nstates:\n  helper:\n    - *: ~", Refused, "9:7 ["),
    ("pattern: fsm\ninitial: helper\nstates:\n  helper: dnoe\n  done:", Refused, "8:11 [dnoe] unknown state `dnoe`"),
    (
        "pattern: fsm\ninitial: gone\nstates:\n  gone:",
        Refused,
        "6:10 [gone] the fsm starts in `gone`, which has no agent",
    ),
    (
        "pattern: fsm\ninitial: helper\nstates:\n  helper: {done: ~}",
        Refused,
        "8:11 [{done: ~}] `helper` must be a state, or",
    ),
];

/// A project in which each file can be mistaken on its own.
fn sound(entrypoint: &str) -> Files {
    let steps = ["draft", "critique", "refine"];
    let files = Files::scripted(entrypoint)
        .agent("lead", "pattern: react\ncall:\n  uses: [notes]")
        .agent("helper", "pattern: oneshot")
        .file("agents/cut/AGENT.md", &agent("cut", "pattern: critic").replace("You are cut.\n", ""))
        .file("skills/notes/SKILL.md", "---\nname: notes\ndescription: Notes.\ntools: [tama_mem_get]\n---\nx\n");
    for step in steps {
        files.put(&format!("agents/cut/{step}.md"), "You do it.\n");
        files.put(&format!("agents/lead/{step}.md"), "You do it.\n");
    }
    for step in ["execute", "verify", "reduce", "judge"] {
        files.put(&format!("agents/lead/{step}.md"), "You do it.\n");
    }
    files
}

/// Why a trap did not end as it must; `None`: it did.
fn check(files: &Files, ends: Ends, told: &str, of: &str) -> Option<String> {
    let read = files.read(&[]);
    let (is_right, lines) = match &read {
        Ok(loaded) => (ends == Warned, &loaded.warnings),
        Err(faults) => (ends == Refused, faults),
    };
    let is_told = is_right && lines.iter().any(|line| line.starts_with(told));
    (!is_told).then(|| format!("{of}\n-> {told}\nbut {lines:#?}\n"))
}

#[test]
fn each_trap_is_told_with_its_place() {
    let mut wrong = vec![];
    for (file, text, ends, told) in FILES {
        let files = sound(if file.contains("/cut/") { "cut" } else { "lead" });
        files.put(file, text);
        wrong.extend(check(&files, ends, told, text));
    }
    for (head, ends, told) in HEADS {
        let files = sound("lead");
        files.put(LEAD, &agent("lead", head));
        wrong.extend(check(&files, ends, &format!("{LEAD}:{told}"), head));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_sound_project_has_no_warning_but_that_of_its_script() {
    let warnings = sound("lead").load().warnings;
    let others: Vec<&String> = warnings.iter().filter(|line| !line.contains("never run")).collect();
    assert_eq!(others.len(), 1, "{others:#?}");
    assert!(others[0].starts_with("tama.toml:6:11: tama refuses the provider `script`"), "{others:#?}");
}

#[test]
fn line_ends_folded_texts_and_marks_change_nothing() {
    let plain = agent("lead", "pattern: react");
    let folded = plain.replace("description: It works.", "description: >-\n  It\n  works.");
    let quoted = plain.replace("version: 1.0.0", "version: '1.0.0' # a comment");
    let cases = [
        plain.clone(),
        plain.replace('\n', "\r\n"),
        format!("\u{feff}{plain}"),
        folded,
        quoted,
        format!("\n\n{plain}"),
    ];
    for text in cases {
        let files = sound("lead").file(LEAD, &text);
        let loaded = files.load();
        let lead = &loaded.pipeline.agents["lead"];
        let prompt = lead.prompt.as_ref().unwrap().text.trim_end();
        assert_eq!((lead.description.as_str(), prompt), ("It works.", "You are lead."), "{text:?}");
    }
}

#[test]
fn a_state_without_a_value_runs_its_agent_or_ends() {
    let states = |states: &str| {
        let files = sound("lead");
        files.put("agents/lead/AGENT.md", &agent("lead", &format!("pattern: fsm\ninitial: helper\nstates:\n{states}")));
        let Pattern::Fsm { states, .. } = files.load().pipeline.agents["lead"].pattern.clone() else { panic!() };
        states["helper"].iter().map(|(key, target)| (key.clone(), target.clone())).collect::<Vec<_>>()
    };
    let row = |key: &str, target: Target| (key.to_owned(), target);
    // An agent runs and stops, whatever the state is called; one that is not there stops with the last output.
    assert_eq!(states("  helper: cut\n  cut:"), [row("*", Target::Agent("cut".into()))]);
    assert_eq!(states("  helper: done\n  done: ~"), [row("*", Target::End)]);
    // The first word and the last `*` count; a target can be nothing.
    let text = "  helper:\n    - a: cut\n      b: ~\n    - a: ~\n    - \"*\": cut\n    - \"*\": ~\n  cut: null";
    let wanted = [row("a", Target::Agent("cut".into())), row("b", Target::End), row("*", Target::End)];
    assert_eq!(states(text), wanted);
    let files = sound("lead");
    files.put("agents/lead/AGENT.md", &agent("lead", "pattern: fsm\ninitial: helper\nstates:\n  helper:"));
    let Pattern::Fsm { initial, states } = files.load().pipeline.agents["lead"].pattern.clone() else { panic!() };
    assert_eq!((initial.as_str(), states.len()), ("helper", 0));
}
