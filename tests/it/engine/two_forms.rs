//! Each pattern, written as a pipeline.toml and as a tama project: the same tree, the same requests, the same ends.

use super::seen::Seen;

/// A pattern in its two forms.
struct Row {
    pattern: &'static str,
    /// The tables of its agents in a pipeline.toml.
    agents: &'static str,
    /// Its files in a tama project.
    project: &'static [(&'static str, &'static str)],
    replies: &'static str,
    /// Spans that must be there: what both forms leave out would be the same, too.
    has: &'static str,
}

const PIPELINE: &str = r#"
[pipeline]
name = "both"
entrypoint = "lead"
[models]
default = { name = "script:replies.toml", temperature = 0.5, max_tokens = 700 }
"#;

const TAMA: &str = r#"
[project]
name = "both"
entrypoint = "lead"
[models]
default = { name = "script:replies.toml", temperature = 0.5, max_tokens = 700 }
"#;

const SKILL: &str = "---\nname: style\ndescription: How to write\ntools: [tama_mem_set]\n---\nWrite well.\n";

const ROWS: &[Row] = &[
    Row {
        pattern: "oneshot",
        agents: "[agents.lead]\npattern = \"oneshot\"\nprompt = \"You lead.\\n\"",
        project: &[("agents/lead/AGENT.md", "pattern: oneshot\n---\n\nYou lead.\n")],
        replies: "[[reply]]\nagent = \"lead\"\ntext = \"V\"",
        has: "lead/llm",
    },
    Row {
        pattern: "react",
        agents: "[agents.lead]\npattern = \"react\"\nprompt = \"You lead.\\n\"\nskills = [\"style\"]\nmax_iter = 4",
        project: &[("agents/lead/AGENT.md", "pattern: react\nmax_iter: 4\ncall:\n  uses: [style]\n---\nYou lead.\n")],
        replies: "[[reply]]\nagent = \"lead\"\ncall = 1\ncalls = [{ name = \"start\" }, { name = \"tama_mem_set\", args = \
                  { key = \"k\", value = \"v\" } }]\n[[reply]]\nagent = \"lead\"\ncalls = [{ name = \"finish\", args = { \
                  key = \"Sent\", value = \"V\" } }]",
        has: "lead/llm#2",
    },
    Row {
        pattern: "fsm",
        agents: "[agents.lead]\npattern = \"fsm\"\ninitial = \"a\"\nstates = { a = { go = \"b\", stop = \"$end\", \"*\" = \
                 \"a\" }, b = \"c\", c = \"$end\" }\n[agents.a]\npattern = \"react\"\nprompt = \"A\\n\"\n[agents.b]\n\
                 pattern = \"oneshot\"\nprompt = \"B\\n\"\n[agents.c]\npattern = \"oneshot\"\nprompt = \"C\\n\"",
        project: &[
            (
                "agents/lead/AGENT.md",
                "pattern: fsm\ninitial: a\nstates:\n  a:\n    - go: b\n    - stop: ~\n    - \"*\": a\n  b: c\n  c:\n---\n",
            ),
            ("agents/a/AGENT.md", "pattern: react\n---\nA\n"),
            ("agents/b/AGENT.md", "pattern: oneshot\n---\nB\n"),
            ("agents/c/AGENT.md", "pattern: oneshot\n---\nC\n"),
        ],
        replies: "[[reply]]\nagent = \"lead/a\"\ntext = \"first\"\n[[reply]]\nagent = \"lead/a#2\"\ncalls = [{ name = \
                  \"finish\", args = { key = \"GO\", value = \"second\" } }]\n[[reply]]\nagent = \"lead/b\"\ntext = \
                  \"third\"\n[[reply]]\nagent = \"lead/c\"\ntext = \"V\"",
        has: "lead/a#2 lead/c/llm",
    },
    Row {
        pattern: "parallel",
        agents: "[agents.lead]\npattern = \"parallel\"\nworkers = [\"a\", \"b\", \"a\"]\n[agents.a]\npattern = \"oneshot\"\n\
                 prompt = \"A\\n\"\n[agents.b]\npattern = \"oneshot\"\nprompt = \"B\\n\"",
        project: &[
            ("agents/lead/AGENT.md", "pattern: parallel\nworkers: [a, b, a]\n---\n"),
            ("agents/a/AGENT.md", "pattern: oneshot\n---\nA\n"),
            ("agents/b/AGENT.md", "pattern: oneshot\n---\nB\n"),
        ],
        replies: "[[reply]]\nagent = \"lead/a*\"\ntext = \"V\"\n[[reply]]\nagent = \"lead/b\"\nerror = \"down\"",
        has: "lead/a/llm lead/a#2/llm lead/b/llm",
    },
    Row {
        pattern: "scatter",
        agents: "[agents.lead]\npattern = \"scatter\"\nworker = \"digger\"\nmax_iter = 3\n[agents.lead.steps.map]\nprompt = \
                 \"MAP\\n\"\n[agents.lead.steps.reduce]\nprompt = \"REDUCE\\n\"\n[agents.digger]\npattern = \"oneshot\"\n\
                 prompt = \"DIG\\n\"",
        project: &[
            ("agents/lead/AGENT.md", "pattern: scatter\nworker: digger\nmax_iter: 3\n---\nMAP\n"),
            ("agents/lead/reduce.md", "REDUCE\n"),
            ("agents/digger/AGENT.md", "pattern: oneshot\n---\nDIG\n"),
        ],
        replies: "[[reply]]\nagent = \"lead/map\"\ncalls = [{ name = \"finish\", args = { key = \"parallel\", value = \
                  \"[\\\"one\\\", \\\"two\\\"]\" } }]\n[[reply]]\nagent = \"lead/digger*\"\ntext = \"found\"\n[[reply]]\n\
                  agent = \"lead/reduce\"\ntext = \"V\"",
        has: "lead/map/llm lead/digger#2/llm lead/reduce/llm",
    },
    Row {
        pattern: "critic",
        agents: "[agents.lead]\npattern = \"critic\"\n[agents.lead.steps.draft]\nprompt = \"D\\n\"\npattern = \"react\"\n\
                 skills = [\"style\"]\nmax_iter = 3\n[agents.lead.steps.critique]\nprompt = \"C\\n\"\n\
                 [agents.lead.steps.refine]\nprompt = \"R\\n\"",
        project: &[
            ("agents/lead/AGENT.md", "pattern: critic\n---\n"),
            ("agents/lead/draft.md", "---\ncall:\n  uses: [style]\n  max_iter: 3\n---\nD\n"),
            ("agents/lead/critique.md", "C\n"),
            ("agents/lead/refine.md", "---\npattern: oneshot\n---\nR\n"),
        ],
        replies: "[[reply]]\nagent = \"lead/draft\"\ntext = \"drafted\"\n[[reply]]\nagent = \"lead/critique\"\ntext = \
                  \"worse\"\n[[reply]]\nagent = \"lead/refine\"\ntext = \"V\"",
        has: "lead/draft/llm lead/critique/llm lead/refine/llm",
    },
    Row {
        pattern: "reflexion",
        agents: "[agents.lead]\npattern = \"reflexion\"\nmax_iter = 3\n[agents.lead.steps.act]\nprompt = \"A\\n\"\n\
                 [agents.lead.steps.reflect]\npattern = \"react\"\nprompt = \"R\\n\"",
        project: &[
            ("agents/lead/AGENT.md", "pattern: reflexion\nmax_iter: 3\n---\n"),
            ("agents/lead/act.md", "A\n"),
            ("agents/lead/reflect.md", "---\npattern: react\n---\nR\n"),
        ],
        replies: "[[reply]]\nagent = \"lead/act*\"\ntext = \"tried\"\n[[reply]]\nagent = \"lead/reflect*\"\ncalls = [{ name \
                  = \"finish\", args = { key = \"more\", value = \"better\" } }]",
        has: "lead/act#3/llm lead/reflect#2/llm",
    },
    Row {
        pattern: "constitutional",
        agents: "[agents.lead]\npattern = \"constitutional\"\nprompt = \"G\\n\"\n[agents.lead.steps.critique]\nprompt = \
                 \"C\\n\"\n[agents.lead.steps.revise]\nprompt = \"R\\n\"",
        project: &[
            ("agents/lead/AGENT.md", "pattern: constitutional\n---\nG\n"),
            ("agents/lead/critique.md", "C\n"),
            ("agents/lead/revise.md", "R\n"),
        ],
        replies: "[[reply]]\nagent = \"lead/*\"\ntext = \"said\"",
        has: "lead/generate/llm lead/critique/llm lead/revise/llm",
    },
    Row {
        pattern: "chain-of-verification",
        agents: "[agents.lead]\npattern = \"chain-of-verification\"\nprompt = \"G\\n\"\n[agents.lead.steps.verify]\nprompt = \
                 \"L\\n\"\n[agents.lead.steps.check]\nprompt = \"C\\n\"\n[agents.lead.steps.revise]\nprompt = \"R\\n\"",
        project: &[
            ("agents/lead/AGENT.md", "pattern: chain-of-verification\n---\nG\n"),
            ("agents/lead/verify.md", "L\n"),
            ("agents/lead/check.md", "C\n"),
            ("agents/lead/revise.md", "R\n"),
        ],
        replies: "[[reply]]\nagent = \"lead/verify\"\ntext = \"# all\\none\\ntwo\"\n[[reply]]\nagent = \"lead/*\"\ntext = \
                  \"said\"",
        has: "lead/generate/llm lead/verify/llm lead/check#2/llm lead/revise/llm",
    },
    Row {
        pattern: "plan-execute",
        agents: "[agents.lead]\npattern = \"plan-execute\"\nprompt = \"P\\n\"\n[agents.lead.steps.execute]\nprompt = \
                 \"E\\n\"\n[agents.lead.steps.verify]\nprompt = \"V\\n\"",
        project: &[
            ("agents/lead/AGENT.md", "pattern: plan-execute\n---\nP\n"),
            ("agents/lead/execute.md", "E\n"),
            ("agents/lead/verify.md", "V\n"),
        ],
        replies: "[[reply]]\nagent = \"lead/plan*\"\ntext = \"[\\\"a\\\", \\\"b\\\"]\"\n[[reply]]\nagent = \
                  \"lead/verify#2\"\ntext = \"DONE\"\n[[reply]]\nagent = \"lead/*\"\ntext = \"not yet\"",
        has: "lead/plan#2/llm lead/execute#4/llm lead/verify#2/llm",
    },
    Row {
        pattern: "debate",
        agents: "[agents.lead]\npattern = \"debate\"\nagents = [\"a\", \"b\"]\nrounds = 2\njudge = \"j\"\n[agents.a]\n\
                 pattern = \"oneshot\"\nprompt = \"A\\n\"\n[agents.b]\npattern = \"oneshot\"\nprompt = \"B\\n\"\n\
                 [agents.j]\npattern = \"react\"\nprompt = \"J\\n\"",
        project: &[
            ("agents/lead/AGENT.md", "pattern: debate\nagents: [a, b]\nrounds: 2\njudge: j\n---\n"),
            ("agents/a/AGENT.md", "pattern: oneshot\n---\nA\n"),
            ("agents/b/AGENT.md", "pattern: oneshot\n---\nB\n"),
            ("agents/j/AGENT.md", "pattern: react\n---\nJ\n"),
        ],
        replies: "[[reply]]\nagent = \"lead/*\"\ntext = \"said\"",
        has: "lead/a#2/llm lead/b#2/llm lead/j/llm",
    },
    Row {
        pattern: "best-of-n",
        agents: "[agents.lead]\npattern = \"best-of-n\"\nn = 3\nprompt = \"BODY\\n\"\nskills = [\"style\"]\n\
                 [agents.lead.steps.judge]\nprompt = \"J\\n\"",
        project: &[
            ("agents/lead/AGENT.md", "pattern: best-of-n\nn: 3\ncall:\n  uses: [style]\n---\nBODY\n"),
            ("agents/lead/judge.md", "J\n"),
        ],
        replies: "[[reply]]\nagent = \"lead/*\"\ntext = \"said\"",
        has: "lead/variant#3/llm lead/judge/llm",
    },
    Row {
        pattern: "human",
        agents: "[agents.lead]\npattern = \"human\"\nprompt = \"ASK\\n\"\nskills = [\"style\"]\n[agents.lead.steps.resume]\n\
                 prompt = \"GO ON\\n\"",
        project: &[
            ("agents/lead/AGENT.md", "pattern: human\ncall:\n  uses: [style]\n---\nASK\n"),
            ("agents/lead/resume.md", "GO ON\n"),
        ],
        replies: "[[reply]]\nagent = \"lead/ask\"\ncalls = [{ name = \"finish\", args = { key = \"mail\", value = \
                  \"Which?\" } }]\n[[reply]]\nagent = \"lead/resume\"\ncall = 1\ncalls = [{ name = \"start\" }]\n[[reply]]\n\
                  agent = \"lead/resume\"\ntext = \"V\"",
        has: "lead/ask/llm lead/human lead/resume/llm#2",
    },
];

/// Patterns of which parts run at once.
const AT_ONCE: [&str; 4] = ["parallel", "scatter", "debate", "best-of-n"];

#[tokio::test]
async fn both_forms_of_each_pattern_do_the_same() {
    let names: Vec<&str> = ROWS.iter().map(|row| row.pattern).collect();
    let mut known: Vec<&str> = tama_tui::pipeline::PATTERNS.iter().map(|row| row.name).collect();
    known.retain(|name| !names.contains(name));
    assert_eq!(known, Vec::<&str>::new(), "patterns without a row");
    for row in ROWS {
        let own = format!("{PIPELINE}{}\n", row.agents);
        let shared = [("replies.toml", row.replies), ("skills/style/SKILL.md", SKILL)];
        let pipeline = Seen::of(row.pattern, &[&shared[..], &[("pipeline.toml", &own)]].concat()).await;
        let heads: Vec<(&str, String)> = row.project.iter().map(|(path, text)| (*path, whole(path, text))).collect();
        let files: Vec<(&str, &str)> = heads.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let project = Seen::of(row.pattern, &[&shared[..], &[("tama.toml", TAMA)], &files].concat()).await;
        let (one, other) = (pipeline.lines(), project.lines());
        for path in row.has.split(' ') {
            assert!(
                one.iter().any(|line| line.starts_with(&format!("{path} "))),
                "{}: no {path}: {one:#?}",
                row.pattern
            );
        }
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one, other, "{}", row.pattern);
        }
        assert_eq!(one.len(), other.len(), "{}", row.pattern);
        if !AT_ONCE.contains(&row.pattern) {
            assert_eq!(pipeline.field("lead", "order"), project.field("lead", "order"), "{}", row.pattern);
        }
    }
}

/// A file of a project; an AGENT.md gets the keys that each of them has.
fn whole(path: &str, text: &str) -> String {
    match path.split('/').nth(1).filter(|_| path.ends_with("AGENT.md")) {
        Some(name) => format!("---\nname: {name}\ndescription: It works.\nversion: 1.0.0\n{text}"),
        None => text.to_owned(),
    }
}
