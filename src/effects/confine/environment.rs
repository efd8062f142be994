//! The environment of commands.

use std::ffi::OsString;
use std::path::Path;

use crate::effects::mask::is_secret;

/// Lists the environment of a command: this program's own, without variables that look like secrets.
pub(super) fn environment(dir: &Path) -> impl Iterator<Item = (OsString, OsString)> {
    let own = [("TERM".into(), "dumb".into()), ("PWD".into(), dir.into())];
    remove_secrets(std::env::vars_os()).chain(own)
}

fn remove_secrets(vars: impl IntoIterator<Item = (OsString, OsString)>) -> impl Iterator<Item = (OsString, OsString)> {
    vars.into_iter().filter(|(name, value)| !is_secret(&name.to_string_lossy(), &value.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_behind() {
        let vars = ["PATH", "GITHUB_TOKEN", "HOME", "OPENAI_API_KEY"].map(|name| (name.into(), "x".into()));
        let kept: Vec<OsString> = remove_secrets(vars).map(|(name, _)| name).collect();
        assert_eq!(kept, ["PATH", "HOME"]);
    }
}
