//! Variables that look like secrets.

/// Words of a variable's name that make it secret.
const WORDS: [&str; 14] = [
    "KEY",
    "KEYS",
    "TOKEN",
    "TOKENS",
    "SECRET",
    "SECRETS",
    "PASSWORD",
    "PASSWORDS",
    "PASSWD",
    "PASS",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
    "AUTH",
];
/// Ends of such words, for names that are written together (`APIKEY`, `PGPASSWORD`).
const ENDS: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS"];

/// True for a variable that looks like a secret: by its name, or because its value is an address with a password.
pub(in crate::effects) fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let by_name = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| WORDS.contains(&word) || ENDS.iter().any(|end| word.ends_with(end)));
    by_name || has_password(value)
}

/// True for an address such as `postgres://user:password@host`.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    place.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_or_address() {
        for name in ["OPENAI_API_KEY", "GITHUB_TOKEN", "PGPASSWORD", "apikey", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"]
        {
            assert!(is_secret(name, "x"), "{name}");
        }
        for name in ["PATH", "HOME", "LANG", "GIT_AUTHOR_NAME", "PWD", "OLDPWD", "TERM", "KEYBOARD_LAYOUT"] {
            assert!(!is_secret(name, "x"), "{name}");
        }
        assert!(is_secret("DATABASE_URL", "postgres://me:hunter2@host/db"));
        assert!(!is_secret("DATABASE_URL", "postgres://me@host:5432/db"));
        assert!(!is_secret("TIME_URL", "http://host/a:b@c"));
    }
}
