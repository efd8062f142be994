//! Changed databases of tama: bytes of real ones, which another process reads, and rows of any kind.

use std::fs;
use std::path::{Path, PathBuf};

use tama_tui::model::SpanStatus;
use tama_tui::store::TamaDatabase;

use super::mutate::Numbers;
use super::sql::{RUN, statements};
use super::{Length, fuzz};
use crate::store::tama::story::{DONE, actions, rows};
use crate::support::program;
use crate::support::tama_db::{Kind, TamaProject, write_sql};

pub const KINDS: [Kind; 2] = [Kind::Duck, Kind::Sqlite];

/// Tries changed databases of a kind.
pub fn run(kind: Kind, length: Length) {
    fuzz(&format!("a {kind:?} database"), length, move || {
        let own = if kind == Kind::Sqlite { Kind::SqliteWal } else { kind };
        let projects = [TamaProject::new(kind, &rows(), Some(&actions())), TamaProject::new(own, &rows(), None)];
        let whole: Vec<Vec<(PathBuf, Vec<u8>)>> = projects.iter().map(|project| files(&project.data())).collect();
        move |numbers: &mut Numbers| {
            if numbers.once_in(3) {
                let at = numbers.below(projects.len());
                damaged(&projects[at], &whole[at], numbers);
            } else {
                any_rows(kind, numbers);
            }
        }
    });
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// The program ends, with the runs or with an error that says what to do.
fn damaged(project: &TamaProject, whole: &[(PathBuf, Vec<u8>)], numbers: &mut Numbers) {
    let one = numbers.below(whole.len());
    for (at, (path, bytes)) in whole.iter().enumerate() {
        let mut bytes = bytes.clone();
        if at == one || numbers.once_in(3) {
            damage(&mut bytes, numbers);
        }
        fs::write(path, bytes).unwrap();
    }
    let database = project.database();
    let shown: &[&str] = if numbers.once_in(2) { &["runs"] } else { &["runs", "show", DONE] };
    let output = program::run(project.path(), &[shown, &["--db", database.to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?} {said}", output.status);
    assert!(!said.contains("panicked"), "{said}");
    assert!(output.status.success() || said.contains("error: failed to "), "{said}");
}

/// Bytes of a page of `SQLite`, or of a part of a block of DuckDB.
const PAGE: usize = 4096;

fn damage(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..=numbers.below(4) {
        if bytes.is_empty() {
            return;
        }
        // Headers are small, and lead to everything.
        let within = if numbers.once_in(3) { bytes.len().min(PAGE) } else { bytes.len() };
        let at = numbers.below(within);
        let to = (at + numbers.below(64)).min(bytes.len());
        match numbers.below(8) {
            0 => bytes.truncate(at),
            1 => bytes[at..to].fill(0xFF),
            2 => bytes[at..to].fill(0),
            3 => {
                let page = at / PAGE * PAGE;
                let other = numbers.below(bytes.len()) / PAGE * PAGE;
                let length = PAGE.min(bytes.len() - page).min(bytes.len() - other);
                bytes.copy_within(other..other + length, page);
            }
            4 => drop(bytes.splice(at..at, numbers.draw().to_le_bytes())),
            5 => drop(bytes.drain(at..to)),
            _ => bytes[at] ^= 1 << numbers.below(8),
        }
    }
}

/// Rows make a run that can be shown, or an error.
fn any_rows(kind: Kind, numbers: &mut Numbers) {
    let folder = tempfile::tempdir().unwrap();
    let sql = statements(kind, numbers);
    let paths = kind.names().map(|name| folder.path().join(name));
    for (path, sql) in paths.iter().zip(&sql) {
        if !sql.is_empty() {
            write_sql(path, kind, sql);
        }
    }
    let Ok(database) = TamaDatabase::open(&paths[0], None) else { return };
    drop(database.runs());
    if let Ok(opened) = database.run(RUN, Box::new(|_| {})) {
        let _ = opened.manifest();
        opened.log.with(|state| {
            assert!(state.trace.is_well_formed());
            assert!(state.trace.spans().iter().all(|span| span.status != SpanStatus::Running));
            assert!(opened.events.iter().all(|event| event.seq <= state.last));
        });
    }
}
