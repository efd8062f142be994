//! Runs that were made elsewhere, or changed: looking at them changes not one byte, and nothing of them is undone or
//! retried before their workspace is confirmed.

mod confirmed;
mod home;
mod looks;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use home::Home;
use nix::sys::stat::Mode;

use crate::support::whole::{changed, whole};

/// The names in a run's folder that the program opens: files, then folders.
const NAMES: [&str; 12] = [
    "lock",
    "mark",
    "run.log",
    "run.duckdb",
    "run.duckdb.wal",
    "manifest.json",
    "stamp",
    "snapshot",
    "blobs",
    "open",
    "store",
    "run.duckdb.tmp",
];

/// How many of them are files.
const FILES: usize = 8;

fn text(output: &Output) -> String {
    let parts = [&output.stdout, &output.stderr].map(|part| String::from_utf8_lossy(part).into_owned());
    format!("{:?}\n{}", output.status.code(), parts.concat())
}

/// Looks at a run in every way, and tries to undo and to retry it; returns what was said.
fn look_at(home: &Home, run: &str) -> Vec<(String, Output)> {
    let commands: [&[&str]; 10] = [
        &["runs"],
        &["runs", "--json"],
        &["runs", "show", run],
        &["runs", "show", run, "--json"],
        &["undo", run, "--dry-run"],
        &["undo", run, "--dry-run", "--force", "--json"],
        &["retry", run, "--span", "main", "--dry-run"],
        &["verify", run],
        &["undo", run],
        &["retry", run, "--span", "main"],
    ];
    commands.iter().map(|args| (args.join(" "), home.tama(args))).collect()
}

/// Removes what is at a path.
fn remove(path: &Path) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else if path.symlink_metadata().is_ok() {
        fs::remove_file(path).unwrap();
    }
}

fn said<'a>(looks: &'a [(String, Output)], command: &str) -> &'a Output {
    &looks.iter().find(|(args, _)| args == command).unwrap().1
}

#[test]
fn a_crafted_run_changes_nothing_by_being_looked_at() {
    let home = Home::new();
    let crafted = home.crafted();
    home.place(&crafted, "1kqcrafted");
    let before = whole(home.folder());
    let looks = look_at(&home, "1kqcrafted");
    assert_eq!(changed(&before, &whole(home.folder())), Vec::<String>::new());
    for (args, output) in &looks {
        let asks = !args.contains("--dry-run") && (args.starts_with("undo") || args.starts_with("retry"));
        let all = text(output);
        assert_eq!(output.status.code(), Some(if asks { 3 } else { 0 }), "{args}: {all}");
        assert!(all.contains("made") && all.contains("elsewhere"), "{args}: {all}");
        let named = format!("--workspace {}", home.path(".ssh").display());
        assert!(!asks || all.contains(&named), "{args}: {all}");
    }
    let shown = text(said(&looks, "runs show 1kqcrafted"));
    assert!(shown.contains("authorized_keys") && shown.contains("finished (made elsewhere)"), "{shown}");
    let own = home.own_of_two("1kqcrafted");
    assert!(!text(&home.tama(&["runs", "show", &own])).contains("elsewhere"), "the user's own run is the user's own");
}

#[test]
fn no_name_in_a_run_s_folder_leads_out_of_it() {
    let home = Home::new();
    let crafted = home.crafted();
    let targets = [home.path(".ssh/config"), home.path(".ssh"), home.path("made-by-it")];
    let mut ids = Vec::new();
    for (at, name) in NAMES.iter().enumerate() {
        let id = format!("1kqlink{at:03x}");
        let name = home.place(&crafted, &id).join(name);
        remove(&name);
        // What is a folder in a run leads to a folder, too.
        let target = if at >= FILES { 1 } else { at % targets.len() };
        symlink(&targets[target], &name).unwrap();
        ids.push(id);
    }
    assert_inert(&home, &ids);
}

#[test]
fn pipes_hard_links_and_long_files_are_no_way_in() {
    let home = Home::new();
    let crafted = home.crafted();
    let mut ids = Vec::new();
    let mut put = |kind: &str, at: usize, make: &dyn Fn(&Path)| {
        let id = format!("1kq{kind}{at:02x}0");
        let name = home.place(&crafted, &id).join(NAMES[at]);
        remove(&name);
        make(&name);
        ids.push(id);
    };
    for at in 0..FILES {
        match at % 2 {
            0 => put("hard", at, &|name| fs::hard_link(home.path(".ssh/config"), name).unwrap()),
            _ => put("long", at, &|name| fs::File::create(name).unwrap().set_len(1 << 40).unwrap()),
        }
        put("pipe", at, &|name| nix::unistd::mkfifo(name, Mode::S_IRWXU).unwrap());
    }
    assert_inert(&home, &ids);
}

/// Looks at runs that may be unreadable: whatever is said, nothing is changed and nothing hangs.
fn assert_inert(home: &Home, ids: &[String]) {
    let before = whole(home.folder());
    let listed = home.tama(&["runs"]);
    assert_eq!(listed.status.code(), Some(0), "{}", text(&listed));
    for id in ids {
        for args in [&["runs", "show", id][..], &["undo", id]] {
            let output = home.tama(args);
            assert!(output.status.code().is_some_and(|code| code != 101), "{args:?}: {}", text(&output));
        }
    }
    assert_eq!(changed(&before, &whole(home.folder())), Vec::<String>::new());
}

/// An own run, copied and changed with the chain and the mark computed anew, and one changed where it is.
#[test]
fn an_own_run_that_somebody_changed_is_not_the_users_own_any_more() {
    const FORGED: &str = "UPDATE action_log SET key = 'other.txt' WHERE key = 'out.txt'";
    let home = Home::new();
    let run = home.own_run();
    let copied = home.place(&home.runs().join(&run), "1kqcopied0");
    let replayed = home.place(&home.runs().join(&run), "1kqreplay0");
    home::forge(&copied, FORGED);
    // In its own folder: device and inode are those that it was stamped with.
    home::forge(&home.runs().join(&run), FORGED);
    // The stamp and the marks of the run, beside rows that are not its own.
    home::forge(&replayed, FORGED);
    for name in ["stamp", "mark"] {
        fs::copy(home.runs().join(&run).join(name), replayed.join(name)).unwrap();
    }
    let before = whole(home.folder());
    for id in ["1kqcopied0", "1kqreplay0", &run] {
        for (args, output) in look_at(&home, id) {
            let asks = !args.contains("--dry-run") && (args.starts_with("undo") || args.starts_with("retry"));
            assert_eq!(output.status.code() == Some(3), asks, "{id} {args}: {}", text(&output));
        }
    }
    assert_eq!(changed(&before, &whole(home.folder())), Vec::<String>::new());
    assert_eq!(fs::read_to_string(home.path("project/work/other.txt")).unwrap(), "mine\n");
}

#[test]
fn a_mark_of_another_run_or_an_older_one_makes_no_run_the_users_own() {
    let home = Home::new();
    let first = home.own_run();
    let ran = home.tama(&["run", "."]);
    assert!(ran.status.success(), "{ran:?}");
    let second = home.own_of_two(&first);
    let mark = |run: &str| home.runs().join(run).join("mark");
    let own = fs::read(mark(&second)).unwrap();
    for spoilt in [fs::read(mark(&first)).unwrap(), own[..own.len() / 2].to_vec(), Vec::new()] {
        fs::write(mark(&second), spoilt).unwrap();
        let before = whole(home.folder());
        let refused = home.tama(&["undo", &second]);
        assert!(matches!(refused.status.code(), Some(1 | 3)), "{}", text(&refused));
        assert_eq!(changed(&before, &whole(home.folder())), Vec::<String>::new());
    }
    fs::write(mark(&second), &own).unwrap();
    let undone = home.tama(&["undo", &second]);
    assert_eq!(undone.status.code(), Some(0), "{}", text(&undone));
}

#[test]
fn a_command_cant_read_the_secret() {
    for mode in ["auto", "snapshot"] {
        let command =
            "cat HOME/.local/state/tama-tui/trust/secret > found 2>&1; touch HOME/.local/state/tama-tui/trust/x";
        let home = Home::with_command(command, &format!("[capture]\nlane = \"{mode}\""));
        if !crate::support::program::is_confined(&home.project()) {
            return;
        }
        let found = fs::read_to_string(home.path("project/work/found")).unwrap();
        let folder = home.path(".local/state/tama-tui/trust");
        let secret = fs::read_to_string(folder.join("secret")).unwrap();
        assert!(secret.len() == 65 && !found.contains(secret.trim_end()), "{mode}: {found}");
        assert!(found.contains("No such file"), "{mode}: {found}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "{mode}: nothing is put beside it");
    }
}

#[test]
fn without_the_secret_every_run_is_made_elsewhere() {
    let home = Home::new();
    let run = home.own_run();
    let secret = home.path(".local/state/tama-tui/trust/secret");
    let kept = fs::read(&secret).unwrap();
    fs::remove_file(&secret).unwrap();
    let refused = home.tama(&["undo", &run]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    assert!(!secret.exists(), "a refusal makes no secret");
    fs::write(&secret, &kept).unwrap();
    let lax = home.tama(&["undo", &run]);
    assert_eq!(lax.status.code(), Some(3), "others could have read it: {}", text(&lax));
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let undone = home.tama(&["undo", &run]);
    assert_eq!(undone.status.code(), Some(0), "{}", text(&undone));
}

#[test]
fn looking_makes_no_folder() {
    let home = Home::without_runs();
    fs::create_dir(home.path("project/.tama")).unwrap();
    let before = whole(home.folder());
    for (args, output) in look_at(&home, "none") {
        assert!(output.status.code().is_some(), "{args}");
    }
    let data = home.path("data").display().to_string();
    home.tama(&["--data-dir", &data, "runs"]);
    home.tama(&["check", "."]);
    assert_eq!(changed(&before, &whole(home.folder())), Vec::<String>::new());
    // It tries the sandbox, and takes away what that needs.
    for args in [&["doctor", "."][..], &["doctor"]] {
        let output = home.tama(args);
        assert!(output.status.code().is_some(), "{args:?}");
    }
    assert!(whole(home.folder()).keys().eq(before.keys()), "nothing is left of it");
}

#[test]
fn the_files_of_a_run_are_the_users_alone() {
    let home = Home::new();
    let mode = |path: &PathBuf| std::os::unix::fs::MetadataExt::mode(&path.symlink_metadata().unwrap()) & 0o777;
    let mut open = vec![home.runs()];
    while let Some(folder) = open.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
    }
}
