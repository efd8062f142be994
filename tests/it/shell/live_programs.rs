//! An agent works beside running programs: a server with a database and a log, a `tail -f`, a watcher, an editor.
//! Whatever its commands and their undo do, what the programs wrote is all there.
//!
//! Random; the seed is printed, and `TAMA_TUI_SEED` repeats one. `TAMA_TUI_SOAK=200` plays as many rounds.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use crate::support::agent::Agent;
use crate::support::holder::Program;
use crate::support::skip::{Capability, skip};
use crate::support::wait::until;

/// Rounds of an everyday test.
const FEW: usize = 6;

/// Puts rows into a database in WAL mode and lines into a log that stays open, both counted, until its input ends.
const SERVER: &str = "
import sqlite3, sys, threading, time
c = sqlite3.connect('app.db', timeout=60, isolation_level=None); c.execute('pragma journal_mode=wal')
c.execute('create table t(who text, n integer)'); log = open('app.log', 'a', buffering=1); end = []
threading.Thread(target=lambda: end.append(sys.stdin.read()), daemon=True).start()
n = 0; print('ready', flush=True)
while not end:
    n += 1
    c.execute(\"insert into t values('server', ?)\", (n,)); log.write('server %d\\n' % n); time.sleep(0.02)
open('../count', 'w').write(str(n))
";

/// An editor with its swap file open and mapped; it writes to it now and then.
const EDITOR: &str = "
import mmap, sys, threading, time
f = open('.notes.swp', 'w+b'); f.truncate(4096); m = mmap.mmap(f.fileno(), 4096); f.close(); end = []
threading.Thread(target=lambda: end.append(sys.stdin.read()), daemon=True).start()
n = 0; print('ready', flush=True)
while not end:
    n = (n + 1) % 250; m[0:1] = bytes([n]); time.sleep(0.01)
m.flush(); open('../editor', 'w').write(str(n))
";

/// Reads everything in the folder, again and again.
const WATCHER: &str = "
import os, sys, threading, time
end = []; threading.Thread(target=lambda: end.append(sys.stdin.read()), daemon=True).start()
print('ready', flush=True)
while not end:
    for name in os.listdir('.'):
        try: open(name, 'rb').read()
        except OSError: pass
    time.sleep(0.03)
";

/// The rows of the server in order, and the integrity of the database.
const ROWS: &str = "
import sqlite3; c = sqlite3.connect('app.db', timeout=60)
print(c.execute('pragma integrity_check').fetchone()[0], *[r[0] for r in c.execute(\"select n from t where who = 'server' order by n\")])
";

struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64*, which nobody but this test relies on.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % sides
    }
}

fn python(script: &str, folder: &Path) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", script]).current_dir(folder);
    command
}

/// One tool call of the agent.
fn call(dice: &mut Dice, round: usize) -> (&'static str, Json) {
    let insert = format!(
        "python3 -c \"import sqlite3; c = sqlite3.connect('app.db', timeout=60, isolation_level=None); \
         c.execute('insert into t values(\\'agent\\', {round})')\""
    );
    let count = "python3 -c \"import sqlite3; print(sqlite3.connect('app.db', timeout=60)\
                 .execute('select count(*) from t').fetchone())\"";
    let command = match dice.roll(9) {
        0 => insert,
        1 => count.to_owned(),
        2 => "tail -n 3 app.log; cat notes.txt".to_owned(),
        3 => format!("echo agent {round} >> app.log"),
        4 => format!("echo agent {round} >> notes.txt"),
        5 => format!("sed -i '1s/.*/round {round}/' notes.txt; mkdir -p d/{round}; cp notes.txt d/{round}/copy"),
        6 => "rm -rf d; mv notes.txt moved.txt; cp moved.txt notes.txt".to_owned(),
        7 => return ("tama_files_write", json!({ "path": "notes.txt", "content": format!("written {round}\n") })),
        _ => return ("tama_files_read", json!({ "path": "app.log" })),
    };
    ("tama_bash", json!({ "command": command }))
}

#[test]
fn what_running_programs_write_is_all_there() {
    if !Command::new("python3").args(["-c", "import sqlite3"]).status().is_ok_and(|status| status.success()) {
        return skip(Capability::Python, "there is no python3 with sqlite3");
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("TAMA_TUI_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20 | 1);
    let rounds = number("TAMA_TUI_SOAK").map_or(FEW, |rounds| usize::try_from(rounds).unwrap());
    eprintln!("TAMA_TUI_SEED={seed}, {rounds} rounds");
    let mut dice = Dice(seed);
    let agents = ["auto", "portable"].map(Agent::allowed);
    for agent in &agents {
        beside_programs(agent, &mut dice, rounds.div_ceil(2));
    }
}

fn beside_programs(agent: &Agent, dice: &mut Dice, rounds: usize) {
    let work = agent.work("");
    fs::write(agent.work("app.log"), "").unwrap();
    fs::write(agent.work("notes.txt"), "notes\n").unwrap();
    let server = Program::ready(&mut python(SERVER, &work));
    let followed = agent.folder().join("followed");
    let mut tail = Command::new("tail");
    tail.args(["-n", "+1", "-f", "app.log"]).current_dir(&work).stdout(File::create(&followed).unwrap());
    let mut tail = tail.stdin(Stdio::null()).spawn().unwrap();
    let editor = Program::ready(&mut python(EDITOR, &work));
    let watcher = Program::ready(&mut python(WATCHER, &work));
    let policy = fs::read_to_string(agent.folder().join("pipeline.toml")).unwrap();
    for round in 0..rounds {
        let is_allowed = dice.roll(5) > 0;
        let rules = if is_allowed { policy.clone() } else { policy.replace("allow = [\"tama_*\"]", "") };
        fs::write(agent.folder().join("pipeline.toml"), rules).unwrap();
        let calls: Vec<(&str, Json)> = (0..=dice.roll(3)).map(|_| call(dice, round)).collect();
        agent.calls(&calls);
        let (code, said) = agent.run(&[]);
        let is_denied = said.contains("is open in");
        assert!(code == Some(0) || code == Some(3) && is_denied, "round {round}: {calls:?}\n{said}");
        assert!(!said.contains("failed to record"), "round {round}: {calls:?}\n{said}");
        if dice.roll(3) > 0 {
            // All of it, or a conflict: with what the programs did since, or with their handles.
            let (code, said) = agent.undo(&[]);
            let is_told = ["is open in", "was changed by another program", "nothing", "no undo", "not undone"];
            assert!(code == Some(0) || is_told.iter().any(|told| said.contains(told)), "round {round}: {said}");
        }
    }
    server.finish();
    editor.finish();
    watcher.finish();
    let count: usize = fs::read_to_string(agent.folder().join("count")).unwrap().parse().unwrap();
    let rows = String::from_utf8(python(ROWS, &work).output().unwrap().stdout).unwrap();
    let wanted: Vec<String> = (1..=count).map(|n| n.to_string()).collect();
    assert_eq!(rows.trim(), format!("ok {}", wanted.join(" ")));
    let lines = |text: String| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix("server ")).map(str::to_owned).collect()
    };
    assert_eq!(lines(agent.text("app.log").unwrap()), wanted);
    // The reader goes on with the same file, whatever was undone.
    until("the follower of the log", || lines(fs::read_to_string(&followed).unwrap()).last() == wanted.last());
    tail.kill().unwrap();
    tail.wait().unwrap();
    assert_eq!(lines(fs::read_to_string(&followed).unwrap()), wanted);
    let swap = fs::read(agent.work(".notes.swp")).unwrap();
    let editor: u8 = fs::read_to_string(agent.folder().join("editor")).unwrap().parse().unwrap();
    assert_eq!((swap.len(), swap[0]), (4096, editor));
}
