//! The outer process: makes the confinement, starts the inner process, and outlives everything in it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode};

use nix::sys::prctl::set_child_subreaper;
use nix::unistd::setsid;
use rustix::process::ioctl_tiocsctty;

use super::caches::redirect_caches;
use super::credentials::has_credentials;
use super::gap::Gap;
use super::namespaces::{self, Outside};
use super::roles::INNER;
use super::spec::{Channel, End, Go, InnerMessage, InnerSpec, Mapped, Ready, Report, Spec, Streams};
use super::{mounts, reap};

/// Carries out the specification on its standard input, and sends a report there.
pub(super) fn main() -> ExitCode {
    // Files that the program's parent left open could be written, whatever the confinement.
    close_fds::set_fds_cloexec(3, &[]);
    let Ok(mut channel) = Channel::from_stdin() else { return ExitCode::FAILURE };
    let Ok(Some(spec)) = channel.receive::<Spec>() else { return ExitCode::FAILURE };
    // Out of the terminal's session, so that nothing in it can draw on the screen or read its keys.
    let _ = setsid();
    if spec.streams == Streams::Terminal {
        // Its own terminal becomes the session's. Without it the command has no keys like Ctrl-C, and is started all the
        // same.
        let _ = ioctl_tiocsctty(io::stdout());
    }
    // Before there are namespaces, in which its folder can't be seen.
    let mark = Mark::open(&spec);
    let report = supervise(&spec, &mut channel, &mark)
        .unwrap_or_else(|error| Report { end: End::NoSetUp(error.to_string()), gaps: vec![] });
    mark.write();
    // The receiver may be gone.
    let _ = channel.send(&report);
    ExitCode::SUCCESS
}

/// The file whose time records how long the command ran. It stays locked while any process of the command may run.
struct Mark(Option<File>);

impl Mark {
    /// Opens and locks the file; without it, the time is not recorded.
    fn open(spec: &Spec) -> Self {
        let open = |path| File::options().write(true).create(true).truncate(false).open(path);
        let file = spec.ended.as_ref().and_then(|path| open(path).ok());
        let mark = Self(file.filter(|file| file.try_lock().is_ok()));
        mark.write();
        mark
    }

    fn write(&self) {
        // Only the file's time counts.
        let _ = self.0.as_ref().map(|file| file.write_at(b".", 0));
    }
}

fn supervise(spec: &Spec, channel: &mut Channel, mark: &Mark) -> io::Result<Report> {
    let outside = Outside::open()?;
    let mut gaps = vec![];
    let mut inner = InnerSpec {
        programs: spec.programs.clone(),
        workspace: spec.workspace.clone(),
        writable: vec![spec.temp.clone()],
        variables: vec![("TMPDIR".into(), spec.temp.clone())],
        streams: spec.streams,
        namespaces: spec.namespaces,
        network: spec.network,
        local_sockets: spec.local_sockets,
    };
    let mut mapped = false;
    if spec.namespaces {
        mapped = namespaces::enter(spec.network, &outside)
            .map_err(|error| io::Error::other(format!("failed to make namespaces: {error}")))?;
        let view = mounts::build(spec)?;
        if !spec.network {
            // Only commands that talk to themselves miss it.
            let _ = namespaces::loopback_up();
        }
        inner.writable = view.writable;
        inner.variables = view.variables;
        inner.variables.push(("TMPDIR".into(), view.temp));
        gaps.extend(view.gaps);
    } else {
        set_child_subreaper(true)?;
        inner.writable.extend(spec.writable.iter().cloned());
        let writable: Vec<&Path> = spec.writable.iter().chain([&spec.workspace]).map(Path::new).collect();
        inner.variables.extend(redirect_caches(&writable, Path::new(&spec.temp)));
        gaps.extend(landlock_gaps(spec));
    }
    inner.writable.push(spec.workspace.clone());
    inner.variables.extend(spec.variables.iter().cloned());
    let mut report = watch(&inner, channel, mark, |pid| outside.map(pid, mapped))?;
    if spec.namespaces {
        // The command sees its own processes only.
        report.gaps.retain(|gap| *gap != Gap::Signals);
    } else {
        if report.gaps.contains(&Gap::WritesOutside) && !spec.hidden.is_empty() {
            gaps.push(Gap::DataChanged);
        }
        // All descendants are killed first; a command that can send signals could have killed this process before.
        if !reap::end_descendants() || report.gaps.contains(&Gap::Signals) {
            gaps.push(Gap::Background);
        }
    }
    report.gaps.extend(gaps);
    report.gaps.sort_unstable();
    report.gaps.dedup();
    Ok(report)
}

/// Lists the gaps of Landlock alone.
fn landlock_gaps(spec: &Spec) -> Vec<Gap> {
    let mut gaps = vec![Gap::Processes, Gap::MetadataOutside];
    if !spec.network {
        gaps.push(Gap::Network);
    }
    if !spec.hidden.is_empty() {
        gaps.push(Gap::DataRead);
    }
    if spec.hidden.iter().any(|hidden| Path::new(hidden).starts_with(&spec.workspace)) {
        gaps.push(Gap::DataChanged);
    }
    if has_credentials() {
        gaps.push(Gap::Credentials);
    }
    if !spec.read_only.is_empty() {
        gaps.push(Gap::OwnFiles);
    }
    gaps
}

/// Runs the inner process to its end, or kills it when the leash is dropped. In a pid namespace everything in it is
/// gone then.
fn watch(
    inner: &InnerSpec,
    leash: &mut Channel,
    mark: &Mark,
    map: impl Fn(u32) -> io::Result<()>,
) -> io::Result<Report> {
    let (ours, theirs) = UnixStream::pair()?;
    // The command's output is the inner process': nothing here writes to it.
    let mut child = Command::new("/proc/self/exe").arg0("tama-tui").arg(INNER).stdin(OwnedFd::from(theirs)).spawn()?;
    let mut inner_channel = Channel::new(ours)?;
    let report = converse(inner, leash, mark, &mut inner_channel, &mut child, map);
    // It has ended, unless something failed here.
    let _ = child.kill();
    child.wait()?;
    report
}

/// Receives the inner process's messages until it is gone. One thread does it all: there can't be a second one once
/// the children of this process are in another pid namespace.
fn converse(
    inner: &InnerSpec,
    leash: &mut Channel,
    mark: &Mark,
    inner_channel: &mut Channel,
    child: &mut Child,
    map: impl Fn(u32) -> io::Result<()>,
) -> io::Result<Report> {
    let mut report = Report { end: End::NoSetUp("the sandbox ended before the command started".into()), gaps: vec![] };
    let (mut held, mut may_start, mut is_ready) = (true, false, false);
    // When a send fails, the inner process has ended, and its messages are read all the same.
    let _ = inner_channel.send(inner);
    loop {
        if held && inner_channel.wait_or(leash, || mark.write())? == Ready::Other {
            held = matches!(leash.receive::<Go>(), Ok(Some(Go)));
            may_start |= held;
            if !held {
                child.kill()?;
            } else if is_ready {
                let _ = inner_channel.send(&Go);
            }
            continue;
        }
        match inner_channel.receive::<InnerMessage>() {
            Ok(Some(InnerMessage::MapMe)) => {
                map(child.id()).map_err(|error| io::Error::other(format!("failed to map ids: {error}")))?;
                let _ = inner_channel.send(&Mapped);
            }
            Ok(Some(InnerMessage::Ready(gaps))) => {
                report = Report { end: End::Killed, gaps };
                is_ready = true;
                if may_start {
                    let _ = inner_channel.send(&Go);
                }
            }
            Ok(Some(InnerMessage::Ended(end))) => report.end = end,
            Ok(None) => break,
            // A process that is killed with something unread resets its socket.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(error),
        }
    }
    if !held {
        report.end = End::Killed;
    }
    Ok(report)
}
