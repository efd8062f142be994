//! Looks for room on a disk before something is copied there.

use std::io;
use std::path::Path;

/// Checks that so many bytes fit on the file system of a folder. One that can't tell is taken to have room.
///
/// # Errors
/// When there is less room; it says how much is needed and how much there is.
pub(crate) fn check_room(folder: &Path, needed: u64) -> io::Result<()> {
    /// Less than this is not worth a look.
    const FEW: u64 = 1 << 20;
    if needed <= FEW {
        return Ok(());
    }
    let Ok(found) = nix::sys::statvfs::statvfs(folder) else { return Ok(()) };
    #[allow(clippy::useless_conversion, reason = "the types differ from system to system")]
    let free = u64::from(found.blocks_available()).saturating_mul(u64::from(found.fragment_size()));
    if needed <= free {
        return Ok(());
    }
    let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
    let (needed, free) = (megabytes(needed), free / 1_000_000);
    let why = format!("{needed} MB are needed on its disk and {free} MB are free: make room and try again");
    Err(io::Error::new(io::ErrorKind::StorageFull, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_never_fit_is_refused_with_figures() {
        let folder = std::env::temp_dir();
        check_room(&folder, 1000).unwrap();
        check_room(Path::new("/no/such/folder"), u64::MAX).unwrap();
        let error = check_room(&folder, u64::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().contains("MB are free: make room"), "{error}");
    }
}
