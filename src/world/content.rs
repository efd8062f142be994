//! The new bytes of a file, wherever they come from.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek};

use crate::store::sparse;

/// The new bytes of a file.
pub trait Content: Read + Seek {
    /// The file that they are in, if they are all of one.
    fn file(&self) -> Option<&File> {
        None
    }
}

impl Content for File {
    fn file(&self) -> Option<&File> {
        Some(self)
    }
}

impl Content for Cursor<&[u8]> {}

/// Writes all of it to a new, empty file; holes stay holes.
pub(super) fn copy(from: &mut dyn Content, to: &File) -> io::Result<()> {
    from.rewind()?;
    if let Some(file) = from.file() {
        return sparse::copy(file, to);
    }
    sparse::copy_read(&mut Reader(from), to)
}

/// A content as a reader only.
pub(super) struct Reader<'a>(pub &'a mut dyn Content);

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}
