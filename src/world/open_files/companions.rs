//! Files that belong together: a database of `SQLite` and the files that it keeps beside it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Ends of the names of the files beside a database (sqlite.org/tempfiles.html).
const ENDS: [&[u8]; 3] = [b"-wal", b"-shm", b"-journal"];

/// The names that belong to one database with this name, without itself.
pub(super) fn companions(name: &OsStr) -> Vec<OsString> {
    let bytes = name.as_bytes();
    let base = ENDS.iter().find_map(|end| bytes.strip_suffix(*end)).filter(|base| !base.is_empty()).unwrap_or(bytes);
    let all = std::iter::once(base.to_vec()).chain(ENDS.iter().map(|end| [base, end].concat()));
    all.filter(|other| other != bytes).map(OsString::from_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_and_what_is_beside_it_belong_together() {
        assert_eq!(companions(OsStr::new("a.db")), ["a.db-wal", "a.db-shm", "a.db-journal"]);
        assert_eq!(companions(OsStr::new("a.db-shm")), ["a.db", "a.db-wal", "a.db-journal"]);
        assert_eq!(companions(OsStr::new("-wal")).len(), 3);
    }
}
