//! Commands behind walls: what they can't do, what they still can, and that nothing of them is left.
//!
//! As root everything is run a second time, as a user without any powers, in a copy of this program.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getsid};
use tama_tui::effects::confine::{
    Gap, Isolation as Means, Job, Shell, ShellLimits, ShellPaths as Place, ShellRun as Ran,
};
use tama_tui::model::CaptureMode;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::support::program::{self, set_helper};
use crate::support::skip::{Capability, REQUIRE, required, skip};
use crate::support::wait::until;

/// The part that this program plays when it runs itself, and the folder that it plays it in.
const ROLE: &str = "CONFINE_TEST_ROLE";
const ROLE_AT: &str = "CONFINE_TEST_AT";

/// Every kind of walls that is confined at all.
const WALLS: [Means; 3] = [Means::Overlay, Means::Namespaces, Means::Landlock];

/// A workspace with its data folder in it, another data folder, and something outside.
struct Yard {
    folder: TempDir,
    workspace: PathBuf,
}

impl Yard {
    fn new() -> Self {
        Self::named(OsStr::new("work"))
    }

    fn named(name: &OsStr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = fs::canonicalize(folder.path()).unwrap().join(name);
        for dir in ["deep/.tama/runs", "deep/beside"] {
            fs::create_dir_all(workspace.join(dir)).unwrap();
        }
        fs::write(workspace.join("kept"), "old").unwrap();
        fs::write(workspace.join("deep/.tama/runs/log"), "precious").unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::write(folder.path().join("data/log"), "precious").unwrap();
        fs::write(folder.path().join("outside"), "theirs").unwrap();
        Self { folder, workspace }
    }

    fn place(&self) -> Place {
        Place {
            workspace: self.workspace.clone(),
            hidden: vec![self.workspace.join("deep/.tama"), self.at("data")],
            scratch: Some(self.at("scratch")),
        }
    }

    /// A shell made of exactly that; where the system can't, the test is skipped.
    fn shell(&self, means: Means) -> Option<Shell> {
        set_helper();
        let shell = Shell::probe_up_to(self.place(), means);
        if shell.isolation() == means {
            return Some(shell);
        }
        let missing = match means {
            Means::Overlay => Capability::Overlay,
            Means::Namespaces => Capability::Namespaces,
            Means::Landlock => Capability::Landlock,
            Means::Group => panic!("a process group can be had everywhere: {:?}", shell.refused()),
        };
        skip(missing, format_args!("{means:?} can't be had here: {:?}", shell.refused()));
        None
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn outside(&self) -> [String; 3] {
        ["outside", "data/log", "work/deep/.tama/runs/log"]
            .map(|name| fs::read_to_string(self.at(name)).unwrap_or_else(|error| error.to_string()))
    }
}

async fn run_job(shell: &Shell, job: Job) -> Ran {
    shell.run(job, ShellLimits::default(), CancellationToken::new()).await
}

async fn run(shell: &Shell, command: &str) -> Ran {
    run_job(shell, Job::shell(command, Duration::from_secs(30))).await
}

async fn text(shell: &Shell, command: &str) -> String {
    run(shell, command).await.outcome.text
}

/// A command that sleeps for so long that only this test can have started it.
fn sleeper() -> String {
    let mut bytes = [0; 4];
    getrandom(&mut bytes);
    format!("sleep 1{:09}", u32::from_ne_bytes(bytes))
}

fn getrandom(bytes: &mut [u8]) {
    use std::io::Read;
    fs::File::open("/dev/urandom").unwrap().read_exact(bytes).unwrap();
}

fn is_running(command: &str) -> bool {
    process(command).is_some()
}

/// The process that runs exactly this.
fn process(command: &str) -> Option<Pid> {
    let wanted = command.replace(' ', "\0");
    let found = fs::read_dir("/proc").unwrap().flatten().find(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.strip_suffix(b"\0").is_some_and(|line| line == wanted.as_bytes())
    });
    found?.file_name().to_str()?.parse().ok().map(Pid::from_raw)
}

#[tokio::test]
async fn this_machine_is_confined_in_every_way() {
    let yard = Yard::new();
    let Some(shell) = yard.shell(Means::Overlay) else { return };
    assert_eq!(shell.mode().capture, CaptureMode::Overlay);
    assert_eq!(shell.mode().gaps, Vec::<String>::new());
    assert!(shell.keeps_data_safe());
    let ran = run(&shell, "true").await;
    assert_eq!((ran.gaps, ran.may_have_reached_outside), (vec![], false));
}

#[tokio::test]
async fn commands_end_as_they_do_elsewhere() {
    let yard = Yard::new();
    for means in [Means::Overlay, Means::Namespaces, Means::Landlock, Means::Group] {
        let Some(shell) = yard.shell(means) else { continue };
        let ran = run(&shell, "echo out; echo err >&2; exit 3").await;
        assert!(ran.outcome.text.contains("out\n") && ran.outcome.text.contains("err\n"), "{ran:?}");
        assert_eq!((ran.outcome.exit, ran.signal, ran.killed), (Some(3), None, false), "{means:?}");
        for (command, signal) in [("kill -TERM $$", 15), ("sh -c 'kill $$'; kill -9 $$", 9), ("kill -SEGV $$", 11)] {
            let ran = run(&shell, command).await;
            assert_eq!((ran.outcome.exit, ran.signal, ran.killed), (None, Some(signal), false), "{means:?} {command}");
        }
        let inside = text(&shell, "exec 2>/dev/null; sh -c 'kill $$'; echo $?; kill 0").await;
        assert_eq!(inside, "143\n[killed by signal 15]", "{means:?}");
        assert!(text(&shell, "yes | head -1; read line; echo \"[$line$TERM]\"").await.starts_with("y\n[dumb]\n"));
        let id = Command::new("id").args(["-u"]).output().unwrap();
        assert_eq!(text(&shell, "id -u").await, String::from_utf8(id.stdout).unwrap() + "[exit code 0]", "{means:?}");
        assert_eq!(text(&shell, "pwd").await, format!("{}\n[exit code 0]", yard.workspace.display()), "{means:?}");
        let job = Job { programs: vec![vec!["no-such-program".into()]], ..Job::shell("", Duration::from_secs(9)) };
        let ran = run_job(&shell, job).await;
        assert!(!ran.outcome.started && ran.outcome.text.contains("No such file"), "{ran:?}");
        let job = Job {
            programs: vec![vec!["no-such-program".into()], vec!["echo".into(), "found".into()]],
            ..Job::shell("", Duration::from_secs(9))
        };
        assert_eq!(run_job(&shell, job).await.outcome.text, "found\n[exit code 0]");
    }
}

#[tokio::test]
async fn writes_end_at_the_workspace() {
    for means in WALLS {
        let yard = Yard::new();
        let Some(shell) = yard.shell(means) else { continue };
        let outside = yard.at("outside").display().to_string();
        let new = yard.at("new").display().to_string();
        for command in [
            format!("echo mine > {outside}"),
            format!("rm -f {outside}"),
            format!("mv {outside} stolen"),
            format!("mv kept {outside}"),
            format!("ln {outside} stolen && echo mine > stolen"),
            format!("ln -s {outside} link && echo mine > link"),
            format!("mkdir {new}"),
            format!("truncate -s 0 {outside}"),
            format!("cd .. && mkdir {new}"),
            "echo x > \"$HOME/confine-test\"".into(),
        ] {
            let ran = run(&shell, &command).await;
            assert_ne!(ran.outcome.exit, Some(0), "{means:?} {command}: {}", ran.outcome.text);
        }
        assert_eq!(yard.outside()[0], "theirs", "{means:?}");
        assert!(!yard.at("new").exists(), "{means:?}");
        let mine = "echo a > a && mkdir -p d/e && mv a d/e/a && echo t > \"$TMPDIR/t\" && cat d/e/a $(mktemp) \
                    && echo > /dev/null && rm kept && rm -r d && echo done";
        assert_eq!(text(&shell, mine).await, "a\ndone\n[exit code 0]", "{means:?}");
        assert!(text(&shell, "cat ../outside").await.starts_with("theirs"), "{means:?}");
    }
}

#[tokio::test]
async fn the_folder_for_temporary_files_is_its_own() {
    set_helper();
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let workspace = folder.path().join("work");
    fs::create_dir(&workspace).unwrap();
    let place = Place { workspace, hidden: vec![], scratch: Some(folder.path().join("scratch")) };
    let shell = Shell::probe(place);
    if shell.isolation() < Means::Namespaces {
        skip(Capability::Namespaces, format_args!("{:?}", shell.refused()));
        return;
    }
    if ["/tmp", "/var/tmp"].iter().any(|folder| program::path().starts_with(folder)) {
        return skip(Capability::Namespaces, format_args!("the program lies in a folder for temporary files"));
    }
    let name = format!("confine-{}", std::process::id());
    let ran = run(&shell, &format!("echo $TMPDIR; ls -A /tmp; echo x > /tmp/{name} && ls -A $TMPDIR")).await;
    assert_eq!(ran.outcome.text, format!("/tmp\n{name}\n[exit code 0]"));
    assert!(!Path::new("/tmp").join(&name).exists());
    assert_eq!(text(&shell, "ls -A /tmp").await, "[exit code 0]");
}

#[tokio::test]
async fn devices_are_its_own() {
    let yard = Yard::new();
    let Some(shell) = yard.shell(Means::Namespaces) else { return };
    assert_eq!(text(&shell, "ls -A /dev/shm; echo x > /dev/shm/x && cat /dev/shm/x").await, "x\n[exit code 0]");
    assert!(!Path::new("/dev/shm/x").exists());
    let tty = run(&shell, "echo x > /dev/tty").await;
    assert_ne!(tty.outcome.exit, Some(0), "{tty:?}");
    assert_eq!(text(&shell, "ls -A /dev/pts").await, "ptmx\n[exit code 0]");
    // Nothing that is open here, and the folder that is listed.
    assert_eq!(text(&shell, "exec ls /proc/self/fd").await, "0\n1\n2\n3\n[exit code 0]");
    let processes = text(&shell, "ls /proc | grep -c '^[0-9]'").await;
    assert!(processes.lines().next().unwrap().parse::<u32>().unwrap() < 6, "{processes}");
}

#[tokio::test]
async fn the_data_folder_is_out_of_sight_and_reach() {
    for means in [Means::Overlay, Means::Namespaces] {
        let yard = Yard::new();
        let Some(shell) = yard.shell(means) else { continue };
        let before = yard.outside();
        let data = yard.at("data").display().to_string();
        for folder in ["deep/.tama", &data] {
            assert_eq!(text(&shell, &format!("ls -A {folder}")).await, "[exit code 0]", "{means:?} {folder}");
            for command in [
                format!("cat {folder}/runs/log {folder}/log"),
                format!("echo x > {folder}/x"),
                format!("rm -rf {folder}"),
                format!("mv {folder} elsewhere"),
                format!("umount {folder}"),
                format!("unshare -Urm umount {folder}"),
                format!("unshare -Urm mount --bind kept {folder}"),
            ] {
                let ran = run(&shell, &command).await;
                assert_ne!(ran.outcome.exit, Some(0), "{means:?} {command}: {}", ran.outcome.text);
            }
        }
        for command in ["mv deep elsewhere", "rm -rf deep", "rm -rf ./* ./.[!.]*"] {
            assert_ne!(run(&shell, command).await.outcome.exit, Some(0), "{means:?} {command}");
        }
        assert_eq!(yard.outside(), before, "{means:?}");
        // What else is there can be removed.
        assert_eq!(yard.workspace.join("deep/beside").exists(), means == Means::Overlay);
    }
}

#[tokio::test]
async fn no_network_unless_it_may() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let command = format!("exec 3<>/dev/tcp/127.0.0.1/{}", listener.local_addr().unwrap().port());
    for means in WALLS {
        let yard = Yard::new();
        let Some(shell) = yard.shell(means) else { continue };
        let ran = run(&shell, &command).await;
        assert_ne!(ran.outcome.exit, Some(0), "{means:?}: {}", ran.outcome.text);
        let job = Job { network: true, ..Job::shell(&command, Duration::from_secs(30)) };
        let ran = run_job(&shell, job).await;
        assert_eq!(ran.outcome.exit, Some(0), "{means:?}: {}", ran.outcome.text);
        assert!(ran.may_have_reached_outside && !ran.gaps.contains(&"network".into()), "{means:?}");
    }
}

#[tokio::test]
async fn no_service_of_this_machine_unless_it_may() {
    let yard = Yard::new();
    let Some(shell) = yard.shell(Means::Namespaces) else { return };
    let Ok(perl) = Command::new("perl").arg("-v").output() else {
        return skip(Capability::Perl, "there is no perl");
    };
    assert!(perl.status.success());
    let path = yard.at("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let code = "use IO::Socket::UNIX; IO::Socket::UNIX->new(Peer => $ARGV[0]) or die";
    let job = |network| Job {
        programs: vec![["perl", "-e", code].iter().map(Into::into).chain([path.clone().into()]).collect()],
        network,
        ..Job::shell("", Duration::from_secs(30))
    };
    assert_ne!(run_job(&shell, job(false)).await.outcome.exit, Some(0));
    assert_eq!(run_job(&shell, job(true)).await.outcome.exit, Some(0));
}

/// A process can open the terminal of its session only.
#[tokio::test]
async fn a_command_is_in_another_session_than_the_program() {
    let own = getsid(None).unwrap();
    for means in [Means::Overlay, Means::Namespaces, Means::Landlock, Means::Group] {
        let yard = Yard::new();
        let Some(shell) = yard.shell(means) else { continue };
        let sleeper = sleeper();
        let looked = {
            let sleeper = sleeper.clone();
            tokio::task::spawn_blocking(move || {
                until("the command", || is_running(&sleeper));
                let found = process(&sleeper).unwrap();
                // From out here: in there, the session of every process further out has the number 0.
                let session = getsid(Some(found)).unwrap();
                kill(found, Signal::SIGKILL).unwrap();
                session
            })
        };
        let ran = run(&shell, &sleeper).await;
        assert_ne!(looked.await.unwrap(), own, "{means:?}: {ran:?}");
    }
}

#[tokio::test]
async fn a_command_starts_when_it_may_and_not_before() {
    for means in [Means::Overlay, Means::Namespaces, Means::Landlock, Means::Group] {
        let yard = Yard::new();
        let Some(shell) = yard.shell(means) else { continue };
        let job = || Job::shell("cat kept", Duration::from_secs(30));
        let (allow, start) = oneshot::channel();
        let ran = shell.run_when(job(), ShellLimits::default(), CancellationToken::new(), start);
        let before = async {
            tokio::task::yield_now().await;
            fs::write(yard.workspace.join("kept"), "written before").unwrap();
            allow.send(()).unwrap();
        };
        let (ran, ()) = tokio::join!(ran, before);
        assert_eq!(ran.outcome.text, "written before\n[exit code 0]", "{means:?}");

        let (allow, start) = oneshot::channel::<()>();
        drop(allow);
        let job = Job::shell("echo x > started", Duration::from_secs(30));
        let ran = shell.run_when(job, ShellLimits::default(), CancellationToken::new(), start).await;
        let given_up = (ran.outcome.started, ran.written.is_some(), yard.workspace.join("started").exists());
        assert_eq!(given_up, (false, false, false), "{means:?}: {ran:?}");
    }
}

#[tokio::test]
async fn a_long_command_runs_like_a_short_one() {
    for means in [Means::Overlay, Means::Namespaces, Means::Landlock, Means::Group] {
        let yard = Yard::new();
        let Some(shell) = yard.shell(means) else { continue };
        let command = format!("x='{}'\nfalse || echo ${{#x}}; echo \"$0 $#\"; exit 3", "y".repeat(1_000_000));
        assert_eq!(text(&shell, &command).await, "1000000\nbash 0\n[exit code 3]", "{means:?}");
    }
}

#[tokio::test]
async fn failures_by_confinement_have_a_hint() {
    for means in [Means::Overlay, Means::Namespaces] {
        let yard = Yard::new();
        let Some(shell) = yard.shell(means) else { continue };
        fs::create_dir(yard.workspace.join("plain")).unwrap();
        let rename = "LC_ALL=C perl -e 'rename(\"plain\", \"moved\") or die \"$!\\n\"; print \"moved\\n\"'; true";
        let ran = run(&shell, rename).await;
        let renamed = ran.outcome.text.contains("moved\n");
        assert_eq!(ran.hints.iter().any(|hint| hint.contains("mode \"snapshot\"")), !renamed, "{means:?}: {ran:?}");
        assert!(renamed || means == Means::Overlay, "{ran:?}");
        let ran = run(&shell, "touch ../outside; echo x").await;
        let folder = yard.workspace.display().to_string();
        assert!(ran.hints.iter().any(|hint| hint.contains(&folder)), "{means:?}: {ran:?}");
        let ran = run(&shell, "/bin/echo $(seq 1 900000)").await;
        assert!(ran.hints.iter().any(|hint| hint.contains("xargs")), "{means:?}: {:?}", ran.hints);
        assert_eq!(run(&shell, "echo fine").await.hints, Vec::<String>::new());
    }
}

#[tokio::test]
async fn nothing_is_left_running() {
    for means in WALLS {
        let yard = Yard::new();
        let Some(shell) = yard.shell(means) else { continue };
        let sleeper = sleeper();
        let script = format!("setsid {sleeper} & (setsid {sleeper} &) & nohup {sleeper} >/dev/null 2>&1 & sleep 0.2");
        let ran = run(&shell, &script).await;
        assert_eq!(ran.outcome.exit, Some(0), "{means:?}");
        assert!(!is_running(&sleeper), "{means:?}");

        let start = Instant::now();
        let job = Job::shell(format!("echo started; setsid {sleeper} & {sleeper}"), Duration::from_secs(1));
        let ran = run_job(&shell, job).await;
        assert!(start.elapsed() < Duration::from_secs(8), "{means:?}");
        assert_eq!(ran.outcome.text, "started\n[timed out after 1 s and was killed]", "{means:?}");
        assert!(ran.killed && ran.outcome.timed_out && ran.outcome.started && ran.outcome.exit.is_none());
        assert!(!is_running(&sleeper), "{means:?}");
    }
}

#[tokio::test]
async fn a_stopped_or_forgotten_command_is_gone() {
    for means in [Means::Overlay, Means::Namespaces, Means::Landlock, Means::Group] {
        let yard = Yard::new();
        let Some(shell) = yard.shell(means) else { continue };
        let sleeper = sleeper();
        let job = || Job::shell(format!("trap '' TERM; echo started; {sleeper}; true"), Duration::from_secs(60));

        let stop = CancellationToken::new();
        let running = shell.run(job(), ShellLimits::default(), stop.clone());
        let stopping = async {
            tokio::task::spawn_blocking({
                let sleeper = sleeper.clone();
                move || until("the start", || is_running(&sleeper))
            })
            .await
            .unwrap();
            stop.cancel();
        };
        let (ran, ()) = tokio::join!(running, stopping);
        assert!(ran.killed && !ran.outcome.timed_out && ran.outcome.started, "{means:?}");
        assert_eq!(ran.outcome.text, "started\n[was stopped]", "{means:?}");
        assert!(!is_running(&sleeper), "{means:?}");

        let running = shell.run(job(), ShellLimits::default(), CancellationToken::new());
        let _ = tokio::time::timeout(Duration::from_millis(700), running).await.unwrap_err();
        tokio::task::spawn_blocking({
            let sleeper = sleeper.clone();
            move || until("the end", || !is_running(&sleeper))
        })
        .await
        .unwrap();
        // What is left is the folder of the first run, removed with it.
        let kept = if ran.written.is_some() { 2 } else { 0 };
        let scratch = yard.at("scratch");
        let left = move || fs::read_dir(&scratch).map_or(0, Iterator::count);
        let removed = move || until("the removal of the second run's folder", || left() == kept);
        tokio::task::spawn_blocking(removed).await.unwrap();
    }
}

#[tokio::test]
async fn the_overlay_keeps_the_workspace_as_it_is() {
    let names: [&[u8]; 6] = [b"work", b"a b", b"a,b:c", b"back\\slash", b"new\nline", b"\xff\xfe not utf-8"];
    for name in names {
        let yard = Yard::named(OsStr::from_bytes(name));
        let Some(shell) = yard.shell(Means::Overlay) else { return };
        fs::create_dir(yard.workspace.join("replaced")).unwrap();
        fs::write(yard.workspace.join("replaced/old"), "").unwrap();
        let script = "echo new > kept; echo made > made; rm -r deep/beside; rm -r replaced; mkdir replaced; \
                      touch replaced/new; ls -A replaced; touch \"$(printf '\\377')\"";
        let ran = run(&shell, script).await;
        assert_eq!(ran.outcome.text, "new\n[exit code 0]");
        let work = &yard.workspace;
        assert_eq!(fs::read_to_string(work.join("kept")).unwrap(), "old");
        assert!(!work.join("made").exists() && work.join("deep/beside").is_dir() && work.join("replaced/old").exists());

        let written = ran.written.unwrap();
        let upper = written.upper();
        assert_eq!(fs::read_to_string(upper.join("kept")).unwrap(), "new\n");
        assert_eq!(fs::read_to_string(upper.join("made")).unwrap(), "made\n");
        assert!(fs::symlink_metadata(upper.join("deep/beside")).unwrap().file_type().is_char_device());
        assert_eq!(xattr::get(upper.join("replaced"), "user.overlay.opaque").unwrap().unwrap(), b"y");
        assert!(upper.join(std::ffi::OsString::from_vec(vec![0xff])).exists());
        let scratch = written.path().to_owned();
        drop(written);
        assert!(!scratch.exists());
        assert_eq!(fs::read_dir(yard.at("scratch")).unwrap().count(), 0);

        let job = Job { overlay: false, ..Job::shell("echo direct > kept", Duration::from_secs(30)) };
        assert!(run_job(&shell, job).await.written.is_none());
        assert_eq!(fs::read_to_string(work.join("kept")).unwrap(), "direct\n");
    }
}

#[tokio::test]
async fn overlays_run_side_by_side() {
    let yard = Yard::new();
    let Some(shell) = yard.shell(Means::Overlay) else { return };
    let one = run(&shell, "echo one >> kept; sleep 0.5; cat kept");
    let two = run(&shell, "echo two >> kept; sleep 0.5; cat kept");
    let (one, two) = tokio::join!(one, two);
    assert_eq!(one.outcome.text, "oldone\n[exit code 0]");
    assert_eq!(two.outcome.text, "oldtwo\n[exit code 0]");
}

#[tokio::test]
async fn landlock_alone_says_what_it_leaves_open() {
    let yard = Yard::new();
    let Some(shell) = yard.shell(Means::Landlock) else { return };
    assert_eq!(shell.mode().capture, CaptureMode::Snapshot);
    for gap in [Gap::Network, Gap::DataRead, Gap::DataChanged, Gap::Processes] {
        assert!(shell.gaps().contains(&gap), "{gap:?}");
    }
    assert!(!shell.keeps_data_safe());
    let Place { workspace, scratch, .. } = yard.place();
    let elsewhere = Place { workspace, hidden: vec![yard.at("data")], scratch };
    let shell = Shell::probe_up_to(elsewhere, Means::Landlock);
    assert!(shell.keeps_data_safe(), "{:?}", shell.gaps());
    assert_ne!(run(&shell, &format!("rm -rf {}", yard.at("data").display())).await.outcome.exit, Some(0));
    assert_eq!(yard.outside()[1], "precious");
    let ran = run(&shell, "true").await;
    assert!(ran.may_have_reached_outside && ran.gaps.contains(&"network".into()), "{ran:?}");
}

#[tokio::test]
async fn without_the_program_nothing_is_promised() {
    let yard = Yard::new();
    let shell = Shell::probe_up_to(yard.place(), Means::Group);
    assert_eq!((shell.isolation(), shell.mode().capture), (Means::Group, CaptureMode::Snapshot));
    for gap in [Gap::Network, Gap::WritesOutside, Gap::DataRead, Gap::DataChanged, Gap::Background] {
        assert!(shell.gaps().contains(&gap), "{gap:?}");
    }
    let ran = run(&shell, "echo there").await;
    assert_eq!(ran.outcome.text, "there\n[exit code 0]");
    assert!(ran.may_have_reached_outside && ran.written.is_none());
    assert_eq!(ran.gaps, shell.mode().gaps);
}

#[tokio::test]
async fn no_overlay_over_other_mounts_or_into_itself() {
    let yard = Yard::new();
    if yard.shell(Means::Overlay).is_none() {
        return;
    }
    let within = Place { scratch: Some(yard.workspace.join("scratch")), ..yard.place() };
    assert_eq!(Shell::probe(within).isolation(), Means::Group);
    assert!(!yard.workspace.join("scratch").exists());
    let proc = Place { workspace: "/dev".into(), ..yard.place() };
    let shell = Shell::probe(proc);
    assert!(shell.isolation() < Means::Overlay);
    // What changes on these is not seen, and that is said.
    assert!(shell.gaps().contains(&Gap::Mounts), "{:?}", shell.gaps());
}

/// Plays the part of the program that starts commands, in a process that can be killed or has an environment.
#[tokio::test]
async fn role() {
    let (Ok(role), Some(at)) = (std::env::var(ROLE), std::env::var_os(ROLE_AT)) else { return };
    set_helper();
    let at = PathBuf::from(at);
    let means = if role.contains("landlock") { Means::Landlock } else { Means::Overlay };
    let place = Place { workspace: at.join("work"), hidden: vec![], scratch: Some(at.join("scratch")) };
    let shell = Shell::probe_up_to(place, means);
    assert_eq!(shell.isolation(), means);
    println!("{}", run(&shell, &std::env::var("CONFINE_TEST_COMMAND").unwrap()).await.outcome.text);
}

fn play(role: &str, yard: &Yard, command: &str) -> Command {
    let mut played = Command::new(std::env::current_exe().unwrap());
    played.args(["--exact", "shell::confine::role", "--nocapture"]);
    played.env(ROLE, role).env(ROLE_AT, yard.folder.path()).env("CONFINE_TEST_COMMAND", command);
    played.stdout(Stdio::piped());
    played
}

#[test]
fn secrets_are_not_inherited() {
    let yard = Yard::new();
    if yard.shell(Means::Overlay).is_none() {
        return;
    }
    let command = "env; cat /proc/*/environ | tr '\\0' '\\n'; echo end";
    let output = play("env", &yard, command).env("OPENAI_API_KEY", "sk-hidden").env("SHOWN", "shown").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("SHOWN=shown") && text.contains("end\n"), "{text}");
    assert!(!text.contains("sk-hidden"), "{text}");
}

#[test]
fn killed_with_the_program() {
    for (role, means) in [("overlay", Means::Overlay), ("landlock", Means::Landlock)] {
        let yard = Yard::new();
        if yard.shell(means).is_none() {
            continue;
        }
        let sleeper = sleeper();
        let script = format!("trap '' TERM HUP; setsid {sleeper} & {sleeper}; true");
        let mut program = play(role, &yard, &script).spawn().unwrap();
        until("the start", || is_running(&sleeper));
        program.kill().unwrap();
        program.wait().unwrap();
        until("the end", || !is_running(&sleeper));
        // What the dead left behind is removed by the next to come.
        assert!(fs::read_dir(yard.at("scratch")).unwrap().count() > 0);
        until("the sweep", || {
            drop(yard.shell(means).unwrap());
            fs::read_dir(yard.at("scratch")).unwrap().count() == 0
        });
    }
}

/// Everything above, as a user without powers.
#[test]
fn as_another_user() {
    if std::env::var_os(ROLE).is_some() {
        return;
    }
    if !nix::unistd::geteuid().is_root() || Command::new("setpriv").arg("--version").output().is_err() {
        return skip(Capability::OtherUser, "it takes root and setpriv");
    }
    // A program or a home below `/tmp` or `/var/tmp` keeps it from being replaced.
    let folder = tempfile::tempdir_in("/var/lib").unwrap();
    let open = |path: &Path| fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
    open(folder.path());
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    open(&home);
    // Where they are, another user may have no access.
    let tests = program::copy_tests_to(folder.path());
    let program = program::copy_to(folder.path());
    let beyond_root = required().into_iter().filter(|needed| *needed != Capability::Root);
    let source = folder.path().join("calls.c");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/confine/calls.c"), &source).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=54321", "--regid=54321", "--clear-groups", "--no-new-privs"])
        .arg(tests)
        .args(["confine::", "lanes::", "table::", "caches::", "--skip", "as_another_user", "--nocapture"])
        .env_remove("LD_LIBRARY_PATH")
        .env(program::PROGRAM, program)
        .env("CONFINE_TEST_CALLS", source)
        .env(REQUIRE, beyond_root.map(Capability::name).collect::<Vec<_>>().join(","))
        .env("HOME", home)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .current_dir("/")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    // Past the test harness, which hides what a passed test prints.
    for line in text.lines().filter(|line| line.starts_with("skipped: ")) {
        let _ = writeln!(std::io::stderr(), "{line} (as another user)");
    }
    eprintln!("{text}");
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stdout));
}
