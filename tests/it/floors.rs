//! The floors of `src/`: each may use the ones below it, and each library has the few floors that may know it.

use std::fs;
use std::path::{Path, PathBuf};

/// Floors from the lowest up; a floor may use those before it.
const FLOORS: [&str; 12] =
    ["model", "pipeline", "store", "world", "rollback", "wire", "effects", "runtime", "app", "ui", "term", "cli"];

/// Floors that may use less than everything below them.
const NARROW: [(&str, &[&str]); 3] = [("wire", &["model"]), ("app", &["model"]), ("ui", &["model", "app"])];

/// Libraries, and the floors that may name them.
const LIBRARIES: [(&str, &[&str]); 13] = [
    ("crossterm", &["term"]),
    ("ratatui", &["ui", "term"]),
    ("tui_tree_widget", &["ui"]),
    ("vt100", &["ui"]),
    ("ratatui_textarea", &["ui"]),
    ("duckdb", &["store"]),
    ("rusqlite", &["store"]),
    ("reqwest", &["effects"]),
    ("rmcp", &["effects"]),
    ("hyper", &["effects"]),
    ("cap_std", &["world"]),
    ("cap_fs_ext", &["world"]),
    ("tokio", &["store", "world", "rollback", "effects", "runtime", "term", "cli"]),
];

/// Names that floors of plain state must not use: files, processes, sockets, clocks.
const IMPURE: [&str; 5] = ["std::fs", "std::process", "std::net", "Instant::now", "SystemTime"];
const PURE: [&str; 4] = ["model", "wire", "app", "ui"];

/// Every breach in a file of a floor, in words.
fn breaches(floor: &str, text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = vec![];
    for used in used_floors(&code) {
        let index = |name: &str| FLOORS.iter().position(|floor| *floor == name);
        let narrow = NARROW.iter().find(|(name, _)| *name == floor).map(|(_, allowed)| *allowed);
        let allowed = match narrow {
            Some(allowed) => used == floor || allowed.contains(&used.as_str()),
            None => index(&used) <= index(floor),
        };
        if FLOORS.contains(&used.as_str()) && !allowed {
            found.push(format!("{floor} uses {used}"));
        }
    }
    for (library, floors) in LIBRARIES {
        if !floors.contains(&floor) && names(&code, library) {
            found.push(format!("{floor} names {library}"));
        }
    }
    if PURE.contains(&floor) {
        found.extend(IMPURE.iter().filter(|name| code.contains(*name)).map(|name| format!("{floor} names {name}")));
    }
    found
}

/// The first path parts after `crate::`, `tama_tui::` and chains of `super::`, those in braces too.
fn used_floors(code: &str) -> Vec<String> {
    let starts = ["crate::", "tama_tui::", "super::super::"];
    let after = starts.iter().flat_map(|start| code.match_indices(start).map(|(at, start)| &code[at + start.len()..]));
    after.flat_map(|rest| first_parts(rest.trim_start_matches("super::"))).collect()
}

fn first_parts(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let mut depth = 1;
    let mut parts = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => parts.push(String::new()),
            _ if depth == 1 => parts.last_mut().unwrap().push(c),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    parts.iter().map(|part| word(part.trim_start())).collect()
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// True when a crate is named as the first part of a path or in a plain `use`.
fn names(code: &str, library: &str) -> bool {
    code.match_indices(library).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let first = before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == '"'))
            && (!code[..at].ends_with("::") || code[..at].ends_with(" ::"));
        let rest = &code[at + library.len()..];
        let used = code[..at].ends_with("use ") && (rest.starts_with(';') || rest.starts_with(" as "));
        first && (rest.starts_with("::") || used)
    })
}

/// Lists the Rust files of a folder and of those in it.
pub fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_floor_uses_one_above_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![];
    rust_files(&src, &mut files);
    let mut found = vec![];
    for file in &files {
        let inside = file.strip_prefix(&src).unwrap();
        let floor = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        // The roots of the library and the two programs; the small one can use nothing but what it declares.
        if ["main", "lib", "sandbox"].contains(&floor) {
            continue;
        }
        assert!(FLOORS.contains(&floor), "src/{floor} is no floor: give it a place in FLOORS");
        let breaches = breaches(floor, &fs::read_to_string(file).unwrap());
        found.extend(breaches.into_iter().map(|breach| format!("{}: {breach}", inside.display())));
    }
    assert!(files.len() > 20, "only {} files were read", files.len());
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_breach_is_found_however_it_is_written() {
    let breach = |floor: &str, code: &str, expected: &str| {
        assert_eq!(breaches(floor, code), [expected], "{code}");
    };
    breach("model", "use crate::store::Seq;", "model uses store");
    breach("store", "let x = crate::runtime::run();", "store uses runtime");
    breach("store", "use crate::{\n    model::{Seq, Try},\n    world::Value,\n};", "store uses world");
    breach("world", "use super::super::effects::Tool;", "world uses effects");
    breach("app", "use crate::runtime::Session;", "app uses runtime");
    breach("ui", "use tama_tui::store::Store;", "ui uses store");
    breach("app", "use crossterm::event::KeyCode;", "app names crossterm");
    breach("runtime", "use ratatui::layout::Rect;", "runtime names ratatui");
    breach("cli", "fn f(c: duckdb::Connection) {}", "cli names duckdb");
    breach("runtime", "use reqwest;", "runtime names reqwest");
    breach("wire", "use crate::pipeline::Provider;", "wire uses pipeline");
    breach("app", "use tokio::sync::mpsc;", "app names tokio");
    breach("app", "use std::fs;", "app names std::fs");
}

#[test]
fn what_is_allowed_is_no_breach() {
    for (floor, code) in [
        ("store", "use crate::model::Seq;\nuse duckdb::Connection;"),
        ("app", "use crate::app::tree::Tree;\nuse crate::model::Seq;"),
        ("ui", "use crate::app::State;\nuse ratatui::Frame;"),
        ("model", "// use crate::store::Seq;\n/// See [`crate::store`].\nuse std::fmt;"),
        ("cli", "use crate::term::run;\nuse my_duckdb::x;\nuse other::reqwest::y;"),
    ] {
        assert_eq!(breaches(floor, code), Vec::<String>::new(), "{code}");
    }
}
