//! Flipped bytes and truncations of a run's files: it opens with every row, or says what is damaged.
//!
//! Each case changes one file of a small run, opens it, and compares. Cases are carried out by workers, which are this
//! test binary started again: one that dies of a case is started anew behind it, and the case must then be told by the
//! program, whose inspector dies in its place. The whole soak, every byte of every file:
//!
//!     cargo test --release --test it -- --ignored damage_soak --nocapture
//!
//! `TAMA_TUI_DAMAGE_EVERY=7` takes every seventh byte of the database, and every byte of the other files; with
//! `TAMA_TUI_DAMAGE_FROM=0` (to 6) it begins at that one and leaves the other files out, so that shorter soaks add up.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use tama_tui::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, EffectClass, Generation, Key, KeyState, RunId, RunStatus,
    SpanEnd, SpanId, SpanSpec, SpanStart, SpanStatus, TextHash, TraceBody, Try, Undoability,
};
use tama_tui::store::{Access, DataDir, NewRun, RunFolder, RunLog, hash_blob};

use crate::store::crash::{Crash, busy};
use crate::support::program;
use crate::support::wait::exit_status;

/// Names the folder of a worker.
const WORKER: &str = "TAMA_TUI_TEST_DAMAGE";

/// The files that a log is made of.
const FILES: [&str; 5] = ["run.duckdb", "run.duckdb.wal", "run.log", "mark", "manifest.json"];

/// Which bytes of a database the soak changes: every so many, from one on.
const EVERY: &str = "TAMA_TUI_DAMAGE_EVERY";
const FROM: &str = "TAMA_TUI_DAMAGE_FROM";

/// A damage to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// A byte is changed by XOR.
    Flip(usize, u8),
    /// A byte becomes another.
    Set(usize, u8),
    /// The file ends here.
    Cut(usize),
    /// Every byte of a block of the database is changed, from this one on.
    Block(usize),
}

impl Harm {
    /// Does it to a file that is `whole`.
    fn inflict(self, path: &Path, whole: &[u8]) {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        match self {
            Self::Flip(at, with) => file.write_all_at(&[whole[at] ^ with], at as u64).unwrap(),
            Self::Set(at, to) => file.write_all_at(&[to], at as u64).unwrap(),
            Self::Cut(at) => file.set_len(at as u64).unwrap(),
            Self::Block(at) => {
                let flipped: Vec<u8> = whole[block(at, whole)].iter().map(|byte| !byte).collect();
                file.write_all_at(&flipped, at as u64).unwrap();
            }
        }
    }

    /// Puts back what it did.
    fn mend(self, path: &Path, whole: &[u8]) {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        let changed = match self {
            Self::Flip(at, _) | Self::Set(at, _) => at..at + 1,
            Self::Cut(at) => at..whole.len(),
            Self::Block(at) => block(at, whole),
        };
        file.write_all_at(&whole[changed.clone()], changed.start as u64).unwrap();
    }
}

/// A database is three headers and then blocks, each with a checksum.
/// <https://duckdb.org/docs/stable/internals/storage>
const HEADERS: usize = 3 * 4096;
const BLOCK: usize = 16384;

fn block(at: usize, whole: &[u8]) -> Range<usize> {
    at..whole.len().min(at + BLOCK)
}

/// The outcome of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Every row, and no complaint.
    Whole,
    /// It is said that something is wrong.
    Told,
    /// The process that opened it died, or had to be ended.
    Died,
    /// Fewer or other rows, and no complaint.
    Silent,
}

type Case = (&'static str, Harm);

fn start(span: u32, parent: u32, path: &str, spec: SpanSpec) -> TraceBody {
    TraceBody::SpanStarted(SpanStart {
        span: SpanId(span),
        parent: SpanId(parent),
        path: path.into(),
        name: path.rsplit('/').next().unwrap().into(),
        visit: 1,
        attempt: Try(1),
        generation: Generation(1),
        fan: None,
        spec,
        step: None,
        attributes: std::collections::BTreeMap::new(),
    })
}

fn action(at: u32, old: KeyState) -> TraceBody {
    TraceBody::Action(ActionRecord {
        span: SpanId(1),
        tool_span: SpanId(2),
        tool_name: "tama_mem_set".into(),
        key: Key::memory(format!("a key of the memory, number {at}")),
        op: ActionOp::Set,
        old,
        intended: KeyState::Text { text: format!("a value of the memory, number {at}") },
        undo: Undoability::Undo,
    })
}

/// Records a small run: spans, texts, notes, four actions and what became of them, a before-image.
pub fn record(log: &RunLog) {
    let now = |bodies| block_on(log.append_durable(bodies).durable()).unwrap();
    let (task, pipeline) = (log.text("the task of the run"), log.text("{\"the\":\"pipeline\"}"));
    now(vec![
        TraceBody::RunStarted {
            run: RunId("0abcdef123".into()),
            name: "damage".into(),
            entrypoint: "lead".into(),
            task,
            pipeline,
            workspace: "/w".into(),
            provenance: tama_tui::model::Provenance::default(),
            hash: 1,
        },
        start(1, 0, "lead", SpanSpec::Agent { pattern: "react".into(), input: task, prompt: None, prompt_file: None }),
    ]);
    let args = log.text("{\"key\":\"k\"}");
    now(vec![start(
        2,
        1,
        "lead/tama_mem_set",
        SpanSpec::Tool { args, request: args, effect: EffectClass::Reversible },
    )]);
    for at in 0..4 {
        let old = if at == 0 { KeyState::Absent } else { KeyState::Text { text: format!("what was there {at}") } };
        let seq = now(vec![action(at, old)]);
        let after = KeyState::Text { text: format!("a value of the memory, number {at}") };
        now(vec![TraceBody::ActionEvent(ActionEvent {
            action: seq,
            change: ActionChange::Applied { after, kept: false },
        })]);
        now(vec![TraceBody::Note { span: None, error: false, text: format!("a note of its own, number {at}") }]);
    }
    log.recorder().put_blob(b"what a file was like").unwrap();
    let output = Some(log.text("what came out of it"));
    now(vec![
        TraceBody::SpanEnded(SpanEnd { output, ..SpanEnd::new(SpanId(2), SpanStatus::Ok) }),
        TraceBody::SpanEnded(SpanEnd { output, ..SpanEnd::new(SpanId(1), SpanStatus::Ok) }),
        TraceBody::RunStatus { status: RunStatus::Ok, text: output },
    ]);
}

pub fn new_run() -> NewRun {
    NewRun {
        name: "damage".into(),
        task: "the task of the run".into(),
        entrypoint: "lead".into(),
        workspace: "/w".into(),
        pipeline_file: Some("/w/pipeline.toml".into()),
        provenance: tama_tui::model::Provenance::default(),
    }
}

/// Two data folders, each with one small run: one that was closed, and one as `kill -9` leaves it.
fn samples(home: &Path) -> [(&'static str, PathBuf); 2] {
    let data = DataDir::open_or_create(home.join("closed")).unwrap();
    let (log, folder) = data.create_run(new_run(), Box::new(|_| ())).unwrap();
    record(&log);
    folder.update_manifest(|manifest| log.with(|state| manifest.follow(state))).unwrap();
    let killed = home.join("killed");
    copy_with_log(&log, folder.path(), || copy(data.path(), &killed));
    let logged = run_of(&killed).path().join("run.log");
    let entries = entries_of(&logged);
    fs::write(logged, entries).unwrap();
    log.recorder().close().unwrap();
    [("closed", home.join("closed")), ("killed", killed)]
}

/// A log file without the zeros that follow its entries.
fn entries_of(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap_or_default();
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(used);
    bytes
}

/// Copies a run that is open, with some rows in its database and some in its log file.
pub fn copy_with_log(log: &RunLog, run: &Path, copy: impl Fn()) {
    let logged = || entries_of(&run.join("run.log")).len();
    loop {
        while logged() > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        for at in 0..10 {
            let note = TraceBody::Note { span: None, error: false, text: format!("in the log file, number {at}") };
            block_on(log.append_durable(vec![note]).durable()).unwrap();
        }
        let before = logged();
        copy();
        if before > 0 && logged() == before {
            return;
        }
    }
}

/// Copies a folder; the files of a run in an order in which they can be copied while rows are moved.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let mut entries: Vec<_> = fs::read_dir(from).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(|entry| (entry.file_name().to_string_lossy().starts_with("run.duckdb"), entry.file_name()));
    for entry in entries {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn run_of(data: &Path) -> RunFolder {
    let mut runs = DataDir::open_or_create(data).unwrap().runs().unwrap();
    runs.remove(0).folder
}

/// Everything that a run has: its events, the texts they name, and its manifest.
fn content(run: &RunFolder) -> Result<(String, Vec<String>), String> {
    let opened = run.open(Box::new(|_| ()), Access::ReadOnly).map_err(|error| error.to_string())?;
    let named: Vec<TextHash> = opened.events.iter().flat_map(|event| named_texts(&event.body)).collect();
    // What is missing here was not told when the run was opened.
    let texts: BTreeMap<_, _> = opened.log.recorder().texts(&named).unwrap_or_default().into_iter().collect();
    let mut damage = opened.damage;
    let manifest = run.manifest().map_err(|error| damage.push(error.to_string())).ok();
    let events: Vec<String> = opened.events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    Ok((format!("{events:?} {texts:?} {manifest:?}"), damage))
}

fn named_texts(body: &TraceBody) -> Vec<TextHash> {
    match body {
        TraceBody::RunStarted { task, pipeline, .. } => vec![*task, *pipeline],
        TraceBody::SpanStarted(SpanStart { spec: SpanSpec::Tool { args, .. }, .. }) => vec![*args],
        TraceBody::SpanEnded(end) => end.output.into_iter().collect(),
        _ => Vec::new(),
    }
}

fn try_case(run: &RunFolder, whole: &str) -> Outcome {
    match content(run) {
        Err(_) => Outcome::Told,
        Ok((_, damage)) if !damage.is_empty() => Outcome::Told,
        Ok((found, _)) if found == whole => Outcome::Whole,
        Ok(_) => Outcome::Silent,
    }
}

/// The cases of a worker, from a line of its own on; not a test by itself.
#[test]
#[ignore = "run by the tests of this file, in a process of its own"]
fn worker() {
    use nix::sys::resource::{Resource, setrlimit};
    let Some(home) = std::env::var_os(WORKER).map(PathBuf::from) else { return };
    setrlimit(Resource::RLIMIT_CORE, 0, 0).unwrap();
    setrlimit(Resource::RLIMIT_AS, 4 << 30, 4 << 30).unwrap();
    let run = run_of(&home.join("data"));
    let (whole, damage) = content(&run).unwrap();
    assert!(damage.is_empty(), "{damage:?}");
    let mut done = fs::OpenOptions::new().append(true).open(home.join("done")).unwrap();
    let from = fs::read_to_string(home.join("done")).unwrap().lines().count();
    let cases = fs::read_to_string(home.join("cases")).unwrap();
    let files = FILES.map(|file| (file, fs::read(run.path().join(file)).unwrap_or_default()));
    for case in cases.lines().skip(from) {
        let (file, harm) = parse(case);
        let path = run.path().join(file);
        let (_, before) = files.iter().find(|(name, _)| *name == file).unwrap();
        harm.inflict(&path, before);
        let outcome = try_case(&run, &whole);
        harm.mend(&path, before);
        writeln!(done, "{outcome:?}").unwrap();
    }
}

fn parse(line: &str) -> (&str, Harm) {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |at: usize| words[at].parse::<usize>().unwrap();
    let byte = |at: usize| words[at].parse::<u8>().unwrap();
    let harm = match words[1] {
        "flip" => Harm::Flip(number(2), byte(3)),
        "set" => Harm::Set(number(2), byte(3)),
        "block" => Harm::Block(number(2)),
        _ => Harm::Cut(number(2)),
    };
    (words[0], harm)
}

fn line((file, harm): &Case) -> String {
    match harm {
        Harm::Flip(at, with) => format!("{file} flip {at} {with}\n"),
        Harm::Set(at, to) => format!("{file} set {at} {to}\n"),
        Harm::Cut(at) => format!("{file} cut {at}\n"),
        Harm::Block(at) => format!("{file} block {at}\n"),
    }
}

/// Has a worker carry cases out on its own copy of a run; one that dies is started again behind the case.
fn carry_out(data: &Path, cases: &[Case]) -> Vec<Outcome> {
    const STUCK: Duration = Duration::from_secs(60);
    let home = tempfile::tempdir().unwrap();
    copy(data, &home.path().join("data"));
    let done = home.path().join("done");
    fs::write(&done, "").unwrap();
    fs::write(home.path().join("cases"), cases.iter().map(line).collect::<String>()).unwrap();
    let finished = || fs::read_to_string(&done).unwrap().lines().count();
    while finished() < cases.len() {
        let mut worker = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::damage::worker", "--ignored"])
            .env(WORKER, home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (mut seen, mut since) = (finished(), Instant::now());
        let status = loop {
            if let Some(status) = worker.try_wait().unwrap() {
                break status;
            }
            if finished() > seen {
                (seen, since) = (finished(), Instant::now());
            } else if since.elapsed() > STUCK {
                worker.kill().unwrap();
                break worker.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(
            !status.success() || finished() == cases.len(),
            "a worker left cases out, after {} of them",
            finished()
        );
        if !status.success() {
            let mut told = fs::OpenOptions::new().append(true).open(&done).unwrap();
            writeln!(told, "{:?}", Outcome::Died).unwrap();
            // What it was about to put back.
            fs::remove_dir_all(home.path().join("data")).unwrap();
            copy(data, &home.path().join("data"));
        }
    }
    let outcome = |line: &str| match line {
        "Whole" => Outcome::Whole,
        "Told" => Outcome::Told,
        "Died" => Outcome::Died,
        _ => Outcome::Silent,
    };
    fs::read_to_string(&done).unwrap().lines().map(outcome).collect()
}

/// Carries cases out with two workers, and counts what became of them. What a worker died of must be told by the
/// program without its own death.
fn judge(name: &str, data: &Path, cases: &[Case]) -> BTreeMap<Outcome, usize> {
    // By turns: what is beside each other takes about as long.
    let every_other = |from: usize| cases.iter().copied().skip(from).step_by(2).collect::<Vec<Case>>();
    let outcomes = std::thread::scope(|scope| {
        let first = scope.spawn(|| carry_out(data, &every_other(0)));
        let second = carry_out(data, &every_other(1));
        [first.join().unwrap(), second]
    });
    let mut counts = BTreeMap::new();
    for (at, case) in cases.iter().enumerate() {
        let outcome = &outcomes[at % 2][at / 2];
        *counts.entry(*outcome).or_insert(0) += 1;
        match outcome {
            Outcome::Silent => println!("{name}: in silence: {case:?}"),
            Outcome::Died => {
                println!("{name}: reading it ends the process: {case:?}");
                told_by_the_program(data, case);
            }
            Outcome::Whole | Outcome::Told => {}
        }
    }
    counts
}

/// The program says what is wrong, and ends in order.
fn told_by_the_program(data: &Path, (file, harm): &Case) {
    let home = tempfile::tempdir().unwrap();
    copy(data, home.path());
    let run = run_of(home.path());
    let path = run.path().join(file);
    harm.inflict(&path, &fs::read(&path).unwrap());
    let program =
        program::command().args(["runs", "show", &run.id().0, "--data-dir"]).arg(home.path()).output().unwrap();
    let said = String::from_utf8_lossy(&program.stderr).into_owned();
    let told = said.contains("damaged: ") || program.status.code() == Some(1);
    assert!(program.status.code().is_some() && told, "{file} {harm:?}: {} {said}", program.status);
}

/// Where each row of a run's database is in a file: the hash chain of a row is found nowhere else.
fn rows_in(run: &RunFolder, file: &[u8]) -> Vec<usize> {
    let copied = tempfile::tempdir().unwrap();
    copy(run.path(), copied.path());
    let connection = duckdb::Connection::open(copied.path().join("run.duckdb")).unwrap();
    let sql = "SELECT chain FROM events UNION ALL SELECT chain FROM action_log UNION ALL \
               SELECT chain FROM action_events UNION ALL SELECT chain FROM texts";
    let mut statement = connection.prepare(sql).unwrap();
    let chains: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let find = |chain: &String| file.windows(chain.len()).position(|window| window == chain.as_bytes());
    let found: Vec<usize> = chains.iter().filter_map(find).collect();
    assert_eq!(found.len(), chains.len(), "every row is somewhere in the file");
    found
}

/// Numbers that look random and are the same each time.
fn spread(count: usize, within: usize) -> impl Iterator<Item = usize> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % within.max(1) as u64).unwrap()
    })
    .take(count)
}

/// A change of a byte, of four kinds, that is one whatever the byte is.
fn harm(whole: &[u8], at: usize, which: usize) -> Harm {
    match (which % 4, whole[at]) {
        (0, 1..) => Harm::Set(at, 0x00),
        (1, ..=0xfe) => Harm::Set(at, 0xff),
        _ => Harm::Flip(at, 1 << ((at.wrapping_mul(7) + which) % 8)),
    }
}

fn report(name: &str, counts: &BTreeMap<Outcome, usize>) {
    let of = |outcome| counts.get(&outcome).copied().unwrap_or(0);
    println!(
        "{name}: {} opened whole, {} told, {} ended the process and were told by another, {} in silence",
        of(Outcome::Whole),
        of(Outcome::Told),
        of(Outcome::Died),
        of(Outcome::Silent)
    );
    assert_eq!(of(Outcome::Silent), 0, "{name}");
}

/// The newest stored run.
fn stored(home: &Path) -> (&'static str, PathBuf) {
    let data = home.join("stored");
    DataDir::open_or_create(&data).unwrap();
    copy(&crate::store::sample_runs::newest().join("run"), &data.join("runs/0abcdef123"));
    ("a stored run", data)
}

/// A sample: so many flips of each file, one in every row's bytes, and so many lengths.
fn sample(run: &RunFolder, flips: &[(&'static str, usize)], lengths: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for (file, count) in flips {
        let Ok(bytes) = fs::read(run.path().join(file)) else { continue };
        let rows = if *file == "run.duckdb.wal" || !run.path().join("run.duckdb.wal").exists() && *file == "run.duckdb"
        {
            rows_in(run, &bytes)
        } else {
            Vec::new()
        };
        let more = spread(count.saturating_sub(rows.len()), bytes.len());
        cases.extend(rows.into_iter().chain(more).zip(0..).map(|(at, which)| (*file, harm(&bytes, at, which))));
        let every = (bytes.len() / lengths).max(1);
        cases.extend((0..bytes.len()).step_by(every).take(lengths).map(|at| (*file, Harm::Cut(at))));
    }
    cases
}

#[test]
fn damaged_files_never_lose_rows_in_silence() {
    let home = tempfile::tempdir().unwrap();
    let [closed, killed] = samples(home.path());
    let flips = [
        (closed, [("run.duckdb", 800), ("mark", 60), ("manifest.json", 140)]),
        (killed, [("run.duckdb.wal", 700), ("run.log", 300), ("mark", 100)]),
        (stored(home.path()), [("run.duckdb", 400), ("mark", 30), ("manifest.json", 70)]),
    ];
    let mut flipped = 0;
    for ((name, data), files) in flips {
        let cases = sample(&run_of(&data), &files, 100);
        flipped += cases.iter().filter(|(_, harm)| !matches!(harm, Harm::Cut(_))).count();
        report(name, &judge(name, &data, &cases));
    }
    assert!(flipped >= 2000, "{flipped} positions");
}

/// The blocks of a database that nobody looks at, such as what a checkpoint freed: changed as a whole, they are not
/// missed, although a block that is looked at would fail its checksum. So no single byte in them matters.
fn unread(data: &Path, file: &'static str, whole: &[u8]) -> Vec<usize> {
    let blocks: Vec<usize> = (HEADERS..whole.len()).step_by(BLOCK).collect();
    let cases: Vec<Case> = blocks.iter().map(|at| (file, Harm::Block(*at))).collect();
    let outcomes = carry_out(data, &cases);
    blocks.into_iter().zip(outcomes).filter(|(_, outcome)| *outcome == Outcome::Whole).map(|(at, _)| at).collect()
}

/// Every byte of the database once, but for blocks that nobody looks at, and a cut in each sector.
fn every_byte_of_the_database(data: &Path, file: &'static str, whole: &[u8]) -> Vec<Case> {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let (apart, first) = (number(EVERY).unwrap_or(1), number(FROM).unwrap_or(0));
    let unread = unread(data, file, whole);
    println!("{file}: of {} bytes {} are in blocks that nobody looks at", whole.len(), unread.len() * BLOCK);
    let looked_at = |at: &usize| !unread.iter().any(|from| block(*from, whole).contains(at));
    let bytes = (first..whole.len()).step_by(apart).filter(looked_at).map(|at| harm(whole, at, at));
    let cuts = (0..whole.len()).step_by(512).map(Harm::Cut);
    bytes.chain(cuts).map(|harm| (file, harm)).collect()
}

#[test]
#[ignore = "a soak of an hour: every byte of every file"]
fn damage_soak() {
    let home = tempfile::tempdir().unwrap();
    for (name, data) in samples(home.path()) {
        let run = run_of(&data);
        for file in FILES {
            let Ok(bytes) = &fs::read(run.path().join(file)) else { continue };
            let cases = if file == "run.duckdb" {
                every_byte_of_the_database(&data, file, bytes)
            } else if std::env::var_os(FROM).is_some() {
                continue;
            } else {
                let every = |at| (0..3).map(move |which| harm(bytes, at, which)).chain([Harm::Cut(at)]);
                (0..bytes.len()).flat_map(every).map(|harm| (file, harm)).collect()
            };
            let name = format!("{name} {file}");
            report(&name, &judge(&name, &data, &cases));
        }
    }
}

/// Starts the program in a folder; its exit code, and what it said.
fn tama(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let ended = program::command().args(args).current_dir(folder).env_remove("TAMA_TUI_DATA_DIR").output().unwrap();
    let said = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (ended.status.code(), said.concat())
}

#[test]
fn a_damaged_run_is_salvaged_and_then_undone() {
    let mut crash = Crash::start_with(&busy("text = \"end\"".into()), &[]);
    assert!(exit_status(&mut crash.child, "the run").success());
    let here = crash.folder.path();
    let run = run_of(&here.join(".tama"));
    let connection = duckdb::Connection::open(run.database()).unwrap();
    let lost = "DELETE FROM events WHERE seq IN (SELECT max(seq) FROM events WHERE kind = 'span_started' UNION ALL \
                SELECT min(seq) FROM events WHERE kind = 'span_ended')";
    assert_eq!(connection.execute(lost, []).unwrap(), 2);
    connection.close().unwrap();
    let (code, said) = tama(here, &["undo", &run.id().0]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is missing") && said.contains("tama-tui runs recover"), "{said}");
    let (code, said) = tama(here, &["runs", "show", &run.id().0]);
    assert!(code == Some(0) && said.contains("damaged: row"), "{said}");
    let (code, said) = tama(here, &["runs", "recover", &run.id().0]);
    assert!(code == Some(0) && said.contains("lost 2") && said.contains("damaged-1"), "{said}");
    // What is left may be anybody's.
    let (code, said) = tama(here, &["undo", &run.id().0]);
    assert!(code == Some(3) && said.contains("--workspace"), "{said}");
    let (code, said) = tama(here, &["undo", &run.id().0, "--workspace", "work"]);
    assert_eq!(code, Some(0), "{said}");
    crash.nothing_happened();
    let (code, said) = tama(here, &["runs", "recover", &run.id().0]);
    assert!(code == Some(0) && said.contains("Nothing to recover"), "{said}");
}

#[test]
fn a_damaged_before_image_costs_its_own_action_and_no_other() {
    let mut crash = Crash::start_with(&busy("text = \"end\"".into()), &[]);
    assert!(exit_status(&mut crash.child, "the run").success());
    let here = crash.folder.path();
    let run = run_of(&here.join(".tama"));
    let blob = run.path().join("blobs").join(hash_blob(b"sub/deleted of before\n").to_string());
    fs::write(&blob, "something else").unwrap();
    let (code, said) = tama(here, &["undo", &run.id().0]);
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("have changed since they were stored"), "{said}");
    assert!(!here.join("work/sub/deleted").exists());
    for name in ["kept", "edited"] {
        assert_eq!(fs::read_to_string(here.join("work").join(name)).unwrap(), format!("{name} of before\n"), "{said}");
    }
}

#[test]
fn a_process_that_dies_of_a_run_is_not_this_one() {
    use tama_tui::store::INSPECT;
    let home = tempfile::tempdir().unwrap();
    let [_, (_, killed)] = samples(home.path());
    let run = run_of(&killed);
    let inspected = program::command().arg(INSPECT).arg(run.path()).output().unwrap();
    let verdict: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!((&verdict["damage"], &verdict["error"]), (&serde_json::json!([]), &serde_json::Value::Null));
    assert!(verdict["rows"].as_u64().unwrap() > 20, "{verdict}");
}
