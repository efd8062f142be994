//! The entry of the processes of a confinement.

use std::process::ExitCode;

use super::roles::{INNER, OUTER, PRESENT, SESSION};
use super::session;
#[cfg(target_os = "linux")]
use super::{inner, outer};

/// Plays the part that the first argument names, and returns its exit code. To be called before anything else, above
/// all before there is a second thread.
pub fn enter() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let first = args.next()?;
    if first == SESSION {
        return Some(session::main(args));
    }
    if first == PRESENT {
        return Some(ExitCode::SUCCESS);
    }
    #[cfg(target_os = "linux")]
    if first == OUTER {
        return Some(outer::main());
    } else if first == INNER {
        return Some(inner::main());
    }
    #[cfg(not(target_os = "linux"))]
    if first == OUTER || first == INNER {
        return Some(ExitCode::FAILURE);
    }
    None
}
