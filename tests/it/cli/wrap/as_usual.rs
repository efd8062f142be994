//! An agent finds the folder, git, its tools and caches as usual: a session of commands gives the same outputs and exit
//! codes, and leaves the same files, by itself and wrapped in both ways.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

use crate::cli::cli::{stderr, stdout};
use crate::support::manifest::{Manifest, differences, manifest};
use crate::support::program;
use crate::support::project::Project;

/// Each is a command of its own in the same folder. One whose program is not here says so.
const SESSION: [&str; 34] = [
    "pwd; ls -A; cat src/hello.c",
    "if command -v cc; then cc -o hello src/hello.c && ./hello; else echo missing; fi",
    "if command -v make; then printf 'all: copy\\ncopy: src/hello.c\\n\\tcp $< $@\\n' > Makefile; make -s; make -s; fi",
    "if command -v cargo; then t=$(mktemp -d); cargo build -q --offline --target-dir $t && $t/debug/small; fi",
    "if command -v cargo; then t=$(mktemp -d); cargo test -q --offline --target-dir $t | grep -o '1 passed'; fi",
    "git init -q . && git add -A && git commit -qm first && git log --format='%H %an %s'",
    "echo more >> src/hello.c; git diff --stat; git status --short",
    "git stash -q && git status --short && git stash pop -q && git status --short",
    "git checkout -qb other && git commit -qam second && git checkout -q - && git branch -a && git merge -q other",
    // A folder that was there can't be renamed in an overlay: git says so, and mv copies it.
    "git mv src/hello.c src/hallo.c; git mv docs papers 2> /dev/null || mv docs papers; git add -A . ; \
     git status --short; git commit -qm moved; git show --stat HEAD",
    "git clean -fdxn; git grep -n main; git rev-parse --show-toplevel; git config user.name",
    "git worktree add -q wt HEAD && ls wt && git worktree remove --force wt; git gc -q && git fsck && git count-objects",
    "if command -v npm; then npm init -y > /dev/null && npm pkg get name version && npm ls; npm config get prefix; fi",
    "if command -v node; then echo 'console.log(1 + 1)' > a.js && node a.js; fi",
    "if command -v python3; then python3 -m venv --without-pip v && v/bin/python -c 'import sys; print(sys.prefix)'; fi",
    "if command -v python3; then python3 -m pip --version; python3 -m pip config list; fi",
    "if command -v python3; then python3 -c \"import sqlite3; d = sqlite3.connect('a.db'); \
     d.execute('pragma journal_mode = wal'); d.execute('create table t (a)'); d.commit(); print(d.total_changes)\"; fi",
    "find . -name .git -prune -o -name .tama -prune -o -type f -print | sort",
    "tar cf papers.tar papers && tar tf papers.tar && rm -r papers && tar xf papers.tar && ls papers",
    "f=$(mktemp) && echo x > $f && cat $f && rm $f; [ -w \"${TMPDIR:-/tmp}\" ]",
    "(sleep 0.1; echo late > late.txt) & wait $!; cat late.txt",
    "[ -d \"$HOME\" ] && [ -r \"$HOME\" ] && echo home; cat ~/.no-such-file; id -un; id -u; hostname; date +%Z; nproc",
    "wc -c; tty; cat /dev/null | wc -l",
    "locale; echo ${LANG:-} ${LC_ALL:-}; printf 'grün\\n' > grün.txt; ls gr*",
    "umask; touch plain; mkdir folder; stat -c '%a %n' plain folder; ulimit -n; ulimit -c",
    "chmod 751 plain; chmod 4700 folder; ln -s plain link; ln plain hard; stat -c '%a %h %F' plain link folder",
    "cp -a folder copied; touch -d '2020-01-01 00:00:00 UTC' plain; stat -c %Y plain hard; mv folder renamed; ls -F",
    "sh -c 'exit 3'; echo $?; sh -c 'kill -9 $$' | cat; echo ${PIPESTATUS[0]}; no-such-program; \
     sh -c 'kill -TERM $$' | cat; echo ${PIPESTATUS[0]}; false",
    "mkfifo pipe; (echo through > pipe &); cat pipe; rm pipe; exec 9> lock; flock -n 9 && echo locked",
    "dd if=/dev/zero of=hole bs=1 count=0 seek=1M status=none; du -k hole; head -c 4 /dev/urandom | wc -c; rm hole",
    "diff -r src papers; patch --version | head -1; sed -i s/main/start/ src/hallo.c; awk 'END { print NR }' src/hallo.c",
    "timeout 1 sleep 5; echo $?; seq 100000 | sort -rn | head -1; yes | head -c 100000 | md5sum",
    "ssh-keygen -qt ed25519 -N '' -f key 2> /dev/null && ls key key.pub; rm -f key key.pub; gzip -9nk Cargo.toml; ls *.gz",
    "rm -rf v copied; find . -maxdepth 1 -type f -newer plain | wc -l; kill -0 $$ && echo alive; exit 7",
];

/// The folder as it is before the session.
fn fill(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let is_folder = entry.file_type().unwrap().is_dir();
        if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }
    let files = [
        ("src/hello.c", "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n"),
        ("src/main.rs", "fn main() {\n    println!(\"hello\");\n}\n#[test]\nfn works() {}\n"),
        ("Cargo.toml", "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("Cargo.lock", "version = 3\n\n[[package]]\nname = \"small\"\nversion = \"0.1.0\"\n"),
        ("docs/a.md", "a\n"),
        (".gitignore", "*.o\n.tama\n"),
    ];
    // The folder of runs is out of sight, and seen as an empty one.
    fs::create_dir(folder.join(".tama")).unwrap();
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn session() -> String {
    // Each in a shell of its own, and its errors beside its output.
    let quoted = SESSION.map(|line| format!("'{}'", line.replace('\'', "'\\''")));
    let one = |(at, line): (usize, &String)| format!("echo '## {at}'; bash -c {line} 2>&1; echo \"-> $?\"\n");
    quoted.iter().enumerate().map(one).chain(["exit 5".to_owned()]).collect()
}

/// Plays the session in a folder, wrapped or not.
fn play(folder: &Path, wrapped: Option<&[&str]>) -> Output {
    fill(folder);
    let script = session();
    let mut command = if let Some(more) = wrapped {
        let mut command = program::command();
        command.args(["wrap", "--headless"]).args(more).args(["--", "bash"]);
        command
    } else {
        Command::new("bash")
    };
    command.args(["-c", &script]);
    for person in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        command.env(format!("{person}_NAME"), "a").env(format!("{person}_EMAIL"), "a@b.c");
        command.env(format!("{person}_DATE"), "2026-01-02T03:04:05Z");
    }
    command.current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

/// The folder after the session, but for what has times or numbers of files in it.
fn left(folder: &Path) -> Manifest {
    let mut left = manifest(folder);
    left.retain(|path, _| {
        !path.ends_with(b".git/index")
            && !path.ends_with(b".mtimes")
            && !path.ends_with(b".tar")
            && !path.starts_with(b"a.db")
    });
    left
}

fn newest(folder: &Path) -> String {
    let runs: Json = serde_json::from_slice(&program::run(folder, &["runs", "--json"]).stdout).unwrap();
    runs[0]["run"].as_str().unwrap().to_owned()
}

/// The lines in which two outputs differ, with the command that they belong to.
fn other_lines(one: &str, other: &str) -> Vec<String> {
    let parts = |text: &str| -> Vec<String> { text.split("## ").map(ToOwned::to_owned).collect() };
    let (one, other) = (parts(one), parts(other));
    assert_eq!(one.len(), other.len());
    let pairs = one.iter().zip(&other).filter(|(one, other)| one != other);
    pairs.map(|(one, other)| format!("{one}\n    INSTEAD OF\n{other}")).collect()
}

#[test]
fn a_session_of_commands_is_the_same_inside_and_outside() {
    let project = Project::empty();
    let folder = project.path("small");
    fs::create_dir(&folder).unwrap();
    if !program::is_confined(project.folder()) {
        return;
    }
    let bare = play(&folder, None);
    let bare_left = left(&folder);
    assert_eq!(bare.status.code(), Some(5), "{}", stderr(&bare));
    let direct = play(&folder, Some(&[]));
    assert_eq!(other_lines(&stdout(&direct), &stdout(&bare)), Vec::<String>::new(), "{}", stderr(&direct));
    assert_eq!(direct.status.code(), Some(5));
    assert_eq!(differences(&bare_left, &left(&folder)), Vec::<String>::new());
    let undone = program::run(&folder, &["undo", &newest(&folder)]);
    assert_eq!(undone.status.code(), Some(0), "{}", stderr(&undone));
    if !program::holds_changes(&folder) {
        return;
    }
    let review = play(&folder, Some(&["--review"]));
    assert_eq!(other_lines(&stdout(&review), &stdout(&bare)), Vec::<String>::new(), "{}", stderr(&review));
    assert_eq!(review.status.code(), Some(5));
    let applied = program::run(&folder, &["apply", &newest(&folder)]);
    assert_eq!(applied.status.code(), Some(0), "{}{}", stdout(&applied), stderr(&applied));
    assert_eq!(differences(&bare_left, &left(&folder)), Vec::<String>::new());
}
