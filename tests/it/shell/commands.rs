//! Shell commands, each undone to a byte-identical tree, and redone, in both lanes.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command as Process;

use serde_json::json;
use tama_tui::model::{ActionStatus, CaptureMode, Command, name_from_bytes};

use crate::engine::scenario::{Scenario, Stage};
use crate::support::manifest::{Manifest, differences, manifest};
use crate::support::skip::{Capability, skip};
use crate::support::wait::Meeting;

/// One command.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Run by a plain `bash` in the workspace beforehand.
    pub(super) setup: &'static str,
    pub(super) command: &'static str,
    timeout: u64,
    /// True when the command changes the workspace.
    changes: bool,
    /// A part of the output that the model gets.
    told: &'static str,
    /// The same in the overlay's capture mode, where it differs.
    told_over: Option<&'static str>,
}

impl Case {
    fn needs_git(&self) -> bool {
        [self.setup, self.command].iter().any(|script| script.contains("git "))
    }
}

const fn case(name: &'static str, setup: &'static str, command: &'static str) -> Case {
    Case { name, setup, command, timeout: 60, changes: true, told: "[exit code 0]", told_over: None }
}

pub(super) const CASES: &[Case] = &[
    case("overwrite", "echo old > f; chmod 640 f", "echo new > f"),
    case("append", "echo old > f", "echo more >> f"),
    case("truncate", "echo old > f", ": > f"),
    case("same size, mtime put back", "echo aaa > f", "m=$(stat -c %y f); echo bbb > f; touch -d \"$m\" f"),
    case("chmod", "echo x > f; mkdir d", "chmod 4711 f; chmod 700 d"),
    case("mv over an existing file", "echo a > a; echo b > b; chmod 600 b", "mv a b"),
    case("mv of a directory", "mkdir -p d/e/empty; echo x > d/e/f; ln -s f d/e/l; chmod 750 d/e", "mv d moved"),
    case("rm -rf", "mkdir -p d/e/f; echo x > d/e/f/g; echo y > d/h; ln -s ../nowhere d/l", "rm -rf d"),
    case("a link becomes a file", "echo x > t; ln -s t l", "rm l; echo file > l"),
    case("a file becomes a link", "echo x > t; echo y > l", "rm l; ln -s t l"),
    case("a link becomes a file and a link again", "ln -s t l", "rm l; echo file > l; rm l; ln -s u l"),
    case("a file becomes a folder", "echo x > p", "rm p; mkdir p; echo y > p/q"),
    case("a folder becomes a file", "mkdir -p p/q; echo y > p/q/r", "rm -r p; echo x > p"),
    case("a folder is made anew", "mkdir p; echo y > p/q; echo z > p/z", "rm -r p; mkdir p; echo new > p/q"),
    case("a hardlinked pair", "echo x > a; ln a b", "echo more >> a; chmod 600 b"),
    case("empty directories", "mkdir -p gone/deep", "mkdir -p new/deep; rmdir gone/deep"),
    case("wild names", "", "echo x > $'a\\nb'; mkdir $'d\\xff'; echo y > $'d\\xff/\\xc3('; ln -s $'\\xfe' $'l\\xfd'"),
    case("a name of spaces", "echo x > ' '", "echo y >> ' '; mkdir '  '; echo z > '  / '"),
    case("wild names removed", "echo x > $'a\\nb'; mkdir $'d\\xff'; echo y > $'d\\xff/\\xc3('", "rm -r *"),
    case(
        "100 MB",
        "head -c 100000000 /dev/zero > big",
        "printf x | dd of=big bs=1 seek=50000000 conv=notrunc 2>/dev/null; cp big copy",
    ),
    case(
        "a nested repository with a commit",
        "mkdir sub; cd sub; git init -q; echo x > f; git add f; git -c user.name=t -c user.email=t@t commit -qm one",
        "cd sub; echo y >> f; git -c user.name=t -c user.email=t@t commit -qam two",
    ),
    case(
        "git init and a commit",
        "echo x > f",
        "git init -q && git add f && git -c user.name=t -c user.email=t@t commit -qm one",
    ),
    case(
        "files that git ignores",
        "git init -q; echo '*.log' > .gitignore; echo x > a.log; mkdir target; echo y > target/o; echo target >> .gitignore",
        "echo z >> a.log; rm -r target; echo new > b.log",
    ),
    case(
        "unwritable folders",
        "mkdir d; echo x > d/f; chmod 555 d",
        "chmod 755 d; echo y > d/f; mkdir d/new; chmod 500 d/new; chmod 555 d",
    ),
    case(
        "many",
        "for i in $(seq 300); do mkdir -p d$((i%7)); echo $i > d$((i%7))/f$i; done",
        "sed -i s/1/one/ d*/f*; rm d3/*; mv d4 d9",
    ),
    case("the workspace's own mode", "echo x > f", "echo y > g; rm f; chmod 711 ."),
    case("a workspace that is closed at the end", "echo x > f; mkdir d", "echo y > d/g; mv f h; chmod 500 ."),
    case("nothing but the workspace's own mode", "", "chmod 1770 ."),
    Case { changes: false, ..case("a touch is no change", "echo x > f", "touch f; cat f > /dev/null") },
    Case {
        told: "no undo: pipe",
        told_over: Some("[not applied, because pipes, sockets and devices stay with their command: pipe]"),
        changes: true,
        ..case("a pipe is left alone, and said", "echo x > f", "mkfifo pipe; echo y > f")
    },
];

fn scenario(case: &Case, lane: CaptureMode, extra: &str) -> Scenario {
    let lane = if lane == CaptureMode::Snapshot { "portable" } else { "auto" };
    let args = json!({ "command": case.command, "timeout": case.timeout });
    let args = toml::Value::try_from(args).unwrap();
    Scenario {
        about: case.name.into(),
        pipeline: format!(
            "[pipeline]\nname = \"commands\"\nentrypoint = \"lead\"\ntask = \"go\"\nworkspace = \"work\"\n[models]\n\
             default = \"script:replies.toml\"\n[policy]\nallow = [\"tama_*\"]\n[capture]\nlane = \"{lane}\"\n{extra}\n\
             [agents.lead]\npattern = \"react\"\ntools = [\"tama_bash\"]\nprompt = \"lead\"\n"
        ),
        replies: format!(
            "[[reply]]\nagent = \"lead\"\ncall = 1\ncalls = [{{ name = \"tama_bash\", args = {args} }}]\n\
             [[reply]]\nagent = \"lead\"\ntext = \"end\"\n"
        ),
        ..Scenario::default()
    }
}

/// A scenario of one command.
pub fn scenario_of(name: &'static str, command: &'static str, lane: CaptureMode, extra: &str) -> Scenario {
    scenario(&case(name, "", command), lane, extra)
}

/// A stage whose workspace is set up; the run waits at its first gate.
fn stage(case: &Case, lane: CaptureMode) -> Stage {
    let mut scenario = scenario(case, lane, "");
    scenario.step = true;
    let stage = Stage::set(&scenario);
    bash(&stage.folder.path().join("work"), case.setup);
    stage
}

fn bash(folder: &Path, script: &str) {
    let done = Process::new("bash").arg("-ec").arg(script).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A stage in this lane; where that can't be had, the test is skipped.
async fn in_lane(mut stage: Stage, lane: CaptureMode) -> Option<Stage> {
    stage.has_lane(lane).await.then_some(stage)
}

/// A stage in the overlay lane; where that can't be had, the test is skipped.
async fn overlaid(stage: Stage) -> Option<Stage> {
    in_lane(stage, CaptureMode::Overlay).await
}

async fn check(case: &Case, lane: CaptureMode) -> Result<(), String> {
    let Some(mut stage) = in_lane(stage(case, lane), lane).await else { return Ok(()) };
    let work = stage.folder.path().join("work");
    let before = manifest(&work);
    stage.play("wait paused lead/llm\ncontinue lead/llm\nwait end").await?;
    let told = stage.output_of("lead/tama_bash")?;
    let wanted = case.told_over.filter(|_| lane == CaptureMode::Overlay).unwrap_or(case.told);
    if !told.contains(wanted) {
        return Err(format!("{}: the model was told {told:?}", case.name));
    }
    let after = manifest(&work);
    if (before != after) != case.changes {
        return Err(format!("{}: changed {:?}", case.name, differences(&before, &after)));
    }
    named(&stage, &before, &after)?;
    if !case.changes {
        stage.close().await;
        return Ok(());
    }
    stage.play("undo-span run\nwait report").await?;
    restored(&stage)?;
    let left: Manifest = manifest(&work).into_iter().filter(|(path, _)| path != b"pipe").collect();
    if left != before {
        return Err(format!("{}: undone, and still {:?}", case.name, differences(&before, &left)));
    }
    redo_all(&mut stage).await?;
    let again = manifest(&work);
    if again != after {
        return Err(format!("{}: redone, and not as it was: {:?}", case.name, differences(&after, &again)));
    }
    stage.close().await;
    Ok(())
}

/// Every path that differs is an action's.
fn named(stage: &Stage, before: &Manifest, after: &Manifest) -> Result<(), String> {
    let paths = before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path));
    for path in paths {
        let name = name_from_bytes(path);
        let known = stage.session.log.with(|state| {
            state.ledger.entries().iter().any(|entry| entry.record.key.kind.is_path() && entry.record.key.name == name)
        });
        if !known {
            return Err(format!("{} changed, and no action names it", path.escape_ascii()));
        }
    }
    Ok(())
}

fn restored(stage: &Stage) -> Result<(), String> {
    let report = stage.report().ok_or("no report")?;
    let read_back = &report.read_back;
    if report.conflict.is_some() || read_back.restored != read_back.total || read_back.total == 0 {
        return Err(format!("not restored: {report:?}"));
    }
    Ok(())
}

/// Redoes every undone action, oldest first.
async fn redo_all(stage: &mut Stage) -> Result<(), String> {
    let undone: Vec<_> = stage.session.log.with(|state| {
        let entries = state.ledger.entries().iter().filter(|entry| entry.status == ActionStatus::Undone);
        entries.map(|entry| entry.seq).collect()
    });
    for action in undone {
        let report = stage.reported(Command::Redo { action }).await?;
        if report.redone != [action] {
            return Err(format!("not redone: {report:?}"));
        }
    }
    Ok(())
}

async fn table(lane: CaptureMode) {
    let wanted = std::env::var("COMMAND_CASE").unwrap_or_default();
    let mut failed = Vec::new();
    let has_git = Process::new("git").arg("--version").output().is_ok();
    for case in CASES.iter().filter(|case| case.name.contains(&wanted)) {
        if case.needs_git() && !has_git {
            skip(Capability::Git, format_args!("{:?} needs git", case.name));
            continue;
        }
        eprintln!("{} lane: {}", lane.name(), case.name);
        failed.extend(check(case, lane).await.err());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_is_undone_and_redone_in_the_overlay_lane() {
    table(CaptureMode::Overlay).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_is_undone_and_redone_in_the_portable_lane() {
    table(CaptureMode::Snapshot).await;
}

fn read(stage: &Stage, name: &str) -> Option<String> {
    std::fs::read_to_string(stage.folder.path().join("work").join(name)).ok()
}

/// Runs one command to the run's end; where the lane can't be had, the test is skipped.
async fn run_to_end(case: &Case, lane: CaptureMode) -> Option<Stage> {
    let mut stage = in_lane(stage(case, lane), lane).await?;
    stage.play("wait paused lead/llm\ncontinue lead/llm\nwait end").await.unwrap();
    Some(stage)
}

const BOTH: [CaptureMode; 2] = [CaptureMode::Overlay, CaptureMode::Snapshot];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_killed_by_its_time_out_leaves_nothing_or_what_is_on_record() {
    let slow = Case { timeout: 1, ..case("killed", "echo x > f", "echo y > f; echo z > g; sleep 100") };
    for lane in BOTH {
        let Some(mut stage) = run_to_end(&slow, lane).await else { continue };
        assert!(stage.output_of("lead/tama_bash").unwrap().contains("timed out"));
        if lane == CaptureMode::Overlay {
            assert_eq!((read(&stage, "f").as_deref(), read(&stage, "g")), (Some("x\n"), None));
            assert!(stage.session.log.with(|state| state.ledger.entries().is_empty()));
        } else {
            assert_eq!(read(&stage, "f").as_deref(), Some("y\n"));
            stage.play("undo-span run\nwait report").await.unwrap();
            restored(&stage).unwrap();
            assert_eq!((read(&stage, "f").as_deref(), read(&stage, "g")), (Some("x\n"), None));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_background_child_is_gone_before_the_outcome() {
    // The child has the pipe open for as long as it lives, as has every process that it starts.
    let child = "setsid sh -c 'exec 9< ../alive; echo > ready; sleep 600; echo late > late' > /dev/null 2>&1 &";
    let command = format!("({child}) ; until [ -e ready ]; do sleep 0.01; done; rm ready; echo now > f");
    let case = Case { timeout: 15, ..case("background", "", command.leak()) };
    for lane in BOTH {
        let Some(mut stage) = in_lane(stage(&case, lane), lane).await else { continue };
        let meeting = Meeting::at(stage.folder.path().join("alive"));
        stage.play("wait paused lead/llm\ncontinue lead/llm").await.unwrap();
        let child = tokio::task::spawn_blocking(move || meeting.reader()).await.unwrap();
        stage.play("wait end").await.unwrap();
        assert!(child.is_gone(), "{} lane", lane.name());
        assert!(stage.output_of("lead/tama_bash").unwrap().contains("[exit code 0]"), "it was there before");
        assert_eq!(read(&stage, "late"), None, "{} lane", lane.name());
        assert_eq!(read(&stage, "f").as_deref(), Some("now\n"));
        assert_eq!(stage.session.log.with(|state| state.ledger.entries().len()), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_data_folder_is_out_of_reach() {
    let wreck = Case {
        told: "",
        changes: false,
        ..case("data folder", "", "rm -rf ../.tama; echo x > ../.tama/y; ls -A ../.tama; true")
    };
    for lane in BOTH {
        let Some(mut stage) = run_to_end(&wreck, lane).await else { continue };
        let folder = stage.session.folder.clone().unwrap();
        assert!(folder.database().exists(), "{} lane", lane.name());
        assert!(!stage.folder.path().join(".tama/y").exists());
        stage.play("reopen\nstatus ok").await.unwrap();
    }
}

/// A stage that stops after the tool.
async fn held(case: &Case) -> Option<Stage> {
    let mut stage = overlaid(stage(case, CaptureMode::Overlay)).await?;
    let play = "wait paused lead/llm\nbreak after-tool\ncontinue lead/llm\nwait at lead/tama_bash after-tool";
    stage.play(play).await.unwrap();
    Some(stage)
}

const WRECK: Case =
    case("wreck", "echo x > f; mkdir d; echo y > d/g", "echo wrecked > f; rm -r d; echo new > n; echo done");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_looked_at_before_they_land() {
    let Some(mut stage) = held(&WRECK).await else { return };
    let work = stage.folder.path().join("work");
    let before = manifest(&work);
    let held: Vec<ActionStatus> =
        stage.session.log.with(|state| state.ledger.entries().iter().map(|entry| entry.status).collect());
    assert_eq!(held, [ActionStatus::Held; 4]);
    assert_eq!(read(&stage, "f").as_deref(), Some("x\n"));
    // What it printed is there to decide by.
    stage
        .play(
            r#"inspect lead/tama_bash
            wait detail
            shows its changes are held
            shows done\n[exit code 0]
            shows title: "held changes", note: "4"
            shows letter: 'M', key: "f"
            shows letter: 'D', key: "d/g"
            shows letter: 'A', key: "n""#,
        )
        .await
        .unwrap();
    stage.play("apply lead/tama_bash\nwait end").await.unwrap();
    assert_eq!((read(&stage, "f").as_deref(), read(&stage, "n").as_deref()), (Some("wrecked\n"), Some("new\n")));
    assert!(!work.join("d").exists());
    stage.play("undo-span run\nwait report\nrestored 4/4").await.unwrap();
    assert_eq!(manifest(&work), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_changes_never_land() {
    let Some(mut stage) = held(&WRECK).await else { return };
    let work = stage.folder.path().join("work");
    let before = manifest(&work);
    stage.play("discard lead/tama_bash\nwait end").await.unwrap();
    assert_eq!(manifest(&work), before);
    let told = stage.output_of("lead/tama_bash").unwrap();
    assert!(told.contains("done") && told.contains("its changes were discarded: the user discarded them"), "{told}");
    let statuses: Vec<ActionStatus> =
        stage.session.log.with(|state| state.ledger.entries().iter().map(|entry| entry.status).collect());
    assert_eq!(statuses, [ActionStatus::NotApplied; 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_agents_changes_can_be_dropped_and_it_goes_no_further_untold() {
    let mut scenario = scenario(&case("stale", "", "echo x > a"), CaptureMode::Overlay, "");
    let second = "{ name = \"tama_bash\", args = { command = \"echo y > b\" } }";
    scenario.replies = scenario.replies.replacen(" }]\n", &format!(" }}, {second}]\n"), 1);
    scenario.step = true;
    let Some(mut stage) = overlaid(Stage::set(&scenario)).await else { return };
    let play = "wait paused lead/llm\nbreak after-tool\ncontinue lead/llm\nwait at lead/tama_bash after-tool\n\
                apply lead/tama_bash\nwait at lead/tama_bash#2 after-tool\nundo lead\nwait report\nno-file a\n\
                apply lead/tama_bash#2\nwait refused were undone\ndiscard lead/tama_bash#2\n\
                wait at lead/llm#2 before-llm\nno-file b\ncontinue lead/llm#2\nwait refused were undone\n\
                continue-told lead/llm#2\nwait end\nstatus ok\ninspect lead/llm#2\nwait detail\nshows The user undid";
    stage.play(play).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_someone_else_writes_meanwhile_is_a_conflict_and_survives() {
    let Some(mut stage) = held(&WRECK).await else { return };
    std::fs::write(stage.folder.path().join("work/f"), "someone else's").unwrap();
    stage.play("apply lead/tama_bash\nwait at lead/tama_bash after-tool").await.unwrap();
    // Still held, or stopped anew: wait until the second look is on record.
    stage.play("wait noted-conflict").await.unwrap();
    assert_eq!(read(&stage, "f").as_deref(), Some("someone else's"));
    stage.play("apply lead/tama_bash\nwait end").await.unwrap();
    assert_eq!(read(&stage, "f").as_deref(), Some("wrecked\n"));
    stage.play("undo-span run\nwait report\nrestored 4/4").await.unwrap();
    assert_eq!(read(&stage, "f").as_deref(), Some("someone else's"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_changes_are_applied_and_discarded_one_by_one() {
    let Some(mut stage) = held(&WRECK).await else { return };
    let work = stage.folder.path().join("work");
    // The file in the folder goes; the rest is still held.
    stage.play("apply lead/tama_bash :: d/g\nwait held lead/tama_bash 3").await.unwrap();
    assert!(!work.join("d/g").exists() && work.join("d").exists());
    assert_eq!(read(&stage, "f").as_deref(), Some("x\n"));
    stage.play("discard lead/tama_bash :: f\nwait held lead/tama_bash 2").await.unwrap();
    stage.play("apply lead/tama_bash\nwait end").await.unwrap();
    assert_eq!((read(&stage, "f").as_deref(), read(&stage, "n").as_deref()), (Some("x\n"), Some("new\n")));
    assert!(!work.join("d").exists());
    let told = stage.output_of("lead/tama_bash").unwrap();
    assert!(told.ends_with("[the user discarded the changes of f]"), "{told}");
    stage.play("undo-span run\nwait report\nrestored 3/3").await.unwrap();
    assert_eq!(read(&stage, "d/g").as_deref(), Some("y\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_keeps_a_file_is_kept_too() {
    let Some(mut stage) = held(&WRECK).await else { return };
    let work = stage.folder.path().join("work");
    stage.play("discard lead/tama_bash :: d/g\nwait held lead/tama_bash 2").await.unwrap();
    stage.play("apply lead/tama_bash\nwait end").await.unwrap();
    assert!(work.join("d/g").exists());
    assert_eq!((read(&stage, "f").as_deref(), read(&stage, "n").as_deref()), (Some("wrecked\n"), Some("new\n")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_meanwhile_is_held_anew_without_what_was_discarded() {
    let Some(mut stage) = held(&WRECK).await else { return };
    stage.play("discard lead/tama_bash :: f\nwait held lead/tama_bash 3").await.unwrap();
    std::fs::write(stage.folder.path().join("work/n"), "mine\n").unwrap();
    stage.play("apply lead/tama_bash :: n\nwait noted-conflict\nwait held lead/tama_bash 3").await.unwrap();
    assert_eq!(read(&stage, "n").as_deref(), Some("mine\n"));
    stage.play("discard lead/tama_bash\nwait end").await.unwrap();
    assert_eq!((read(&stage, "f").as_deref(), read(&stage, "n").as_deref()), (Some("x\n"), Some("mine\n")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_changes_of_a_killed_process_never_landed() {
    let Some(mut stage) = held(&WRECK).await else { return };
    let work = stage.folder.path().join("work");
    let before = manifest(&work);
    stage.play("cancel\nwait end").await.unwrap();
    assert_eq!(manifest(&work), before);
    let none = stage
        .session
        .log
        .with(|state| state.ledger.entries().iter().all(|entry| entry.status == ActionStatus::NotApplied));
    assert!(none);
}

/// A file is made, a second command changes it, and the making is undone before that lands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_before_a_change_lands_is_told_and_named() {
    let mut scenario = scenario(&case("make", "", "echo one > f"), CaptureMode::Overlay, "");
    let second = "[[reply]]\nagent = \"lead\"\ncall = 2\n\
        calls = [{ name = \"tama_bash\", args = { command = \"echo two >> f\" } }]\n\
        [[reply]]\nagent = \"lead\"\ntext = \"end\"\n";
    scenario.replies = scenario.replies.replace("[[reply]]\nagent = \"lead\"\ntext = \"end\"\n", second);
    scenario.step = true;
    let Some(mut stage) = overlaid(Stage::set(&scenario)).await else { return };
    let play = "wait paused lead/llm\nbreak after-tool\ncontinue lead/llm\nwait at lead/tama_bash after-tool\n\
        apply lead/tama_bash\nwait at lead/tama_bash#2 after-tool\nundo-key lead :: f\nwait report\n\
        apply-told lead/tama_bash#2\nwait noted-conflict";
    stage.play(play).await.unwrap();
    stage.play("gate lead/tama_bash#2 :: was changed meanwhile by the undo of #").await.unwrap();
    assert_eq!(read(&stage, "f"), None);
}

/// Two branches that write the same file at the same time, and one that minds its own business.
fn rivals() -> Scenario {
    let mut scenario = scenario(&WRECK, CaptureMode::Overlay, "");
    scenario.pipeline = scenario.pipeline.replace("entrypoint = \"lead\"", "entrypoint = \"team\"");
    scenario.pipeline.push_str("[agents.team]\npattern = \"parallel\"\nworkers = [\"one\", \"two\", \"three\"]\n");
    scenario.replies = String::new();
    for (worker, command) in [
        (
            "one",
            "cat f > seen-by-one; echo one > f; until [ -e $OLDPWD/never ]; do sleep 0.05; c=$((c+1)); [ $c -gt 8 ] && exit 0; done",
        ),
        ("two", "echo two > f; sleep 0.5"),
        ("three", "echo three > own"),
    ] {
        let agent = format!("[agents.{worker}]\npattern = \"react\"\ntools = [\"tama_bash\"]\nprompt = \"x\"\n");
        scenario.pipeline.push_str(&agent);
        let args = toml::Value::try_from(json!({ "command": command })).unwrap();
        write!(
            scenario.replies,
            "[[reply]]\nagent = \"*{worker}\"\ncall = 1\ncalls = [{{ name = \"tama_bash\", args = {args} }}]\n"
        )
        .unwrap();
    }
    scenario.replies.push_str("[[reply]]\nagent = \"*\"\ntext = \"end\"\n");
    scenario.workspace.insert("f".into(), "of before\n".into());
    scenario
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_run_side_by_side_and_the_later_one_to_land_is_asked() {
    let Some(mut stage) = overlaid(Stage::set(&rivals())).await else { return };
    stage.play("wait noted-conflict").await.unwrap();
    // Who landed first is there; the other has not landed.
    let first = read(&stage, "f").unwrap();
    let late = if first == "one\n" { "two" } else { "one" };
    stage.play(&format!("apply team/{late}/tama_bash\nwait end")).await.unwrap();
    assert_eq!(read(&stage, "f").unwrap(), format!("{late}\n"));
    assert_eq!(read(&stage, "own").as_deref(), Some("three\n"));
    stage.play("undo-span run\nwait report").await.unwrap();
    restored(&stage).unwrap();
    assert_eq!(read(&stage, "f").as_deref(), Some("of before\n"));
    assert_eq!(manifest(&stage.folder.path().join("work")).len(), 2, "the folder itself, and f");
}
