//! The environment over tama.toml: models, options, addresses, keys.

use super::super::super::spec::Pipeline;
use super::Files;

/// The environment, and what becomes of the role `thinker`: model, temperature, bound, address, variable of the key.
type Case = (&'static [(&'static str, &'static str)], [&'static str; 5]);

fn project(models: &str) -> Files {
    let toml = format!("[project]\nentrypoint = \"lead\"\n\n[models]\n{models}\n");
    Files::none().file("tama.toml", &toml).agent("lead", "pattern: react")
}

/// Model, temperature, bound, address and variable of the key of an agent.
fn model(pipeline: &Pipeline, agent: &str) -> [String; 5] {
    let model = pipeline.agents[agent].model.as_ref().unwrap();
    let provider = pipeline.providers.get(&model.name.provider).cloned().unwrap_or_default();
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    [
        model.name.to_string(),
        text(model.options.temperature.map(|t| t.to_string())),
        text(model.options.max_tokens.map(|count| count.to_string())),
        text(provider.base_url),
        text(provider.api_key_env),
    ]
}

#[test]
fn variables_override_a_role_in_tamas_order() {
    let models = "thinker = { name = \"openai:gpt-5\", max_tokens = 9, base_url = \"http://entry/v1\" }\n\n[providers.openai]\nbase_url = \
                  \"http://table/v1\"";
    let cases: [Case; 7] = [
        (&[], ["openai:gpt-5", "1", "9", "http://entry/v1/", "-"]),
        (&[("TAMA_MODEL_THINKER_NAME", "ollama:a:b")], ["ollama:a:b", "1", "9", "http://entry/v1/", "-"]),
        (&[("TAMA_MODEL_THINKER", "ollama:a:b")], ["ollama:a:b", "1", "9", "http://entry/v1/", "-"]),
        (
            &[("TAMA_MODEL_THINKER_TEMPERATURE", "0.5"), ("TAMA_MODEL_THINKER_MAX_TOKENS", "7")],
            ["openai:gpt-5", "0.5", "7", "http://entry/v1/", "-"],
        ),
        (&[("TAMA_PROVIDER_OPENAI_BASE_URL", "http://all")], ["openai:gpt-5", "1", "9", "http://all/", "-"]),
        (
            &[("TAMA_PROVIDER_OPENAI_BASE_URL", "http://all"), ("TAMA_MODEL_THINKER_BASE_URL", "http://role")],
            ["openai:gpt-5", "1", "9", "http://role/", "-"],
        ),
        (
            &[("TAMA_MODEL_THINKER_API_KEY", "k"), ("TAMA_MODEL_THINKER_TEMPERATURE", "hot")],
            ["openai:gpt-5", "1", "9", "http://entry/v1/", "TAMA_MODEL_THINKER_API_KEY"],
        ),
    ];
    for (env, wanted) in cases {
        assert_eq!(model(&project(models).load_with(env).pipeline, "lead"), wanted, "{env:?}");
    }
    let table = models.replace(", base_url = \"http://entry/v1\"", "");
    assert_eq!(model(&project(&table).load().pipeline, "lead")[3], "http://table/v1/");
}

#[test]
fn roles_of_one_provider_that_differ_have_a_provider_each() {
    let models = "default = \"openai:gpt-5\"\nthinker = \"openai:gpt-5\"\nlocal = \"ollama:q\"";
    let files = project(models)
        .agent("lead", "pattern: parallel\nworkers: [a, b, c]")
        .agent("a", "pattern: react")
        .agent("b", "pattern: oneshot")
        .agent("c", "pattern: react\ncall:\n  model:\n    role: local");
    let env = [
        ("TAMA_MODEL_THINKER_BASE_URL", "http://own/v1"),
        ("TAMA_MODEL_THINKER_API_KEY", "k"),
        ("TAMA_MODEL_LOCAL_BASE_URL", "http://box:11434"),
    ];
    let pipeline = files.load_with(&env).pipeline;
    let wanted = ["openai-thinker:gpt-5", "1", "-", "http://own/v1/", "TAMA_MODEL_THINKER_API_KEY"];
    assert_eq!(model(&pipeline, "a"), wanted);
    assert_eq!(model(&pipeline, "b"), ["openai:gpt-5", "0.8", "-", "-", "-"]);
    assert_eq!(model(&pipeline, "c"), ["ollama:q", "-", "-", "http://box:11434/", "-"]);
    assert_eq!(pipeline.providers["openai-thinker"].api.as_deref(), Some("chat"));
    // Elsewhere nobody knows the price.
    assert_eq!(pipeline.prices.keys().collect::<Vec<_>>(), ["openai:gpt-5"]);
    let key_alone = files.load_with(&env[1..2]).pipeline;
    assert_eq!(key_alone.prices.len(), 2, "{:?}", key_alone.prices);
    assert_eq!(key_alone.providers["openai-thinker"].api.as_deref(), Some("responses"));
}

#[test]
fn a_model_that_is_named_directly_takes_no_role_and_no_address_of_tama_toml() {
    let models = "default = \"openai:gpt-5\"\n\n[providers.openai]\nbase_url = \"http://table/v1\"";
    let direct = "pattern: react\ncall:\n  model:\n    name: openai:gpt-5\n    max_tokens: 5";
    let files = project(models).agent("lead", direct);
    let loaded = files.load();
    assert_eq!(model(&loaded.pipeline, "lead"), ["openai-direct:gpt-5", "-", "5", "-", "OPENAI_API_KEY"]);
    let told = "agents/lead/AGENT.md:8:11: a model that is named here goes to the provider's own address";
    assert!(loaded.warnings.iter().any(|line| line.starts_with(told)), "{:#?}", loaded.warnings);
    let env = [("TAMA_PROVIDER_OPENAI_BASE_URL", "http://all/"), ("TAMA_PROVIDER_OPENAI_API_KEY", "k")];
    let wanted = ["openai-direct:gpt-5", "-", "5", "http://all/", "TAMA_PROVIDER_OPENAI_API_KEY"];
    assert_eq!(model(&files.load_with(&env).pipeline, "lead"), wanted);
}

#[test]
fn variables_that_do_nothing_and_those_of_the_documentation_are_told() {
    let files = project("thinker = \"ollama:x\"");
    let told = |name: &str, value: &str| files.load_with(&[(name, value)]).warnings;
    let cases = [
        (
            "TAMA_MODEL_THINKER",
            "ollama:y",
            "tama.toml:5:1: TAMA_MODEL_THINKER names the model of the role `thinker`; tama reads",
        ),
        (
            "TAMA_MODEL_THINKR_NAME",
            "ollama:y",
            "tama.toml:1:1: the environment variable TAMA_MODEL_THINKR_NAME overrides no role",
        ),
        (
            "TAMA_MODEL_THINKER_MAX_TOKENS",
            "many",
            "tama.toml:5:1: TAMA_MODEL_THINKER_MAX_TOKENS is not a whole number from 1 up",
        ),
    ];
    for (name, value, wanted) in cases {
        assert!(told(name, value).iter().any(|line| line.starts_with(wanted)), "{wanted}: {:#?}", told(name, value));
    }
    assert_eq!(told("TAMA_MODEL_THINKER_NAME", "ollama:y"), Vec::<String>::new());
    assert_eq!(told("TAMA_MODEL_THINKER_NAME", ""), Vec::<String>::new());
    let faults = files.read(&[("TAMA_MODEL_THINKER_NAME", "gpt")]).unwrap_err();
    assert!(
        faults[0].starts_with("tama.toml:5:11 [\"ollama:x\"] `gpt` (of TAMA_MODEL_THINKER_NAME) is not of the form")
    );
    let faults = files.read(&[("TAMA_PROVIDER_OLLAMA_BASE_URL", "box:1")]).unwrap_err();
    assert!(
        faults[0].starts_with("tama.toml:5:1 [thinker] TAMA_PROVIDER_OLLAMA_BASE_URL is not an address: box:1"),
        "{faults:?}"
    );
}

#[test]
fn the_entrypoint_of_the_environment_beats_that_of_the_file() {
    let files = project("default = \"ollama:x\"").agent("other", "pattern: react");
    let entry = |env: &[(&str, &str)]| files.load_with(env).pipeline.entrypoint;
    assert_eq!(entry(&[("TAMA_ENTRYPOINT_AGENT", "other")]), "other");
    assert_eq!((entry(&[("TAMA_ENTRYPOINT_AGENT", "")]), entry(&[])), ("lead".to_owned(), "lead".to_owned()));
}
