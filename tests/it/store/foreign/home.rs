//! A user's home with a project, and a stranger with another home who crafts runs for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use blake3::Hasher;
use duckdb::Connection;
use duckdb::types::ValueRef;
use serde_json::json;
use tempfile::TempDir;

use crate::support::program;
use crate::support::pty::Start;
use crate::support::sketch::Sketch;

/// The base tables, in the order of their tags in the hash chain.
const TABLES: [&str; 4] = ["events", "action_log", "action_events", "texts"];

/// A user's home.
pub struct Home {
    folder: TempDir,
    stranger: TempDir,
    temp: TempDir,
}

/// A react agent that writes a file and remembers a word.
fn writer(file: &str) -> Sketch {
    let word = json!({ "key": "word", "value": "new" });
    let file = json!({ "path": file, "content": "evil\n" });
    Sketch::new("one", "main")
        .react("main", "You write.", &["tama_files_write", "tama_mem_set"])
        .says("main", 1, "Writing.", &[("tama_mem_set", word), ("tama_files_write", file)])
        .finish("main", "it is written")
}

impl Home {
    /// A home with `.ssh`, and a project with a run of its own.
    pub fn new() -> Self {
        let home = Self::without_runs();
        let ran = home.tama(&["run", "."]);
        assert!(ran.status.success(), "{ran:?}");
        home
    }

    /// A home whose run has this command, with more in its pipeline.
    pub fn with_command(command: &str, more: &str) -> Self {
        let home = Self::without_runs();
        Sketch::new("one", "main")
            .table(more)
            .react("main", "You run a command.", &["tama_bash"])
            .calls(
                "main",
                1,
                &[("tama_bash", json!({ "command": command.replace("HOME", &home.folder().display().to_string()) }))],
            )
            .finish("main", "it ran")
            .write(&home.project());
        let ran = home.tama(&["run", "."]);
        assert!(ran.status.success(), "{ran:?}");
        home
    }

    /// The same without a run.
    pub fn without_runs() -> Self {
        let new = || tempfile::tempdir().unwrap();
        let home = Self { folder: new(), stranger: new(), temp: new() };
        fs::create_dir_all(home.path(".ssh")).unwrap();
        fs::write(home.path(".ssh/authorized_keys"), "ssh-ed25519 mine\n").unwrap();
        fs::write(home.path(".ssh/config"), "Host here\n").unwrap();
        writer("out.txt").file("work/out.txt", "old\n").write(&home.project());
        fs::write(home.path("project/work/other.txt"), "mine\n").unwrap();
        home
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub fn project(&self) -> PathBuf {
        self.path("project")
    }

    pub fn runs(&self) -> PathBuf {
        self.path("project/.tama/runs")
    }

    /// Runs the program in the project.
    pub fn tama(&self, args: &[&str]) -> Output {
        self.command(&self.project(), self.folder()).args(args).output().unwrap()
    }

    fn command(&self, folder: &Path, home: &Path) -> Command {
        let mut command = program::command();
        command.current_dir(folder).env("HOME", home).env("TMPDIR", self.temp.path());
        for name in ["XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TAMA_TUI_DATA_DIR"] {
            command.env_remove(name);
        }
        command
    }

    /// Starts the program in a terminal, in the project.
    pub fn start<'a>(&self, folder: &'a Path, args: &'a [&'a str]) -> Start<'a> {
        let (home, temp) = (self.folder().display().to_string(), self.temp.path().display().to_string());
        let state = self.path(".local/state").display().to_string();
        Start::tama(folder, args).env("HOME", home).env("TMPDIR", temp).env("XDG_STATE_HOME", state)
    }

    /// The id of the only run.
    pub fn own_run(&self) -> String {
        only_run(&self.runs())
    }

    /// The id of the other run of two.
    pub fn own_of_two(&self, other: &str) -> String {
        let names = fs::read_dir(self.runs()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.into_iter().find(|name| name != other).unwrap()
    }

    /// Runs the program in the project while all below the project is mounted read-only; `None`: no mounts can be made.
    pub fn tama_read_only(&self, args: &[&str]) -> Option<Output> {
        const SCRIPT: &str =
            "mount --bind . . && cd \"$PWD\" && mount -o remount,bind,ro . || exit 99; exec \"$0\" \"$@\"";
        let mut command = self.command(&self.project(), self.folder());
        let plain = std::mem::replace(&mut command, Command::new("unshare"));
        command.current_dir(self.project()).args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT]);
        plain.get_envs().for_each(|(name, value)| match value {
            Some(value) => drop(command.env(name, value)),
            None => drop(command.env_remove(name)),
        });
        let output = command.arg(program::path()).args(args).output().ok()?;
        (output.status.code() != Some(99)).then_some(output)
    }

    /// A stranger's run whose workspace is this home's `.ssh` and whose undo was cut off half-way, as a folder.
    pub fn crafted(&self) -> PathBuf {
        let project = self.stranger.path().join("project");
        fs::create_dir_all(&project).unwrap();
        writer("authorized_keys").write(&project);
        fs::remove_dir(project.join("work")).unwrap();
        std::os::unix::fs::symlink(self.path(".ssh"), project.join("work")).unwrap();
        let stranger = |args: &[&str], point: &str| {
            let mut command = self.command(&project, self.stranger.path());
            command.args(args).env("TAMA_TUI_CRASH_POINT", point).output().unwrap()
        };
        let ran = stranger(&["run", "."], "none");
        assert!(ran.status.success(), "{ran:?}");
        let runs = project.join(".tama/runs");
        let run = only_run(&runs);
        assert!(!stranger(&["undo", &run], "undo-announced").status.success());
        let keys = fs::read_to_string(self.path(".ssh/authorized_keys")).unwrap();
        assert_eq!(keys, "evil\n", "the undo was announced and not done");
        runs.join(run)
    }

    /// Puts a copy of a run's folder among the runs of this home's project.
    pub fn place(&self, run: &Path, id: &str) -> PathBuf {
        let to = self.runs().join(id);
        copy(run, &to);
        to
    }
}

/// The id of the only run in a folder of runs.
pub fn only_run(runs: &Path) -> String {
    let mut found = fs::read_dir(runs).unwrap();
    let run = found.next().unwrap().unwrap();
    assert!(found.next().is_none());
    run.file_name().into_string().unwrap()
}

/// Copies a folder with all in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Changes a row of a closed run, and computes the hash chain and the mark anew, as anybody can.
pub fn forge(run: &Path, sql: &str) {
    let database = Connection::open(run.join("run.duckdb")).unwrap();
    assert!(database.execute(sql, []).unwrap() > 0, "{sql}");
    let mut rows: Vec<(i64, &str, Vec<u8>)> = Vec::new();
    for (tag, table) in (1..).zip(TABLES) {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let mut found = statement.query([]).unwrap();
        let columns = found.as_ref().unwrap().column_count();
        while let Some(row) = found.next().unwrap() {
            let mut bytes = vec![tag];
            // The chain itself is the last column.
            (0..columns - 1).for_each(|at| put(row.get_ref(at).unwrap(), &mut bytes));
            rows.push((row.get(0).unwrap(), table, bytes));
        }
    }
    rows.sort();
    let mut chain = [0_u8; 16];
    for (seq, table, bytes) in &rows {
        let hash = Hasher::new().update(&chain).update(bytes).finalize();
        chain.copy_from_slice(&hash.as_bytes()[..16]);
        let update = format!("UPDATE {table} SET chain = '{}' WHERE seq = {seq}", hex(&chain));
        database.execute(&update, []).unwrap();
    }
    database.execute_batch("CHECKPOINT").unwrap();
    let line = format!("{:020} {}", rows.last().unwrap().0, hex(&chain));
    let line = format!("{line} {}\n", &blake3::hash(line.as_bytes()).to_hex()[..16]);
    let mut mark = fs::read(run.join("mark")).unwrap();
    mark[..2 * line.len()].copy_from_slice(line.repeat(2).as_bytes());
    fs::write(run.join("mark"), mark).unwrap();
}

fn put(value: ValueRef<'_>, bytes: &mut Vec<u8>) {
    let mut tagged = |tag: u8, value: &[u8]| {
        bytes.push(tag);
        bytes.extend(value);
    };
    match value {
        ValueRef::Null => tagged(0, &[]),
        ValueRef::Int(value) => tagged(1, &i64::from(value).to_le_bytes()),
        ValueRef::BigInt(value) => tagged(1, &value.to_le_bytes()),
        ValueRef::Double(value) => tagged(2, &value.to_bits().to_le_bytes()),
        ValueRef::Boolean(value) => tagged(3, &[u8::from(value)]),
        ValueRef::Text(text) => {
            tagged(4, &(text.len() as u64).to_le_bytes());
            bytes.extend(text);
        }
        other => panic!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
