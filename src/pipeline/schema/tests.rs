//! The schema against the loader: they know the same keys, and refuse the same typos.

use std::collections::BTreeSet;
use std::fs;

use jsonschema::Validator;

use super::super::load::check;
use super::schema;

fn validator() -> Validator {
    jsonschema::draft7::new(&schema()).unwrap()
}

/// The first fault that the schema finds in a pipeline.
fn fault(toml: &str) -> Option<String> {
    let value: toml::Table = toml::from_str(toml).unwrap();
    let json = serde_json::to_value(value).unwrap();
    validator().iter_errors(&json).next().map(|error| format!("{} at {}", error, error.instance_path()))
}

const HEAD: &str = "[pipeline]\nname = \"a\"\nentrypoint = \"one\"\n[models]\ndefault = \"openai:x\"\n";
const ONE: &str = "[agents.one]\npattern = \"oneshot\"\nprompt = \"p\"\n";
const TOOL: &str = "[tools.deploy]\ndescription = \"d\"\ncommand = [\"true\"]\n";

/// Tables with a key that nobody has, and where the schema keeps their keys.
fn sections() -> Vec<(String, &'static str)> {
    const BOGUS: &str = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqq = 1\n";
    let table = |text: &str, at| (format!("{HEAD}{ONE}{text}{BOGUS}"), at);
    let agent = |text: &str| (format!("{HEAD}[agents.one]\n{text}{BOGUS}"), "/definitions/agent/properties");
    let step = |pattern: &str, step: &str| {
        let text = format!("{HEAD}[agents.one]\npattern = \"{pattern}\"\n[agents.one.steps.{step}]\n{BOGUS}");
        (text, "/definitions/agent/properties/steps/properties/critique/properties")
    };
    vec![
        (format!("{BOGUS}{HEAD}{ONE}"), "/properties"),
        (format!("[pipeline]\n{BOGUS}name = \"a\"\nentrypoint = \"one\"\n{ONE}"), "/definitions/pipeline/properties"),
        (
            format!("{HEAD}x = {{ name = \"openai:y\", {} }}\n{ONE}", BOGUS.trim()),
            "/definitions/role/anyOf/1/properties",
        ),
        (
            format!("{HEAD}{ONE}model = {{ role = \"default\", {} }}\n", BOGUS.trim()),
            "/definitions/model/anyOf/1/properties",
        ),
        table("[providers.openai]\n", "/definitions/provider/properties"),
        table("[prices.\"openai:x\"]\ninput = 1\noutput = 1\n", "/definitions/price/properties"),
        table(TOOL, "/definitions/tool/properties"),
        table(&format!("{TOOL}[tools.deploy.args.x]\ntype = \"string\"\n"), "/definitions/tool-argument/properties"),
        table("[mcp.x]\nurl = \"http://x\"\n", "/definitions/mcp-server/properties"),
        table("[mcp.x]\ncommand = \"true\"\n", "/definitions/mcp-server/properties"),
        table("[policy]\n", "/definitions/policy/properties"),
        table("[limits]\n", "/definitions/limits/properties"),
        table("[capture]\n", "/definitions/capture/properties"),
        table("[verify]\ncommand = [\"true\"]\n", "/definitions/verify/properties"),
        table("[[breakpoints]]\nat = \"error\"\n", "/definitions/breakpoint/properties"),
        agent("pattern = \"react\"\n"),
        step("critic", "critique"),
        step("reflexion", "act"),
    ]
}

/// The keys that the loader lists for a key that it doesn't know.
fn loader_keys(toml: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pipeline.toml"), toml).unwrap();
    let faults = check(folder.path()).unwrap_err();
    let fault = faults.all().iter().find(|fault| fault.message.contains("unknown key `qqq"));
    let help = fault.unwrap_or_else(|| panic!("{faults}\n{toml}")).help.clone().unwrap();
    let known = help.strip_prefix("known: ").unwrap_or_else(|| panic!("{help}"));
    known.split(", ").map(|key| key.trim_matches('`').to_owned()).collect()
}

#[test]
fn the_schema_has_every_key_that_the_loader_reads() {
    let schema = schema();
    for (toml, at) in sections() {
        let there: BTreeSet<String> =
            schema.pointer(at).and_then(|keys| keys.as_object()).unwrap().keys().cloned().collect();
        // Keys that the loader reads only to refuse them, or at other patterns, are in one of them alone.
        let loader = loader_keys(&toml);
        let missing: Vec<&String> = loader.difference(&there).collect();
        assert!(missing.is_empty(), "{at} lacks {missing:?}, which the loader reads in\n{toml}");
        let is_agent = ["/definitions/agent/", "/definitions/mcp-server/"].iter().any(|start| at.starts_with(start));
        let invented: Vec<&String> = there.difference(&loader).filter(|_| !is_agent).collect();
        assert!(invented.is_empty(), "{at} has {invented:?}, which the loader does not read in\n{toml}");
        assert!(fault(&toml).is_some(), "the schema takes a key that nobody has in\n{toml}");
    }
}

#[test]
fn each_pattern_has_the_keys_of_its_row_alone() {
    let agent = |keys: &str| fault(&format!("{HEAD}[agents.one]\n{keys}"));
    assert_eq!(agent("pattern = \"oneshot\"\nprompt = \"p\"\n"), None);
    let wrong = [
        ("a pattern is missing", "prompt = \"p\"\n"),
        ("an unknown pattern", "pattern = \"raect\"\nprompt = \"p\"\n"),
        ("no prompt", "pattern = \"react\"\n"),
        ("two prompts", "pattern = \"react\"\nprompt = \"p\"\nprompt_file = \"f\"\n"),
        ("a single call has no tools", "pattern = \"oneshot\"\nprompt = \"p\"\ntools = []\n"),
        ("an fsm without states", "pattern = \"fsm\"\ninitial = \"a\"\n"),
        ("a critic without steps", "pattern = \"critic\"\n"),
        ("a critic of two steps", "pattern = \"critic\"\nsteps.draft.prompt = \"p\"\nsteps.refine.prompt = \"p\"\n"),
        ("an unknown tool", "pattern = \"react\"\nprompt = \"p\"\ntools = [\"tama_bsh\"]\n"),
        ("a tool twice", "pattern = \"react\"\nprompt = \"p\"\ntools = [\"a\", \"a\"]\n"),
        ("a wrong type", "pattern = \"react\"\nprompt = \"p\"\nmax_iter = \"3\"\n"),
        ("none", "pattern = \"react\"\nprompt = \"p\"\nmax_iter = 0\n"),
        (
            "tools of a step that is a single call",
            "pattern = \"critic\"\nsteps.draft = { prompt = \"p\", tools = [\"x\"] }\nsteps.critique.prompt = \"p\"\n\
             steps.refine.prompt = \"p\"\n",
        ),
    ];
    for (what, keys) in wrong {
        assert!(agent(keys).is_some(), "{what}");
    }
}

#[test]
fn places_and_words_that_the_loader_refuses_are_refused() {
    let whole = |text: &str| fault(&format!("{HEAD}{ONE}{text}"));
    assert_eq!(whole(TOOL), None);
    for wrong in [
        "[limits]\nmax_token = 5\n",
        "[limits]\nmax_tokens = 0\n",
        "[[breakpoints]]\nat = \"before-lm\"\n",
        "[[breakpoints]]\nagent = \"one\"\n",
        "[capture]\nlane = \"overlay\"\n",
        "[providers.openai]\napi = \"chatt\"\n",
        "[providers.openai]\nbase_url = \"localhost\"\n",
        "[prices.\"openai:x\"]\ninput = 1\n",
        "[tools.deploy]\ndescription = \"d\"\n",
        "[tools.deploy]\ndescription = \"d\"\ncommand = [\"x\"]\neffect = \"reed\"\n",
        "[tools.deploy]\ndescription = \"d\"\ncommand = [\"x\"]\ntimeout_seconds = 4000\n",
        "[policy]\nallows = []\n",
    ] {
        assert!(whole(wrong).is_some(), "{wrong}");
    }
    assert!(fault("[pipeline]\nname = \"A B\"\nentrypoint = \"x\"\n[agents]\n").is_some());
}
