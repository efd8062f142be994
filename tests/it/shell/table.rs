//! The table of system calls: each row's call is made by a C program in the sandbox, and must end as the row says.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use keyutils::{Keyring, keytypes::User};
use serde::Deserialize;
use tama_tui::effects::confine::{Gap, Isolation, Job, Shell, ShellLimits, ShellPaths, ShellRun};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::program::set_helper;
use crate::support::skip::{Capability, skip};
use crate::support::wait::until;

/// A name of a key that only this test has.
const KEY: &str = "tama-tui-test";

#[derive(Debug, Deserialize)]
pub(super) struct Table {
    pub(super) row: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) call: String,
    #[serde(rename = "as")]
    who: Who,
    pub(super) tool: Option<Permission>,
    pub(super) overlay: Wanted,
    pub(super) snapshot: Wanted,
    landlock: Wanted,
    /// The end of the call where a wrapped agent makes it, if it is another one.
    pub(super) agent: Option<Wanted>,
    pub(super) why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Who {
    Root,
    User,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Permission {
    Network,
    LocalSockets,
}

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Wanted {
    Refused(Option<String>),
    Killed,
    Allowed,
    /// Allowed, and the sandbox names it.
    Gap(String),
}

impl TryFrom<String> for Wanted {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(' ') {
            None if text == "refused" => Ok(Self::Refused(None)),
            None if text == "killed" => Ok(Self::Killed),
            None if text == "allowed" => Ok(Self::Allowed),
            Some(("refused", error)) => Ok(Self::Refused(Some(error.to_owned()))),
            Some(("gap", words)) => Ok(Self::Gap(words.to_owned())),
            _ => Err(format!("{text:?} is no result")),
        }
    }
}

impl Wanted {
    /// True when the call ended so; `found`: `allowed`, `killed`, or `refused ERRNO`.
    pub(super) fn is(&self, found: &str, gaps: &[Gap]) -> bool {
        match self {
            Self::Refused(None) => found.starts_with("refused "),
            Self::Refused(Some(error)) => found == format!("refused {error}"),
            Self::Killed => found == "killed",
            Self::Allowed => found == "allowed",
            Self::Gap(words) => found == "allowed" && gaps.iter().any(|gap| gap.label() == words),
        }
    }
}

impl Row {
    fn wanted(&self, isolation: Isolation) -> &Wanted {
        match isolation {
            Isolation::Overlay => &self.overlay,
            Isolation::Namespaces => &self.snapshot,
            Isolation::Landlock | Isolation::Group => &self.landlock,
        }
    }

    pub(super) fn is_for_this_user(&self) -> bool {
        match self.who {
            Who::Both => true,
            Who::Root => nix::unistd::geteuid().is_root(),
            Who::User => !nix::unistd::geteuid().is_root(),
        }
    }
}

/// A workspace, things beside it, and servers outside of the sandbox.
pub(super) struct Grounds {
    folder: TempDir,
    calls: PathBuf,
    values: Vec<(&'static str, String)>,
    elsewhere: Option<Child>,
    _servers: (Vec<UnixListener>, UnixDatagram, TcpListener, UdpSocket),
}

impl Drop for Grounds {
    fn drop(&mut self) {
        if let Some(child) = &mut self.elsewhere {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Grounds {
    pub(super) fn new(calls: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let at = |name: &str| root.join(name);
        for dir in ["work", "data"] {
            fs::create_dir(at(dir)).unwrap();
        }
        for file in ["work/mine", "data/log", "outside"] {
            fs::write(at(file), "theirs").unwrap();
        }
        fs::set_permissions(at("outside"), PermissionsExt::from_mode(0o600)).unwrap();
        xattr::set(at("outside"), "user.kept", b"1").unwrap();
        let own = at("calls");
        fs::copy(calls, &own).unwrap();
        nix::unistd::mkfifo(&at("gate"), nix::sys::stat::Mode::S_IRWXU).unwrap();

        let mut listeners = vec![listen(&at("socket")), listen(&at("first")), listen(&at("second"))];
        fs::rename(at("first"), at("renamed")).unwrap();
        fs::hard_link(at("second"), at("linked")).unwrap();
        fs::remove_file(at("second")).unwrap();
        listeners.extend(relative_listener(&root));
        let name = format!("tama-tui-test-{}-{}", std::process::id(), root.display());
        listeners.push(UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap());
        let datagrams = UnixDatagram::bind(at("datagram")).unwrap();
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let elsewhere = serve_elsewhere(&own, &at("elsewhere"));

        let text = |path: &str| at(path).display().to_string();
        let secret: &'static CString = Box::leak(Box::new(CString::new("secret").unwrap()));
        let mut values = vec![
            ("{folder}", root.display().to_string()),
            ("{hidden}", text("data")),
            ("{temp}", "$TMPDIR".to_owned()),
            ("{pid}", std::process::id().to_string()),
            ("{address}", format!("{:x}", secret.as_ptr() as usize)),
            ("{port}", tcp.local_addr().unwrap().port().to_string()),
            ("{udp}", udp.local_addr().unwrap().port().to_string()),
            ("{abstract}", format!("@{name}")),
        ];
        let files = ["outside", "socket", "renamed", "linked", "later", "elsewhere", "datagram"];
        let holes = ["{outside}", "{socket}", "{renamed}", "{linked}", "{later}", "{elsewhere}", "{datagram}"];
        values.extend(holes.into_iter().zip(files.map(text)));
        Self { folder, calls: own, values, elsewhere, _servers: (listeners, datagrams, tcp, udp) }
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shell(&self, isolation: Isolation) -> Shell {
        let paths =
            ShellPaths { workspace: self.at("work"), hidden: vec![self.at("data")], scratch: Some(self.at("scratch")) };
        Shell::probe_up_to(paths, isolation)
    }

    /// A line of the shell that makes a call, and says how it ended.
    pub(super) fn line(&self, name: usize, call: &str) -> String {
        let call = self.values.iter().fold(call.to_owned(), |call, (hole, value)| call.replace(hole, value));
        assert!(!call.contains('{'), "{call}");
        let words: Vec<String> = call.split(' ').map(|word| format!("\"{word}\"")).collect();
        format!("\"{}\" {name} {}; [ $? -le 128 ] || echo {name} killed\n", self.calls.display(), words.join(" "))
    }

    /// Everything about the file outside that a call could change.
    pub(super) fn outside(&self) -> (String, u32, u32, (i64, i64), Vec<String>) {
        let data = fs::metadata(self.at("outside")).unwrap();
        let names = xattr::list(self.at("outside")).unwrap().map(|name| name.to_string_lossy().into_owned()).collect();
        let text = fs::read_to_string(self.at("outside")).unwrap();
        (text, data.mode(), data.uid(), (data.mtime(), data.mtime_nsec()), names)
    }
}

fn listen(path: &Path) -> UnixListener {
    UnixListener::bind(path).unwrap()
}

/// A socket whose name is relative to another process's folder.
fn relative_listener(root: &Path) -> Option<UnixListener> {
    // The folder of this process belongs to all tests, so a name through a handle stands for a relative one.
    let handle = fs::File::open(root).ok()?;
    let path = format!("/proc/self/fd/{}/relative", std::os::fd::AsRawFd::as_raw_fd(&handle));
    Some(listen(Path::new(&path)))
}

/// A server in another network namespace; none where that can't be had.
fn serve_elsewhere(calls: &Path, path: &Path) -> Option<Child> {
    let own_user: &[&str] = if nix::unistd::geteuid().is_root() { &[] } else { &["--map-root-user"] };
    let mut command = Command::new("unshare");
    command.args(own_user).arg("--net").arg(calls).args(["server", "serve"]).arg(path);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    until("the server in another network namespace", || path.exists() || child.try_wait().unwrap().is_some());
    Some(child)
}

/// Compiles the program that makes the calls; `None`: there is no compiler, and the test is skipped.
pub(super) fn compile(into: &Path) -> Option<PathBuf> {
    let program = into.join("calls");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/confine/calls.c");
    // Where the sources are, another user may have no access.
    let source = std::env::var_os(SOURCE).map_or(source, PathBuf::from);
    let mut command = Command::new("cc");
    let output = match command.arg("-o").arg(&program).arg(&source).output() {
        Ok(output) => output,
        Err(error) => {
            skip(Capability::Cc, format_args!("there is no C compiler cc: {error}"));
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(program)
}

/// Names the source of the program where it is not in its place.
pub const SOURCE: &str = "CONFINE_TEST_CALLS";

async fn run(shell: &Shell, script: String, tool: Option<Permission>) -> ShellRun {
    let network = tool == Some(Permission::Network);
    let local_sockets = tool == Some(Permission::LocalSockets);
    let job = Job { network, local_sockets, ..Job::shell(script, Duration::from_secs(60)) };
    shell.run(job, ShellLimits::default(), CancellationToken::new()).await
}

/// Makes the socket `later` once the command has opened the gate.
pub(super) fn open_gate(grounds: &Grounds) -> std::thread::JoinHandle<UnixListener> {
    let (gate, later) = (grounds.at("gate"), grounds.at("later"));
    std::thread::spawn(move || {
        let mut gate = fs::File::options().write(true).open(gate).unwrap();
        let listener = listen(&later);
        gate.write_all(b"go").unwrap();
        listener
    })
}

#[tokio::test]
async fn every_call_ends_as_the_table_says() {
    set_helper();
    let folder = tempfile::tempdir().unwrap();
    let Some(calls) = compile(folder.path()) else { return };
    let table: Table = toml::from_str(include_str!("../../confine/table.toml")).unwrap();
    assert!(table.row.iter().all(|row| !row.why.is_empty()), "a row has no reason");
    // A session with a secret, which this process's commands would inherit.
    if let Ok(mut session) = Keyring::join_anonymous_session() {
        let _ = session.add_key::<User, _, _>(KEY, &b"secret"[..]);
    }
    let mut wrong = Vec::new();
    for isolation in [Isolation::Overlay, Isolation::Namespaces, Isolation::Landlock] {
        let grounds = Grounds::new(&calls);
        let shell = grounds.shell(isolation);
        if shell.isolation() != isolation {
            let missing = match isolation {
                Isolation::Overlay => Capability::Overlay,
                Isolation::Namespaces => Capability::Namespaces,
                Isolation::Landlock | Isolation::Group => Capability::Landlock,
            };
            skip(missing, format_args!("{isolation:?} can't be had here: {:?}", shell.refused()));
            continue;
        }
        if [Gap::Signals, Gap::TruncatesOutside, Gap::WritesOutside].iter().any(|gap| shell.gaps().contains(gap)) {
            skip(Capability::Landlock, format_args!("this kernel's Landlock is too old for the table"));
            continue;
        }
        let before = grounds.outside();
        wrong.extend(check(&table, isolation, &grounds, &shell).await);
        if isolation != Isolation::Landlock {
            assert_eq!(grounds.outside(), before, "{isolation:?}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Makes the calls of all rows, and describes those that ended otherwise.
async fn check(table: &Table, isolation: Isolation, grounds: &Grounds, shell: &Shell) -> Vec<String> {
    let rows = || table.row.iter().enumerate().filter(|(_, row)| row.is_for_this_user());
    let mut found: HashMap<usize, String> = HashMap::new();
    for tool in [None, Some(Permission::Network), Some(Permission::LocalSockets)] {
        let lines = rows().filter(|(_, row)| row.tool == tool).map(|(name, row)| grounds.line(name, &row.call));
        let script: String = lines.collect();
        let gate = tool.is_none().then(|| open_gate(grounds));
        let wait = if gate.is_some() {
            format!("cat \"{}\" > /dev/null\n", grounds.at("gate").display())
        } else {
            String::new()
        };
        let ran = run(shell, wait + &script, tool).await;
        assert_eq!(ran.may_have_reached_outside, tool.is_some() || !shell.gaps().is_empty(), "{isolation:?} {tool:?}");
        drop(gate.map(std::thread::JoinHandle::join));
        for line in ran.outcome.printed.lines() {
            if let Some((name, end)) = line.split_once(' ')
                && let Ok(name) = name.parse()
            {
                found.insert(name, end.to_owned());
            }
        }
    }
    let ends_otherwise = |(name, row): (usize, &Row)| {
        let (wanted, end) = (row.wanted(isolation), found.get(&name).map_or("no result", String::as_str));
        let text = || format!("{isolation:?}: {} ({:?}): {end}, not {wanted:?}: {}", row.call, row.tool, row.why);
        (!wanted.is(end, shell.gaps())).then(text)
    };
    rows().filter_map(ends_otherwise).collect()
}
