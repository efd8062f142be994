//! The files that the pipeline itself is made of: an agent that writes them changes what the next run does, so that the
//! user is asked. They are looked at beside the loop.

use std::path::PathBuf;

use super::super::ask::Work;
use super::super::policy::file_of;
use super::calls::PendingCall;
use super::open_files::OpenLook;
use super::{Dispatcher, Incoming};
use crate::model::{EffectClass, PauseReason, SpanId};
use crate::world::Protected;

/// Said of a stop at a model call that a retried agent did not make before.
const NOT_RECORDED: &str = "not as recorded";

/// The file that a tool call would write, and the files of the pipeline.
struct Look {
    /// The file, as the user knows it.
    path: String,
    target: PathBuf,
    own: Vec<PathBuf>,
}

impl Look {
    /// Returns why the user is asked, when the file is one of the pipeline's. Reads the files' metadata.
    fn run(&self) -> Option<String> {
        let is_own = Protected::look_up(&self.own).is_touched(&self.target);
        is_own.then(|| format!("{} is a file of the pipeline itself", self.path))
    }
}

impl Dispatcher {
    /// Takes an effect that was just asked for (`is_new`), or that left its stop: it may run, or stops, by what it is.
    pub(super) fn look(&mut self, path: &str, is_new: bool) {
        let (look, open) = (self.look_needed(path), self.runs_over_overlay(path));
        if look.is_none() && !open {
            return self.decide(path, is_new);
        }
        let Some(span) = self.calls.get(path).map(PendingCall::span) else { return };
        self.calls.start_look(path);
        let (inbox, path, services) = (self.inbox.clone(), path.to_owned(), self.services.clone());
        tokio::task::spawn_blocking(move || {
            let own_file = look.and_then(|look| look.run());
            let open = open.then(|| OpenLook::run(&services));
            drop(inbox.send(Incoming::Looked { path, span, own_file, open, is_new }));
        });
    }

    /// Takes what was found about the file that an effect would write.
    pub(super) fn looked(&mut self, path: &str, span: SpanId, own_file: Option<String>, is_new: bool) {
        if self.calls.end_look(path, span, own_file) {
            self.decide(path, is_new);
        }
    }

    fn decide(&mut self, path: &str, is_new: bool) {
        let Some(gate) = self.calls.get(path).map(PendingCall::before) else { return };
        let (at, question) = (self.arrival(path, gate), self.question(path));
        let is_unknown = self.services.agent.as_ref().is_some_and(|agent| agent.announced().take_stop(path));
        let action = if is_unknown {
            let breakpoint = NOT_RECORDED.to_owned();
            self.gatekeeper.stop(&at, Some(PauseReason::Breakpoint { breakpoint }))
        } else if is_new {
            self.gatekeeper.open(&at, question.as_ref())
        } else {
            self.gatekeeper.approve(&at, question.as_ref())
        };
        self.carry_out(vec![action]);
    }

    /// The files to look at; `None` for a call that writes no file.
    fn look_needed(&self, path: &str) -> Option<Look> {
        let pending = self.calls.get(path)?;
        let Work::Tool { call, refusal: None } = pending.work()? else { return None };
        let root = self.services.world.root();
        let file = file_of(call, root)?;
        if self.effect_of(pending.agent(), call) == EffectClass::Read {
            return None;
        }
        let own = self.versions.own_files(self.generation());
        (!own.is_empty()).then(|| Look { target: root.join(&file), path: file, own })
    }
}
