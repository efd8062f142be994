//! Files of the workspace that other programs have open: an overlay hides their locks from a command, and applying its
//! changes replaces the files. So such a command runs directly in the workspace, and the user is asked first.

use std::time::{Duration, Instant};

use super::super::ask::Work;
use super::tools::command;
use super::{Dispatcher, Services};
use crate::model::{CaptureMode, SpanId, TraceBody, first_names};

/// A look counts for this long; a command that starts later looks again.
const FRESH: Duration = Duration::from_millis(200);
/// Open files that are named.
const NAMED: usize = 3;

/// The files that programs had open when a command was looked at.
#[derive(Debug, Clone)]
pub(in super::super) struct OpenLook {
    at: Instant,
    /// `dev.db is open in sqlite3 (4711)`; `None`: no file is open.
    found: Option<String>,
    /// False when the time did not suffice to look at everything.
    is_whole: bool,
}

impl OpenLook {
    /// Looks at the workspace; blocks for some 10 ms.
    pub fn run(services: &Services) -> Self {
        let rules = &services.commands.rules;
        let open = services.world.open_files(&|path| rules.captures(path));
        let lines: Vec<String> = open.files.iter().map(ToString::to_string).collect();
        let found = (!lines.is_empty()).then(|| first_names(&lines, NAMED));
        Self { at: Instant::now(), found, is_whole: open.is_whole }
    }

    /// The open files, with the programs; `None`: no file is open.
    pub fn found(&self) -> Option<&str> {
        self.found.as_deref()
    }

    /// True when a program may have opened a file since.
    pub fn is_old(&self) -> bool {
        self.at.elapsed() > FRESH
    }
}

/// Why a command needs an approval, by the files that are open.
pub(super) fn reason(found: &str) -> String {
    format!("{found}: it runs directly in the workspace, and its changes can't be held")
}

impl Dispatcher {
    /// True for a call whose command would run over an overlay: the open files are looked up first.
    pub(super) fn runs_over_overlay(&self, path: &str) -> bool {
        let commands = &self.services.commands;
        if commands.folders.is_none() || commands.shell.mode().capture != CaptureMode::Overlay {
            return false;
        }
        let Some(pending) = self.calls.get(path) else { return false };
        let Some(Work::Tool { call, refusal: None }) = pending.work() else { return false };
        command(&self.tools_of(pending.agent()), call).is_some()
    }

    /// Records that a command runs directly in the workspace, and why; or that not all programs were looked at.
    pub(super) fn note_open_files(&self, span: SpanId, look: Option<&OpenLook>) {
        let text = match look {
            Some(OpenLook { found: Some(found), .. }) => format!("{found}: the command runs directly in the workspace"),
            Some(OpenLook { is_whole: false, .. }) => "open files were not looked for in all programs in time".into(),
            _ => return,
        };
        self.log.append(vec![TraceBody::Note { span: Some(span), error: false, text }]);
    }
}
