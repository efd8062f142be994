//! `kill -9` at random moments and at every crash point, while a run records, acts and undoes: after each reopening no
//! effect is without its row, and undoing everything gives the folder of before, byte for byte.
//!
//! A short soak is part of the tests; a long one is
//! `TAMA_TUI_SOAK=1000 cargo test --release -- --ignored kill_soak --nocapture`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tama_tui::model::{CaptureMode, Command, LedgerEntry, SpanId, Update, name_from_bytes};
use tama_tui::pipeline::load;
use tama_tui::runtime::{self, Headless, Mode, Session};
use tama_tui::store::{DataDir, EFFECT_CRASH_POINTS, FAIL_POINTS};

use crate::store::full_disk::{Filled, on_small_disk, room_on, small_disk};
use crate::support::manifest::{Manifest, differences, manifest};
use crate::support::program::set_helper;
use crate::support::wait::{PATIENCE, exit_status};

/// Names the folder of the pipeline that the child works on.
const FOLDER: &str = "TAMA_TUI_TEST_SOAK";
/// Names the task of the child: `run` or `undo`.
const WHAT: &str = "TAMA_TUI_TEST_SOAK_DOES";
/// Names the crash point at which it ends.
const POINT: &str = "TAMA_TUI_CRASH_POINT";
/// Names the file operations that fail.
const FULL: &str = "TAMA_TUI_FAIL_POINT";

/// The child of the tests in this file: does what it is told, until it is killed.
#[test]
#[ignore = "the child of the tests in this file"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    set_helper();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if std::env::var(WHAT).as_deref() == Ok("undo") {
            let mut session = open(&folder).await.unwrap();
            undo_all(&mut session).await;
            session.engine.commands.send(Command::Quit).unwrap();
            session.engine.finish.await.unwrap();
        } else {
            let data = DataDir::open_or_create(folder.join(".tama")).unwrap();
            let mode = Mode::Headless(Headless::default());
            let session = runtime::start(load(&folder).unwrap(), &data, "go".into(), mode).unwrap();
            session.engine.finish.await.unwrap();
        }
    });
}

/// A project whose run changes much, in small steps.
struct Project {
    folder: tempfile::TempDir,
    work: PathBuf,
    before: Manifest,
}

impl Project {
    fn new(lane: CaptureMode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        Self::at(lane, folder, work)
    }

    /// The pipeline and its runs in one folder, the workspace anywhere.
    fn at(lane: CaptureMode, folder: tempfile::TempDir, work: PathBuf) -> Self {
        fs::create_dir_all(work.join("sub/deep")).unwrap();
        for name in ["kept", "edited", "sub/one", "sub/deep/two"] {
            fs::write(work.join(name), format!("{name} of before\n").repeat(50)).unwrap();
        }
        let lane = if lane == CaptureMode::Snapshot { "portable" } else { "auto" };
        let pipeline = format!(
            "[pipeline]\nname = \"soak\"\nentrypoint = \"lead\"\ntask = \"go\"\nworkspace = \"{}\"\n[models]\n\
             default = \"script:replies.toml\"\n[policy]\nallow = [\"tama_*\"]\n[capture]\nlane = \"{lane}\"\n\
             [agents.lead]\npattern = \"react\"\nmax_iter = 50\nprompt = \"lead\"\ntools = [\"tama_bash\", \
             \"tama_files_write\", \"tama_files_delete\", \"tama_mem_append\"]\n",
            work.display()
        );
        fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
        fs::write(folder.path().join("replies.toml"), replies()).unwrap();
        Self { before: manifest(&work), work, folder }
    }

    /// Has a child do something, and waits for its end.
    fn run_child(&self, what: &str, variable: Option<(&str, &str)>) -> ExitStatus {
        exit_status(&mut self.child(what, variable), what)
    }

    fn child(&self, what: &str, variable: Option<(&str, &str)>) -> Child {
        let mut child = Process::new(std::env::current_exe().unwrap());
        child.args(["--exact", "store::soak::child", "--ignored"]).env(FOLDER, self.folder.path()).env(WHAT, what);
        child.envs(variable);
        child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// After a kill: every change has its row, and undoing everything gives the folder of before.
    fn survives(&self) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let Some(mut session) = open(self.folder.path()).await else {
                // Killed before there was a run; then nothing may have happened either.
                return self.is_as_before("killed before the run began");
            };
            self.nothing_is_missing(&session)?;
            undo_all(&mut session).await;
            session.engine.commands.send(Command::Quit).unwrap();
            session.engine.finish.await.unwrap();
            self.is_as_before("undone")
        })
    }

    fn is_as_before(&self, when: &str) -> Result<(), String> {
        let now = manifest(&self.work);
        if now == self.before { Ok(()) } else { Err(format!("{when}: {:?}", differences(&now, &self.before))) }
    }

    fn nothing_is_missing(&self, session: &Session) -> Result<(), String> {
        let now = manifest(&self.work);
        let paths = self.before.keys().chain(now.keys()).filter(|path| self.before.get(*path) != now.get(*path));
        for path in paths {
            let name = name_from_bytes(path);
            let known = session.log.with(|state| {
                state.ledger.entries().iter().any(|entry| entry.record.key.name == name && entry.is_applied())
            });
            if !known {
                return Err(format!("{} changed, and no applied action names it", path.escape_ascii()));
            }
        }
        Ok(())
    }
}

fn replies() -> String {
    let tool = |name: &str, args: serde_json::Value| {
        let args = toml::Value::try_from(args).unwrap();
        format!("{{ name = \"{name}\", args = {args} }}")
    };
    let bash = |command: &str| tool("tama_bash", json!({ "command": command }));
    let write = |path: &str| tool("tama_files_write", json!({ "path": path, "content": format!("new {path}") }));
    let turns = [
        vec![write("kept"), bash("echo more >> edited; mkdir -p made/by; echo x > made/by/shell; chmod 600 kept")],
        vec![tool("tama_mem_append", json!({ "key": "k", "value": "v" })), write("new/deep/file")],
        vec![bash("for i in $(seq 40); do echo $i > made/f$i; done; rm -r sub/deep; ln -s kept link")],
        vec![
            tool("tama_files_delete", json!({ "path": "sub/one" })),
            bash("mv made moved; rm moved/f1*; echo y >> kept"),
        ],
        vec![write("kept"), write("moved/f2"), bash("rm -r moved new; mkdir -p sub/deep; echo again > sub/deep/two")],
    ];
    let mut replies = String::new();
    for (at, calls) in turns.iter().enumerate() {
        writeln!(replies, "[[reply]]\nagent = \"lead\"\ncall = {}\ncalls = [{}]", at + 1, calls.join(", ")).unwrap();
    }
    replies + "[[reply]]\nagent = \"lead\"\ntext = \"end\"\n"
}

/// Opens the project's run; `None`: there is none.
async fn open(folder: &Path) -> Option<Session> {
    let data = DataDir::open_or_create(folder.join(".tama")).unwrap();
    let listed = data.runs().unwrap().into_iter().next()?;
    // A folder without a database is that of a run that never began.
    listed.manifest.as_ref().ok()?;
    let found = data.find(&listed.id.0).unwrap();
    let mode = Mode::Debug { step: false, breakpoints: Vec::new() };
    match runtime::open(found, &data, mode).await {
        Ok(session) => Some(session),
        // A log without a first row is that of a run that never began; the caller sees that nothing happened.
        Err(error) => {
            eprintln!("not begun: {error}");
            None
        }
    }
}

async fn undo_all(session: &mut Session) {
    session.engine.commands.send(Command::UndoSpan { span: SpanId::RUN, deep: true, skip: Vec::new() }).unwrap();
    loop {
        let next = tokio::time::timeout(PATIENCE, session.engine.feed.next()).await.expect("the undo ends in time");
        match next.expect("the engine goes on") {
            Update::Undo(report) => {
                let rows = || {
                    let row = |entry: &LedgerEntry| {
                        let record = &entry.record;
                        format!(
                            "{} {} {:?} {:?} → {:?}",
                            entry.seq, record.key, entry.status, record.old, record.intended
                        )
                    };
                    session.log.with(|state| {
                        state.ledger.entries().iter().map(|entry| row(&entry)).collect::<Vec<_>>().join("\n")
                    })
                };
                let clean = report.conflict.is_none() && report.read_back.differs.is_empty();
                assert!(clean, "{report:?}\n{:?}\n{}", session.notices, rows());
                return;
            }
            Update::Refused(why) if why.contains("nothing to undo") => return,
            Update::Refused(why) => panic!("{why}"),
            _ => {}
        }
    }
}

/// Numbers that look random and are the same each time (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// The time that a child takes when nobody kills it.
fn whole(lane: CaptureMode, what: &str) -> Duration {
    let project = Project::new(lane);
    let started = Instant::now();
    assert!(project.run_child("run", None).success());
    let took = started.elapsed();
    if what == "run" {
        return took;
    }
    let started = Instant::now();
    assert!(project.run_child("undo", None).success());
    project.is_as_before("undone by a child").unwrap();
    started.elapsed()
}

fn kill_after(mut child: Child, wait: Duration) {
    std::thread::sleep(wait);
    drop(child.kill());
    child.wait().unwrap();
}

/// Kills at random moments; how many kills there were.
fn kills(rounds: u64, mut numbers: Numbers) -> u64 {
    let mut killed = 0;
    for lane in [CaptureMode::Overlay, CaptureMode::Snapshot] {
        let (run, undo) = (whole(lane, "run"), whole(lane, "undo"));
        for round in 0..rounds / 2 {
            let project = Project::new(lane);
            let within = |time: Duration, numbers: &mut Numbers| {
                Duration::from_micros(numbers.below(u64::try_from(time.as_micros()).unwrap() + 20_000))
            };
            kill_after(project.child("run", None), within(run, &mut numbers));
            killed += 1;
            if round % 2 == 1 {
                kill_after(project.child("undo", None), within(undo, &mut numbers));
                killed += 1;
            }
            project.survives().unwrap_or_else(|why| panic!("{} lane, round {round}: {why}", lane.name()));
        }
    }
    killed
}

/// Counts of passing a crash point after which the process dies there: the first time, and in the middle of the work.
const PASSINGS: [u32; 2] = [1, 3];

#[test]
fn killed_at_every_crash_point_of_commands_and_undo() {
    use std::os::unix::process::ExitStatusExt;
    let mut passed = std::collections::BTreeSet::new();
    for (point, at) in EFFECT_CRASH_POINTS.iter().flat_map(|point| PASSINGS.map(|at| (*point, at))) {
        let what = if point.starts_with("undo") { "undo" } else { "run" };
        for lane in [CaptureMode::Overlay, CaptureMode::Snapshot] {
            eprintln!("{} lane: {point}:{at}", lane.name());
            let project = Project::new(lane);
            if what == "undo" {
                assert!(project.run_child("run", None).success());
            }
            let ended = project.run_child(what, Some((POINT, &format!("{point}:{at}"))));
            if ended.signal().is_some() {
                passed.insert(point);
            }
            project.survives().unwrap_or_else(|why| panic!("{} lane, {point}:{at}: {why}", lane.name()));
        }
    }
    let missed: Vec<_> = EFFECT_CRASH_POINTS.iter().filter(|point| !passed.contains(*point)).collect();
    assert!(missed.is_empty(), "nobody passes {missed:?}");
}

/// The n-th file operation of its kind, and all after it, fail as on a full disk.
fn file_operations_fail(from: &[u32]) {
    for (point, from) in FAIL_POINTS.iter().flat_map(|point| from.iter().map(move |from| (*point, from))) {
        for (lane, what) in
            [(CaptureMode::Overlay, "run"), (CaptureMode::Snapshot, "run"), (CaptureMode::Overlay, "undo")]
        {
            let project = Project::new(lane);
            if what == "undo" {
                assert!(project.run_child("run", None).success());
            }
            let full = format!("{point}:{from}");
            // It may end well (the operation is rare), with an error, or with a panic of the test's own.
            project.run_child(what, Some((FULL, &full)));
            project.survives().unwrap_or_else(|why| panic!("{} lane, {what}, {full}: {why}", lane.name()));
        }
    }
}

#[test]
fn a_disk_that_is_full_while_commands_are_recorded_or_undone_loses_nothing() {
    file_operations_fail(&[1, 4]);
}

/// The folders that are on the small disk.
#[derive(Debug, Clone, Copy)]
enum Small {
    /// The workspace and the runs.
    Everything,
    /// The workspace alone: what is recorded has room, what lands or is put back has none.
    Workspace,
}

impl Small {
    fn project(self, disk: &Path, lane: CaptureMode) -> Project {
        match self {
            Self::Everything => {
                let folder = tempfile::tempdir_in(disk).unwrap();
                let work = folder.path().join("work");
                Project::at(lane, folder, work)
            }
            Self::Workspace => {
                // Of a new one each time, so that nothing of the last is there.
                let work = disk.join("work");
                drop(fs::remove_dir_all(&work));
                Project::at(lane, tempfile::tempdir().unwrap(), work)
            }
        }
    }
}

/// Carries one thing out with less and less room, in steps of so many bytes (or in so few steps); how many there were.
fn with_less_room(disk: &Path, small: Small, lane: CaptureMode, what: &str, steps: Option<u64>) -> u64 {
    let prepared = || {
        let project = small.project(disk, lane);
        if what == "undo" {
            assert!(project.run_child("run", None).success());
        }
        project
    };
    let carry_out = |project: &Project| project.run_child(what, None);
    // How much it takes when there is enough: what is used in the end, and as much again for what comes and goes.
    let project = prepared();
    let before = room_on(disk);
    assert!(carry_out(&project).success());
    let takes = 2 * before.saturating_sub(room_on(disk)) + 256 * 1024;
    drop(project);
    let step = steps.map_or(16_384, |steps| (takes / steps).next_multiple_of(4096));
    let mut tried = 0;
    for room in (0..takes).step_by(usize::try_from(step).unwrap()) {
        let project = prepared();
        let filled = Filled::leaving(disk, room);
        carry_out(&project);
        drop(filled);
        let lane = lane.name();
        project.survives().unwrap_or_else(|why| panic!("{small:?}, {lane} lane, {what}, {room} bytes free: {why}"));
        tried += 1;
    }
    tried
}

fn on_less_and_less_room(steps: Option<u64>) {
    let Some(disk) = small_disk() else { return };
    for small in [Small::Everything, Small::Workspace] {
        for (lane, what) in [CaptureMode::Overlay, CaptureMode::Snapshot]
            .into_iter()
            .flat_map(|lane| ["run", "undo"].map(|what| (lane, what)))
        {
            let tried = with_less_room(&disk, small, lane, what, steps);
            println!("{small:?} on a small disk, {} lane, {what}: {tried} amounts of room", lane.name());
        }
    }
}

#[test]
#[ignore = "the child of the test below, on a small disk"]
fn few_amounts_of_room() {
    on_less_and_less_room(Some(3));
}

#[test]
#[ignore = "the child of the soak below, on a small disk"]
fn every_amount_of_room() {
    on_less_and_less_room(None);
}

#[test]
fn a_small_disk_that_fills_up_loses_nothing() {
    on_small_disk("store::soak::few_amounts_of_room");
}

#[test]
#[ignore = "takes long: every amount of room, in steps of 16 kB, and failures early and late"]
fn full_disk_soak() {
    file_operations_fail(&[1, 2, 4, 7, 11, 16]);
    on_small_disk("store::soak::every_amount_of_room");
}

#[test]
fn a_few_kills_lose_nothing() {
    assert!(kills(12, Numbers(0x5eed)) >= 12);
}

#[test]
#[ignore = "takes long: TAMA_TUI_SOAK says how many rounds"]
fn kill_soak() {
    let rounds = std::env::var("TAMA_TUI_SOAK").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1000);
    let seed = u64::from(std::process::id()) << 20 | 0x5eed;
    let killed = kills(rounds, Numbers(seed));
    eprintln!("{killed} kills, nothing lost (seed {seed})");
}
