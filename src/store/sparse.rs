//! Copies and writes files without filling their holes: blocks of zeros take no room on the disk.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Bytes that are looked at together. A run of zeros is left out where it fills one.
const BLOCK: usize = 64 << 10;
/// The same, to go on by.
const SKIP: i64 = 64 << 10;
static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// True when bytes may be left out of a new file.
pub(crate) fn is_hole(bytes: &[u8]) -> bool {
    ZEROS.get(..bytes.len()).is_some_and(|zeros| zeros == bytes)
}

/// Writes bytes to a new, empty file.
pub(crate) fn write(mut to: &File, bytes: &[u8]) -> io::Result<()> {
    let mut ends_with_hole = false;
    for block in bytes.chunks(BLOCK) {
        ends_with_hole = block.len() == BLOCK && is_hole(block);
        if ends_with_hole {
            to.seek_relative(SKIP)?;
        } else {
            to.write_all(block)?;
        }
    }
    if ends_with_hole { to.set_len(bytes.len() as u64) } else { Ok(()) }
}

/// Copies all that is read from `from` to a new, empty file.
pub(crate) fn copy_read(from: &mut dyn Read, mut to: &File) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    let mut length = 0;
    loop {
        let filled = fill(&mut block, |rest, _| from.read(rest))?;
        length += filled as u64;
        if filled == BLOCK && is_hole(&block) {
            to.seek_relative(SKIP)?;
        } else {
            to.write_all(&block[..filled])?;
        }
        if filled < BLOCK {
            return to.set_len(length);
        }
    }
}

/// Reads until a buffer is full or nothing is left; returns how much was read. `read` gets the rest of the buffer, and how
/// much of it is read already.
pub(crate) fn fill(
    buffer: &mut [u8],
    mut read: impl FnMut(&mut [u8], usize) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read(&mut buffer[filled..], filled) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Copies a whole file to a new, empty one: only what is not in its holes is read. Where the file system can share
/// blocks, nothing is copied.
#[cfg(target_os = "linux")]
pub(crate) fn copy(mut from: &File, mut to: &File) -> io::Result<()> {
    let length = from.metadata()?.len();
    let mut at = 0;
    while at < length {
        let data = match part(from, at, nix::unistd::Whence::SeekData) {
            // There is nothing but a hole from here on.
            Err(nix::errno::Errno::ENXIO) => break,
            // The file system can't tell.
            Err(_) if at == 0 => {
                from.rewind()?;
                return copy_read(&mut from, to);
            }
            data => data?,
        };
        let end = part(from, data, nix::unistd::Whence::SeekHole)?.min(length);
        from.seek(SeekFrom::Start(data))?;
        to.seek(SeekFrom::Start(data))?;
        io::copy(&mut from.take(end - data), &mut to)?;
        at = end;
    }
    to.set_len(length)
}

/// The same where holes can't be asked for.
#[cfg(not(target_os = "linux"))]
pub(crate) fn copy(mut from: &File, to: &File) -> io::Result<()> {
    from.seek(SeekFrom::Start(0))?;
    copy_read(&mut from, to)
}

#[cfg(target_os = "linux")]
fn part(file: &File, at: u64, whence: nix::unistd::Whence) -> nix::Result<u64> {
    let at = i64::try_from(at).map_err(|_| nix::errno::Errno::EOVERFLOW)?;
    nix::unistd::lseek(file, at, whence).map(i64::cast_unsigned)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;

    /// A file of 8 MB with a few bytes in it; and its bytes.
    fn sample() -> (File, Vec<u8>) {
        let file = tempfile::tempfile().unwrap();
        file.set_len(8 << 20).unwrap();
        file.write_all_at(b"boot", 0).unwrap();
        file.write_all_at(b"middle", (3 << 20) + 5).unwrap();
        let mut bytes = Vec::new();
        (&file).read_to_end(&mut bytes).unwrap();
        (file, bytes)
    }

    #[test]
    fn holes_stay_holes_and_bytes_stay_bytes() {
        let (source, bytes) = sample();
        for length in [bytes.len(), bytes.len() - 1, (3 << 20) + 11, BLOCK, 3, 0] {
            source.set_len(length as u64).unwrap();
            let bytes = &bytes[..length];
            let (written, read, copied) =
                (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
            write(&written, bytes).unwrap();
            copy_read(&mut &bytes[..], &read).unwrap();
            copy(&source, &copied).unwrap();
            for file in [written, read, copied] {
                let mut found = Vec::new();
                (&file).rewind().unwrap();
                (&file).read_to_end(&mut found).unwrap();
                assert!(found == bytes, "{length} bytes");
                let kept = file.metadata().unwrap().blocks() * 512;
                assert!(kept <= 3 * BLOCK as u64, "{kept} bytes on the disk for {length}");
            }
        }
    }
}
