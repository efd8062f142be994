//! The world on a real folder: confinement, exact states.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::skip::skip;
use super::{Value, World, WorldError};
use crate::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, Element, Key, KeyState, Millis, RunState, Seq, SpanId,
    TraceBody, TraceEvent, Undoability, name_from_bytes,
};

/// `out/` beside the workspace `out/../w`, and a data folder in it.
struct Place {
    temp: TempDir,
    world: World,
}

impl Place {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir_all(temp.path().join("w/.tama/runs")).unwrap();
        fs::create_dir(temp.path().join("out")).unwrap();
        fs::write(temp.path().join("out/secret"), "secret").unwrap();
        let world = World::open(&temp.path().join("w"), Some(&temp.path().join("w/.tama"))).unwrap();
        Self { temp, world }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.temp.path().join("w").join(name)
    }

    fn read(&self, name: &str) -> Result<Value, WorldError> {
        self.world.read(&Key::file(name))
    }

    fn put(&self, name: &str, value: &Value) -> Result<(), WorldError> {
        self.world.put(&Key::file(name), value)
    }

    fn names(&self) -> Vec<String> {
        match self.read(".").unwrap() {
            Value::Directory { entries, .. } => entries,
            other => panic!("{other:?}"),
        }
    }
}

fn file(bytes: &str, mode: Option<u32>) -> Value {
    Value::File { bytes: bytes.into(), mode }
}

fn link(target: &str) -> Value {
    Value::Symlink { target: target.into() }
}

fn folder(mode: Option<u32>) -> Value {
    Value::Directory { mode, entries: Vec::new() }
}

#[test]
fn a_file_larger_than_the_reader_wants_is_not_read() {
    let place = Place::new();
    place.world.put(&Key::file("f"), &file("four", None)).unwrap();
    let read = |most| place.world.read_at_most(&Key::file("f"), most);
    assert_eq!(read(4).unwrap(), file("four", Some(0o644)));
    assert_eq!(read(3), Err(WorldError::TooLarge { path: "f".into(), most: 3 }));
    assert_eq!(place.world.read_at_most(&Key::file("g"), 0).unwrap(), Value::Absent);
}

#[test]
fn unfit_workspaces_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();
    let home = etcetera::home_dir().unwrap();
    for path in [Path::new("/"), &home, &temp.path().join("missing"), &file] {
        assert!(matches!(World::open(path, None), Err(WorldError::Workspace { .. })), "{}", path.display());
    }
    symlink("/", temp.path().join("link")).unwrap();
    assert!(World::open(&temp.path().join("link"), None).is_err());
    let inside = temp.path().join("data/runs");
    fs::create_dir_all(&inside).unwrap();
    assert!(World::open(&inside, Some(&temp.path().join("data"))).is_err());
    assert!(World::open(temp.path(), Some(&temp.path().join("no-data"))).is_err());
    assert!(World::open(temp.path(), Some(&temp.path().join("data"))).is_ok());
}

#[test]
fn keys_are_relative_and_inside() {
    let place = Place::new();
    assert_eq!(place.world.key("./a/../b").unwrap(), Key::file("b"));
    let absolute = place.world.root().join("sub/x");
    assert_eq!(place.world.key(absolute.to_str().unwrap()).unwrap(), Key::file("sub/x"));
    for path in ["../out/secret", "/etc/passwd", "a/../../out"] {
        assert!(matches!(place.world.key(path), Err(WorldError::Outside { .. })), "{path}");
        assert!(matches!(place.read(path), Err(WorldError::Outside { .. })), "{path}");
        assert!(matches!(place.put(path, &file("x", None)), Err(WorldError::Outside { .. })), "{path}");
    }
}

#[test]
fn links_are_not_followed() {
    let place = Place::new();
    let out = place.temp.path().join("out");
    symlink(&out, place.path("dir")).unwrap();
    symlink(out.join("secret"), place.path("leaf")).unwrap();
    symlink("..", place.path("up")).unwrap();
    for path in ["dir/secret", "dir/new", "up/out/secret"] {
        assert!(matches!(place.world.key(path), Err(WorldError::ThroughLink { .. })), "{path}");
        assert!(matches!(place.read(path), Err(WorldError::ThroughLink { .. })), "{path}");
        for value in [file("x", None), Value::Absent] {
            assert!(matches!(place.put(path, &value), Err(WorldError::ThroughLink { .. })), "{path}");
        }
    }
    assert_eq!(place.read("leaf").unwrap(), link(out.join("secret").to_str().unwrap()));
    place.put("leaf", &file("mine", None)).unwrap();
    place.put("dir", &Value::Absent).unwrap();
    assert_eq!(fs::read_to_string(out.join("secret")).unwrap(), "secret");
    assert!(!out.join("new").exists());
    assert_eq!(fs::read_to_string(place.path("leaf")).unwrap(), "mine");
}

#[test]
fn the_data_folder_is_not_there() {
    let place = Place::new();
    symlink(".tama", place.path("alias")).unwrap();
    for path in [".tama", ".tama/runs", ".tama/x", "a/../.tama/x"] {
        assert!(matches!(place.world.key(path), Err(WorldError::DataFolder { .. })), "{path}");
        assert!(matches!(place.read(path), Err(WorldError::DataFolder { .. })), "{path}");
        assert!(matches!(place.put(path, &file("x", None)), Err(WorldError::DataFolder { .. })), "{path}");
    }
    assert!(matches!(place.put("alias/x", &file("x", None)), Err(WorldError::ThroughLink { .. })));
    assert!(place.put(".tama", &Value::Absent).is_err());
    assert_eq!(place.names(), ["alias"]);
}

#[test]
fn one_kind_replaces_another() {
    let place = Place::new();
    let states = [
        file("one", Some(0o600)),
        link("one"),
        folder(Some(0o700)),
        file("two", Some(0o4755)),
        Value::Absent,
        link("/nowhere/at/all"),
        file("", Some(0o400)),
        folder(Some(0o755)),
        link("x"),
        Value::Absent,
        Value::Absent,
    ];
    for state in states {
        place.put("x", &state).unwrap();
        assert_eq!(place.read("x").unwrap(), state);
        let there = usize::from(state != Value::Absent);
        assert_eq!(place.names().len(), there, "nothing temporary is left");
    }
}

#[test]
fn what_a_crash_left_is_tidied() {
    let place = Place::new();
    let leftover = format!(".tama-{}.tmp", crate::store::hash_blob(b"x"));
    for tidy in [true, false] {
        fs::write(place.path(&leftover), "half").unwrap();
        if tidy {
            assert!(place.world.tidy(&Key::file("x")).unwrap());
            assert_eq!(place.names(), Vec::<String>::new());
        } else {
            place.put("x", &file("whole", None)).unwrap();
            assert_eq!(place.names(), ["x"]);
        }
    }
    assert!(!place.world.tidy(&Key::file("x")).unwrap());
    let long = "n".repeat(255);
    place.put(&long, &file("x", None)).unwrap();
}

#[test]
fn modes_are_kept_unless_given() {
    let place = Place::new();
    place.put("new", &file("x", None)).unwrap();
    assert_eq!(place.read("new").unwrap(), file("x", Some(0o644)));
    fs::set_permissions(place.path("new"), fs::Permissions::from_mode(0o751)).unwrap();
    place.put("new", &file("y", None)).unwrap();
    assert_eq!(place.read("new").unwrap(), file("y", Some(0o751)));
    place.put("dir", &folder(None)).unwrap();
    assert_eq!(fs::metadata(place.path("dir")).unwrap().mode() & 0o7777, 0o755);
    place.put("dir", &folder(Some(0o500))).unwrap();
    place.put("dir", &folder(None)).unwrap();
    assert_eq!(place.read("dir").unwrap(), folder(Some(0o500)));
}

#[test]
fn folders_are_never_removed_with_what_is_in_them() {
    let place = Place::new();
    fs::create_dir_all(place.path("dir/sub")).unwrap();
    fs::write(place.path("dir/file"), "kept").unwrap();
    for value in [Value::Absent, file("x", None), link("x")] {
        assert!(matches!(place.put("dir", &value), Err(WorldError::NotEmpty { .. })));
    }
    assert_eq!(fs::read_to_string(place.path("dir/file")).unwrap(), "kept");
    let entries = vec!["file".to_owned(), "sub/".to_owned()];
    assert_eq!(place.read("dir").unwrap(), Value::Directory { mode: Some(0o755), entries });
}

#[test]
fn what_is_not_there_is_absent() {
    let place = Place::new();
    fs::write(place.path("file"), "").unwrap();
    for path in ["no", "no/such/thing", "file/below"] {
        assert_eq!(place.read(path).unwrap(), Value::Absent);
        place.put(path, &Value::Absent).unwrap();
    }
    assert!(place.put("no/such", &file("x", None)).unwrap_err().to_string().contains("does not exist"));
    assert!(place.put("file/below", &file("x", None)).is_err());
    assert!(place.put(".", &Value::Absent).is_err());
}

#[test]
fn a_pipe_is_neither_read_nor_replaced() {
    let place = Place::new();
    nix::unistd::mkfifo(&place.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let refused = place.read("pipe").unwrap_err();
    assert!(refused.to_string().contains("not a regular file"), "{refused}");
    assert!(place.put("pipe", &Value::Absent).is_err());
    assert!(place.path("pipe").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_not_utf8_are_names_too() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    symlink(OsStr::from_bytes(b"to\xff"), place.path("link")).unwrap();
    let wild = place.path("").join(OsStr::from_bytes(b"a\xff"));
    fs::write(&wild, "x").unwrap();
    let names = place.names();
    assert_eq!(names, [name_from_bytes(b"a\xff"), "link".into()]);
    let link = place.read("link").unwrap();
    place.put("other", &link).unwrap();
    assert_eq!(fs::read_link(place.path("other")).unwrap().as_os_str().as_bytes(), b"to\xff");
    place.put(&names[0], &Value::Absent).unwrap();
    assert!(!wild.exists());
}

#[test]
fn memory_holds_texts_and_lists() {
    let place = Place::new();
    let list = Value::List(vec![Element { by: Seq(3), text: "a".into() }]);
    place.world.put(&Key::memory("list"), &list).unwrap();
    place.world.put(&Key::memory("text"), &Value::Text("t".into())).unwrap();
    assert_eq!(place.world.read(&Key::memory("list")).unwrap(), list);
    assert!(place.world.put(&Key::memory("text"), &file("x", None)).is_err());
    assert!(place.put("file", &Value::Text("t".into())).is_err());
    let kept = place.world.memory();
    assert_eq!(kept["text"], KeyState::Text { text: "t".into() });
    place.world.put(&Key::memory("text"), &Value::Absent).unwrap();
    assert_eq!(place.world.read(&Key::memory("text")).unwrap(), Value::Absent);
    assert_eq!(place.world.memory().len(), 1);
}

#[test]
fn memory_is_what_the_log_says_and_what_was_put_since() {
    let place = Place::new();
    let mut run = RunState::default();
    for (at, key) in [(1, "kept"), (3, "changed"), (5, "gone")] {
        let text = KeyState::Text { text: "logged".into() };
        let record = ActionRecord {
            span: SpanId(1),
            tool_span: SpanId(2),
            tool_name: "tama_mem_set".into(),
            key: Key::memory(key),
            op: ActionOp::Set,
            old: KeyState::Absent,
            intended: text.clone(),
            undo: Undoability::Undo,
        };
        let change = ActionEvent { action: Seq(at), change: ActionChange::Applied { after: text, kept: false } };
        for (seq, body) in [(at, TraceBody::Action(record)), (at + 1, TraceBody::ActionEvent(change))] {
            run.apply(&TraceEvent { seq: Seq(seq), at: Millis(seq), happened: None, body });
        }
    }
    place.world.put(&Key::memory("forgotten"), &Value::Text("t".into())).unwrap();
    place.world.load_memory(run.ledger.clone());
    assert_eq!(place.world.memory(), run.ledger.all_memory());
    place.world.put(&Key::memory("changed"), &Value::Text("put".into())).unwrap();
    place.world.put(&Key::memory("gone"), &Value::Absent).unwrap();
    let read = ["kept", "changed", "gone", "forgotten"].map(|key| place.world.read(&Key::memory(key)).unwrap());
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(read, [text("logged"), text("put"), Value::Absent, Value::Absent]);
    assert_eq!(place.world.memory().into_keys().collect::<Vec<_>>(), ["changed", "kept"]);
}

fn any_state() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Absent),
        (proptest::collection::vec(any::<u8>(), 0..200), 0o400..0o1000u32)
            .prop_map(|(bytes, mode)| Value::File { bytes, mode: Some(mode | 0o400) }),
        (0o700..0o1000u32).prop_map(|mode| folder(Some(mode))),
        "[a-z./]{1,20}".prop_map(|target| link(&target)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn putting_back_what_was_read_is_identity(old in any_state(), new in any_state(), name in "[a-zé \\-]{1,12}") {
        prop_assume!(!name.trim().is_empty());
        let place = Place::new();
        place.put(&name, &old).unwrap();
        let before = place.read(&name).unwrap();
        prop_assert_eq!(&before, &old);
        place.put(&name, &new).unwrap();
        prop_assert_eq!(place.read(&name).unwrap(), new);
        place.put(&name, &before).unwrap();
        prop_assert_eq!(place.read(&name).unwrap(), before);
    }
}

struct Fails;

impl std::io::Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
}

impl std::io::Seek for Fails {
    fn seek(&mut self, _: std::io::SeekFrom) -> std::io::Result<u64> {
        Ok(0)
    }
}

impl super::Content for Fails {}

#[test]
fn what_is_there_stays_until_the_new_is_whole() {
    let place = Place::new();
    for (name, old) in [("folder", folder(Some(0o750))), ("file", file("old", Some(0o640)))] {
        place.put(name, &old).unwrap();
        let put = super::Put::default();
        assert!(place.world.copy(&Key::file(name), &mut Fails, 0o644, put).is_err());
        assert_eq!(place.world.peek(&Key::file(name)).unwrap(), old);
    }
    assert_eq!(place.names(), ["file", "folder/"]);
}

#[test]
fn a_folder_takes_the_place_of_a_file() {
    let place = Place::new();
    place.put("x", &file("old", None)).unwrap();
    place.put("x", &folder(Some(0o2711))).unwrap();
    assert_eq!(place.world.peek(&Key::file("x")).unwrap(), folder(Some(0o2711)));
    assert_eq!(place.names(), ["x/"]);
}

/// As root only: nobody else may give files away.
#[test]
fn a_file_keeps_its_owner_when_it_is_written() {
    let place = Place::new();
    place.put("f", &file("old", Some(0o4750))).unwrap();
    if std::os::unix::fs::chown(place.path("f"), Some(12345), Some(54321)).is_err() {
        return skip("root", "only root may give files away");
    }
    place.put("f", &file("new", Some(0o4750))).unwrap();
    let found = fs::metadata(place.path("f")).unwrap();
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (12345, 54321, 0o4750));
}

/// Another program with a file open as a redirection of `bash` says, until it is dropped.
struct Program(std::process::Child);

impl Program {
    fn with(redirection: &str, file: &std::path::Path) -> Self {
        use std::io::Read;
        use std::process::{Command, Stdio};
        let script = format!("exec 3{redirection}\"$0\"; echo; read -r _");
        let mut command = Command::new("bash");
        command.arg("-c").arg(script).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        Self(child)
    }

    fn named(&self) -> String {
        format!("bash ({})", self.0.id())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn files_that_programs_can_write_to_are_found_by_what_they_are() {
    let place = Place::new();
    place.put("d", &folder(None)).unwrap();
    for name in ["d/written", "read", "linked", "skipped"] {
        place.put(name, &file("x", None)).unwrap();
    }
    let outside = tempfile::tempdir_in(place.path("..")).unwrap();
    // It is opened by a name outside of the workspace.
    fs::hard_link(place.path("linked"), outside.path().join("other")).unwrap();
    let programs = [
        Program::with("<>", &place.path("d/written")),
        Program::with("<", &place.path("read")),
        Program::with(">>", &outside.path().join("other")),
        Program::with("<>", &place.path("skipped")),
    ];
    fs::rename(place.path("d/written"), place.path("d/renamed")).unwrap();
    let open = place.world.open_files(&|path| path != "skipped");
    let lines: Vec<String> = open.files.iter().map(ToString::to_string).collect();
    let wanted = [("d/renamed", 0), ("linked", 2)];
    assert_eq!(lines, wanted.map(|(path, by)| format!("{path} is open in {}", programs[by].named())), "{open:?}");
    drop(programs);
    assert_eq!(place.world.open_files(&|_| true).files, []);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_a_program_writes_to_is_changed_in_place_or_not_at_all() {
    let place = Place::new();
    place.put("f", &file("one\n", None)).unwrap();
    let inode = || fs::metadata(place.path("f")).unwrap().ino();
    let before = inode();
    let program = Program::with(">>", &place.path("f"));
    place.put("f", &file("one\ntwo\n", Some(0o600))).unwrap();
    place.put("f", &file("one\n", Some(0o644))).unwrap();
    assert_eq!((inode(), place.read("f").unwrap()), (before, file("one\n", Some(0o644))));
    for new in [Value::Absent, file("other", None), link("t"), folder(None)] {
        let error = place.put("f", &new).unwrap_err();
        assert_eq!(error, WorldError::Open { path: "f".into(), by: program.named() }, "{new:?}");
    }
    // The same bytes change nothing.
    place.put("f", &file("one\n", Some(0o644))).unwrap();
    // What is beside an open database belongs to it, the file that is not there too.
    place.put("f-wal", &file("", None)).unwrap_err();
    assert_eq!((inode(), place.read("f").unwrap()), (before, file("one\n", Some(0o644))));
    let forced = super::Put { open: true, ..super::Put::default() };
    place.world.put_as(&Key::file("f"), &file("other", None), forced).unwrap();
    assert_ne!(inode(), before);
    drop(program);
    assert_eq!(place.world.take_notes(), [""; 0]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_of_a_replaced_file_is_named() {
    let place = Place::new();
    place.put("f", &file("one\n", None)).unwrap();
    let program = Program::with("<", &place.path("f"));
    place.put("f", &file("one\ntwo\n", None)).unwrap();
    assert_eq!(place.world.take_notes(), [""; 0]);
    place.put("f", &file("other\n", None)).unwrap();
    let notes = place.world.take_notes();
    assert!(notes.len() == 1 && notes[0].contains(&program.named()) && notes[0].starts_with("f "), "{notes:?}");
}

#[test]
fn a_workspace_that_was_moved_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("w");
    fs::create_dir(&root).unwrap();
    let world = super::World::open(&root, None).unwrap();
    let key = Key::file("f");
    world.put(&key, &file("x", None)).unwrap();
    let moved = |error: WorldError| matches!(error, WorldError::Moved { .. });
    fs::rename(&root, home.path().join("moved")).unwrap();
    for replaced in [false, true] {
        if replaced {
            fs::create_dir(&root).unwrap();
        }
        assert!(moved(world.check_root().unwrap_err()));
        assert!(moved(world.read(&key).unwrap_err()));
        assert!(moved(world.put(&key, &Value::Absent).unwrap_err()));
        assert!(moved(world.put(&Key::directory("."), &folder(Some(0o700))).unwrap_err()));
    }
    fs::remove_dir(&root).unwrap();
    fs::rename(home.path().join("moved"), &root).unwrap();
    assert_eq!(world.read(&key).unwrap(), file("x", Some(0o644)));
}

/// Between fork and exec a child has this program's own handles, those of a file that is just being written too.
#[cfg(target_os = "linux")]
#[test]
fn a_child_that_was_just_started_is_no_other_program() {
    let place = Place::new();
    let starts = std::thread::spawn(|| {
        for _ in 0..100 {
            assert!(std::process::Command::new("true").status().unwrap().success());
        }
    });
    let mut round = 0;
    while !starts.is_finished() || round < 10 {
        round += 1;
        place.put("x", &file(&format!("{round}"), None)).unwrap();
    }
    starts.join().unwrap();
}
