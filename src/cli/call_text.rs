//! Tool calls in few words: the command, path, key or address that a call is about.

use serde_json::Value as Json;

use super::text::shorten;

/// Arguments that say what a call is about, the first one first.
const NAMED: [&str; 4] = ["command", "path", "key", "url"];

/// The text of a call's arguments (JSON); `None` when there are none.
pub(super) fn call_text(args: &str) -> Option<String> {
    named_text(args).or_else(|| {
        let args: Json = serde_json::from_str(args).ok()?;
        (!args.as_object()?.is_empty()).then(|| args.to_string())
    })
}

/// The argument (of JSON) that says what a call is about: a command, path, key or address.
pub(super) fn named_text(args: &str) -> Option<String> {
    let args: Json = serde_json::from_str(args).ok()?;
    let text = NAMED.iter().find_map(|name| args.get(*name)?.as_str())?;
    Some(text.to_owned())
}

/// The first line of a call's text, short enough for a line of progress.
pub(super) fn first_line(text: &str, most: usize) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = shorten(lines.next().unwrap_or_default(), most);
    if lines.next().is_some() && !line.ends_with('…') { format!("{line} …") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_about_its_command_or_path() {
        let text = |args: &str| call_text(args).unwrap_or_default();
        assert_eq!(text(r#"{"timeout": 3, "command": "rm x"}"#), "rm x");
        assert_eq!(text(r#"{"path": "a", "content": "b"}"#), "a");
        assert_eq!(text(r#"{"tag": "v1"}"#), r#"{"tag":"v1"}"#);
        assert_eq!((call_text("{}"), call_text("no JSON")), (None, None));
    }

    #[test]
    fn of_several_lines_the_first_is_shown() {
        assert_eq!(first_line("\nmkdir -p a\ncd a\n", 60), "mkdir -p a …");
        assert_eq!(first_line("ls", 60), "ls");
        assert_eq!(first_line("0123456789x\nmore", 10), "012345…89x …");
    }
}
