//! The same calls, made by a wrapped agent in both ways: it has the network, and no less is refused to it than the table
//! says.

use std::collections::HashMap;
use std::path::Path;
use std::process::Output;

use super::table::{Grounds, Permission, Row, Table, compile, open_gate};
use crate::support::program;

/// Runs a script as an agent whose workspace and data folder are those of the grounds.
fn wrap(grounds: &Grounds, script: &str, more: &[&str]) -> Output {
    let mut command = program::command();
    command.args(["wrap", "--headless"]).args(more).args(["--", "bash", "-c", script]);
    command.env("TAMA_TUI_DATA_DIR", grounds.at("data")).current_dir(grounds.at("work")).output().unwrap()
}

/// Calls without a filter: their answer is the kernel's own, and differs from one to the other.
const OF_THE_KERNEL: [&str; 4] = ["x32-unix", "foreign", "vsock", "io-uring"];

/// The rows that say what an agent may do: where there is one for tools with the network, that one.
fn rows(table: &Table) -> Vec<(usize, &Row)> {
    let has_network =
        |call: &str| table.row.iter().any(|row| row.call == call && row.tool == Some(Permission::Network));
    let is_meant = |row: &Row| match row.tool {
        Some(Permission::Network) => true,
        Some(Permission::LocalSockets) => false,
        None if OF_THE_KERNEL.contains(&row.call.as_str()) => false,
        None => row.agent.is_some() || !has_network(&row.call),
    };
    table.row.iter().enumerate().filter(|(_, row)| row.is_for_this_user() && is_meant(row)).collect()
}

#[test]
fn every_call_of_a_wrapped_agent_ends_as_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let Some(calls) = compile(folder.path()) else { return };
    if !program::is_confined(folder.path()) {
        return;
    }
    let table: Table = toml::from_str(include_str!("../../confine/table.toml")).unwrap();
    let mut wrong = check(&table, &calls, &[]);
    if program::holds_changes(folder.path()) {
        wrong.extend(check(&table, &calls, &["--review"]));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(table: &Table, calls: &Path, more: &[&str]) -> Vec<String> {
    let grounds = Grounds::new(calls);
    let before = grounds.outside();
    let lines: String = rows(table).into_iter().map(|(name, row)| grounds.line(name, &row.call)).collect();
    let gate = open_gate(&grounds);
    let script = format!("cat \"{}\" > /dev/null\n{lines}", grounds.at("gate").display());
    let ran = wrap(&grounds, &script, more);
    drop(gate.join());
    assert_eq!(grounds.outside(), before, "{more:?}");
    let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
    let found: HashMap<usize, &str> = printed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, end)| Some((name.parse().ok()?, end)))
        .collect();
    let ends_otherwise = |(name, row): (usize, &Row)| {
        let other = if more.is_empty() { &row.snapshot } else { &row.overlay };
        let wanted = row.agent.as_ref().unwrap_or(other);
        let end = found.get(&name).copied().unwrap_or("no result");
        let text = || format!("agent {more:?}: {}: {end}, not {wanted:?}: {}", row.call, row.why);
        (!wanted.is(end, &[])).then(text)
    };
    rows(table).into_iter().filter_map(ends_otherwise).collect()
}
