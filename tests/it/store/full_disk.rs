//! A full disk, at every write: what was acknowledged is there, no effect is without its row, the run stands still and
//! says why, and goes on when there is room again.
//!
//! Two ways: file operations that fail when a test says so (`FAIL_POINTS`), and a real small disk (tmpfs in a mount
//! namespace of its own) with less and less room. Where such a namespace is not allowed, the second is skipped.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use futures::executor::block_on;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::statvfs::statvfs;
use tama_tui::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, Key, KeyKind, KeyState, Seq, SpanId, TraceBody, Undoability,
};
use tama_tui::store::{Access, DataDir, FAIL_POINTS, RunFolder, RunLog, StoreError, hash_blob};

use crate::store::crash::{Crash, busy};
use crate::store::damage::new_run;
use crate::support::skip::{Capability, skip};
use crate::support::wait::exit_status;

/// Names the small disk to the process that works on it.
const DISK: &str = "TAMA_TUI_TEST_DISK";

/// Starts one ignored test of this binary with a small disk of its own; false when the system does not allow that, and
/// the test is skipped.
pub fn on_small_disk(test: &str) -> bool {
    let unshare = |command: &[&str]| {
        let mut process = Process::new("unshare");
        process.args(["--map-root-user", "--mount"]).args(command);
        process
    };
    let disk = tempfile::tempdir().unwrap();
    let at = disk.path().to_str().unwrap();
    let allowed = unshare(&["mount", "-t", "tmpfs", "tmpfs", at]).stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        skip(Capability::SmallDisk, "no mount namespace is allowed here");
        return false;
    }
    let exe = std::env::current_exe().unwrap();
    let script = "mount -t tmpfs -o size=16m tmpfs \"$1\" && exec \"$2\" --exact \"$3\" --ignored --nocapture";
    let status = unshare(&["sh", "-c", script, "sh", at, exe.to_str().unwrap(), test]).env(DISK, at).status().unwrap();
    assert!(status.success(), "{test}: {status}");
    true
}

/// A small disk: whose child this is, or `None` when it is nobody's.
pub fn small_disk() -> Option<PathBuf> {
    std::env::var_os(DISK).map(PathBuf::from)
}

/// Takes all room of a disk but so many bytes; dropping it gives the room back.
pub struct Filled(PathBuf);

/// Bytes of room on a disk.
pub fn room_on(disk: &Path) -> u64 {
    let room = statvfs(disk).unwrap();
    room.blocks_available() * room.fragment_size()
}

impl Filled {
    pub fn leaving(disk: &Path, free: u64) -> Self {
        let path = disk.join("fill");
        let file = File::create(&path).unwrap();
        let size = room_on(disk).saturating_sub(free);
        if size > 0 {
            fallocate(&file, FallocateFlags::empty(), 0, i64::try_from(size).unwrap()).unwrap();
        }
        Self(path)
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

/// The acknowledged rows of a recording, and the error that stopped it.
#[derive(Default)]
struct Recorded {
    /// Actions that were acknowledged, and so done, with their before-images.
    done: Vec<(Seq, Vec<u8>)>,
    /// Outcomes that were acknowledged.
    outcomes: Vec<Seq>,
    error: Option<StoreError>,
}

/// Records actions as a tool does, each done only when its row is acknowledged, until something fails.
fn act(log: &RunLog) -> Recorded {
    let mut recorded = Recorded::default();
    for at in 0..12_u8 {
        if let Err(error) = act_once(log, at, &mut recorded) {
            recorded.error = Some(error);
            break;
        }
    }
    recorded
}

fn act_once(log: &RunLog, at: u8, recorded: &mut Recorded) -> Result<(), StoreError> {
    let before: Vec<u8> = (0..6000_u32).map(|byte| at ^ u8::try_from(byte * 7 % 251).unwrap()).collect();
    let blob = log.recorder().put_blob(&before)?;
    let record = ActionRecord {
        span: SpanId(1),
        tool_span: SpanId(2),
        tool_name: "tama_files_write".into(),
        key: Key { kind: KeyKind::File, name: format!("file {at}") },
        op: ActionOp::Set,
        old: KeyState::File { blob, size: before.len() as u64, mode: 0o644 },
        intended: KeyState::Absent,
        undo: Undoability::Undo,
    };
    let seq = block_on(log.append_durable(vec![TraceBody::Action(record)]).durable())?;
    recorded.done.push((seq, before));
    // Texts make the log longer than one page of the disk.
    let _ = log.text(&format!("{at} ").repeat(700));
    let change = ActionChange::Applied { after: KeyState::Absent, kept: false };
    let outcome = TraceBody::ActionEvent(ActionEvent { action: seq, change });
    recorded.outcomes.push(block_on(log.append_durable(vec![outcome]).durable())?);
    Ok(())
}

/// With room again the run opens whole, has everything acknowledged, and goes on.
fn check(folder: &RunFolder, recorded: &Recorded, room: u64) {
    let opened = folder.open(Box::new(|_| ()), Access::ReadWrite).unwrap();
    assert_eq!(opened.damage, Vec::<String>::new(), "{room}");
    let seqs: Vec<Seq> = opened.events.iter().map(|event| event.seq).collect();
    for (seq, before) in &recorded.done {
        assert!(seqs.contains(seq), "{room}: {seq} was done and has no row");
        assert_eq!(&opened.log.recorder().blob(hash_blob(before)).unwrap(), before);
    }
    assert!(recorded.outcomes.iter().all(|seq| seqs.contains(seq)), "{room}");
    let note = TraceBody::Note { span: None, error: false, text: "on".into() };
    block_on(opened.log.append_durable(vec![note]).durable()).unwrap();
    opened.log.recorder().close().unwrap();
}

#[test]
#[ignore = "the child of the test below, on a small disk"]
fn record_on_a_small_disk() {
    let Some(disk) = small_disk() else { return };
    let (mut whole, mut failed) = (0, std::collections::BTreeMap::<String, u32>::new());
    let mut room = 0;
    while whole < 3 {
        let data = DataDir::open_or_create(disk.join("data")).unwrap();
        let (log, folder) = data.create_run(new_run(), Box::new(|_| ())).unwrap();
        let filled = Filled::leaving(&disk, room);
        let recorded = act(&log);
        let manifest = folder.update_manifest(|manifest| log.with(|state| manifest.follow(state)));
        let stopped = log.stopped();
        let closed = log.recorder().close();
        drop(log);
        drop(filled);
        let first = recorded.error.clone().or(manifest.err()).or(closed.err());
        match &first {
            Some(error) => {
                *failed.entry(error.to_string().chars().take(30).collect()).or_default() += 1;
                let written = match &recorded.error {
                    Some(StoreError::File { path, .. }) => !path.contains("blobs"),
                    other => other.is_some(),
                };
                assert_eq!(written, stopped.is_some(), "{room}: {first:?}");
            }
            None => whole += 1,
        }
        check(&folder, &recorded, room);
        data.remove(&folder).unwrap();
        room += 4096;
    }
    println!("a full disk while recording, at {} amounts of room: {failed:?}", room / 4096);
    assert!(failed.len() >= 2, "the disk was full in different places: {failed:?}");
}

#[test]
#[ignore = "the child of the test below, on a small disk"]
fn create_on_a_small_disk() {
    let Some(disk) = small_disk() else { return };
    let mut whole = 0;
    let mut room = 0;
    while whole < 2 {
        let data = DataDir::open_or_create(disk.join("data")).unwrap();
        let filled = Filled::leaving(&disk, room);
        let made = data.create_run(new_run(), Box::new(|_| ()));
        drop(filled);
        match made {
            Ok((log, folder)) => {
                whole += 1;
                check_and_close(&log, &folder, room);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        // What is left of a run that could not be made does no harm to the list, and can be removed.
        for run in data.runs().unwrap() {
            data.remove(&run.folder).unwrap();
        }
        room += 4096;
    }
    println!("a full disk while creating, at {} amounts of room", room / 4096);
}

fn check_and_close(log: &RunLog, folder: &RunFolder, room: u64) {
    let recorded = act(log);
    assert!(recorded.error.is_none());
    log.recorder().close().unwrap();
    check(folder, &recorded, room);
}

#[test]
fn nothing_is_lost_on_a_full_disk() {
    for test in ["store::full_disk::record_on_a_small_disk", "store::full_disk::create_on_a_small_disk"] {
        if !on_small_disk(test) {
            return;
        }
    }
}

#[tokio::test]
async fn no_effect_is_without_its_row_when_writing_fails() {
    for (name, at) in FAIL_POINTS.iter().flat_map(|name| [1, 2, 3, 6, 9, 14].map(|at| (*name, at))) {
        let mut crash =
            Crash::start_with(&busy("text = \"end\"".into()), &[("TAMA_TUI_FAIL_POINT", &format!("{name}:{at}"))]);
        let ended = exit_status(&mut crash.child, "the run");
        assert!(ended.signal().is_none(), "{name}:{at}: {ended}");
        if !crash.is_made() {
            crash.nothing_happened();
            continue;
        }
        let mut session = crash.open().await;
        let damaged: Vec<&String> = session.notices.iter().filter(|line| line.starts_with("damaged")).collect();
        assert!(damaged.is_empty(), "{name}:{at}: {damaged:?}");
        crash.nothing_is_missing(&session);
        crash.undo_restores(&mut session).await;
    }
}

#[tokio::test]
async fn a_run_that_cannot_be_recorded_is_paused_and_says_so() {
    for (name, at) in ["log-write", "log-sync"].into_iter().flat_map(|name| [2, 3, 5].map(|at| (name, at))) {
        let point = format!("{name}:{at}");
        let env = [("TAMA_TUI_FAIL_POINT", point.as_str()), ("TAMA_TUI_TEST_CRASH_DEBUG", "1")];
        let mut crash = Crash::start_with(&busy("text = \"end\"".into()), &env);
        assert!(exit_status(&mut crash.child, "the run").success());
        let seen = fs::read_to_string(crash.folder.path().join("seen")).unwrap();
        assert!(seen.contains("paused at error"), "{at}: {seen}");
        assert!(seen.contains("no space left on device"), "{at}: {seen}");
        assert!(seen.contains("open the run again to continue"), "{at}: {seen}");
        let mut session = crash.open().await;
        assert!(!session.notices.iter().any(|line| line.starts_with("damaged")), "{:?}", session.notices);
        crash.nothing_is_missing(&session);
        crash.undo_restores(&mut session).await;
    }
}
