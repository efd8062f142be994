//! The pipelines that are killed: every pattern that goes on from its journal, with every kind of effect in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value as Json, json};

use crate::support::project::Project;
use crate::support::service;
use crate::support::sketch::Sketch;

/// A tool that reaches the service, where each call counts.
const CHARGE: &str = r#"#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/PORT
printf 'call %s\n' "$1" >&3
read -r <&3
echo "charged $1"
"#;

const CHARGE_TOOL: &str = r#"[tools.charge]
description = "Charge a card"
command = ["./charge", "{id}"]
effect = "irreversible"
network = true
[tools.charge.args]
id = { type = "string" }"#;

const TOOLS: [&str; 7] =
    ["charge", "tama_bash", "tama_files_edit", "tama_files_write", "tama_http_post", "tama_mem_append", "tama_mem_set"];

/// The arguments that allow what reaches outside.
pub const ALLOW: [&str; 4] = ["--allow", "charge", "--allow", "tama_http_post"];

/// A pipeline of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Two workers side by side; commands run over the workspace.
    Pair,
    /// The same, and each command takes the workspace alone.
    PairOfSnapshots,
    /// The same, with HTTP requests in the place of a tool of its own.
    PairOfRequests,
    /// States, one of which is visited twice.
    Fsm,
    /// A map step, workers, and a step that reduces.
    Scatter,
    /// A loop of two workers side by side, each a loop of its own.
    Nested,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Pair, Self::PairOfSnapshots, Self::PairOfRequests, Self::Fsm, Self::Scatter, Self::Nested];

    /// Writes it into a folder, with a service outside that counts what is charged.
    pub fn project(self) -> Project {
        let project = Project::empty();
        let port = service::serve(project.folder().to_owned());
        let work = |sketch, at: &str, name: &str| Work { kind: self, port, at, name }.add(sketch);
        let sketch = Sketch::new("kinds", "lead").table(CHARGE_TOOL);
        let sketch = match self {
            Self::Pair | Self::PairOfSnapshots | Self::PairOfRequests => {
                let sketch = sketch.parallel("lead", &["one", "two"]).react("one", "You work.", &TOOLS);
                let sketch = sketch.react("two", "You work.", &TOOLS);
                let sketch = work(work(sketch, "lead/one", "one"), "lead/two", "two");
                sketch.finish("lead/one", "one is through").finish("lead/two", "two is through")
            }
            Self::Fsm => {
                let routes = "draft = { done = \"check\" }, check = { again = \"draft\", \"*\" = \"$end\" }";
                let sketch = fsm(sketch, "lead", "draft", routes);
                let sketch = sketch.react("draft", "You work.", &TOOLS).react("check", "You work.", &TOOLS);
                let sketch = work(work(sketch, "lead/draft", "one"), "lead/draft#2", "two");
                let sketch = work(sketch, "lead/check#2", "three");
                again(sketch, "lead/check").finish("lead/*", "through")
            }
            Self::Scatter => {
                let tools = toml::Value::try_from(TOOLS).unwrap();
                let sketch = sketch
                    .table(&format!(
                        "[agents.lead]\npattern = \"scatter\"\nworker = \"one\"\nsteps = {{ map = {{ prompt = \"Map it.\", \
                         tools = {tools} }}, reduce = {{ pattern = \"react\", prompt = \"Reduce it.\", tools = {tools} \
                         }} }}"
                    ))
                    .react("one", "You work.", &TOOLS);
                let items = json!({ "key": "parallel", "value": "[\"a\",\"b\"]" });
                let sketch = sketch.calls("lead/map", 1, &[("tama_mem_append", entry("map", "mapped"))]);
                let sketch = sketch.calls("lead/map", 2, &[("finish", items)]);
                let sketch = work(work(sketch, "lead/one", "one"), "lead/one#2", "two");
                let sketch = sketch.calls("lead/reduce", 1, &[("tama_bash", count("one", "reduced"))]);
                sketch.finish("lead/*", "through")
            }
            Self::Nested => {
                let sketch =
                    fsm(sketch, "lead", "round", "round = \"look\", look = { again = \"round\", \"*\" = \"$end\" }");
                let sketch = sketch.parallel("round", &["left", "right"]).react("look", "You look.", &TOOLS);
                let inner = "step = { again = \"step\", \"*\" = \"$end\" }";
                let sketch = fsm(fsm(sketch, "left", "step", inner), "right", "step", inner);
                let sketch = sketch.react("step", "You work.", &TOOLS);
                let sketch = work(sketch, "lead/round/left/step#2", "one");
                let sketch = work(sketch, "lead/round#2/right/step", "two");
                let first = [("tama_mem_append", entry("step", "first"))];
                let sketch = sketch.calls("lead/round/left/step", 1, &first);
                again(again(sketch, "lead/round/left/step"), "lead/look").finish("*", "through")
            }
        };
        let capture = if self == Self::PairOfSnapshots { "snapshot" } else { "auto" };
        let sketch = sketch.table(&format!("[capture]\nlane = \"{capture}\"")).file("work/one.count", "before\n");
        sketch.write(project.folder());
        project.write("charge", &CHARGE.replace("PORT", &port.to_string()));
        fs::set_permissions(project.path("charge"), fs::Permissions::from_mode(0o755)).unwrap();
        project.write("calls", "");
        project
    }
}

/// The work of one agent: it changes memory and files by itself and by commands, and charges a card twice.
struct Work<'a> {
    kind: Kind,
    port: u16,
    /// Its path.
    at: &'a str,
    /// The beginning of its keys.
    name: &'a str,
}

impl Work<'_> {
    fn add(&self, sketch: Sketch) -> Sketch {
        let (at, name) = (self.at, self.name);
        let file = json!({ "path": format!("{name}/out.txt"), "content": format!("first of {name}\n") });
        let edit = json!({ "path": format!("{name}/out.txt"), "old": "first", "new": "second" });
        let log = format!("{name}-log");
        sketch
            .calls(at, 1, &[("tama_mem_append", entry(&log, "one")), ("tama_files_write", file)])
            .calls(at, 2, &[("tama_bash", count(name, "a")), self.charge(1)])
            .calls(at, 3, &[("tama_files_edit", edit), ("tama_mem_append", entry(&log, "two"))])
            .calls(at, 4, &[("tama_bash", count(name, "b")), ("tama_mem_set", json!({ "key": name, "value": "done" }))])
            .calls(at, 5, &[self.charge(2)])
    }

    fn charge(&self, number: usize) -> (&'static str, Json) {
        let id = format!("{}{number}", self.name);
        if self.kind == Kind::PairOfRequests {
            let url = format!("http://127.0.0.1:{}/{id}", self.port);
            return ("tama_http_post", json!({ "url": url, "body": "charge" }));
        }
        ("charge", json!({ "id": id }))
    }
}

fn entry(key: &str, item: &str) -> Json {
    json!({ "key": key, "item": item })
}

fn count(name: &str, more: &str) -> Json {
    json!({ "command": format!("echo {more} >> {name}.count; mkdir -p {name}/d; cat {name}.count") })
}

fn fsm(sketch: Sketch, name: &str, initial: &str, states: &str) -> Sketch {
    sketch.table(&format!("[agents.{name}]\npattern = \"fsm\"\ninitial = \"{initial}\"\nstates = {{ {states} }}"))
}

/// Ends an agent with the key that has it, or one before it, visited again.
fn again(sketch: Sketch, at: &str) -> Sketch {
    sketch.reply(at, "calls = [{ name = \"finish\", args = { key = \"again\", value = \"once more\" } }]")
}
