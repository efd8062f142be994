//! A scatter of workers, each with three model calls and two memory writes of its own keys, 64 at a time.

use std::fmt::Write as _;

/// The pipeline.
pub const PIPELINE: &str = r#"
[pipeline]
name = "scatter"
entrypoint = "lead"
task = "go"
workspace = "work"
[models]
default = "script:replies.toml"
[policy]
allow = ["tama_*"]
[limits]
max_parallel = 64
[agents.lead]
pattern = "scatter"
worker = "w"
[agents.lead.steps.map]
prompt = "map"
[agents.lead.steps.reduce]
prompt = "reduce"
[agents.w]
pattern = "react"
tools = ["tama_mem_set"]
prompt = "work"
"#;

/// The answer of a model that gives out so many items.
pub fn items(workers: u32) -> String {
    let items: Vec<String> = (1..=workers).map(|item| format!("\\\"item {item}\\\"")).collect();
    let items = format!("[{}]", items.join(","));
    format!(
        "[[reply]]\nagent = \"lead/map\"\ncalls = [{{ name = \"finish\", args = {{ key = \"parallel\", value = \"{items}\" }} }}]\n"
    )
}

/// A model that gives out so many items, and writes two keys for each.
pub fn replies(workers: u32) -> String {
    let mut replies = items(workers) + "[[reply]]\nagent = \"lead/reduce\"\ntext = \"end\"\n";
    for worker in 1..=workers {
        let agent = if worker == 1 { "lead/w".to_owned() } else { format!("lead/w#{worker}") };
        for call in 1..=2 {
            let set = format!("name = \"tama_mem_set\", args = {{ key = \"k{worker}.{call}\", value = \"{worker}\" }}");
            writeln!(replies, "[[reply]]\nagent = \"{agent}\"\ncall = {call}\ncalls = [{{ {set} }}]").unwrap();
        }
    }
    replies.push_str("[[reply]]\nagent = \"lead/w*\"\ntext = \"done\"\n");
    replies
}
