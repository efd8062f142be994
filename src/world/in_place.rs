//! Changes a file that others have open without replacing it, where the change only adds to its end or cuts it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use crate::store::sparse::fill;

/// Bytes that are compared at a time.
const PART: usize = 64 << 10;

/// Gives an open file (for reading and appending) new bytes. False when they don't begin with its own, or are no
/// beginning of them: then it is as it was. Without `may_change` they have to be its own.
pub(super) fn grow_or_cut(mut file: &File, from: &mut dyn Read, may_change: bool) -> io::Result<bool> {
    let (mut new, mut own) = (vec![0; PART], vec![0; PART]);
    let mut at = 0;
    loop {
        let wanted = fill(&mut new, |buffer, _| from.read(buffer))?;
        let found = fill(&mut own[..wanted], |buffer, done| file.read_at(buffer, at + done as u64))?;
        if new[..found] != own[..found] {
            return Ok(false);
        }
        if found < wanted && !may_change {
            return Ok(false);
        }
        if found < wanted {
            // Others may add to it too: each writes behind what is there.
            file.write_all(&new[found..wanted])?;
            io::copy(from, &mut file)?;
            return Ok(true);
        }
        at += wanted as u64;
        if wanted < PART {
            let is_longer = file.metadata()?.len() > at;
            if is_longer && may_change {
                file.set_len(at)?;
            }
            return Ok(may_change || !is_longer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};

    use super::*;

    #[test]
    fn only_what_adds_or_cuts_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let large: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let all = |more: &[u8]| [&large, more].concat();
        for (old, new, done) in [
            (b"line\n".to_vec(), b"line\nmore\n".to_vec(), true),
            (b"line\nmore\n".to_vec(), b"line\n".to_vec(), true),
            (b"same".to_vec(), b"same".to_vec(), true),
            (b"".to_vec(), b"x".to_vec(), true),
            (b"x".to_vec(), b"".to_vec(), true),
            (b"line".to_vec(), b"lime and more".to_vec(), false),
            (large.clone(), all(b"more"), true),
            (all(b"more"), large.clone(), true),
            (all(b"a"), all(b"b"), false),
            (large[..PART].to_vec(), large[..2 * PART].to_vec(), true),
            (large[..2 * PART].to_vec(), large[..PART].to_vec(), true),
        ] {
            fs::write(&path, &old).unwrap();
            let file = OpenOptions::new().read(true).append(true).open(&path).unwrap();
            assert_eq!(grow_or_cut(&file, &mut new.as_slice(), false).unwrap(), old == new);
            assert!(fs::read(&path).unwrap() == old);
            assert_eq!(grow_or_cut(&file, &mut new.as_slice(), true).unwrap(), done);
            assert!(fs::read(&path).unwrap() == if done { new } else { old });
        }
    }
}
