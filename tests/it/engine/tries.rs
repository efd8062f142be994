//! Tries with choices: several models, several times; judged, taken back, one kept. Below the span are a fan-out and a
//! loop, and commands that add, rename and delete.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command as Process;

use tama_tui::model::{Command, SpanStatus, TriesReport, TrySettings};

use super::scenario::{Scenario, Stage};
use crate::support::manifest::manifest;
use crate::support::program::is_confined;

const PIPELINE: &str = r#"
[pipeline]
name = "notes"
entrypoint = "editor"
task = "Write the notes"
workspace = "work"

[models]
default = "script:replies.toml"
fast = "script:replies.toml"
careful = "script:careful.toml"

[agents.editor]
pattern = "fsm"
initial = "writer"
[agents.editor.states]
writer = "diggers"
diggers = "reviewer"
reviewer = { publish = "$end", "*" = "writer" }

[agents.writer]
pattern = "react"
tools = ["tama_files_write", "tama_files_delete", "tama_mem_append", "tama_bash"]
prompt = "write"

[agents.diggers]
pattern = "parallel"
workers = ["left", "right"]

[agents.left]
pattern = "react"
tools = ["tama_files_write"]
prompt = "left"

[agents.right]
pattern = "react"
tools = ["tama_files_write"]
prompt = "right"

[agents.reviewer]
pattern = "react"
tools = ["tama_mem_set"]
prompt = "review"

[policy]
allow = ["tama_*"]
"#;

/// The verify command: passes good notes, and leaves a file behind.
const CHECK: &str = "#!/bin/sh
echo junk > junk-of-verify
rm -f keep.txt
grep -q good NOTES.md && exit 0
echo looking
echo \"the notes are not good\"
exit 1
";

/// A verify command that fails with the sum of all that is in the workspace.
const SUM: &str = "#!/bin/sh
(find . ! -type f | LC_ALL=C sort; find . -type f | LC_ALL=C sort | while read -r f; do echo \"$f\"; cat \"$f\"; done) | cksum
exit 1
";

/// Replies of one model. `writes`: the calls of the writer's first turn, by the try (`None`: any).
fn replies(name: &str, writes: &[(Option<u32>, &str)]) -> String {
    let mut text = String::new();
    for (attempt, calls) in writes {
        let attempt = attempt.map(|attempt| format!("try = {attempt}\n")).unwrap_or_default();
        writeln!(
            text,
            "[[reply]]\nagent = \"editor/writer*\"\ncall = 1\n{attempt}calls = [{calls}]\ntokens = {{ input = 100, output = 30 }}"
        )
        .unwrap();
    }
    for side in ["left", "right"] {
        writeln!(
            text,
            "[[reply]]\nagent = \"editor/diggers*/{side}\"\ncall = 1\ncalls = [{}]",
            write_file(&format!("out/{side}.txt"), &format!("{side} {name}"))
        )
        .unwrap();
    }
    let finish = |agent: &str, key: &str| {
        format!(
            "[[reply]]\nagent = \"{agent}\"\ncalls = [{{ name = \"finish\", args = {{ key = \"{key}\", value = \"{name}\" }} }}]\n"
        )
    };
    text + &finish("editor/writer*", "done")
        + &finish("editor/diggers*/*", "dug")
        + "[[reply]]\nagent = \"editor/reviewer\"\ncalls = [\
           { name = \"tama_mem_set\", args = { key = \"seen\", value = \"once\" } }, \
           { name = \"finish\", args = { key = \"revise\", value = \"again\" } }]\n"
        + &finish("editor/reviewer*", "publish")
}

fn write_file(path: &str, text: &str) -> String {
    format!("{{ name = \"tama_files_write\", args = {{ path = \"{path}\", content = \"{text}\" }} }}")
}

fn bash(command: &str) -> String {
    format!("{{ name = \"tama_bash\", args = {{ command = \"{command}\" }} }}")
}

fn remember(text: &str) -> String {
    format!("{{ name = \"tama_mem_append\", args = {{ key = \"log\", value = \"{text}\" }} }}")
}

/// The run with two models: the original and the first tries of `fast` write bad notes, its third and `careful` good ones.
fn scene(verify: &str, check: &str) -> Scenario {
    let notes = |text: &str| format!("{}, {}", write_file("NOTES.md", text), remember(text));
    let shell = bash("mkdir -p deep/er && echo x > deep/er/x && rm old.txt && mv keep.txt kept.txt");
    let fast = [
        (Some(1), format!("{}, {}", notes("bad original"), bash("echo 1 > first.txt && rm old.txt"))),
        (Some(2), format!("{}, {shell}", notes("bad two"))),
        (Some(3), notes("good three")),
        (None, notes("bad other")),
    ];
    let fast: Vec<(Option<u32>, &str)> = fast.iter().map(|(attempt, calls)| (*attempt, &calls[..])).collect();
    let careful = format!("{}, {shell}", notes("good careful"));
    Scenario {
        about: "tries".into(),
        pipeline: format!("{PIPELINE}{verify}"),
        replies: replies("fast", &fast),
        files: BTreeMap::from([
            ("careful.toml".to_owned(), replies("careful", &[(None, &careful)])),
            ("check.sh".to_owned(), check.to_owned()),
        ]),
        workspace: BTreeMap::from([
            ("old.txt".to_owned(), "old".to_owned()),
            ("keep.txt".to_owned(), "keep".to_owned()),
        ]),
        ..Scenario::default()
    }
}

const VERIFY: &str = "[verify]\ncommand = [\"./check.sh\"]\n";

/// The run to its end; `None` where commands are not confined.
async fn ended(scenario: &Scenario) -> Option<Stage> {
    let mut stage = Stage::set(scenario);
    if !is_confined(stage.folder.path()) {
        return None;
    }
    stage.play("wait end\nstatus ok\n").await.unwrap();
    Some(stage)
}

fn verdicts(report: &TriesReport) -> Vec<String> {
    report
        .tries
        .iter()
        .map(|made| format!("{} {}", made.model.as_deref().unwrap_or("-"), made.verdict.word()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_try_is_taken_back_and_the_kept_one_is_undone_redone_and_retried_like_any_other() {
    let scenario = scene(VERIFY, CHECK);
    let Some(mut stage) = ended(&scenario).await else { return };
    let work = stage.folder.path().join("work");
    let original = manifest(&work);
    let first = stage.state.trace.find("editor/writer").unwrap();
    stage.play("plan editor/writer\nwait plan\ntry 2 fast careful\nwait tries choosing\n").await.unwrap();
    let report = stage.tries.clone().unwrap();
    assert_eq!(verdicts(&report), ["fast fail", "fast pass", "careful pass", "careful pass"]);
    assert_eq!(report.failure_modes(), [("the notes are not good".to_owned(), 1)]);
    let rates: Vec<(usize, usize)> = report.pass_rates().iter().map(|rate| (rate.passed, rate.made)).collect();
    assert_eq!(rates, [(1, 2), (2, 2)]);
    // Two files go; notes, two diggings, a renamed file, one in folders, three folders and two keys come.
    assert_eq!(report.tries[2].change_counts(), [10, 0, 2], "{:?}", report.tries[2].changes);
    assert!(report.tries.iter().all(|made| made.finish.as_deref() == Some("done") && made.tokens > 0));
    // Nothing of them is left, and the original stands again.
    assert_eq!(manifest(&work), original);
    assert_eq!(stage.state.trace.find("editor/writer"), Some(first));
    assert_eq!(stage.state.trace.get(first).unwrap().status, SpanStatus::Ok);
    stage.play("memory log :: 2 items\noutput fast\nstatus ok\n").await.unwrap();

    stage
        .play("keep 3\nwait tries over\nfile NOTES.md :: good careful\nfile out/left.txt :: left careful\n")
        .await
        .unwrap();
    stage
        .play("no-file first.txt\nno-file keep.txt\nno-file junk-of-verify\noutput careful\nstatus ok\n")
        .await
        .unwrap();
    let kept = stage.state.trace.find("editor/writer").unwrap();
    assert_eq!(Some(kept), report.tries[2].span);
    let with_kept = manifest(&work);
    // It is undone, redone and retried like any other.
    stage.play("undo-span editor\nwait report\n").await.unwrap();
    assert_eq!(manifest(&work).len(), 3, "the folder, and the two files of before the run");
    let mut undone = stage.report().unwrap().undone.clone();
    undone.sort_unstable();
    for action in undone {
        let of_kept = stage.state.ledger.get(action).is_some_and(|entry| entry.record.tool_span > kept);
        let is_undone = stage.session.log.with(|state| !state.ledger.get(action).unwrap().is_applied());
        if of_kept && is_undone {
            stage.reported(Command::Redo { action }).await.unwrap();
        }
    }
    assert_eq!(manifest(&work), with_kept);
    stage.play("reopen\nplan editor/reviewer#2\nwait plan\nretry\nwait retried\nwait end\nstatus ok\n").await.unwrap();
    assert_eq!(manifest(&work), with_kept);
    stage.play("plan editor/writer\nwait plan\nretry-with careful\nwait retried\nwait end\nstatus ok\n").await.unwrap();
    assert_eq!(manifest(&work), with_kept);
    // Closing verifies.
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_none_is_kept_the_run_goes_on_as_it_was() {
    let scenario = scene("", CHECK);
    let Some(mut stage) = ended(&scenario).await else { return };
    let work = stage.folder.path().join("work");
    let original = manifest(&work);
    stage.play("plan editor/diggers/left\nwait plan\ntry 3\nwait tries choosing\n").await.unwrap();
    assert_eq!(verdicts(stage.tries.as_ref().unwrap()), ["- not asked"; 3]);
    // Nothing else changes the run meanwhile.
    stage
        .play("undo-span editor\nwait refused tries are under way\nkeep 9\nwait refused there is no try 9\n")
        .await
        .unwrap();
    stage.play("keep none\nwait tries over\n").await.unwrap();
    assert_eq!(manifest(&work), original);
    stage.play("reopen\nplan editor/reviewer\nwait plan\nretry\nwait retried\nwait end\nstatus ok\n").await.unwrap();
    stage.play("undo-span editor\nwait report\n").await.unwrap();
    assert_eq!(manifest(&work).len(), 3);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_try_is_taken_back_and_the_others_can_be_kept() {
    let mut scenario = scene(VERIFY, CHECK);
    let slow = scenario.files["careful.toml"].replacen("call = 1\n", "call = 1\ndelay_ms = 60000\n", 2);
    scenario.files.insert("careful.toml".to_owned(), slow);
    let Some(mut stage) = ended(&scenario).await else { return };
    let work = stage.folder.path().join("work");
    let original = manifest(&work);
    stage.play("plan editor/diggers/right\nwait plan\ntry 1 fast careful fast\nwait tried 1\n").await.unwrap();
    let runs = |stage: &Stage| {
        let spans = stage.state.trace.spans().iter();
        spans.filter(|span| span.status == SpanStatus::Running).count() > 3
    };
    stage.until("a call of the second try", runs).await.unwrap();
    stage.play("cancel\nwait tries choosing\n").await.unwrap();
    let report = stage.tries.clone().unwrap();
    assert!(report.cancelled && report.tries.len() == 2, "{report:?}");
    assert_eq!(report.tries[1].not_keepable.as_deref(), Some("it was cancelled"));
    assert_eq!(manifest(&work), original);
    stage.play("keep 2\nwait refused it was cancelled\nkeep 1\nwait tries over\nstatus ok\n").await.unwrap();
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cant_be_taken_back_is_refused_before_or_stops_the_tries() {
    const TOOL: &str = "[tools.send]\ndescription = \"sends\"\ncommand = [\"true\"]\n";
    let sends = "{ name = \"send\", args = {} }";
    for in_original in [true, false] {
        let mut scenario = scene(TOOL, CHECK);
        scenario.pipeline = scenario.pipeline.replace("allow = [\"tama_*\"]", "allow = [\"tama_*\", \"send\"]");
        scenario.pipeline = scenario.pipeline.replace("\"tama_bash\"]", "\"tama_bash\", \"send\"]");
        let at = if in_original { "try = 1\ncalls = [" } else { "try = 3\ncalls = [" };
        scenario.replies = scenario.replies.replacen(at, &format!("{at}{sends}, "), 1);
        let Some(mut stage) = ended(&scenario).await else { return };
        let work = stage.folder.path().join("work");
        let original = manifest(&work);
        stage.play("plan editor/writer\nwait plan\ntry 3 fast\nwait tries over\n").await.unwrap();
        let report = stage.tries.clone().unwrap();
        if in_original {
            stage.play("wait refused can't be undone: declared irreversible\n").await.unwrap();
            assert_eq!((report.tries.len(), manifest(&work)), (0, original));
        } else {
            assert!(report.is_left && report.tries.len() == 2, "{report:?}");
            stage.play("tries-stopped try 2 did what can't be undone\nfile NOTES.md :: good three\n").await.unwrap();
            stage.play("wait note the run stays as it is\n").await.unwrap();
        }
        stage.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_models_and_numbers_are_refused_before_anything() {
    let scenario = scene("", CHECK);
    let Some(mut stage) = ended(&scenario).await else { return };
    let work = stage.folder.path().join("work");
    let (original, before) = (manifest(&work), stage.state.last);
    for (asked, why) in [
        ("try 2 fast caerful", "did you mean `careful`?"),
        ("try 1 script:nowhere.toml", "nowhere.toml"),
        ("try 0", "at least 1"),
        ("try 51 fast careful", "at most 100"),
    ] {
        stage.play(&format!("plan editor/writer\nwait plan\n{asked}\nwait refused {why}\n")).await.unwrap();
    }
    stage.play("plan editor/writer\nwait plan\nretry-with nobody\nwait refused no role of [models]\n").await.unwrap();
    assert_eq!((manifest(&work), stage.session.log.with(|state| state.last)), (original, before));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_the_run_holds_over_all_tries() {
    let mut scenario = scene("[limits]\nmax_tokens = 700\n", CHECK);
    scenario.workspace.insert("more".to_owned(), "x".to_owned());
    let Some(mut stage) = ended(&scenario).await else { return };
    let original = manifest(&stage.folder.path().join("work"));
    stage
        .play("plan editor/writer\nwait plan\ntry 9 careful\nwait tries choosing\ntries-stopped max_tokens\n")
        .await
        .unwrap();
    let report = stage.tries.clone().unwrap();
    assert!(report.tries.len() < 9 && report.tries.last().unwrap().failure.is_some(), "{report:?}");
    assert_eq!(manifest(&stage.folder.path().join("work")), original);
    stage.play("keep none\nwait tries over\n").await.unwrap();
    stage.close().await;
}

/// The sum that the verify command of [`SUM`] fails with, of the workspace as it is now.
fn sum(work: &Path) -> String {
    let output = Process::new("sh").arg("-c").arg(SUM).current_dir(work).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Any sequence of changes: the workspace of a kept try is, byte for byte, the one that it was judged by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_try_is_as_it_was_judged_whatever_it_did() {
    const STEPS: [&str; 9] = [
        "echo a > a",
        "mkdir -p d/e && echo b > d/e/b",
        "rm -rf d",
        "mv old.txt moved.txt",
        "echo more >> keep.txt",
        "chmod 700 keep.txt",
        "ln -sf keep.txt link",
        "rm -f keep.txt old.txt",
        "mkdir -p old.dir && cp -r d old.dir/d2; true",
    ];
    for seed in 0_u32..6 {
        let mut random = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
        let mut next = |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) % below
        };
        let mut writes = Vec::new();
        for attempt in 1..=4 {
            let calls: Vec<String> = (0..=next(3))
                .map(|_| match next(3) {
                    0 => write_file("NOTES.md", &format!("notes {}", next(3))),
                    1 => remember("x"),
                    _ => bash(STEPS[next(9) as usize]),
                })
                .collect();
            writes.push((Some(attempt), calls.join(", ")));
        }
        let mut scenario = scene(VERIFY, SUM);
        let writes: Vec<(Option<u32>, &str)> = writes.iter().map(|(attempt, calls)| (*attempt, &calls[..])).collect();
        scenario.replies = replies("fast", &writes);
        let Some(mut stage) = ended(&scenario).await else { return };
        let work = stage.folder.path().join("work");
        let original = manifest(&work);
        stage.play("plan editor/writer\nwait plan\ntry 3\nwait tries choosing\n").await.unwrap();
        assert_eq!(manifest(&work), original, "seed {seed}");
        let report = stage.tries.clone().unwrap();
        let kept = 1 + next(3) as usize;
        let judged = report.tries[kept - 1].verdict.line().unwrap().to_owned();
        stage.play(&format!("keep {kept}\nwait tries over\n")).await.unwrap();
        assert_eq!(sum(&work), judged, "seed {seed}: try {kept}");
        // Again, from the kept one.
        let kept_work = manifest(&work);
        stage.play("plan editor/reviewer\nwait plan\ntry 2\nwait tries choosing\n").await.unwrap();
        assert_eq!(manifest(&work), kept_work, "seed {seed}");
        stage.order(Command::KeepTry { number: None }).unwrap();
        stage.play("wait tries over\nundo-span editor\nwait report\n").await.unwrap();
        assert_eq!(manifest(&work).len(), 3, "seed {seed}");
        stage.close().await;
    }
}

#[test]
fn the_settings_count_every_model() {
    let settings = TrySettings { models: vec!["a".into(), "b".into()], times: 5 };
    assert_eq!(settings.total(), 10);
}
