//! What a pattern asks its models: roles, order, inputs and keys, a row for each statement about tama's patterns.

use super::seen::Seen;

/// A statement, the pipeline and the replies that show it, and what must be seen. A line of `sees` is
/// `PATH FIELD TEXT`; the fields are those of [`Seen::field`].
struct Row {
    says: &'static str,
    agents: &'static str,
    replies: &'static str,
    sees: &'static str,
}

const HEAD: &str = r#"
[pipeline]
name = "words"
entrypoint = "lead"
task = "TASK"
workspace = "work"
[models]
default = "script:replies.toml"
[agents.lead]
"#;

const ROWS: &[Row] = &[
    Row {
        says: "react: one user message, `start` and `finish`; start returns the input; a line asks to call start",
        agents: "pattern = \"react\"\nprompt = \"BODY\"",
        replies: r#"
[[reply]]
agent = "lead"
call = 1
calls = [{ name = "start" }]
[[reply]]
agent = "lead"
calls = [{ name = "finish", args = { key = "Publish", value = "V" } }]
"#,
        sees: "
lead/llm system BODY\\n\\nCall start() first: it returns your input.
lead/llm roles user
lead/llm message-1 Begin.
lead/llm tools start finish
lead/llm#2 roles user assistant tool
lead/llm#2 message-3 TASK
lead ends Publish V
",
    },
    Row {
        says: "react: plain text is a finish with key done; a finish without a key is done",
        agents: "pattern = \"parallel\"\nworkers = [\"a\", \"b\"]\n[agents.a]\npattern = \"react\"\nprompt = \"A\"\n\
                 [agents.b]\npattern = \"react\"\nprompt = \"B\"",
        replies: r#"
[[reply]]
agent = "lead/a"
text = "plain"
[[reply]]
agent = "lead/b"
calls = [{ name = "finish", args = { value = "V" } }, { name = "tama_mem_get", args = { key = "k" } }]
"#,
        sees: "
lead/a ends done plain
lead/b ends done V
lead/b/tama_mem_get absent
lead ends parallel {\"a\":\"plain\",\"b\":\"V\"}
",
    },
    Row {
        says: "oneshot: system is the body, user the input; key result",
        agents: "pattern = \"oneshot\"\nprompt = \"BODY\"",
        replies: "[[reply]]\nagent = \"lead\"\ntext = \"V\"",
        sees: "
lead/llm system BODY
lead/llm roles user
lead/llm message-1 TASK
lead/llm tools
lead ends result V
",
    },
    Row {
        says: "parallel: the same input for all; a worker's error is its text; key parallel",
        agents: "pattern = \"parallel\"\nworkers = [\"a\", \"b\"]\n[agents.a]\npattern = \"oneshot\"\nprompt = \"A\"\n\
                 [agents.b]\npattern = \"oneshot\"\nprompt = \"B\"",
        replies: "[[reply]]\nagent = \"lead/a\"\ntext = \"V\"\n[[reply]]\nagent = \"lead/b\"\nerror = \"down\"",
        sees: "
lead/a/llm message-1 TASK
lead/b/llm message-1 TASK
lead value-ends [error: failed to get an answer from script:replies.toml: down]\"}
",
    },
    Row {
        says: "scatter: an instruction before the map body; reduce gets the task and the items with their results",
        agents: "pattern = \"scatter\"\nworker = \"digger\"\n[agents.lead.steps.map]\nprompt = \"MAP\"\n\
                 [agents.lead.steps.reduce]\nprompt = \"REDUCE\"\n[agents.digger]\npattern = \"oneshot\"\nprompt = \"DIG\"",
        replies: r#"
[[reply]]
agent = "lead/map"
calls = [{ name = "finish", args = { key = "parallel", value = "[\"one\", \"two\"]" } }]
[[reply]]
agent = "lead/digger"
text = "found"
[[reply]]
agent = "lead/digger*"
error = "down"
[[reply]]
agent = "lead/reduce"
text = "V"
"#,
        sees: "
lead/map/llm system-begins Split the task into parts
lead/map/llm system-ends \\n\\nMAP\\n\\nCall start() first: it returns your input.
lead/digger/llm message-1 one
lead/digger#2/llm message-1 two
lead/reduce/llm system REDUCE
lead/reduce/llm message-1 Original task: TASK\\n\\nWorker results:\\n\\n[Item: one]\\nfound\\n\\n[Item: two]\\n\
              [error: failed to get an answer from script:replies.toml: down]
lead/reduce ends done V
lead ends done V
",
    },
    Row {
        says: "scatter: another key than parallel returns",
        agents: "pattern = \"scatter\"\nworker = \"digger\"\n[agents.lead.steps.map]\nprompt = \"MAP\"\n\
                 [agents.lead.steps.reduce]\nprompt = \"REDUCE\"\n[agents.digger]\npattern = \"oneshot\"\nprompt = \"DIG\"",
        replies: "[[reply]]\nagent = \"lead/map\"\n\
                  calls = [{ name = \"finish\", args = { key = \"easy\", value = \"V\" } }]",
        sees: "\nlead ends easy V\nlead/digger absent\nlead/reduce absent\n",
    },
    Row {
        says: "critic: the critique sees the draft only, the refine task and critique but not the draft; key done",
        agents: "pattern = \"critic\"\n[agents.lead.steps.draft]\nprompt = \"D\"\n[agents.lead.steps.critique]\n\
                 prompt = \"C\"\n[agents.lead.steps.refine]\nprompt = \"R\"",
        replies: "[[reply]]\nagent = \"lead/draft\"\ntext = \"drafted\"\n[[reply]]\nagent = \"lead/critique\"\n\
                  text = \"worse\"\n[[reply]]\nagent = \"lead/refine\"\ntext = \"V\"",
        sees: "
lead order draft critique refine
lead/draft/llm message-1 TASK
lead/critique/llm message-1 drafted
lead/refine/llm message-1 Task:\\nTASK\\n\\nCritique:\\nworse
lead/draft ends done drafted
lead ends done V
",
    },
    Row {
        says: "reflexion: act again with task, attempt and feedback; a text that begins with DONE in any case stops",
        agents: "pattern = \"reflexion\"\n[agents.lead.steps.act]\nprompt = \"A\"\n[agents.lead.steps.reflect]\nprompt = \"R\"",
        replies: r#"
[[reply]]
agent = "lead/act"
text = "first"
[[reply]]
agent = "lead/act#2"
text = "second"
[[reply]]
agent = "lead/reflect"
text = "more"
[[reply]]
agent = "lead/reflect#2"
text = "done, all of it"
"#,
        sees: "
lead order act reflect act reflect
lead/act/llm message-1 TASK
lead/reflect/llm message-1 Task:\\nTASK\\n\\nAttempt:\\nfirst
lead/act#2/llm message-1 Task:\\nTASK\\n\\nPrevious attempt:\\nfirst\\n\\nFeedback:\\nmore
lead ends done second
",
    },
    Row {
        says: "reflexion: the last round has no reflection; a reflection that is a tool loop stops by its key",
        agents: "pattern = \"reflexion\"\nmax_iter = 2\n[agents.lead.steps.act]\nprompt = \"A\"\n\
                 [agents.lead.steps.reflect]\nprompt = \"R\"\npattern = \"react\"",
        replies: "[[reply]]\nagent = \"lead/act*\"\ntext = \"tried\"\n[[reply]]\nagent = \"lead/reflect\"\n\
                  calls = [{ name = \"finish\", args = { key = \"more\", value = \"DONE\" } }]",
        sees: "\nlead order act reflect act\nlead ends done tried\n",
    },
    Row {
        says: "constitutional: the critique sees the response only, the revision request, response and critique",
        agents: "pattern = \"constitutional\"\nprompt = \"G\"\n[agents.lead.steps.critique]\nprompt = \"C\"\n\
                 [agents.lead.steps.revise]\nprompt = \"R\"",
        replies: "[[reply]]\nagent = \"lead/generate\"\ntext = \"made\"\n[[reply]]\nagent = \"lead/critique\"\n\
                  text = \"worse\"\n[[reply]]\nagent = \"lead/revise\"\ntext = \"V\"",
        sees: "
lead order generate critique revise
lead/generate/llm system G
lead/critique/llm message-1 made
lead/revise/llm message-1 Request:\\nTASK\\n\\nResponse:\\nmade\\n\\nCritique:\\nworse
lead ends done V
",
    },
    Row {
        says: "chain-of-verification: a claim in a line, blank ones and # skipped; each is checked with the input",
        agents: "pattern = \"chain-of-verification\"\nprompt = \"G\"\n[agents.lead.steps.verify]\nprompt = \"L\"\n\
                 [agents.lead.steps.check]\nprompt = \"C\"\n[agents.lead.steps.revise]\nprompt = \"R\"",
        replies: "[[reply]]\nagent = \"lead/generate\"\ntext = \"made\"\n[[reply]]\nagent = \"lead/verify\"\n\
                  text = \"# claims\\none\\n\\ntwo\"\n[[reply]]\nagent = \"lead/check*\"\ntext = \"true\"\n[[reply]]\n\
                  agent = \"lead/revise\"\ntext = \"V\"",
        sees: "
lead order generate verify check check revise
lead/verify/llm message-1 made
lead/check/llm message-1 Claim:\\none\\n\\nRequest:\\nTASK
lead/check#2/llm message-1 Claim:\\ntwo\\n\\nRequest:\\nTASK
lead/revise/llm message-1 Request:\\nTASK\\n\\nResponse:\\nmade\\n\\nChecks:\\n- one: true\\n- two: true
lead ends done V
",
    },
    Row {
        says: "plan-execute: fences dropped, a JSON array; each step sees all earlier results; the output is all of it",
        agents: "pattern = \"plan-execute\"\nprompt = \"P\"\n[agents.lead.steps.execute]\nprompt = \"E\"\n\
                 [agents.lead.steps.verify]\nprompt = \"V\"",
        replies: "[[reply]]\nagent = \"lead/plan\"\ntext = \"```json\\n[\\\"a\\\", \\\"b\\\"]\\n```\"\n[[reply]]\n\
                  agent = \"lead/execute\"\ntext = \"A\"\n[[reply]]\nagent = \"lead/execute#2\"\ntext = \"B\"\n[[reply]]\n\
                  agent = \"lead/verify\"\ntext = \"Done.\"",
        sees: "
lead order plan execute execute verify
lead/plan/llm message-1 TASK
lead/execute/llm message-1 TASK\\n\\nStep:\\na
lead/execute#2/llm message-1 Task:\\nTASK\\n\\nResults so far:\\n## a\\n\\nA\\n\\nStep:\\nb
lead ends done ## a\\n\\nA\\n\\n## b\\n\\nB
",
    },
    Row {
        says: "plan-execute: three cycles without DONE are an error",
        agents: "pattern = \"plan-execute\"\nprompt = \"P\"\n[agents.lead.steps.execute]\nprompt = \"E\"\n\
                 [agents.lead.steps.verify]\nprompt = \"V\"",
        replies: "[[reply]]\nagent = \"lead/plan*\"\ntext = \"all\"\n[[reply]]\nagent = \"lead/execute*\"\ntext = \"A\"\n\
                  [[reply]]\nagent = \"lead/verify*\"\ntext = \"not yet\"",
        sees: "
lead order plan execute verify plan execute verify plan execute verify
lead fails it was not done after 3 plans
",
    },
    Row {
        says: "debate: all agents in a round at once, each sees earlier rounds only; then the judge",
        agents: "pattern = \"debate\"\nagents = [\"a\", \"b\"]\nrounds = 2\njudge = \"j\"\n[agents.a]\n\
                 pattern = \"oneshot\"\nprompt = \"A\"\n[agents.b]\npattern = \"oneshot\"\nprompt = \"B\"\n[agents.j]\n\
                 pattern = \"oneshot\"\nprompt = \"J\"",
        replies: "[[reply]]\nagent = \"lead/a*\"\ntext = \"pro\"\n[[reply]]\nagent = \"lead/b*\"\ntext = \"con\"\n\
                  [[reply]]\nagent = \"lead/j\"\ntext = \"V\"",
        sees: "
lead/a/llm message-1 TASK
lead/b/llm message-1 TASK
lead/b#2/llm message-1 Topic:\\nTASK\\n\\nArguments so far:\\n## round 1, a\\n\\npro\\n\\n## round 1, b\\n\\ncon
lead/j/llm message-ends ## round 2, b\\n\\ncon
lead ends result V
",
    },
    Row {
        says: "best-of-n: tool loops at once on the same input, then the judge step; key done",
        agents: "pattern = \"best-of-n\"\nn = 2\nprompt = \"BODY\"\n[agents.lead.steps.judge]\nprompt = \"J\"",
        replies: "[[reply]]\nagent = \"lead/variant*\"\ntext = \"made\"\n[[reply]]\nagent = \"lead/judge\"\ntext = \"V\"",
        sees: "
lead/variant/llm message-1 Begin.
lead/variant#2/llm tools start finish
lead/judge/llm message-1 Task:\\nTASK\\n\\nVariants:\\n## variant 1\\n\\nmade\\n\\n## variant 2\\n\\nmade
lead ends done V
",
    },
    Row {
        says: "human: the first loop's key is the channel, its value the question; the second starts with the answer, and \
               has no skills",
        agents: "pattern = \"human\"\nprompt = \"ASK\"\nskills = [\"style\"]\n[agents.lead.steps.resume]\nprompt = \"GO ON\"",
        replies: r#"
[[reply]]
agent = "lead/ask"
calls = [{ name = "finish", args = { key = "mail", value = "Which?" } }]
[[reply]]
agent = "lead/resume"
call = 1
calls = [{ name = "start" }]
[[reply]]
agent = "lead/resume"
calls = [{ name = "finish", args = { key = "sent", value = "V" } }]
"#,
        sees: "
lead order ask human resume
lead/ask/llm tools start finish read_skill
lead/ask/llm system-begins ASK\\n\\nSkills
lead/human asks mail Which?
lead/human answers THE ANSWER
lead/resume/llm tools start finish
lead/resume/llm system GO ON\\n\\nCall start() first: it returns your input.
lead/resume/llm#2 message-3 THE ANSWER
lead ends sent V
",
    },
    Row {
        says: "fsm: the key is lower-cased; the next state's input is the value before; output of the last state",
        agents: "pattern = \"fsm\"\ninitial = \"a\"\n[agents.lead.states]\na = { go = \"b\" }\nb = \"$end\"\n[agents.a]\n\
                 pattern = \"react\"\nprompt = \"A\"\n[agents.b]\npattern = \"oneshot\"\nprompt = \"B\"",
        replies: "[[reply]]\nagent = \"lead/a\"\n\
                  calls = [{ name = \"finish\", args = { key = \"GO\", value = \"from a\" } }]\n[[reply]]\n\
                  agent = \"lead/b\"\ntext = \"V\"",
        sees: "\nlead/a ends GO from a\nlead/b/llm message-1 from a\nlead ends result V\n",
    },
];

#[tokio::test]
async fn requests_are_those_that_tama_makes() {
    let mut wrong = Vec::new();
    for row in ROWS {
        let pipeline = format!("{HEAD}{}\n", row.agents);
        let skill = "---\nname: style\ndescription: How to write\n---\nWrite well.\n";
        let files = [
            ("pipeline.toml", &*pipeline),
            ("replies.toml", row.replies),
            ("skills/style/SKILL.md", skill),
            ("work/x", ""),
        ];
        let seen = Seen::of(row.says, &files).await;
        for line in row.sees.lines().filter(|line| !line.is_empty()) {
            let (path, rest) = line.split_once(' ').unwrap();
            let (field, expected) = rest.split_once(' ').unwrap_or((rest, ""));
            let expected = expected.replace("\\n", "\n");
            let found = seen.field(path, field);
            let holds = match field {
                "absent" => !seen.spans.values().any(|known| known == path),
                "system-begins" => found.starts_with(&expected),
                "message-ends" | "system-ends" | "value-ends" => found.ends_with(&expected),
                _ => found == expected,
            };
            if !holds {
                wrong.push(format!("{}\n  {path} {field}\n  expected {expected:?}\n  found    {found:?}", row.says));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
