//! `retry` with edits: another prompt, input, temperature or arguments, or an answer by hand, deep in a fan-out.

use serde_json::{Value as Json, json};
use tama_tui::model::{Seq, TraceBody};
use tama_tui::store::DataDir;

use crate::cli::cli::stderr;
use crate::support::project::Project;
use crate::support::sketch::Sketch;

/// Two workers side by side; each writes a file by what it was told, and says how that went.
fn project() -> Project {
    let write = |name: &str, text: &str| json!({ "path": format!("{name}.txt"), "content": text });
    let said = |name: &str, word: &str, text: &str| {
        let args = toml::Value::try_from(write(name, text)).unwrap();
        format!("call = 1\ncontains = \"{word}\"\ncalls = [{{ name = \"tama_files_write\", args = {args} }}]")
    };
    let worker = |sketch: Sketch, name: &str| {
        let finish = |value: &str| {
            format!("calls = [{{ name = \"finish\", args = {{ key = \"done\", value = \"{value}\" }} }}]")
        };
        let at = &format!("lead/pair/{name}");
        sketch
            .react(name, "You write.", &["tama_files_write"])
            .reply(at, &said(name, "LOUD", "LOUD\n"))
            .calls(at, 1, &[("tama_files_write", write(name, "plain\n"))])
            .reply(at, &format!("call = 2\ncontains = \"nothing was written\"\n{}", finish("it failed")))
            .reply(at, &format!("call = 2\ntokens = {{ input = 10, output = 5 }}\n{}", finish("it went well")))
            .finish(at, "through")
    };
    let sketch = Sketch::new("deep", "lead")
        .table("[agents.lead]\npattern = \"fsm\"\ninitial = \"pair\"\n[agents.lead.states]\npair = \"$end\"")
        .parallel("pair", &["a", "b"])
        .file("loud.md", "You write LOUD.");
    worker(worker(sketch, "a"), "b").project()
}

fn ran() -> (Project, String) {
    let project = project();
    let output = project.tama(&["run", "."]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let run = project.newest();
    (project, run)
}

/// Retries a span; returns the output of the run, and what was said.
fn retry(project: &Project, run: &str, span: &str, more: &[&str]) -> (String, String) {
    let output = project.tama(&[&["retry", run, "--span", span, "--json"], more].concat());
    assert_eq!(output.status.code(), Some(0), "{span} {more:?}: {}", stderr(&output));
    let shown: Json = serde_json::from_slice(&output.stdout).unwrap();
    let verified = project.tama(&["verify", run]);
    assert_eq!(verified.status.code(), Some(0), "{span} {more:?}: {}", stderr(&verified));
    (shown["output"].as_str().unwrap().to_owned(), stderr(&output))
}

/// Both files; one that is not there has no text.
fn texts(project: &Project) -> [String; 2] {
    ["a.txt", "b.txt"].map(|name| project.work(name).unwrap_or_default())
}

#[test]
fn a_tool_call_deep_in_a_fan_out_runs_with_other_arguments() {
    let (project, run) = ran();
    let args = json!({ "path": "a.txt", "content": "by hand\n" }).to_string();
    let (_, said) = retry(&project, &run, "lead/pair/a/tama_files_write", &["--args", &args]);
    assert_eq!(texts(&project), ["by hand\n", "plain\n"]);
    assert!(said.contains("the retry reused "), "{said}");
    assert!(!said.contains("lead/pair/b/"), "only the branch of the span runs: {said}");
    // A retry without arguments has those of the model again.
    retry(&project, &run, "lead/pair/a/tama_files_write", &[]);
    assert_eq!(texts(&project), ["plain\n", "plain\n"]);
}

#[test]
fn an_answer_by_hand_takes_the_place_of_a_tool_a_model_and_an_agent() {
    let (project, run) = ran();
    let (output, _) = retry(&project, &run, "lead/pair/a/tama_files_write", &["--answer", "nothing was written"]);
    assert_eq!(texts(&project), ["", "plain\n"], "nothing ran");
    assert!(output.contains("it failed"), "{output}");
    let (output, _) = retry(&project, &run, "lead/pair/b/llm#2", &["--answer", "I am through by hand"]);
    assert!(output.contains("I am through by hand"), "{output}");
    let (output, said) = retry(&project, &run, "lead/pair/a", &["--answer-with", "the whole agent by hand"]);
    assert!(output.contains("the whole agent by hand"), "{output}");
    assert!(!said.contains("lead/pair/a/llm"), "no call of it is made: {said}");
    // The run goes on from there as any other.
    let (output, _) = retry(&project, &run, "lead/pair/b/llm#2", &[]);
    assert!(output.contains("the whole agent by hand") && output.contains("it went well"), "{output}");
}

#[test]
fn an_agent_runs_with_another_input_and_a_later_retry_with_its_own() {
    let project = Sketch::new("inputs", "pair")
        .parallel("pair", &["a", "b"])
        .oneshot("a", "You say.")
        .oneshot("b", "You say.")
        .reply("*", "contains = \"other task\"\ntext = \"by hand\"")
        .reply("*", "text = \"as it was\"")
        .project();
    assert_eq!(project.tama(&["run", "."]).status.code(), Some(0));
    let run = project.newest();
    let (output, said) = retry(&project, &run, "pair/a", &["--input", "other task"]);
    assert!(output.contains("by hand") && output.contains("as it was"), "{output}");
    assert!(!said.contains("pair/b/"), "{said}");
    // From disk it is still the input of that try.
    let (output, _) = retry(&project, &run, "pair/a/llm", &[]);
    assert!(output.contains("by hand"), "{output}");
    let (output, _) = retry(&project, &run, "pair/a", &[]);
    assert!(!output.contains("by hand"), "{output}");
}

#[test]
fn a_prompt_holds_for_one_retry_unless_it_is_kept() {
    let (project, run) = ran();
    retry(&project, &run, "lead/pair/a", &["--prompt", "loud.md"]);
    assert_eq!(texts(&project)[0], "LOUD\n");
    retry(&project, &run, "lead/pair/a", &[]);
    assert_eq!(texts(&project)[0], "plain\n");
    retry(&project, &run, "lead/pair/a", &["--prompt", "loud.md", "--keep-prompt"]);
    retry(&project, &run, "lead/pair/a", &[]);
    assert_eq!(texts(&project)[0], "LOUD\n");
}

#[test]
fn a_model_call_is_sent_with_another_temperature() {
    let (project, run) = ran();
    retry(&project, &run, "lead/pair/a/llm", &["--temperature", "0.25"]);
    let data = DataDir::at(project.path(".tama"));
    let log = data.find(&run).unwrap().look().unwrap().log;
    let events = log.recorder().events(Seq(0), usize::MAX).unwrap();
    let sent: Vec<String> = events
        .iter()
        .filter_map(|event| match &event.body {
            TraceBody::Sent { model: Some(model), .. } => model.options.temperature.map(|sent| sent.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(sent, ["0.25", "0.25"], "it, and the call after it");
}

#[test]
fn an_edit_that_a_span_can_not_have_is_refused_before_anything_is_undone() {
    let (project, run) = ran();
    for (span, more) in [("lead/pair/a", &["--args", "{}"]), ("lead/pair/a/llm", &["--input", "x"])] {
        let output = project.tama(&[&["retry", &run, "--span", span], &more[..]].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("failed to retry with other"), "{}", stderr(&output));
    }
    assert_eq!(texts(&project), ["plain\n", "plain\n"]);
}
