//! A database of tama, opened: its runs, and one of them as a run of this program.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::ask::ask;
use super::convert::convert;
use super::copy::Copy;
use super::read::{Answer, Question};
use super::times::run_status;
use super::writer::moment;
use crate::model::{Millis, RunId, RunStatus, TraceBody, TraceEvent};
use crate::store::data_dir::Candidates;
use crate::store::{Manifest, NewRun, Publish, RunLog, StoreError};

/// The names of the rollback database beside the others.
const ROLLBACK: [(&str, &str); 2] = [("runs.db", "rollback.db"), ("runs.duckdb", "rollback.duckdb")];

/// A database that tama wrote, and the rollback database beside it. It is read once, when it is opened and when a run of
/// it is; its files are only ever copied.
pub struct TamaDatabase {
    path: PathBuf,
    main: Copy,
    rollback: Option<Copy>,
    notices: Vec<String>,
}

/// One of its runs, for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TamaRun {
    /// Its id.
    pub id: RunId,
    /// The agent that it started with.
    pub entrypoint: String,
    /// The task.
    pub task: String,
    /// Its status; one that is called running counts as interrupted.
    pub status: RunStatus,
    /// When it started.
    pub started: Millis,
    /// Milliseconds that it took; `None`: it did not come to its end.
    pub took: Option<u64>,
    /// Spans that were recorded.
    pub spans: u64,
    /// Changes that were recorded and not undone.
    pub changes: u64,
    /// Tokens in and out.
    pub tokens: u64,
}

/// One of its runs as a run of this program, in memory.
pub struct Imported {
    /// The run.
    pub run: RunId,
    /// Its log, folded to its end; nothing of it is on disk.
    pub log: RunLog,
    /// Its events, oldest first.
    pub events: Vec<TraceEvent>,
    /// Lines about what could not be read.
    pub notices: Vec<String>,
}

impl Imported {
    /// A manifest of the run, as a run's folder has one.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        let mut begun = None;
        for event in &self.events {
            if let TraceBody::RunStarted { entrypoint, task, provenance, .. } = &event.body {
                let task = self.log.recorder().text(*task).unwrap_or_default();
                begun = Some((entrypoint.clone(), task, provenance.clone(), event.time()));
            }
        }
        let (entrypoint, task, provenance, started) = begun.unwrap_or_default();
        self.log.with(|state| {
            let (name, workspace) = (state.name.clone(), state.workspace.clone());
            let new = NewRun { name, task, entrypoint, workspace, pipeline_file: None, provenance };
            let mut manifest = Manifest::new(self.run.clone(), new, started);
            manifest.follow(state);
            manifest
        })
    }
}

impl TamaDatabase {
    /// Opens a database. `rollback`: the rollback database; without one, that which tama writes beside it is taken, if it
    /// is there.
    ///
    /// # Errors
    /// When a file can't be read or copied, or is no database.
    pub fn open(path: &Path, rollback: Option<&Path>) -> Result<Self, StoreError> {
        let main = Copy::make(path)?;
        let mut notices = Vec::new();
        let rollback = match rollback {
            Some(named) => Some(Copy::make(named)?),
            None => match beside(path).map(|beside| Copy::make(&beside)).transpose() {
                Ok(copy) => copy,
                Err(error) => {
                    notices.push(format!("the rollback database is left out: failed to {error}"));
                    None
                }
            },
        };
        Ok(Self { path: path.to_owned(), main, rollback, notices })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its runs, newest first, and what could not be read.
    ///
    /// # Errors
    /// When it can't be read, or is not tama's.
    pub fn runs(&self) -> Result<(Vec<TamaRun>, Vec<String>), StoreError> {
        let answer = self.ask(&Question::Runs)?;
        let mut notices = self.notices.clone();
        notices.extend(answer.notices.clone());
        Ok((listed(&answer), notices))
    }

    /// Opens the run that `part` of an id names; later events of its log go to `publish`.
    ///
    /// # Errors
    /// When there is none or are several, or the database can't be read.
    pub fn run(&self, part: &str, publish: Publish) -> Result<Imported, StoreError> {
        let id = self.find(part)?;
        let answer = self.ask(&Question::Run(id.clone()))?;
        let Some(run) = answer.runs.first() else {
            return Err(StoreError::Missing(format!("the run {id} in {}", self.path.display())));
        };
        let mut notices = self.notices.clone();
        notices.extend(answer.notices.clone());
        let (log, events) = convert(run, &answer, &self.project()).finish(publish);
        Ok(Imported { run: RunId(id), log, events, notices })
    }

    fn ask(&self, asked: &Question) -> Result<Answer, StoreError> {
        ask(&self.path, &self.main, self.rollback.as_ref(), asked)
    }

    fn find(&self, part: &str) -> Result<String, StoreError> {
        let ids: Vec<String> = self.runs()?.0.into_iter().map(|run| run.id.0).collect();
        if ids.iter().any(|id| id == part) {
            return Ok(part.to_owned());
        }
        let mut fitting: Vec<String> = ids.into_iter().filter(|id| id.contains(part)).collect();
        match (fitting.pop(), fitting.is_empty()) {
            (Some(one), true) => Ok(one),
            (None, _) => Err(StoreError::Missing(format!("a run with {part:?} in its id in {}", self.path.display()))),
            (Some(last), false) => {
                fitting.push(last);
                Err(StoreError::Ambiguous { part: part.to_owned(), candidates: Candidates(fitting) })
            }
        }
    }

    /// The folder of the project: tama keeps its databases in `.tama` there.
    fn project(&self) -> PathBuf {
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = path.parent().unwrap_or(Path::new("/"));
        if folder.file_name().is_some_and(|name| name == ".tama") {
            folder.parent().unwrap_or(folder).to_owned()
        } else {
            folder.to_owned()
        }
    }
}

/// The rollback database that tama writes beside one, if it is there.
fn beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let known = ROLLBACK.iter().filter(|(main, _)| *main == name).chain(&ROLLBACK);
    known.map(|(_, rollback)| path.with_file_name(rollback)).find(|beside| beside != path && beside.exists())
}

/// The runs of an answer, newest first; those without an id can't be opened, and are left out.
fn listed(answer: &Answer) -> Vec<TamaRun> {
    let counts: HashMap<&str, (i64, i64)> =
        answer.counts.iter().map(|count| (&count.trace_id[..], (count.spans, count.tokens))).collect();
    let traces: HashMap<&str, &str> =
        answer.spans.iter().filter_map(|span| Some((span.span_id.as_deref()?, span.trace_id.as_deref()?))).collect();
    let mut changes: HashMap<&str, u64> = HashMap::new();
    for trace in answer.actions.iter().filter_map(|action| traces.get(action.span_id.as_deref()?)) {
        *changes.entry(trace).or_default() += 1;
    }
    let mut seen = std::collections::HashSet::new();
    let mut runs: Vec<TamaRun> = Vec::new();
    for row in &answer.runs {
        let Some(id) = row.trace_id.clone().filter(|id| !id.is_empty() && seen.insert(id.clone())) else { continue };
        let (spans, tokens) = counts.get(&id[..]).copied().unwrap_or_default();
        let status = run_status(row);
        let took = row.duration_ms.and_then(|took| u64::try_from(took).ok());
        runs.push(TamaRun {
            changes: changes.get(&id[..]).copied().unwrap_or_default(),
            id: RunId(id),
            entrypoint: row.entrypoint.clone().unwrap_or_default(),
            task: row.task.clone().unwrap_or_default(),
            status,
            started: moment(row.timestamp.unwrap_or_default()),
            took: took.filter(|_| status != RunStatus::Interrupted),
            spans: u64::try_from(spans).unwrap_or_default(),
            tokens: u64::try_from(tokens).unwrap_or_default(),
        });
    }
    runs.sort_by_key(|run| std::cmp::Reverse(run.started));
    runs
}
