//! The user's secret: it tells the runs that this user's programs made from all others.
//!
//! It is 32 random bytes as hexadecimal digits, in a folder of its own in the user's state folder
//! (`$XDG_STATE_HOME/tama-tui/trust/secret`, 0600), never beside a project. Commands don't see the folder. It is made
//! when the first run needs it. Without it, or with another one, every run counts as made elsewhere.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use etcetera::BaseStrategy;

use super::inside::open_file;

const NAME: &str = "secret";

/// Bytes of the file: digits and the line's end.
const LENGTH: u64 = 65;

static FOUND: OnceLock<Secret> = OnceLock::new();

/// A user's secret.
#[derive(Clone, Copy)]
pub(super) struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The user's secret; `None` when there is none that can be trusted. Read once per process.
    pub(super) fn find() -> Option<Self> {
        if let Some(known) = FOUND.get() {
            return Some(*known);
        }
        let found = Self::read(&secret_folder()?)?;
        Some(*FOUND.get_or_init(|| found))
    }

    /// The user's secret, made if there is none.
    ///
    /// # Errors
    /// When there is no state folder, or it can't be written.
    pub(super) fn find_or_create() -> io::Result<Self> {
        if let Some(known) = Self::find() {
            return Ok(known);
        }
        let folder = secret_folder().ok_or_else(|| io::Error::other("there is no state folder"))?;
        let made = Self::create(&folder)?;
        Ok(*FOUND.get_or_init(|| made))
    }

    /// A secret of nobody.
    #[cfg(test)]
    pub(super) fn for_tests(number: u8) -> Self {
        Self([number; 32])
    }

    /// The keyed hash of something; `purpose` keeps one use of the secret apart from the others.
    pub(super) fn sign(&self, purpose: &'static str, parts: &[&[u8]]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(purpose.as_bytes());
        hasher.update(&[0]);
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize()
    }

    /// Reads the secret in a folder; one that others can read, or of another user, is none.
    fn read(folder: &Path) -> Option<Self> {
        let mut file = open_file(folder, &[NAME]).ok()?;
        let found = file.metadata().ok()?;
        let owner_only = found.mode() & 0o7777 == found.mode() & 0o700;
        let own = found.uid() == nix::unistd::geteuid().as_raw() && owner_only && found.nlink() == 1;
        if !own || found.len() != LENGTH {
            return None;
        }
        let mut text = String::new();
        io::Read::read_to_string(&mut file, &mut text).ok()?;
        blake3::Hash::from_hex(text.trim_end()).ok().map(|digits| Self(digits.into()))
    }

    /// Makes a secret in a folder; one that another process makes meanwhile counts.
    fn create(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(file, "{}", blake3::Hash::from(random).to_hex())?;
        file.as_file().sync_all()?;
        let path = folder.join(NAME);
        if let Err(failed) = file.persist_noclobber(&path) {
            if let Some(other) = Self::read(folder) {
                return Ok(other);
            }
            // One that can't be trusted.
            failed.file.persist(&path).map_err(|failed| failed.error)?;
        }
        fs::File::open(folder)?.sync_all()?;
        Self::read(folder).ok_or_else(|| io::Error::other("the secret can't be read back"))
    }
}

/// The folder of the user's secret, which commands must not see; `None` without a home folder.
#[must_use]
pub fn secret_folder() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.state_dir()?.join("tama-tui").join("trust"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_the_users_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state/trust");
        assert!(Secret::read(&folder).is_none() && !folder.exists());
        let made = Secret::create(&folder).unwrap();
        let bits = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((bits(&folder), bits(&folder.join(NAME))), (0o700, 0o600));
        let text = fs::read_to_string(folder.join(NAME)).unwrap();
        assert_eq!((Secret::read(&folder).unwrap().0, Secret::create(&folder).unwrap().0), (made.0, made.0));
        assert!(!text.contains('\0') && !format!("{made:?}").contains(&text[..8]));
    }

    #[test]
    fn a_secret_that_others_could_read_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let made = Secret::create(home.path()).unwrap();
        fs::set_permissions(home.path().join(NAME), Permissions::from_mode(0o644)).unwrap();
        assert!(Secret::read(home.path()).is_none());
        assert_ne!(Secret::create(home.path()).unwrap().0, made.0);
        fs::remove_file(home.path().join(NAME)).unwrap();
        std::os::unix::fs::symlink("elsewhere", home.path().join(NAME)).unwrap();
        assert!(Secret::read(home.path()).is_none());
        Secret::create(home.path()).unwrap();
        assert!(Secret::read(home.path()).is_some() && !home.path().join("elsewhere").exists());
    }

    #[test]
    fn purposes_and_secrets_differ() {
        let (one, other) = (Secret([1; 32]), Secret([2; 32]));
        assert_eq!(one.sign("a", &[b"bc"]), one.sign("a", &[b"b", b"c"]));
        assert_ne!(one.sign("a", &[b"bc"]), one.sign("ab", &[b"c"]));
        assert_ne!(one.sign("a", &[b"bc"]), other.sign("a", &[b"bc"]));
    }
}
