//! A run's manifest: what lists and headers show, readable without opening its database.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::{file_error, replace};
use super::format::{Format, OWN};
use super::inside::read_file;
use super::points::crash_point;
use super::{NewRun, StoreError};
use crate::model::{Millis, Provenance, RunId, RunState, RunStatus, SpanId, Usage};

/// The largest manifest that is read.
const LARGEST: u64 = 64 << 20;

/// The content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the run's folder and database.
    #[serde(flatten)]
    pub format: Format,
    /// The version of the program that created it.
    pub writer: String,
    /// The version that brought it to its format, where that is not the one that created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewed_by: Option<String>,
    /// The run.
    pub run: RunId,
    /// The pipeline's name.
    pub name: String,
    /// The task.
    pub task: String,
    /// The agent it started with.
    pub entrypoint: String,
    /// The workspace, absolute.
    pub workspace: String,
    /// The pipeline's file, absolute.
    pub pipeline_file: Option<String>,
    /// Where the run comes from: its source, and the run that it goes on from.
    #[serde(default, skip_serializing_if = "Provenance::is_plain")]
    pub provenance: Provenance,
    /// The run's status when the manifest was written.
    pub status: RunStatus,
    /// The process that last opened it for writing.
    pub pid: u32,
    /// When it was created.
    pub started: Millis,
    /// When it ended, while it is ended.
    pub ended: Option<Millis>,
    /// Milliseconds that it worked: without waits for a person, and without the time between its end and a retry.
    /// Absent in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_ms: Option<u64>,
    /// Spans, the run's own left out.
    pub spans: u64,
    /// Actions recorded.
    pub actions: u64,
    /// Changes of an agent that are held until the user applies or discards them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held: u64,
    /// Tokens.
    pub tokens: Usage,
    /// Cost in millionths of a US dollar.
    pub cost_microusd: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like this")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The part that every format's manifest has.
#[derive(Deserialize)]
struct Head {
    #[serde(flatten)]
    format: Format,
    #[serde(default)]
    writer: String,
    renewed_by: Option<String>,
}

impl Manifest {
    /// The manifest of a run that starts now.
    pub(super) fn new(run: RunId, new: NewRun, started: Millis) -> Self {
        Self {
            format: Format::CURRENT,
            writer: OWN.to_owned(),
            renewed_by: None,
            run,
            name: new.name,
            task: new.task,
            entrypoint: new.entrypoint,
            workspace: new.workspace,
            pipeline_file: new.pipeline_file,
            provenance: new.provenance,
            status: RunStatus::Running,
            pid: std::process::id(),
            started,
            ended: None,
            work_ms: None,
            spans: 0,
            actions: 0,
            held: 0,
            tokens: Usage::default(),
            cost_microusd: 0,
        }
    }

    /// Makes it one of the format that this version writes, unless it is of a newer minor.
    pub(super) fn renew_format(&mut self) {
        if self.format < Format::CURRENT {
            self.format = Format::CURRENT;
            self.renewed_by = (self.writer != OWN).then(|| OWN.to_owned());
        }
    }

    /// Takes status and counts from a run's folded state.
    pub fn follow(&mut self, state: &RunState) {
        self.status = state.status;
        let end = || state.trace.get(SpanId::RUN).and_then(|run| run.end).unwrap_or(state.last_at);
        self.ended = (state.status != RunStatus::Running).then(end);
        self.work_ms = Some(state.trace.work(SpanId::RUN, state.last_at));
        self.spans = state.trace.len().saturating_sub(1) as u64;
        self.actions = state.ledger.entries().len() as u64;
        self.held = state.ledger.changes(&state.all_held()).count() as u64;
        let counts = state.trace.get(SpanId::RUN).map(|run| run.counts).unwrap_or_default();
        self.tokens = counts.usage;
        self.cost_microusd = counts.cost;
    }

    /// True when the process died before it could write the counts and times of the run's end here.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.status == RunStatus::Interrupted && self.ended.is_none()
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// When it can't be read, or is of a newer format.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
        let bytes = read_file(folder, &[name], LARGEST).map_err(file_error("read", path))?;
        let spoilt_bytes = || StoreError::Damaged(format!("{} has changed since it was written", path.display()));
        let spoilt = |error: serde_json::Error| StoreError::Damaged(format!("{}: {error}", path.display()));
        let Head { format, writer, renewed_by } = serde_json::from_slice(&bytes).map_err(spoilt)?;
        format.check(renewed_by.as_ref().unwrap_or(&writer))?;
        // The first format had no check.
        if !is_checked(&bytes).unwrap_or(format.major == 1) {
            return Err(spoilt_bytes());
        }
        serde_json::from_slice(&bytes).map_err(spoilt)
    }

    /// Replaces a manifest as a whole.
    pub(super) fn write(&self, path: &Path) -> Result<(), StoreError> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| StoreError::Database { what: "write the manifest", why: error.to_string() })?;
        add_check(&mut bytes);
        crash_point("manifest-before");
        replace(path, &bytes)?;
        crash_point("manifest-after");
        Ok(())
    }
}

/// Stands before the check of a manifest, which is the BLAKE3 hash of all bytes before this.
const BEFORE_CHECK: &[u8] = b",\n  \"check\": \"";

/// Puts the check into a manifest as its last member.
fn add_check(json: &mut Vec<u8>) {
    json.truncate(json.len().saturating_sub(b"\n}".len()));
    let check = blake3::hash(json);
    json.extend(BEFORE_CHECK);
    json.extend(format!("{check}\"\n}}\n").bytes());
}

/// Compares a manifest with its check; `None`: it has none.
fn is_checked(bytes: &[u8]) -> Option<bool> {
    let at = bytes.windows(BEFORE_CHECK.len()).rposition(|window| window == BEFORE_CHECK)?;
    let check = blake3::hash(&bytes[..at]).to_string();
    Some(bytes[at + BEFORE_CHECK.len()..].starts_with(check.as_bytes()))
}
