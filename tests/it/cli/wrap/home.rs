//! A known agent in a user's home: it keeps its own state, gets the secrets of its own providers, and writes nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::cli::cli::{stderr, stdout};
use crate::support::manifest::{Manifest, differences, manifest};
use crate::support::program;
use crate::support::project::Project;

/// The known agents: folders and files of their own state, and the secrets that they get.
const KNOWN: [(&str, &[&str], &[&str]); 4] = [
    (
        "claude",
        &[".claude/", ".claude.json"],
        &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
    ),
    ("codex", &[".codex/"], &["CODEX_API_KEY", "OPENAI_API_KEY"]),
    ("gemini", &[".gemini/"], &["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
    (
        "opencode",
        &[".cache/opencode/", ".config/opencode/", ".local/share/opencode/", ".local/state/opencode/"],
        &["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"],
    ),
];

/// Variables that look like secrets.
const SECRETS: [&str; 9] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CODEX_API_KEY",
    "GEMINI_API_KEY",
    "GITHUB_TOKEN",
    "GOOGLE_API_KEY",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
];

/// A program of that name: it prints the names of the secrets that it has, and writes in each agent's state, in the home
/// folder and in its workspace.
fn make_program(folder: &Path, name: &str) -> PathBuf {
    let writes = KNOWN.iter().flat_map(|(_, state, _)| *state).map(|path| match path.strip_suffix('/') {
        Some(folder) => format!("mkdir -p ~/{folder}; echo mine > ~/{folder}/new; "),
        None => format!("echo mine > ~/{path}; "),
    });
    let script = format!(
        "#!/bin/bash\nexec 2> /dev/null\nfor name in {}; do [ -z \"${{!name}}\" ] || echo $name; done\n{}\n\
         echo mine > ~/new; rm ~/kept; echo mine > made\nexit 0\n",
        SECRETS.join(" "),
        writes.collect::<String>()
    );
    let program = folder.join(name);
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    program
}

/// A home folder in which each agent has state, and all of it but the program's own.
fn make_home(at: &Path) {
    for path in KNOWN.iter().flat_map(|(_, state, _)| *state) {
        let path = if path.ends_with('/') { at.join(path).join("old") } else { at.join(path) };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "old\n").unwrap();
    }
    fs::write(at.join("kept"), "old\n").unwrap();
}

/// The home folder without what this program keeps there itself.
fn of_others(home: &Path) -> Manifest {
    let mut found = manifest(home);
    found.retain(|path, _| !path.windows(8).any(|part| part == b"tama-tui"));
    found
}

/// Wraps the program in a home folder; says what was not as it must be.
fn check(name: &str, state: &[&str], secrets: &[&str], more: &[&str]) {
    // Not in the folder for temporary files: the agent has one of its own.
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (home, project) = (outside.path().join("home"), Project::empty());
    make_home(&home);
    let before = of_others(&home);
    let mut command = program::command();
    command.args(["wrap", "--headless"]).args(more).arg("--").arg(make_program(outside.path(), name));
    for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
        command.env_remove(name);
    }
    command.envs(SECRETS.map(|name| (name, "sk-very-secret-9"))).env("HOME", &home).current_dir(project.folder());
    let ran = command.output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{name} {more:?}: {}", stderr(&ran));
    assert_eq!(stdout(&ran).lines().collect::<Vec<_>>(), secrets, "{name} {more:?}");
    let mut wanted: Vec<String> = state
        .iter()
        .map(|path| path.strip_suffix('/').map_or((*path).to_owned(), |folder| format!("{folder}/new")))
        .collect();
    wanted.sort();
    let changed = |home: &Path| -> Vec<String> {
        let all = differences(&before, &of_others(home));
        all.into_iter().map(|line| line.split(':').next().unwrap().to_owned()).collect()
    };
    assert_eq!(changed(&home), wanted, "{name} {more:?}");
    let own = state.iter().map(|path| home.join(path.trim_end_matches('/')).canonicalize().unwrap());
    for path in own {
        assert!(stderr(&ran).contains(&path.display().to_string()), "{name}: {} is no named gap", path.display());
    }
    // The key that a run is signed with is kept in the home folder too.
    let mut undo = program::command();
    undo.args(["undo", &project.newest()]).env("HOME", &home).current_dir(project.folder());
    for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
        undo.env_remove(name);
    }
    let undone = undo.output().unwrap();
    assert_eq!(undone.status.code(), Some(0), "{name} {more:?}: {}", stderr(&undone));
    assert!(!project.path("made").exists());
    assert_eq!(changed(&home), wanted, "{name}: its own state is not undone");
}

#[test]
fn a_known_agent_writes_its_own_state_and_gets_its_own_secrets_and_no_others() {
    let project = Project::empty();
    if !program::is_confined(project.folder()) {
        return;
    }
    for (name, state, secrets) in KNOWN {
        check(name, state, secrets, &[]);
    }
    if program::holds_changes(project.folder()) {
        let (name, state, secrets) = KNOWN[0];
        check(name, state, secrets, &["--review"]);
    }
}
