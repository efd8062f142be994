//! Changed texts of pipelines and of tama projects: each is read, or refused with faults that have a place.

use std::fs;
use std::path::Path;

use tama_tui::pipeline::check;
use tempfile::TempDir;

use super::mutate::{Numbers, mutate};
use super::{Length, fuzz};

/// A file that is changed, in the project around it.
pub struct Target {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// The file that is changed.
    file: &'static str,
    /// Texts that it begins as.
    samples: &'static [&'static str],
    words: &'static [&'static str],
}

const REPLIES: (&str, &str) = ("replies.toml", "[[reply]]\nagent = \"*\"\ntext = \"x\"\n");

const TOML_WORDS: &[&str] = &[
    "[pipeline]\n",
    "[models]\n",
    "[agents.",
    "[agents.a]\n",
    "[agents.a.steps.map]\n",
    "[mcp.x]\n",
    "[tools.t]\n",
    "[policy]\n",
    "[limits]\n",
    "[capture]\n",
    "[prices.\"a:b\"]\n",
    "[[breakpoints]]\n",
    "[providers.x]\n",
    "pattern = ",
    "\"react\"",
    "\"fsm\"",
    "\"scatter\"",
    "\"human\"",
    "\"best-of-n\"",
    "prompt = \"x\"\n",
    "prompt_file = \"../a\"\n",
    "tools = [\"tama_bash\", \"x__*\"]\n",
    "skills = [\"notes\"]\n",
    "states = { a = \"b\", b = \"$end\" }\n",
    "initial = ",
    "workers = [\"a\", \"a\"]\n",
    "model = { role = \"x\", temperature = 1e400 }\n",
    "max_iter = 4294967296\n",
    "command = [\"sh\", \"{x}\"]\n",
    "undo = [\"{result.a.b}\"]\n",
    "project = \".\"\n",
    "workspace = \"..\"\n",
    "= \"",
    "a.b.c.d = 1\n",
    "url = \"${X}\"\n",
    "headers = { a = \"\\u0000\" }\n",
];

const YAML_WORDS: &[&str] = &[
    "name: lead\n",
    "description: x\n",
    "version: 1.0\n",
    "version: [1]\n",
    "pattern: react\n",
    "pattern: fsm\n",
    "pattern: scatter\n",
    "pattern: parallel\n",
    "pattern: debate\n",
    "pattern: best-of-n\n",
    "pattern: human\n",
    "worker: helper\n",
    "workers: [helper, lead]\n",
    "agents: [helper]\n",
    "judge: helper\n",
    "rounds: 99999999999\n",
    "n: -1\n",
    "n: 0x7fffffff\n",
    "initial: helper\n",
    "states:\n  helper:\n    - go: ~\n    - \"*\": helper\n  end:\n",
    "max_iter: 1e9\n",
    "env: [HOME, NOT_SET]\n",
    "call:\n  uses: [notes, none]\n  model: {role: x, temperature: .nan}\n",
    "call:\n  max_iter: 3\n",
    "uses: [../x]\n",
    "tools: [tama_mem_set]\n",
    "tools: tama_bash, tama_http_get\n",
    "tama:\n  version: 1\n  pattern: react\n",
    "license: x\n",
    "base: &b {a: 1}\nuse: *b\n",
    "<<: {pattern: fsm}\n",
    "a: |\n  x\n",
    "a: >-\n  x\n\n\n",
    "[a, b]: c\n",
    "{a: b}: c\n",
    "\"pattern\": 'react'\n",
    "!!str pattern: react\n",
];

const AGENT: &str = "---\nname: lead\ndescription: >-\n  It leads.\n  And more.\nversion: 1.0.0\npattern: fsm\n\
                     initial: helper\nstates:\n  helper:\n    - approved: end\n    - \"*\": helper\n  end: ~\ncall:\n  \
                     model: { role: thinker, temperature: 0.5 }\n  uses: [notes]\n---\n\nYou lead.\n";
const HELPER: &str =
    "---\nname: helper\ndescription: x\nversion: \"1.0\"\npattern: react\ncall:\n  uses: [notes]\n---\nHelp.\n";
const CRITIC: &str = "---\nname: lead\ndescription: x\nversion: 1.0.0\npattern: critic\n---\n";
const OLD: &str = "---\nname: lead\ndescription: x\ntama:\n  version: 1.0.0\n  pattern: react\n  uses: [notes]\n  model:\n    \
                   role: thinker\n---\n\n{{input}}\n";
const FANS: &str = "---\nname: lead\ndescription: x\nversion: 1.0.0\npattern: debate\nagents: [helper, helper]\nrounds: 2\n\
                    judge: helper\n---\n";
const SKILL: &str = "---\nname: notes\ndescription: Notes: how to.\nlicense: MIT\ntama:\n  depends:\n    apt: [git]\n    env: \
                     [HOME]\ntools:\n  - tama_mem_set\n  - tama_bash\n---\n\nKeep notes.\n";
const STEP: &str = "---\npattern: react\ncall:\n  model:\n    role: worker\n    max_tokens: 100\n  max_iter: 3\n  uses: \
                    [notes]\n---\n\nYou draft.\n";
const TAMA: &str = "[project]\nname = \"sample\"\nentrypoint = \"lead\"\n\n[models]\ndefault = \"script:replies.toml\"\n\
                    thinker = { name = \"script:replies.toml\", temperature = 1.0 }\n";

const PROJECT: &[(&str, &str)] = &[
    REPLIES,
    ("tama.toml", TAMA),
    ("agents/lead/AGENT.md", CRITIC),
    ("agents/helper/AGENT.md", HELPER),
    ("agents/lead/draft.md", STEP),
    ("agents/lead/critique.md", "You judge.\n"),
    ("agents/lead/refine.md", "---\n---\nYou refine.\n"),
    ("skills/notes/SKILL.md", SKILL),
];

const PIPELINES: &[&str] = &[
    include_str!("../../../assets/demo/pipeline.toml"),
    include_str!("../../../assets/examples/fsm/pipeline.toml"),
    include_str!("../../../assets/examples/human/pipeline.toml"),
    "[pipeline]\nname = \"a\"\nentrypoint = \"a\"\n[models]\ndefault = \"script:replies.toml\"\n[agents.a]\n\
     pattern = \"react\"\nprompt = \"x\"\ntools = [\"deploy\", \"x__y\"]\nskills = [\"notes\"]\n[tools.deploy]\n\
     description = \"d\"\ncommand = [\"sh\", \"{tag}\"]\nbefore = [\"sh\"]\nundo = [\"sh\", \"{before}\", \"{result.id}\"]\n\
     effect = \"compensable\"\n[tools.deploy.args]\ntag = { type = \"string\", description = \"t\" }\n[mcp.x]\n\
     url = \"http://h/\"\neffects = { y = \"read\" }\nheaders = { A = \"${B}\" }\n[mcp.x.undo]\nz = { tool = \"w\", args = { \
     id = \"{result.id}\" } }\n[policy]\nallow = [\"tama_*\"]\nask = [\"tama_bash:rm *\"]\n[limits]\nmax_tokens = 200_000\n\
     [[breakpoints]]\nat = \"before-tool\"\ntool = \"tama_*\"\n[prices.\"script:x\"]\ninput = 0.25\noutput = 2.0\n",
];

pub const TARGETS: &[Target] = &[
    Target { name: "pipeline.toml", files: PROJECT, file: "pipeline.toml", samples: PIPELINES, words: TOML_WORDS },
    Target {
        name: "AGENT.md",
        files: PROJECT,
        file: "agents/lead/AGENT.md",
        samples: &[AGENT, CRITIC, OLD, FANS, HELPER],
        words: YAML_WORDS,
    },
    Target { name: "SKILL.md", files: PROJECT, file: "skills/notes/SKILL.md", samples: &[SKILL], words: YAML_WORDS },
    Target {
        name: "a step file",
        files: PROJECT,
        file: "agents/lead/draft.md",
        samples: &[STEP, "You draft.\n"],
        words: YAML_WORDS,
    },
    Target { name: "tama.toml", files: PROJECT, file: "tama.toml", samples: &[TAMA], words: TOML_WORDS },
];

/// Tries changed texts in the place of a target's file.
pub fn run(target: &'static Target, length: Length) {
    fuzz(target.name, length, move || {
        let folder = project(target);
        let samples: Vec<Vec<u8>> = target.samples.iter().map(|sample| sample.as_bytes().to_vec()).collect();
        move |numbers| try_one(target, folder.path(), &samples, numbers)
    });
}

fn project(target: &Target) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in target.files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn try_one(target: &Target, folder: &Path, samples: &[Vec<u8>], numbers: &mut Numbers) {
    let mut bytes = samples[numbers.below(samples.len())].clone();
    mutate(&mut bytes, numbers, target.words, samples);
    // A few are no text at all.
    if !numbers.once_in(8) {
        bytes = String::from_utf8_lossy(&bytes).into_owned().into_bytes();
    }
    fs::write(folder.join(target.file), &bytes).unwrap();
    match check(folder) {
        Ok(loaded) => {
            // What was read can be written, and is a pipeline again.
            let text = loaded.pipeline.to_toml().unwrap();
            assert!(text.parse::<toml::Table>().is_ok(), "{text}");
        }
        Err(faults) => {
            assert!(!faults.all().is_empty());
            let placed = faults.all().iter().all(|fault| fault.line > 0 && fault.column > 0);
            assert!(placed, "{faults}");
            let drawn = faults.render(false);
            assert!(!drawn.contains('\u{1b}'), "{drawn}");
        }
    }
}
