//! Caches and credentials of the user's tools: caches are warm and stay as they are, credentials are not seen.

use std::fs;
use std::path::{Path, PathBuf};

use super::lanes::{LANES, Project, output_text};
use crate::support::manifest::manifest;
use crate::support::program;

/// A home folder with caches and credentials.
fn make_home(project: &Project) -> PathBuf {
    let home = project.folder_path().join("home");
    for (file, text) in [
        (".npm/_cacache/warm", "npm"),
        (".cache/pip/warm", "pip"),
        (".cargo/registry/warm", "cargo"),
        (".cargo/credentials.toml", "secret"),
        (".npmrc", "secret"),
        (".m2/settings.xml", "secret"),
        (".config/pip/pip.conf", "secret"),
    ] {
        fs::create_dir_all(home.join(file).parent().unwrap()).unwrap();
        fs::write(home.join(file), text).unwrap();
    }
    home
}

/// All of the home folder but the program's own state.
fn manifest_of(home: &Path) -> impl PartialEq + use<> {
    let own = fs::read_dir(home).unwrap().map(|entry| entry.unwrap().file_name()).filter(|name| name != ".local");
    let mut names: Vec<_> = own.collect();
    names.sort();
    let found: Vec<_> = [".npm", ".cache", ".cargo", ".m2", ".config"].map(|name| manifest(&home.join(name))).into();
    (names, found)
}

fn run(project: &Project, home: &Path) -> String {
    let mut command = project.tama(&["run", "pipeline.toml", "--allow", "*"]);
    for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "CARGO_HOME", "GRADLE_USER_HOME"] {
        command.env_remove(name);
    }
    output_text(&command.env("HOME", home).output().unwrap())
}

#[test]
fn caches_are_warm_and_what_is_written_there_is_thrown_away() {
    for lane in LANES {
        let command = "cat ~/.npm/_cacache/warm ~/.cache/pip/warm ~/.cargo/registry/warm > seen; \
                       echo new > ~/.npm/new && rm -r ~/.npm/_cacache && mv ~/.cache/pip/warm ~/.cache/pip/moved && \
                       echo more >> ~/.cargo/registry/warm && cat ~/.npm/new ~/.cargo/registry/warm > written; \
                       mkdir -p \"$GRADLE_USER_HOME/caches\" && echo own > \"$GRADLE_USER_HOME/caches/x\" && \
                       case $GRADLE_USER_HOME in \"$TMPDIR\"/*) echo private > gradle;; esac; \
                       echo x > ~/new || echo refused > home; echo x > ~/.cargo/new || echo refused > cargo";
        let project = Project::bash(lane, command);
        if !program::is_confined(project.folder_path()) {
            return;
        }
        let home = make_home(&project);
        let before = manifest_of(&home);
        let ran = run(&project, &home);
        let text = |name: &str| project.text(name).unwrap_or_default();
        assert_eq!(text("seen"), "npmpipcargo", "{lane}: {ran}");
        assert_eq!(text("written"), "new\ncargomore\n", "{lane}: {ran}");
        assert_eq!(text("gradle"), "private\n", "{lane}: {ran}");
        assert_eq!((text("home"), text("cargo")), ("refused\n".into(), "refused\n".into()), "{lane}: {ran}");
        assert!(manifest_of(&home) == before, "{lane}: the home folder has changed");
    }
}

#[test]
fn credentials_are_seen_only_by_tools_with_the_network() {
    let files = "~/.cargo/credentials.toml ~/.npmrc ~/.m2/settings.xml ~/.config/pip/pip.conf";
    for lane in LANES {
        let hidden = Project::bash(lane, &format!("cat {files} > seen"));
        if !program::is_confined(hidden.folder_path()) {
            return;
        }
        let ran = run(&hidden, &make_home(&hidden));
        assert_eq!(hidden.text("seen").as_deref(), Some("<settings/>\n"), "{lane}: {ran}");

        let shown = Project::new(lane, "{ name = \"login\", args = {} }");
        shown.add_tool("login", &format!("cat {files} > seen"), "network = true");
        let ran = run(&shown, &make_home(&shown));
        assert_eq!(shown.text("seen").as_deref(), Some("secretsecretsecretsecret"), "{lane}: {ran}");
    }
}
