//! Reads `[verify]`: the command that judges a try.

use std::fs;
use std::path::Path;

use super::custom::{find_program, read_timeout};
use super::reader::Table;
use super::spec::Verify;

pub(super) fn read_verify(root: &Table<'_>, base: &Path) -> Option<Verify> {
    let table = root.table("verify")?;
    let here = Path::new(".").join(base);
    let base = fs::canonicalize(&here).unwrap_or(here);
    let command = read_words(&table, &base);
    let timeout_seconds = read_timeout(&table);
    table.finish();
    Some(Verify { command: command?, timeout_seconds })
}

/// The program, found, and its arguments as they are written.
fn read_words(table: &Table<'_>, base: &Path) -> Option<Vec<String>> {
    let Some((name, value)) = table.get("command") else {
        table.missing("command", "the program and its arguments, e.g. command = [\"./check.sh\"]");
        return None;
    };
    let words = table.strings("command");
    let array = value.get_ref().as_array()?;
    let Some((program, rest)) = words.split_first().filter(|_| words.len() == array.len()) else {
        if array.is_empty() {
            table.doc.fault(name.span(), "`command` is empty");
        }
        return None;
    };
    let program = find_program(table.doc, program, base)?;
    Some(std::iter::once(program).chain(rest.iter().map(|word| word.get_ref().clone())).collect())
}
