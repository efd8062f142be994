//! The secret in the path of the gateway's address: only programs that were given the address can use it.

use std::fmt;

/// Random bytes in a secret.
const LENGTH: usize = 24;

/// The first part of every path.
#[derive(Clone)]
pub(in crate::effects) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Secret {
    /// A new one; `None` when the system gives no random bytes.
    pub(in crate::effects) fn random() -> Option<Self> {
        random_text(LENGTH).map(Self)
    }

    /// The path that begins with it.
    pub(in crate::effects) fn path(&self) -> String {
        format!("/{}", self.0)
    }

    /// The path behind it; `None` for a path without it. Takes as long for every wrong secret.
    pub(in crate::effects) fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        let path = path.strip_prefix('/')?;
        let (given, _) = path.split_once('/').unwrap_or((path, ""));
        // Hashes of this library are compared in constant time.
        let same = blake3::hash(given.as_bytes()) == blake3::hash(self.0.as_bytes());
        same.then(|| &path[given.len()..])
    }
}

/// A random text of letters and digits, with so many random bytes in it; `None` when the system gives none.
pub(super) fn random_text(bytes: usize) -> Option<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).ok()?;
    Some(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_secret_opens_a_path() {
        let secret = Secret::random().unwrap();
        assert_eq!(secret.0.len(), 2 * LENGTH);
        let with = |rest: &str| format!("{}{rest}", secret.path());
        assert_eq!(secret.strip(&with("/v1/messages")), Some("/v1/messages"));
        assert_eq!(secret.strip(&with("")), Some(""));
        assert_eq!(secret.strip(&with("/")), Some("/"));
        for wrong in ["", "/", "/v1/messages", "x", &with("x/v1"), &format!("/x{}", with("/v1")), &with("0")[..20]] {
            assert_eq!(secret.strip(wrong), None, "{wrong}");
        }
        assert_ne!(Secret::random().unwrap().0, secret.0);
        assert!(!format!("{secret:?}").contains(&secret.0));
    }
}
