//! Starts the first program of a list that exists.

use std::ffi::OsString;
use std::io;

/// Starts the programs in order until one of them exists, and returns its result.
pub(super) fn start_first<T>(
    programs: &[Vec<OsString>],
    mut start: impl FnMut(&[OsString]) -> io::Result<T>,
) -> io::Result<T> {
    let mut result = Err(io::ErrorKind::InvalidInput.into());
    for program in programs {
        result = start(program);
        if !result.as_ref().is_err_and(is_missing) {
            break;
        }
    }
    result
}

/// True when a program failed to start because it isn't there: the system reports "permission denied" when a folder of
/// the search path can't be searched.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
}
