//! A pack: a run's folder as one file, to take it along.
//!
//! It is a tar archive, compressed as gzip. Its first entry lists the others with their sizes and hashes (`contents`).
//! Packing the same run again gives the same bytes: entries are sorted, and have no times, no users and no permissions
//! of this machine. The stamp stays at home, so a run that comes out of a pack was made elsewhere. A pack is opened by
//! its list alone: an entry that is not in it, is no plain file, or is not what the list says refuses the whole
//! (`unpack`).

mod contents;
mod unpack;
mod write;

pub use unpack::{LARGEST_PACK, Unpacked};
pub use write::{PackSummary, Packing};
