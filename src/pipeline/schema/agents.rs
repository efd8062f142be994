//! `[agents.*]`: the keys of every pattern, and for each pattern which of them it has and needs.

use serde_json::{Map, Value as Json, json};

use super::super::patterns::{PATTERNS, PatternRow, PromptPlace, StepRow};
use super::parts::{Keys, count_u32, map_of, one_of, some_texts, text, texts};
use super::reference;

/// Keys that a pattern needs wherever it has them.
const NEEDED: [&str; 8] = ["initial", "states", "workers", "worker", "agents", "rounds", "judge", "n"];

/// A table of `[agents]`.
pub(super) fn agent() -> Json {
    let names = PATTERNS.iter().map(|row| row.name);
    let mut agent = Keys::new("an agent")
        .key("description", text("its purpose"))
        .required("pattern", one_of(&pattern_help(), names))
        .key("prompt", text("its system prompt"))
        .key("prompt_file", text("the file of its system prompt, relative to this file"))
        .key("model", reference("model"))
        .key("tools", reference("tool-names"))
        .key("skills", texts("skills that it may read: skills/NAME/SKILL.md"))
        .key("max_iter", count_u32("bound on the model calls of a tool loop, or on the attempts of a reflexion"))
        .key("initial", text("fsm: the state it starts in"))
        .key("states", states())
        .key("workers", some_texts("parallel: the agents that work at once"))
        .key("worker", text("scatter: the agent that works on each item"))
        .key("agents", some_texts("debate: the agents that argue"))
        .key("rounds", count_u32("debate: how many rounds they argue"))
        .key("judge", text("debate: the agent that judges at the end"))
        .key("n", count_u32("best-of-n: how many variants"))
        .key("steps", json!({ "type": "object", "description": "its steps by name", "properties": every_step() }))
        .build();
    let rules: Vec<Json> = PATTERNS.iter().map(rule).collect();
    agent["allOf"] = json!(rules);
    agent
}

/// A line for each pattern; editors show it.
fn pattern_help() -> String {
    let lines: Vec<String> = PATTERNS.iter().map(|row| format!("{}: {}", row.name, row.does)).collect();
    lines.join("\n\n")
}

/// `states` of an fsm.
fn states() -> Json {
    let by_key = json!({
        "type": "object",
        "description": "the next state by finish key; `*` for any other",
        "minProperties": 1,
        "additionalProperties": { "type": "string" },
    });
    let next = json!({ "type": "string", "description": "the next state, or `$end`" });
    map_of("fsm: the next state of each state; `$end` stops", json!({ "anyOf": [next, by_key] }))
}

/// The steps of all patterns: an editor offers them before it knows the pattern.
fn every_step() -> Map<String, Json> {
    let steps = PATTERNS.iter().flat_map(below);
    steps.map(|row| (row.name.to_owned(), step_keys(row).build())).collect()
}

/// The steps that have a table of their own.
fn below(row: &PatternRow) -> impl Iterator<Item = &'static StepRow> + use<> {
    row.steps.iter().filter(|step| step.prompt == PromptPlace::Step)
}

fn step_keys(row: &StepRow) -> Keys {
    let usual = if row.react { "react" } else { "oneshot" };
    let patterns: &[&str] = if row.react { &["react"] } else { &["oneshot", "react"] };
    Keys::new("a step of an agent")
        .key("prompt", text("its system prompt"))
        .key("prompt_file", text("the file of its system prompt, relative to this file"))
        .key(
            "pattern",
            one_of(&format!("one call or a tool loop; {usual} when it is left out"), patterns.iter().copied()),
        )
        .key("model", reference("model"))
        .key("tools", reference("tool-names"))
        .key("skills", texts("skills that it may read beside those of its agent: skills/NAME/SKILL.md"))
        .key("max_iter", count_u32("bound on the model calls of its tool loop; its agent's when it is left out"))
}

/// A step where its pattern is known: a single call has no tools, no skills and no bound.
fn step(row: &StepRow) -> Json {
    let mut step = step_keys(row).build();
    step["oneOf"] = one_prompt();
    if !row.react {
        let is_loop = json!({ "required": ["pattern"], "properties": { "pattern": { "const": "react" } } });
        let of_loops = ["tools", "skills", "max_iter"].map(|key| json!({ "required": [key] }));
        step["if"] = json!({ "anyOf": of_loops });
        step["then"] = is_loop;
    }
    step
}

/// `prompt` or `prompt_file`, not both.
fn one_prompt() -> Json {
    json!([{ "required": ["prompt"] }, { "required": ["prompt_file"] }])
}

/// The keys that a pattern has and needs.
fn rule(row: &PatternRow) -> Json {
    let has = |key: &&str| row.keys.contains(key);
    let mut keys: Vec<&str> = vec!["pattern", "description"];
    keys.extend(row.keys);
    let mut required: Vec<&str> = NEEDED.into_iter().filter(has).collect();
    let mut then = json!({});
    if has(&"prompt") {
        keys.push("prompt_file");
        then["oneOf"] = one_prompt();
    }
    let steps: Map<String, Json> = below(row).map(|row| (row.name.to_owned(), step(row))).collect();
    if !steps.is_empty() {
        let names: Vec<&String> = steps.keys().collect();
        let table = json!({ "required": names, "properties": steps, "additionalProperties": false });
        then["properties"] = json!({ "steps": table });
        required.push("steps");
    }
    then["propertyNames"] = json!({ "enum": keys });
    then["required"] = json!(required);
    json!({ "if": { "required": ["pattern"], "properties": { "pattern": { "const": row.name } } }, "then": then })
}
