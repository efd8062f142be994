//! Programs that serve: they run as long as they are wanted, and speak over their standard input and output.
//!
//! They are confined as commands are, and write directly to the workspace. Their standard input and output are one
//! socket. What they write to their standard error is read at once, and the end of it is kept.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::ChildStderr;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::confinement::Confinement;
use super::job::Job;
use super::lasting::{ENDING, Ends, Lasting};
use super::run::GRACE;

/// Bytes of standard error that are kept.
const KEPT: usize = 2_000;

/// A running program; dropping it ends every process of it.
pub struct Service {
    errors: Tail,
    ended: watch::Receiver<Option<String>>,
    stop: CancellationToken,
}

/// The end of a program's standard error.
#[derive(Clone, Default)]
struct Tail(Arc<Mutex<VecDeque<u8>>>);

/// Both directions of a program's standard input and output.
pub type ServicePipes = (OwnedReadHalf, OwnedWriteHalf);

impl Service {
    /// True once every process of it is gone.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Ends it, waits until its processes are gone, and says how it ended: by itself, or by `why`. `more`: what else is
    /// known of it.
    pub async fn why_ended(mut self, why: &str, more: Option<String>) -> String {
        // Of a program that just ended by itself, the end is on its way.
        let by_itself = timeout(ENDING, self.ended.wait_for(Option::is_some)).await.is_ok();
        self.stop.cancel();
        let end = timeout(GRACE + ENDING, self.ended.wait_for(Option::is_some)).await;
        let end = end.ok().and_then(Result::ok).and_then(|end| end.clone()).filter(|_| by_itself);
        let errors = self.errors.text();
        let errors = (!errors.is_empty()).then(|| format!("its last words: {errors}"));
        let parts = std::iter::once(end.unwrap_or_else(|| why.to_owned())).chain(more).chain(errors);
        parts.collect::<Vec<_>>().join("; ")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A text of a program without its control characters.
pub fn without_controls(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

impl Tail {
    async fn read(self, from: Option<ChildStderr>) {
        let Some(mut from) = from else { return };
        let mut bytes = vec![0; 8192];
        while let Ok(read @ 1..) = from.read(&mut bytes).await {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(&bytes[..read]);
            let over = kept.len().saturating_sub(KEPT);
            kept.drain(..over);
        }
    }

    /// The last lines, in one line without control characters.
    fn text(&self) -> String {
        let kept: Vec<u8> = self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        let text = String::from_utf8_lossy(&kept).into_owned();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        without_controls(&lines[lines.len().saturating_sub(3)..].join(" | "))
    }
}

/// Starts a program. The error says why it could not be started.
pub(super) async fn serve(confinement: &Confinement, job: &Job) -> Result<(Service, ServicePipes), String> {
    let failed = |error: io::Error| format!("failed to start: {error}");
    let (ours, theirs) = StdStream::pair().map_err(failed)?;
    ours.set_nonblocking(true).map_err(failed)?;
    let pipes = UnixStream::from_std(ours).map_err(failed)?.into_split();
    let (errors, stop) = (Tail::default(), CancellationToken::new());
    let (told, ended) = watch::channel(None);
    let started = Lasting::start(confinement, job, Ends::Socket(OwnedFd::from(theirs))).await;
    let mut program = started.map_err(failed)?;
    let (tail, stopped, confinement) = (errors.clone(), stop.clone(), confinement.clone());
    // A task of its own, so that it can end everything and clean up.
    tokio::spawn(async move {
        let errors = tokio::spawn(tail.read(program.take_output().1));
        let end = program.wait_or_end(&confinement, &stopped).await;
        let _ = timeout(ENDING, errors).await;
        told.send_replace(Some(end.text));
    });
    Ok((Service { errors, ended, stop }, pipes))
}
