//! Stored runs of any size, written by the store itself: what a run of so many events would have left.

use std::path::Path;

use tama_tui::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, EffectClass, Fan, Generation, Key, KeyState, LlmRequestRecord,
    LlmResponse, MessageRecord, ModelName, ModelOptions, Provenance, RunId, RunStatus, SpanEnd, SpanId, SpanSpec,
    SpanStart, SpanStatus, TextHash, TraceBody, Try, Undoability, Usage,
};
use tama_tui::pipeline::load;
use tama_tui::store::{DataDir, NewRun, RunLog};

/// Workers of a scatter.
const WORKERS: usize = 10_000;
/// Events of a call and the memory write that it asks for.
const STEP: usize = 6;
/// Events that are made durable together.
const BATCH: usize = 5_000;

const PIPELINE: &str = r#"
[pipeline]
name = "open"
entrypoint = "lead"
task = "go"
workspace = "work"
[models]
default = "script:replies.toml"
[agents.lead]
pattern = "react"
prompt = "lead"
[agents.digger]
pattern = "react"
max_iter = 1000000
tools = ["tama_mem_set"]
prompt = "dig"
"#;

/// Writes a run's events in batches.
struct Maker<'a> {
    log: &'a RunLog,
    runtime: &'a tokio::runtime::Runtime,
    waiting: Vec<TraceBody>,
    spans: u32,
    step: usize,
    none: TextHash,
}

impl Maker<'_> {
    fn push(&mut self, body: TraceBody) {
        self.waiting.push(body);
        if self.waiting.len() >= BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let appended = self.log.append_durable(std::mem::take(&mut self.waiting));
        self.runtime.block_on(appended.durable()).unwrap();
    }

    fn start(
        &mut self,
        parent: SpanId,
        (path, name): (String, &str),
        visit: u32,
        fan: Option<Fan>,
        spec: SpanSpec,
    ) -> SpanId {
        self.spans += 1;
        let (span, name) = (SpanId(self.spans), name.to_owned());
        let (attempt, generation) = (Try(1), Generation(1));
        self.push(TraceBody::SpanStarted(SpanStart {
            span,
            parent,
            path,
            name,
            visit,
            attempt,
            generation,
            fan,
            spec,
            step: None,
            attributes: std::collections::BTreeMap::new(),
        }));
        span
    }

    fn end(&mut self, span: SpanId, output: TextHash, usage: Option<Usage>) {
        let end = SpanEnd { output: Some(output), usage, ..SpanEnd::new(span, SpanStatus::Ok) };
        self.push(TraceBody::SpanEnded(end));
    }

    /// One call, and the memory write that it asks for.
    fn step(&mut self, agent: SpanId, path: &str, visit: u32) {
        self.step += 1;
        let step = self.step;
        let text = format!("step {step}: {}", "the notes of this step say what was found and where. ".repeat(4));
        let response = LlmResponse { text, ..LlmResponse::default() };
        let response = self.log.text(&serde_json::to_string(&response).unwrap());
        let args = self.log.text(&format!("{{\"key\":\"notes/{step}\",\"value\":\"value {step}\"}}"));
        let result = self.log.text(&format!("notes/{step} is set, it was absent before"));
        let call = SpanSpec::Llm(LlmRequestRecord {
            request: response,
            model: ModelName { provider: "openai".into(), model: "gpt-5-mini".into() },
            options: ModelOptions::default(),
            system: self.none,
            tools: vec!["tama_mem_set".into()],
            after: None,
            messages: vec![MessageRecord { role: "user".into(), text: args }],
        });
        let span = self.start(agent, (format!("{path}/llm#{visit}"), "llm"), visit, None, call);
        self.end(span, response, Some(Usage { input: 812, output: 96 }));
        let tool = SpanSpec::Tool { args, request: args, effect: EffectClass::Reversible };
        let tool = self.start(agent, (format!("{path}/tama_mem_set#{visit}"), "tama_mem_set"), visit, None, tool);
        let value = KeyState::Text { text: format!("value {step}") };
        // Its seq is known once it is appended.
        let action = ActionRecord {
            span: agent,
            tool_span: tool,
            tool_name: "tama_mem_set".into(),
            key: Key::memory(format!("notes/{step}")),
            op: ActionOp::Set,
            old: KeyState::Absent,
            intended: value.clone(),
            undo: Undoability::Undo,
        };
        self.flush_without_wait();
        let action = self.log.append(vec![TraceBody::Action(action)]);
        let change = ActionChange::Applied { after: value, kept: false };
        self.push(TraceBody::ActionEvent(ActionEvent { action, change }));
        self.end(tool, result, None);
    }

    /// Appends what waits; every so often it waits for the disk.
    fn flush_without_wait(&mut self) {
        if self.step.is_multiple_of(BATCH / STEP) {
            self.flush();
        } else {
            self.log.append(std::mem::take(&mut self.waiting));
        }
    }
}

fn agent(input: TextHash, pattern: &str) -> SpanSpec {
    SpanSpec::Agent { pattern: pattern.into(), input, prompt: None, prompt_file: None }
}

/// Makes a run of about so many events in a data folder, and returns its id.
pub fn make(runtime: &tokio::runtime::Runtime, project: &Path, scatter: bool, events: usize) -> RunId {
    let data = DataDir::open_or_create(project.join(".tama")).unwrap();
    let loaded = load(project).unwrap();
    let new = NewRun {
        name: "open".into(),
        task: "go".into(),
        entrypoint: "lead".into(),
        workspace: loaded.workspace.display().to_string(),
        pipeline_file: Some(loaded.file.display().to_string()),
        provenance: Provenance::default(),
    };
    let (log, folder) = data.create_run(new, Box::new(|_| ())).unwrap();
    let none = log.text("go");
    let pipeline = log.text(&serde_json::to_string(&loaded.pipeline).unwrap());
    let mut maker = Maker { log: &log, runtime, waiting: Vec::new(), spans: 0, step: 0, none };
    maker.push(TraceBody::RunStarted {
        run: folder.id().clone(),
        name: "open".into(),
        entrypoint: "lead".into(),
        task: none,
        pipeline,
        workspace: loaded.workspace.display().to_string(),
        provenance: Provenance::default(),
        hash: 1,
    });
    let lead = maker.start(
        SpanId::RUN,
        ("lead".into(), "lead"),
        1,
        None,
        agent(none, if scatter { "scatter" } else { "react" }),
    );
    if scatter {
        let workers = WORKERS.min(events / (2 + STEP)).max(1);
        let steps = (events / workers).saturating_sub(2) / STEP;
        for at in 0..workers {
            let visit = u32::try_from(at).unwrap() + 1;
            let path = if visit == 1 { "lead/digger".to_owned() } else { format!("lead/digger#{visit}") };
            let fan = Some(Fan { group: 0, index: visit - 1 });
            let worker = maker.start(lead, (path.clone(), "digger"), visit, fan, agent(none, "react"));
            (0..steps).for_each(|step| maker.step(worker, &path, u32::try_from(step).unwrap() + 1));
            maker.end(worker, none, None);
        }
    } else {
        (0..events / STEP).for_each(|step| maker.step(lead, "lead", u32::try_from(step).unwrap() + 1));
    }
    maker.end(lead, none, None);
    maker.push(TraceBody::RunStatus { status: RunStatus::Ok, text: None });
    maker.flush();
    folder.update_manifest(|manifest| log.with(|state| manifest.follow(state))).unwrap();
    log.close().unwrap();
    folder.id().clone()
}

/// A folder with a pipeline, in the working folder: the disk that counts.
pub fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(".").unwrap();
    std::fs::create_dir(folder.path().join("work")).unwrap();
    std::fs::write(folder.path().join("pipeline.toml"), PIPELINE).unwrap();
    std::fs::write(folder.path().join("replies.toml"), "[[reply]]\nagent = \"lead\"\ntext = \"end\"\n").unwrap();
    folder
}
