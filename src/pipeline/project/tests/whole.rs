//! Whole projects, to the pipeline that they become.

use std::fs;

use super::super::super::spec::{Pattern, Target};
use super::{Files, agent};

/// A project of several patterns, with steps and skills, as tama's documentation writes them.
fn documented() -> Files {
    let editor = "pattern: fsm\ninitial: writer\nstates:\n  writer: review\n  review:\n    - approved: done\n    - \
                  revise: writer\n    - big: press\n      small: ~\n    - \"*\": writer\n  press:\n  done:";
    let lead = "pattern: react\nmax_iter: 15\nenv:\n  - HOME\ncall:\n  model:\n    role: thinker\n    temperature: 0.3\n    \
                max_tokens: 4096\n  uses:\n    - search-web\n    - notes";
    Files::none()
        .file(
            "tama.toml",
            "[project]\nname = \"my-project\"\nentrypoint = \"editor\"\n\n[models]\nthinker = { name = \
             \"script:replies.toml\", max_tokens = 900 }\nworker = \"script:replies.toml\"\ndefault = \
             \"script:replies.toml\"\n",
        )
        .agent("editor", editor)
        .agent("writer", lead)
        .agent("review", "pattern: critic")
        .file("agents/review/draft.md", "You draft.\n")
        .file("agents/review/critique.md", "---\ncall:\n  uses: [notes]\n  max_iter: 3\n---\n\nYou judge.\n")
        .file("agents/review/refine.md", "---\npattern: react\n---\nYou refine.\n")
        .agent("press", "pattern: scatter\nworker: reader\ncall:\n  uses: [notes]")
        .file("agents/press/reduce.md", "You join.\n")
        .agent("reader", "pattern: oneshot\ncall:\n  model:\n    name: ollama:qwen2.5:14b")
        .agent("idle", "pattern: best-of-n\nn: 3\ncall:\n  uses: [notes]")
        .file("agents/idle/judge.md", "You pick.\n")
        .file(
            "skills/search-web/SKILL.md",
            "---\nname: search-web\ndescription: >\n  Search the web.\n  Use it for news.\nlicense: MIT\ntama:\n  version: \
             \"1.0.0\"\n  depends:\n    apt: [curl]\ntools:\n  - tama_bash\n---\n\n## How\n\nSearch.\n",
        )
        .file("skills/notes/SKILL.md", "---\nname: notes\ntools: [tama_mem_get, tama_mem_set]\n---\nRemember.\n")
}

#[test]
fn a_project_becomes_the_pipeline_that_a_pipeline_toml_would() {
    let files = documented();
    let loaded = files.load_with(&[("HOME", "/root")]);
    let pipeline = loaded.pipeline;
    let head = (pipeline.name.as_str(), pipeline.entrypoint.as_str(), pipeline.workspace.as_str());
    assert_eq!(head, ("my-project", "editor", "."));
    assert_eq!((loaded.workspace, loaded.file), {
        let root = fs::canonicalize(files.path()).unwrap();
        (root.clone(), root.join("tama.toml"))
    });
    let names: Vec<&str> = pipeline.agents.keys().map(String::as_str).collect();
    assert_eq!(names, ["editor", "writer", "review", "press", "reader", "idle"]);
    let Pattern::Fsm { initial, states } = &pipeline.agents["editor"].pattern else { panic!() };
    assert_eq!((initial.as_str(), states.len()), ("writer", 2));
    let to = |name: &str| Target::Agent(name.to_owned());
    let review: Vec<_> = states["review"].iter().map(|(key, target)| (key.as_str(), target.clone())).collect();
    let wanted = [
        ("approved", Target::End),
        ("revise", to("writer")),
        ("big", to("press")),
        ("small", Target::End),
        ("*", to("writer")),
    ];
    assert_eq!(review, wanted);
    let writer = &pipeline.agents["writer"];
    let options = writer.model.as_ref().unwrap().options;
    assert_eq!((writer.max_iter, options.temperature, options.max_tokens), (15, Some(0.3), Some(4096)));
    assert_eq!(writer.prompt.as_ref().unwrap().text, "You are writer.\n");
    assert_eq!(writer.prompt.as_ref().unwrap().file.as_deref(), Some("agents/writer/AGENT.md"));
    let skills: Vec<_> = writer.skills.iter().map(|s| (s.name.as_str(), s.description.as_str(), &s.tools)).collect();
    assert_eq!(skills[0], ("search-web", "Search the web. Use it for news.", &vec!["tama_bash".to_owned()]));
    assert_eq!((skills[1].0, skills[1].1, skills[1].2.len()), ("notes", "(no description for notes)", 2));
    assert_eq!(writer.skills[1].body, "# Skill: notes\n\nRemember.\n");
}

/// Name, tool loop or not, bound, skills, prompt file, temperature.
type Shape = (String, bool, Option<u32>, usize, String, Option<f64>);

#[test]
fn steps_have_their_own_models_skills_and_bounds() {
    let pipeline = documented().load().pipeline;
    let shape = |agent: &str| -> Vec<Shape> {
        let steps = pipeline.agents[agent].steps.iter();
        let of = |(name, step): (&String, &super::super::super::spec::Step)| {
            let file = step.prompt.file.clone().unwrap();
            let temperature = step.model.as_ref().unwrap().options.temperature;
            (name.clone(), step.react, step.max_iter, step.skills.len(), file, temperature)
        };
        steps.map(of).collect()
    };
    let row = |name: &str, react: bool, max: Option<u32>, skills: usize, file: &str, temperature: f64| {
        (name.to_owned(), react, max, skills, format!("agents/{file}.md"), Some(temperature))
    };
    // A single call has the role `worker`, a tool loop `thinker`, as the pattern of the step says.
    let review = [
        row("draft", false, None, 0, "review/draft", 0.0),
        row("critique", true, Some(3), 1, "review/critique", 1.0),
        row("refine", true, Some(10), 0, "review/refine", 1.0),
    ];
    assert_eq!(shape("review"), review);
    let press = [row("map", true, Some(10), 1, "press/AGENT", 0.8), row("reduce", false, None, 0, "press/reduce", 0.0)];
    assert_eq!(shape("press"), press);
    let idle = [row("variant", true, Some(15), 1, "idle/AGENT", 0.8), row("judge", false, None, 0, "idle/judge", 0.0)];
    assert_eq!(shape("idle"), idle);
    assert_eq!(pipeline.agents["idle"].pattern, Pattern::BestOfN { n: 3 });
    assert_eq!(pipeline.agents["review"].steps["critique"].prompt.text, "You judge.\n");
    let reader = pipeline.agents["reader"].model.as_ref().unwrap();
    assert_eq!((reader.name.to_string().as_str(), reader.options.temperature), ("ollama:qwen2.5:14b", None));
}

#[test]
fn the_files_of_a_project_are_its_own_and_those_that_would_change_it() {
    let files = documented();
    let loaded = files.load();
    let base = loaded.base.clone();
    let names: Vec<String> = loaded
        .pipeline
        .files(&loaded.file)
        .iter()
        .map(|file| file.strip_prefix(&base).unwrap().display().to_string())
        .collect();
    for wanted in [
        "tama.toml",
        "agents/editor/AGENT.md",
        "agents/writer/AGENT.md",
        "agents/review/AGENT.md",
        "agents/review/critique.md",
        "agents/press/reduce.md",
        "agents/done/AGENT.md",
        "skills/notes/SKILL.md",
        "skills/search-web/SKILL.md",
        "replies.toml",
    ] {
        assert!(names.iter().any(|name| name == wanted), "{wanted}: {names:?}");
    }
}

#[test]
fn a_pipeline_toml_adds_what_tama_toml_has_no_word_for() {
    let files = documented();
    let tool = "[tools.deploy]\ndescription = \"x\"\ncommand = [\"true\"]\n";
    let rest = "[policy]\nask = [\"tama_bash\"]\n\n[limits]\nmax_tokens = 10\n\n[[breakpoints]]\nat = \
                \"before-tool\"\nagent = \"press\"\n\n[providers.openai]\ntimeout_seconds = 9\n";
    let root = files.path().to_owned();
    fs::create_dir(root.join("inner")).unwrap();
    for name in ["tama.toml", "agents", "skills", "replies.toml"] {
        fs::rename(root.join(name), root.join("inner").join(name)).unwrap();
    }
    files.put("inner/skills/notes/SKILL.md", "---\ndescription: x\ntools: [deploy]\n---\nGo.\n");
    files.put("pipeline.toml", &format!("[pipeline]\nproject = \"./inner\"\ntask = \"go\"\n\n{tool}\n{rest}"));
    let loaded = files.load();
    let pipeline = &loaded.pipeline;
    assert_eq!((pipeline.name.as_str(), pipeline.entrypoint.as_str()), ("my-project", "editor"));
    assert_eq!((pipeline.task.as_deref(), pipeline.limits.max_tokens), (Some("go"), Some(10)));
    assert_eq!((pipeline.policy.ask.len(), pipeline.breakpoints.len(), pipeline.tools.len()), (1, 1, 1));
    assert_eq!(pipeline.agents["writer"].skills[1].tools, ["deploy"]);
    assert_eq!(
        pipeline.agents["writer"].prompt.as_ref().unwrap().file.as_deref(),
        Some("inner/agents/writer/AGENT.md")
    );
    assert_eq!(pipeline.agents["writer"].model.as_ref().unwrap().name.to_string(), "script:inner/replies.toml");
    assert_eq!(pipeline.providers["openai"].timeout_seconds, Some(9));
    let base = loaded.base.clone();
    for file in loaded.pipeline.files(&loaded.file) {
        let is_absent = file.ends_with("done/AGENT.md");
        assert!(file.exists() != is_absent && file.starts_with(&base), "{}", file.display());
    }
    files.put("pipeline.toml", "[pipeline]\nproject = \"inner\"\nentrypoint = \"reader\"\n[agents.x]\n[models]\n");
    let faults = files.read(&[]).unwrap_err();
    assert!(faults[0].contains("a pipeline with a `project` has no [agents] of its own"), "{faults:#?}");
    files.put("pipeline.toml", "[pipeline]\nproject = \"elsewhere\"\n");
    assert!(
        files.read(&[]).unwrap_err()[0].starts_with("pipeline.toml:2:11 [\"elsewhere\"] failed to read the project's")
    );
}

#[test]
fn what_tama_init_writes_can_be_run() {
    // Its source means to indent the keys below `tama`; what it writes has lost the indent.
    let flat = "---\nname: demo-agent\ndescription: \"\"\n\ntama:\nversion: 1.0.0\npattern: react\nuses: []\nmodel:\nrole: \
                thinker\n---\n\nYou are a helpful assistant.\nWhen done, call finish with your result.\n\nTask: \
                {{input}}\n";
    let nested = flat
        .replace("\nversion", "\n  version")
        .replace("\npattern", "\n  pattern")
        .replace("\nuses: []", "\n  uses: [notes]")
        .replace("\nmodel:\nrole", "\n  model:\n    role");
    let toml = "[project]\nname = \"demo\"\nentrypoint = \"demo-agent\"\n\n[models]\nthinker = \
                \"script:replies.toml\"\nworker  = \"script:replies.toml\"\ncritic  = \"script:replies.toml\"\n";
    for (text, skills, told) in [
        (flat.to_owned(), 0, "agents/demo-agent/AGENT.md:5:1: `tama` has no value, and is ignored"),
        (nested, 1, "agents/demo-agent/AGENT.md:5:1: `tama` is the form that `tama init` writes"),
    ] {
        let files = Files::none().file("tama.toml", toml).file("agents/demo-agent/AGENT.md", &text);
        files.put("skills/notes/SKILL.md", "---\ndescription: x\n---\nBody\n");
        let loaded = files.load();
        let main = &loaded.pipeline.agents["demo-agent"];
        assert_eq!((main.pattern.name(), main.skills.len()), ("react", skills));
        assert_eq!(main.model.as_ref().unwrap().options.temperature, Some(1.0));
        assert!(main.prompt.as_ref().unwrap().text.ends_with("Task: {{input}}\n"));
        let line = text.lines().position(|line| line.starts_with("Task")).unwrap() + 1;
        let input = format!("agents/demo-agent/AGENT.md:{line}:7: `{{{{input}}}}` is sent as it is");
        for wanted in [told, &input] {
            assert!(loaded.warnings.iter().any(|line| line.starts_with(wanted)), "{wanted}: {:#?}", loaded.warnings);
        }
    }
}

#[test]
fn a_folder_of_agents_needs_no_tama_toml() {
    let files = Files::none().file("agents/solo/AGENT.md", &agent("solo", "pattern: parallel\nworkers: [one]"));
    files.put("agents/one/AGENT.md", &agent("one", "pattern: oneshot\ncall:\n  model:\n    name: script:replies.toml"));
    let loaded = files.load_with(&[("TAMA_ENTRYPOINT_AGENT", "solo")]);
    assert_eq!((loaded.pipeline.entrypoint.as_str(), loaded.pipeline.agents.len()), ("solo", 2));
    let faults = files.read(&[]).unwrap_err();
    assert!(faults[0].contains("the project has no entrypoint") && faults[0].ends_with("there are: one, solo"));
}

#[test]
fn agents_that_are_never_run_are_there_without_their_faults() {
    let files = Files::scripted("lead").agent("lead", "pattern: react").agent("other", "pattern: react");
    files.put("agents/broken/AGENT.md", &agent("broken", "pattern: raect"));
    files.put("agents/costly/AGENT.md", &agent("costly", "pattern: react\ncall:\n  model:\n    name: google:gemini"));
    let loaded = files.load();
    let names: Vec<&str> = loaded.pipeline.agents.keys().map(String::as_str).collect();
    // Their providers' keys are needed by those who run them only.
    assert_eq!(names, ["lead", "costly", "other"]);
    let told: Vec<&str> =
        loaded.warnings.iter().map(String::as_str).filter(|line| line.contains("never run")).collect();
    let wanted = [
        "agents/broken/AGENT.md:5:10: unknown pattern `raect`; did you mean `react`?; the agent `broken` is never run \
         from `lead`, and is left out",
        "agents/costly/AGENT.md: the agent `costly` is never run from `lead`",
        "agents/other/AGENT.md: the agent `other` is never run from `lead`",
    ];
    assert_eq!(told, wanted);
}
