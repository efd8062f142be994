//! Finds the recorded call that a program makes again, when it is started anew for a retry.
//!
//! A program's requests are never the same twice: they hold dates, ids of sessions, folders, durations. So there are
//! three steps. A request with the same meaning is the *same*: it takes the first recorded call like it that is left,
//! whatever the order in which calls arrive. One whose conversation is the same but for listed volatile parts is *near*:
//! it is answered too, and each difference is reported. Any other is *different*: the first difference is reported, and
//! nothing is answered. Texts are compared as a whole and line by line, never by how they begin: two requests over other
//! documents look alike for many kilobytes.
//!
//! `canonical` makes the forms that are compared, `volatile` knows the parts that change, `likeness` finds differences,
//! `recorded` holds the calls.

mod canonical;
mod likeness;
mod recorded;
#[cfg(test)]
mod tests;
mod volatile;

pub use canonical::{Canonical, canonical};
pub use likeness::{Difference, Likeness, near};
pub use recorded::{Found, Recorded};
pub use volatile::Folders;
