//! The task script `./x`, with a stub in the place of cargo, npm and curl: where libduckdb comes from, and what is
//! refused. Nothing is built and nothing is fetched.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const SCRIPT: &str = include_str!("../../x");

/// A machine: a folder of programs, a home, a target folder.
struct Machine {
    folder: TempDir,
}

/// What the script printed on standard output (the stubs' lines) and on standard error (its own).
struct Said {
    out: String,
    err: String,
}

impl Machine {
    /// The system's programs but curl, npm, cargo and rustc; cargo only prints how it was called.
    fn new() -> Self {
        let machine = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(machine.at("bin")).unwrap();
        for name in
            ["bash", "uname", "sed", "cut", "sha256sum", "mktemp", "rm", "mkdir", "cp", "mv", "cmp", "tail", "grep"]
        {
            std::os::unix::fs::symlink(found(name), machine.at("bin").join(name)).unwrap();
        }
        for name in ["tar", "gzip", "cat", "dirname"] {
            std::os::unix::fs::symlink(found(name), machine.at("bin").join(name)).unwrap();
        }
        machine.program("cargo", r#"echo "cargo $* library=${DUCKDB_LIB_DIR:-none}""#);
        machine
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.at("bin").join(name);
        fs::write(&path, format!("#!{}\n{script}\n", found("bash").display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn x(&self, args: &[&str], variables: &[(&str, &str)]) -> Said {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("x");
        let done = Command::new(found("bash"))
            .arg(script)
            .args(args)
            .env_clear()
            .env("PATH", self.at("bin"))
            .env("HOME", self.at("home"))
            .env("CARGO_TARGET_DIR", self.at("target"))
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { out: text(done.stdout), err: text(done.stderr) }
    }
}

fn found(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is not on this machine"))
}

/// The value that the script gives a name.
fn value<'a>(name: &str) -> &'a str {
    let line = SCRIPT.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.unwrap_or_else(|| panic!("x sets no {name}"))
}

#[test]
fn its_duckdb_is_the_one_of_the_lock_file() {
    let lock = include_str!("../../Cargo.lock");
    let (_, rest) = lock.split_once("name = \"libduckdb-sys\"\nversion = \"1.").unwrap();
    let digits: u32 = rest.split('.').next().unwrap().parse().unwrap();
    // 10506 is 1.05.06.
    let version = format!("{}.{}.{}", digits / 10_000, digits / 100 % 100, digits % 100);
    assert_eq!(value("duckdb"), version);
    assert!(value("npm_release").starts_with(&format!("{version}-")), "{}", value("npm_release"));
}

#[test]
fn without_a_source_duckdb_is_compiled_after_one_line() {
    let machine = Machine::new();
    let said = machine.x(&["test", "one"], &[]);
    assert!(said.out.contains("--release one library=none"), "{}{}", said.out, said.err);
    assert!(!said.out.contains("--no-default-features"));
    assert_eq!(said.err.matches("compiling DuckDB from source").count(), 1, "{}", said.err);
    assert!(said.err.contains("DUCKDB_LIB_DIR"), "it says how to avoid it: {}", said.err);
}

#[test]
fn a_download_with_another_hash_is_refused_and_named() {
    let machine = Machine::new();
    let pack = r"mkdir package && echo tampered > package/libduckdb.so && echo tampered > package/libduckdb.dylib
tar czf node-bindings.tgz package && rm -r package";
    machine.program("npm", pack);
    let said = machine.x(&["run", "check", "a.toml"], &[]);
    assert!(said.err.contains("refused: libduckdb"), "{}", said.err);
    assert!(said.err.contains("from the npm package @duckdb/node-bindings-"), "{}", said.err);
    assert!(said.out.contains("--bin tama-tui -- check a.toml library=none"), "{}", said.out);
    assert!(!machine.at("home/.cache/tama-tui").exists(), "nothing of it is kept");
}

#[test]
fn a_cached_library_with_another_hash_is_refused() {
    let machine = Machine::new();
    let platform = if cfg!(target_arch = "x86_64") { "linux-x64" } else { "linux-arm64" };
    let cache = machine.at("home/.cache/tama-tui/libduckdb").join(format!("{}-{platform}", value("duckdb")));
    fs::create_dir_all(&cache).unwrap();
    fs::write(cache.join("libduckdb.so"), "tampered").unwrap();
    let said = machine.x(&["test"], &[]);
    assert!(said.err.contains("refused: libduckdb.so from the cache"), "{}", said.err);
    assert!(said.out.contains("library=none"), "{}", said.out);
}

#[test]
fn a_folder_that_the_user_names_must_have_the_library() {
    let machine = Machine::new();
    let folder = machine.at("empty");
    fs::create_dir(&folder).unwrap();
    let said = machine.x(&["test"], &[("DUCKDB_LIB_DIR", folder.to_str().unwrap())]);
    assert!(said.err.contains("has no usable libduckdb"), "{}", said.err);
    assert_eq!(said.out, "", "nothing is built");
}

#[test]
fn the_help_lists_every_task() {
    let help = Machine::new().x(&["help"], &[]).out;
    let (_, tasks) = SCRIPT.split_once("case $task in\n").unwrap();
    for task in tasks.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(')')) {
        let name = task.0.split(" |").next().unwrap();
        assert!(!name.starts_with(char::is_alphabetic) || help.contains(&format!("./x {name}")), "{name}\n{help}");
    }
}
