//! `wrap`: agents of other programs, played by small scripts.

#[cfg(target_os = "linux")]
mod as_usual;
mod demo;
mod direct;
#[cfg(target_os = "linux")]
mod held_points;
#[cfg(target_os = "linux")]
mod home;
#[cfg(target_os = "linux")]
mod hostile;
mod killed;
mod kills;
#[cfg(target_os = "linux")]
mod left_open;
mod retry;
mod review;
mod review_killed;
mod stops;

use std::path::Path;
use std::process::{Command, Output};

use crate::support::program;

/// Wraps a shell script without a screen, in a folder.
fn wrap(folder: &Path, script: &str, more: &[&str]) -> Output {
    let args: Vec<&str> = ["wrap", "--headless"].into_iter().chain(more.iter().copied()).collect();
    program::run(folder, &[&args, &["--", "bash", "-c", script][..]].concat())
}

/// A git checkout with a file that git ignores.
fn checkout(folder: &Path) {
    let script = "git init -q . && mkdir docs && echo doc > docs/a.md && echo SECRET=1 > .env && echo .env > .gitignore
        git add -A && git -c user.name=a -c user.email=a@b.c commit -qm first";
    let ran = Command::new("bash").args(["-ec", script]).current_dir(folder).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
}
