//! `--db`: the runs that tama recorded in a database of its own, to look at.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use color_eyre::eyre::eyre;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

use super::exit::Exit;
use super::global::Global;
use super::runs::status_word;
use super::screen::{self, Shown};
use super::table::table;
use super::terminal::is_terminal;
use super::text::{cut, duration, eprint_line, moment, print, print_json};
use crate::app::{ListSetup, RunList, RunRow};
use crate::model::{Millis, RunSource};
use crate::runtime::{self, Mode};
use crate::store::{DataDir, READ_TAMA, TamaDatabase, TamaRun, answer_tama};
use crate::term::{self, Picked};

const HEAD: [&str; 9] = ["run", "agent", "status", "started", "took", "spans", "changes", "tokens", "task"];
/// Columns of numbers.
const RIGHT: [&str; 4] = ["took", "spans", "changes", "tokens"];

/// News of an opening that may wait for the screen.
const EARLY: usize = 8;

/// The options that name databases of tama.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// A database of tama (runs.db, runs.duckdb): look at its runs; nothing is written to it or beside it
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// The rollback database of it [default: rollback.db or rollback.duckdb beside it]
    #[arg(long, value_name = "FILE", requires = "db")]
    rollback: Option<PathBuf>,
}

impl Args {
    /// Opens the database that is named; `None`: none is.
    pub fn open(&self) -> color_eyre::Result<Option<TamaDatabase>> {
        let Some(path) = &self.db else { return Ok(None) };
        let opened = TamaDatabase::open(path, self.rollback.as_deref());
        opened.map(Some).map_err(|error| eyre!("failed to {error}"))
    }
}

/// Runs the hidden command that reads a copied database for this program, if it was given.
pub(super) fn run_hidden_read() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_none_or(|name| name != READ_TAMA) {
        return None;
    }
    let args: Vec<OsString> = args.collect();
    Some(print(&answer_tama(&args)).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS))
}

/// `replay --db`: opens a run in the debugger; without one, shows the list to choose from.
pub(super) async fn replay(database: TamaDatabase, run: Option<String>, global: &Global) -> color_eyre::Result<Exit> {
    if !is_terminal() {
        return match run {
            None => print_runs(&database),
            Some(run) => Err(eyre!(
                "failed to open the debugger: it needs a terminal, and input or output is none here. For scripts use \
                 `tama-tui runs show {run} --db {}`.",
                database.path().display()
            )),
        };
    }
    if screen::notify_or_print_fault(global).is_none() {
        return Ok(Exit::Usage);
    }
    let run = match run {
        Some(run) => run,
        None => match choose(&database, global).await? {
            // None of them can be resumed.
            Picked::Open(run) | Picked::Resume(run) => run,
            Picked::New => return Ok(Exit::Done),
            Picked::Exit(code) => return Ok(Exit::Code(u8::try_from(code).unwrap_or(1))),
        },
    };
    let (news, early) = mpsc::channel(EARLY);
    let data = DataDir::at(database.path());
    let database = Arc::new(database);
    let load = move |publish| database.run(&run, publish);
    let mode = Mode::Debug { step: false, breakpoints: Vec::new() };
    // A screen that is closed ends the opening.
    let session = runtime::open_imported(load, mode, move |update| news.blocking_send(update).is_ok());
    let shown =
        Shown { early, data, breakpoints: Vec::new(), own: None, live: false, first: None, reopen: None, agent: None };
    screen::show(session, shown, global).await
}

/// Shows the list of the runs.
async fn choose(database: &TamaDatabase, global: &Global) -> color_eyre::Result<Picked> {
    // The first reading says why the file can't be read.
    let rows: Vec<RunRow> = read(database)?.iter().map(row).collect();
    let setup = ListSetup {
        rows: rows.clone(),
        pipeline: None,
        not_resumed: Some("runs of tama are only looked at"),
        folder: database.path().display().to_string(),
        now: screen::now(),
        size: (80, 24),
    };
    // It is a copy, which does not change.
    let load = || (rows.clone(), screen::now());
    let picked = term::pick_run(RunList::new(setup), load, screen::theme(global)).await;
    picked.map_err(|error| eyre!("failed to {error}"))
}

fn read(database: &TamaDatabase) -> color_eyre::Result<Vec<TamaRun>> {
    let (runs, notices) = database.runs().map_err(|error| eyre!("failed to {error}"))?;
    print_notices(&notices);
    Ok(runs)
}

/// Prints what could not be read.
pub(super) fn print_notices(notices: &[String]) {
    for notice in notices {
        eprint_line(&format!("note: {notice}"));
    }
}

fn row(run: &TamaRun) -> RunRow {
    RunRow {
        id: run.id.to_string(),
        name: run.entrypoint.clone(),
        task: run.task.clone(),
        status: Ok(run.status),
        held_by: None,
        is_foreign: false,
        is_wrapped: false,
        started: run.started,
        ended: run.took.map(|took| Millis(run.started.0.saturating_add(took))),
        changes: run.changes,
        tokens: run.tokens,
        cost: 0,
    }
}

/// Prints the runs of a database as a table.
pub(super) fn print_runs(database: &TamaDatabase) -> color_eyre::Result<Exit> {
    const TASK: usize = 40;
    let runs = read(database)?;
    if runs.is_empty() {
        print("No runs in this database.\n")?;
        return Ok(Exit::Done);
    }
    let cells = |run: &TamaRun| {
        vec![
            run.id.to_string(),
            run.entrypoint.clone(),
            status_word(run.status).to_owned(),
            moment(run.started),
            run.took.map_or_else(|| "?".to_owned(), duration),
            run.spans.to_string(),
            run.changes.to_string(),
            run.tokens.to_string(),
            cut(&run.task, TASK),
        ]
    };
    let rows: Vec<Vec<String>> = runs.iter().map(cells).collect();
    print(&table(&HEAD, &RIGHT, &rows))?;
    Ok(Exit::Done)
}

/// Prints the runs of a database as JSON.
pub(super) fn print_runs_json(database: &TamaDatabase) -> color_eyre::Result<Exit> {
    let describe = |run: &TamaRun| -> Json {
        json!({
            "run": run.id,
            "source": RunSource::Imported.name(),
            "entrypoint": run.entrypoint,
            "task": run.task,
            "status": run.status,
            "started_ms": run.started,
            "took_ms": run.took,
            "spans": run.spans,
            "changes": run.changes,
            "tokens": run.tokens,
        })
    };
    print_json(&read(database)?.iter().map(describe).collect::<Vec<_>>())?;
    Ok(Exit::Done)
}
