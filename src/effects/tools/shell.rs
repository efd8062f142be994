//! The shell tool: a command in a process group of its own, without secrets, in bounded time and output.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::args::{Args, Holds, Param};
use super::toolbox::Builtin;
use super::{Prepared, Program, ShellCall, ToolError};
use crate::effects::mask::is_secret;
use crate::model::EffectClass;

/// Seconds a command may take when it does not say.
const USUAL_TIMEOUT: u64 = 120;
/// Seconds a command may ask for.
const LONGEST_TIMEOUT: u64 = 3600;
/// How long to wait for the rest of the output once every process of the group is gone: only one that left the group
/// can still hold the pipe.
const DRAIN: Duration = Duration::from_millis(500);

/// The shell tool.
pub(super) static TOOLS: [Builtin; 1] = [Builtin {
    name: "tama_bash",
    about: "Runs a shell command in the workspace; answers with its output and exit code.",
    effect: EffectClass::Irreversible,
    params: &[
        Param::required("command", Holds::Text, "the command, for bash"),
        Param::optional("timeout", Holds::Count, "seconds it may take; 120 when left out, 3600 at most"),
    ],
    prepare: bash,
}];

fn bash(args: &Args<'_>) -> Result<Prepared, ToolError> {
    let command = args.text("command");
    if command.trim().is_empty() {
        return Err(ToolError("\"command\" must not be empty".into()));
    }
    if command.contains('\0') {
        return Err(ToolError("\"command\" must not contain a NUL character".into()));
    }
    let timeout_seconds = args.count("timeout").unwrap_or(USUAL_TIMEOUT).min(LONGEST_TIMEOUT);
    let program = Program::Shell(command);
    Ok(Prepared::Shell(ShellCall { program, timeout_seconds, network: false, compensation: None }))
}

/// Bounds on a command beside its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShellLimits {
    /// Bytes of output kept: the first and the last half of it.
    pub output_bytes: usize,
}

impl Default for ShellLimits {
    fn default() -> Self {
        Self { output_bytes: 100_000 }
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellOutcome {
    /// Its output, standard output and error as they came, with a last line that says how it ended.
    pub text: String,
    /// What it wrote to standard output alone, without the ends of its last line.
    pub printed: String,
    /// Its exit code; `None` when it was killed or could not be started.
    pub exit: Option<i32>,
    /// Whether it ran at all.
    pub started: bool,
    /// Whether it was killed because its time was up.
    pub timed_out: bool,
    /// Whether output was left out.
    pub truncated: bool,
}

/// Runs a command in a folder. Every process of its group is killed when the shell ends, when its time is up, or when
/// the future is dropped.
pub async fn run_shell(call: &ShellCall, dir: &Path, limits: ShellLimits) -> ShellOutcome {
    let (mut child, group) = match start(&call.program, dir) {
        Ok(started) => started,
        Err(error) => {
            let text = format!("[could not be started: {error}]");
            let printed = String::new();
            return ShellOutcome { text, printed, exit: None, started: false, timed_out: false, truncated: false };
        }
    };
    let mut output = Output::new(limits.output_bytes);
    let until = Instant::now() + Duration::from_secs(call.timeout_seconds);
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let status = {
        let reading = output.read_both(&mut out, &mut err);
        tokio::pin!(reading);
        let ended = timeout_at(until, async {
            tokio::select! {
                status = child.wait() => status,
                // Both pipes can be closed long before the command ends.
                () = &mut reading => child.wait().await,
            }
        })
        .await;
        drop(group);
        ended
    };
    // What the pipes still hold, and nothing after that.
    let _ = timeout(DRAIN, output.read_both(&mut out, &mut err)).await;
    if status.is_err() {
        // The group is killed, so this only collects it.
        let _ = timeout(DRAIN, child.wait()).await;
    }
    let truncated = output.cut > 0;
    let (last, exit, timed_out) = match status {
        Ok(status) => ending(status),
        Err(_) => (format!("[timed out after {} s and was killed]", call.timeout_seconds), None, true),
    };
    let printed = output.printed();
    ShellOutcome { text: output.into_text(&last), printed, exit, started: true, timed_out, truncated }
}

fn ending(status: io::Result<ExitStatus>) -> (String, Option<i32>, bool) {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => (format!("[exit code {code}]"), Some(code), false),
            (None, signal) => (format!("[killed by signal {}]", signal.unwrap_or_default()), None, false),
        },
        Err(error) => (format!("[its end could not be seen: {error}]"), None, false),
    }
}

fn start(program: &Program, dir: &Path) -> io::Result<(Child, Group)> {
    match program {
        Program::Shell(command) => match spawn("bash", &["-c", command], dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => spawn("sh", &["-c", command], dir),
            started => started,
        },
        Program::Argv(argv) => {
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            let (name, args) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
            spawn(name, args, dir)
        }
    }
}

fn spawn(name: &str, args: &[&str], dir: &Path) -> io::Result<(Child, Group)> {
    let child = Command::new(name)
        .args(args)
        .current_dir(dir)
        .env_clear()
        .envs(without_secrets(std::env::vars_os()))
        .env("TERM", "dumb")
        .env("PWD", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
    Ok((child, group))
}

/// What a child process may know of this one's environment.
fn without_secrets(vars: impl IntoIterator<Item = (OsString, OsString)>) -> impl Iterator<Item = (OsString, OsString)> {
    vars.into_iter().filter(|(name, value)| !is_secret(&name.to_string_lossy(), &value.to_string_lossy()))
}

/// Kills a process group when dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // No such group: everything in it has ended already.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

/// Output as it comes, the middle left out when it is too long.
struct Output {
    half: usize,
    out: Vec<u8>,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    cut: usize,
}

impl Output {
    fn new(limit: usize) -> Self {
        Self { half: limit / 2, out: Vec::new(), head: Vec::new(), tail: VecDeque::new(), cut: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        let first = bytes.len().min(self.half.saturating_sub(self.head.len()));
        self.head.extend_from_slice(&bytes[..first]);
        self.tail.extend(&bytes[first..]);
        let over = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..over);
        self.cut += over;
    }

    /// Keeps the beginning of standard output alone.
    fn keep(&mut self, bytes: &[u8]) {
        let room = (2 * self.half).saturating_sub(self.out.len());
        self.out.extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    fn printed(&self) -> String {
        String::from_utf8_lossy(&self.out).trim_end_matches(['\n', '\r']).to_owned()
    }

    /// Reads two streams until both end. Dropping it loses nothing that was read.
    async fn read_both(&mut self, out: &mut Option<impl AsyncRead + Unpin>, err: &mut Option<impl AsyncRead + Unpin>) {
        let (mut from_out, mut from_err) = (vec![0; 8192], vec![0; 8192]);
        while out.is_some() || err.is_some() {
            tokio::select! {
                read = next(out, &mut from_out), if out.is_some() => match read {
                    0 => *out = None,
                    some => {
                        self.keep(&from_out[..some]);
                        self.add(&from_out[..some]);
                    }
                },
                read = next(err, &mut from_err), if err.is_some() => match read {
                    0 => *err = None,
                    some => self.add(&from_err[..some]),
                },
            }
        }
    }

    fn into_text(mut self, last: &str) -> String {
        let cut = self.cut;
        let mut text = if cut == 0 {
            self.head.extend(self.tail);
            String::from_utf8_lossy(&self.head).into_owned()
        } else {
            let head = String::from_utf8_lossy(&self.head);
            let tail = String::from_utf8_lossy(self.tail.make_contiguous());
            format!("{head}\n[… {cut} bytes of output cut …]\n{tail}")
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text + last
    }
}

/// Bytes read; 0 at the end, or when the stream can't be read any more.
async fn next(stream: &mut Option<impl AsyncRead + Unpin>, into: &mut [u8]) -> usize {
    match stream {
        Some(stream) => stream.read(into).await.unwrap_or(0),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_behind() {
        let vars = ["PATH", "GITHUB_TOKEN", "HOME", "OPENAI_API_KEY"].map(|name| (name.into(), "x".into()));
        let kept: Vec<OsString> = without_secrets(vars).map(|(name, _)| name).collect();
        assert_eq!(kept, ["PATH", "HOME"]);
    }
}
