//! The overlay lane: what the command wrote beside the workspace lands in it, recorded first, if it may.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::super::exec::{Done, ToolRun};
use super::landing::{Settled, Written};
use super::outside::first_of;
use super::{NotRun, Places, answer, stopped};
use crate::effects::confine::Ran;
use crate::effects::tools::ShellCall;
use crate::model::EffectClass;
use crate::rollback::{ActError, command_ended};

impl ToolRun {
    pub(super) async fn run_overlay(
        &self,
        call: &ShellCall,
        effect: EffectClass,
        places: &Places,
    ) -> Result<Done, NotRun> {
        if self.stop.is_cancelled() {
            return Ok(stopped());
        }
        let since = file_time(&places.run).await.map_err(|error| ActError::NotFound(error.to_string()))?;
        let before = match first_of(call) {
            // What it writes is dropped with its layer.
            Some(first) => Some(self.printed_before(&first, self.execute(first.job()).await.outcome)?),
            None => None,
        };
        let started = self.start(call, self.outside(call, effect, before)?, None).await?;
        let ran = self.execute(call.job()).await;
        self.outside_ended(&started, call, effect, &ran);
        let command = started.command;
        let settled = match (&ran.written, why_dropped(&ran)) {
            (_, Some(why)) => Settled { dropped: Some(why), left_out: None },
            (None, None) => Settled::default(),
            (Some(written), None) => {
                let (upper, said) = (written.upper(), ran.outcome.text.as_str());
                Written { run: self, command, upper, since, said }.settle().await?
            }
        };
        let dropped = settled.dropped.as_ref().map(|why| format!("its changes were discarded: {why}"));
        let said = dropped.or(settled.left_out);
        command_ended(&self.log, command, settled.dropped);
        Ok(answer(&ran, said.as_deref()))
    }
}

/// A command that was ended from outside stopped half-way: nothing of it is kept.
fn why_dropped(ran: &Ran) -> Option<String> {
    if !ran.outcome.started {
        return Some("it failed to start".into());
    }
    (ran.killed || ran.signal.is_some()).then(|| "it was killed half-way".into())
}

/// A moment on the clock of the file system: what is changed after this returned has this time or a later one, and what
/// was changed before it was called an earlier one.
async fn file_time(folder: &Path) -> io::Result<SystemTime> {
    let before = now_in(folder)?;
    loop {
        let now = now_in(folder)?;
        if now > before {
            return Ok(now);
        }
        // The clock of files goes in steps of some milliseconds.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn now_in(folder: &Path) -> io::Result<SystemTime> {
    tempfile::tempfile_in(folder)?.metadata()?.modified()
}
