//! Commands at the edges of what is captured, through the program itself, in both lanes.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::manifest::manifest;
use crate::support::program;
use crate::support::skip::{Capability, skip};
use crate::support::wait::until;

pub const LANES: [&str; 2] = ["auto", "portable"];

/// A project whose agent runs one command, or calls one tool of its user's own.
pub struct Project(TempDir);

impl Project {
    pub fn new(lane: &str, call: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        let pipeline = format!(
            "[pipeline]\nname = \"lanes\"\nentrypoint = \"lead\"\ntask = \"go\"\nworkspace = \"work\"\n\
             [models]\ndefault = \"script:replies.toml\"\n[capture]\nlane = \"{lane}\"\n\
             [agents.lead]\npattern = \"react\"\nprompt = \"lead\"\ntools = [\"tama_bash\", \"own\"]\n\
             [tools.own]\ndescription = \"x\"\ncommand = [\"true\"]\nundo = [\"true\"]\n\
             before = [\"bash\", \"-c\", \"echo state > saved; exit 1\"]\n"
        );
        let replies = format!(
            "[[reply]]\nagent = \"lead\"\ncall = 1\ncalls = [{call}]\n[[reply]]\nagent = \"lead\"\ntext = \"end\"\n"
        );
        fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
        fs::write(folder.path().join("replies.toml"), replies).unwrap();
        Self(folder)
    }

    pub fn bash(lane: &str, command: &str) -> Self {
        Self::new(lane, &format!("{{ name = \"tama_bash\", args = {{ command = {command:?} }} }}"))
    }

    /// Gives the agent one more tool of the user's own, a command of the shell.
    pub fn add_tool(&self, name: &str, command: &str, more: &str) {
        let file = self.0.path().join("pipeline.toml");
        let tool = format!("[tools.{name}]\ndescription = \"x\"\ncommand = [\"bash\", \"-c\", {command:?}]\n{more}\n");
        let pipeline = fs::read_to_string(&file).unwrap();
        fs::write(file, pipeline.replace("\"own\"]", &format!("\"own\", \"{name}\"]")) + &tool).unwrap();
    }

    /// The project's folder.
    pub fn folder_path(&self) -> &Path {
        self.0.path()
    }

    fn work(&self, name: &str) -> PathBuf {
        self.0.path().join("work").join(name)
    }

    pub fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.work(name)).ok()
    }

    pub fn tama(&self, args: &[&str]) -> Command {
        let mut command = program::command();
        command.args(args).current_dir(self.0.path()).env_remove("TAMA_TUI_DATA_DIR");
        command
    }

    fn run(&self) -> String {
        output_text(&self.tama(&["run", "pipeline.toml", "--allow", "*"]).output().unwrap())
    }

    fn undo(&self, more: &[&str]) -> (Option<i32>, String) {
        let (_, id) = self.folder().unwrap();
        let output = self.tama(&[&["undo", &id], more].concat()).output().unwrap();
        (output.status.code(), output_text(&output))
    }

    /// The folder of its only run, and the run's id.
    fn folder(&self) -> Option<(PathBuf, String)> {
        let found = fs::read_dir(self.0.path().join(".tama/runs")).ok()?.next()?.unwrap();
        Some((found.path(), found.file_name().into_string().unwrap()))
    }
}

pub fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn sh(folder: &Path, script: &str) {
    assert!(Command::new("bash").args(["-ec", script]).current_dir(folder).status().unwrap().success());
}

#[test]
fn what_can_t_be_kept_does_not_keep_the_rest_from_landing() {
    for lane in LANES {
        let project = Project::bash(lane, "rm pipe; rm -r d; echo new > f; rm other; echo file > other");
        sh(&project.work(""), "mkfifo pipe other; mkdir d; mkfifo d/pipe; echo x > d/x; echo old > f");
        let ran = project.run();
        let exists = |name: &str| project.work(name).symlink_metadata().is_ok();
        assert!(!exists("pipe") && !exists("d"), "{lane}: {ran}");
        assert_eq!((project.text("f"), project.text("other")), (Some("new\n".into()), Some("file\n".into())), "{lane}");
        let (code, told) = project.undo(&[]);
        assert_eq!(code, Some(6), "{lane}: {told}");
        assert_eq!(
            (project.text("f"), project.text("d/x")),
            (Some("old\n".into()), Some("x\n".into())),
            "{lane}: {told}"
        );
        assert!(told.contains("named pipe"), "{lane}: {told}");
    }
}

/// For root nothing is barred; `confine::as_another_user` has this as somebody else.
#[test]
fn what_bars_its_owner_comes_back() {
    // In the portable lane a folder that bars its owner can't be looked into, and is told.
    let files = "echo new > f; echo x > made; chmod 000 f g made";
    for (lane, more) in [("auto", ""), ("auto", " d"), ("auto", " ."), ("portable", "")] {
        let command = format!("{files}{more}");
        let project = Project::bash(lane, &command);
        sh(&project.work(""), "echo old > f; echo g > g; mkdir d; echo x > d/x");
        let before = manifest(&project.work(""));
        let ran = project.run();
        assert_eq!(
            fs::metadata(project.work("")).unwrap().mode() & 0o700 == 0,
            command.ends_with('.'),
            "{lane}: {ran}"
        );
        let (code, told) = project.undo(&[]);
        assert_eq!(code, Some(0), "{lane}: {ran}\n{told}");
        assert_eq!(manifest(&project.work("")), before, "{lane}: {told}");
    }
}

/// As root only: nobody else may give files away.
#[test]
fn owners_stay_and_nothing_comes_back_to_run_as_somebody_else() {
    for lane in LANES {
        let project = Project::bash(lane, "echo new > f; rm runs");
        sh(&project.work(""), "echo old > f; chmod 640 f; echo x > runs");
        for (name, mode) in [("f", 0o640), ("runs", 0o4755)] {
            if let Err(error) = std::os::unix::fs::chown(project.work(name), Some(12345), Some(54321)) {
                return skip(Capability::Root, format_args!("no file may be given away: {error}"));
            }
            fs::set_permissions(project.work(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        let ran = project.run();
        assert_eq!(project.text("f").as_deref(), Some("new\n"), "{lane}: {ran}");
        let (code, told) = project.undo(&[]);
        let found = fs::metadata(project.work("f")).unwrap();
        let owner = (found.uid(), found.gid(), found.mode() & 0o7777);
        assert_eq!((project.text("f").as_deref(), owner), (Some("old\n"), (12345, 54321, 0o640)), "{lane}: {told}");
        assert_eq!(code, Some(6), "{lane}: {told}");
        assert!(!project.work("runs").exists() && told.contains("it runs as another user"), "{lane}: {told}");
    }
}

#[test]
fn what_a_command_before_a_tool_changed_is_on_record() {
    for lane in LANES {
        let project = Project::new(lane, "{ name = \"own\", args = {} }");
        let ran = project.run();
        assert!(project.work("saved").exists(), "{lane}: {ran}");
        let (code, told) = project.undo(&[]);
        assert_eq!(code, Some(0), "{told}");
        assert!(!project.work("saved").exists(), "{lane}");
    }
}

/// Ends when it is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Changes that someone made after the debugger was killed in the middle of a command are not the command's.
#[test]
fn what_others_did_after_an_interrupted_command_is_a_conflict() {
    let command = "echo more >> both; echo x > made; mkdir own; echo y > own/y; rm gone; sleep 600";
    let project = Project::bash("portable", command);
    sh(&project.work(""), "echo a > both; echo b > gone");
    let mut run = project.tama(&["run", "pipeline.toml"]);
    let child = Killed(run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    until("the command to run", || !project.work("gone").exists());
    drop(child);
    let mark = project.folder().unwrap().0.join("open/ended");
    until("the command's end", || File::open(&mark).unwrap().try_lock_shared().is_ok());
    // The clock of files goes in steps of some milliseconds.
    let now = || tempfile::tempfile_in(&project.0).unwrap().metadata().unwrap().modified().unwrap();
    let ended = fs::metadata(&mark).unwrap().modified().unwrap();
    until("the clock of files to go on", || now() > ended);
    sh(&project.work(""), "echo mine >> both; echo mine > mine; mkdir theirs; echo z > own/z");
    let mut skip = Vec::new();
    let mut conflicts = Vec::new();
    let last = loop {
        let (code, told) = project.undo(&skip.iter().map(String::as_str).collect::<Vec<_>>());
        let Some(at) = told.split("stopped at #").nth(1) else { break (code, told) };
        let (seq, rest) = at.split_once(": ").unwrap();
        conflicts.push(rest.split_once(' ').unwrap().0.to_owned());
        skip.extend(["--skip".to_owned(), seq.to_owned()]);
        assert!(conflicts.len() < 10, "{told}");
    };
    conflicts.sort();
    // A folder that others put something into may be theirs as well.
    assert_eq!(conflicts, ["both", "mine", "own/", "own/z", "theirs/"], "{last:?}");
    assert_eq!(project.text("both").unwrap(), "a\nmore\nmine\n");
    assert_eq!(project.text("mine").unwrap(), "mine\n");
    assert!(project.work("theirs").exists());
    assert_eq!((project.text("made"), project.text("own/y"), project.text("gone")), (None, None, Some("b\n".into())));
}
