//! A run that was made elsewhere, once its user has confirmed its workspace.

use std::fs;

use super::home::{Home, copy};
use super::text;

#[test]
fn naming_the_workspace_undoes_a_copied_run_and_is_asked_once() {
    let home = Home::new();
    let run = home.own_run();
    let (from, to) = (home.project(), home.path("moved"));
    copy(&from, &to);
    fs::remove_dir_all(&from).unwrap();
    fs::rename(&to, &from).unwrap();
    let refused = home.tama(&["undo", &run]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    let work = home.path("project/work");
    assert!(text(&refused).contains(&format!("--workspace {}", work.display())), "{}", text(&refused));
    assert_eq!(fs::read_to_string(work.join("out.txt")).unwrap(), "evil\n");
    let nowhere = home.tama(&["undo", &run, "--workspace", "nowhere"]);
    assert_eq!(nowhere.status.code(), Some(1), "{}", text(&nowhere));
    let undone = home.tama(&["undo", &run, "--workspace", "work"]);
    assert_eq!(undone.status.code(), Some(0), "{}", text(&undone));
    assert_eq!(fs::read_to_string(work.join("out.txt")).unwrap(), "old\n");
    let again = home.tama(&["undo", &run]);
    assert_eq!(again.status.code(), Some(0), "from then on it is the user's own: {}", text(&again));
    assert!(!text(&home.tama(&["runs"])).contains("elsewhere"));
}

#[test]
fn the_workspace_may_be_elsewhere_now() {
    let home = Home::new();
    let run = home.own_run();
    fs::rename(home.path("project/work"), home.path("project/moved")).unwrap();
    let refused = home.tama(&["undo", &run]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    let undone = home.tama(&["undo", &run, "--workspace", "moved"]);
    assert_eq!(undone.status.code(), Some(0), "{}", text(&undone));
    assert!(text(&undone).contains("from now on"), "{}", text(&undone));
    assert_eq!(fs::read_to_string(home.path("project/moved/out.txt")).unwrap(), "old\n");
    let listed = home.tama(&["undo", &run, "--dry-run"]);
    assert_eq!(listed.status.code(), Some(0), "it is remembered: {}", text(&listed));
}

#[test]
fn a_confirmed_run_whose_undo_was_cut_off_is_finished() {
    let home = Home::new();
    home.place(&home.crafted(), "1kqcrafted");
    let ssh = home.path(".ssh").display().to_string();
    let undone = home.tama(&["undo", "1kqcrafted", "--workspace", &ssh]);
    assert!(text(&undone).contains("its undo was finished"), "{}", text(&undone));
    assert_eq!(fs::read_to_string(home.path(".ssh/authorized_keys")).unwrap(), "ssh-ed25519 mine\n");
}

#[test]
fn a_retry_wants_the_workspace_named_too() {
    let home = Home::new();
    let run = home.own_run();
    let copied = home.place(&home.runs().join(&run), "1kqcopied0");
    let work = home.path("project/work").display().to_string();
    let args = ["retry", "1kqcopied0", "--span", "main"];
    assert_eq!(home.tama(&args).status.code(), Some(3));
    let retried = home.tama(&[&args[..], &["--workspace", &work]].concat());
    assert_eq!(retried.status.code(), Some(0), "{}", text(&retried));
    assert!(copied.join("stamp").exists());
    let again = home.tama(&args);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
}

#[test]
fn a_folder_with_links_or_second_names_is_not_confirmed() {
    let home = Home::new();
    let crafted = home.crafted();
    let ssh = home.path(".ssh").display().to_string();
    let linked = home.place(&crafted, "1kqlinked0");
    fs::remove_dir_all(linked.join("blobs")).unwrap();
    std::os::unix::fs::symlink(home.path(".ssh"), linked.join("blobs")).unwrap();
    let hard = home.place(&crafted, "1kqhard000");
    fs::remove_file(hard.join("lock")).unwrap();
    fs::hard_link(home.path(".ssh/config"), hard.join("lock")).unwrap();
    let below = home.place(&crafted, "1kqbelow00");
    fs::create_dir(below.join("open")).unwrap();
    std::os::unix::fs::symlink(home.path(".ssh/config"), below.join("open/list")).unwrap();
    for (id, why) in [
        ("1kqlinked0", "is neither a file nor a folder"),
        ("1kqhard000", "has a second name"),
        ("1kqbelow00", "is neither a file nor a folder"),
    ] {
        for args in [&["undo", id, "--workspace", &ssh][..], &["runs", "recover", id]] {
            let refused = home.tama(args);
            assert!(refused.status.code() == Some(1) && text(&refused).contains(why), "{args:?}: {}", text(&refused));
        }
    }
    assert_eq!(fs::read_to_string(home.path(".ssh/authorized_keys")).unwrap(), "evil\n");
    assert_eq!(fs::read_to_string(home.path(".ssh/config")).unwrap(), "Host here\n");
}
