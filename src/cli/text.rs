//! Plain output: safe text of models and tools, readable numbers.

use std::io::{self, IsTerminal, Write};

use super::colour::Colour;
use crate::app::safe;
pub(super) use crate::app::text::duration;
use crate::app::text::money;
use crate::model::{Key, Millis};

/// Writes to stdout; a reader that went away (`| head`) is no error.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// Prints a value as JSON, one document.
pub(super) fn print_json(value: &impl serde::Serialize) -> color_eyre::Result<()> {
    print(&format!("{}\n", escape_controls(&serde_json::to_string_pretty(value)?)))?;
    Ok(())
}

/// Escapes the control characters that JSON lets stand as they are: U+007F, and U+0080 to U+009F, which terminals obey too.
pub(super) fn escape_controls(json: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            // They can only be within strings.
            '\u{7f}'..='\u{9f}' => {
                // A text takes everything.
                let _ = write!(escaped, "\\u{:04x}", u32::from(letter));
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Writes a text to stderr as one line; shows line ends and control characters.
pub(super) fn eprint_line(line: &str) {
    // A closed stderr leaves no way to report it.
    let _ = writeln!(io::stderr().lock(), "{}", safe::line(line));
}

/// True when a stream gets colours.
pub(super) fn use_colour(wanted: Colour, stream: &impl IsTerminal) -> bool {
    match wanted {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// Joins lines; a line end inside of one is shown, so that a name of the run can't look like a line of its own.
pub(super) fn to_lines(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&safe::line(line));
        text.push('\n');
    }
    text
}

/// Shortens a name or value of a run to `most` characters, in the middle; shows control characters.
pub(super) fn shorten(text: &str, most: usize) -> String {
    let line = safe::line(text);
    let length = line.chars().count();
    if length <= most {
        return line.into_owned();
    }
    // The end of a path says more than its middle.
    let end = most / 3;
    let start: String = line.chars().take(most.saturating_sub(end + 1)).collect();
    let end: String = line.chars().skip(length - end).collect();
    format!("{start}…{end}")
}

/// Formats a key for a line.
pub(super) fn key_name(key: &Key) -> String {
    const KEY: usize = 80;
    shorten(&key.to_string(), KEY)
}

/// Shortens a reason, which may contain names of the run.
pub(super) fn shorten_reason(why: &str) -> String {
    const WHY: usize = 300;
    shorten(why, WHY)
}

/// Shows control characters in a text of several lines.
pub(super) fn safe(text: &str) -> String {
    text.split('\n').map(safe::line).collect::<Vec<_>>().join("\n")
}

/// Formats a time in the user's time zone, to the minute.
pub(super) fn moment(at: Millis) -> String {
    let moment = i64::try_from(at.0).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    moment
        .map_or_else(String::new, |at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string())
}

/// Formats a size: `812 B`, `28 kB`, `1.4 MB`.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// Formats millionths of a dollar as dollars; empty for 0.
pub(super) fn dollars(micros: u64) -> String {
    match micros {
        0 => String::new(),
        1..100 => "<$0.0001".to_owned(),
        _ => format!("${}.{:04}", micros / 1_000_000, micros % 1_000_000 / 100),
    }
}

/// Formats a cost for a sentence: `$0.033`; of less than a tenth of a cent, `$0.0004`.
pub(super) fn cost(micros: u64) -> String {
    if micros < 1000 { dollars(micros) } else { money(micros) }
}

/// Cuts the first line of a text to `most` characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    let kept: String = line.chars().take(most).collect();
    if kept.len() < text.trim_end().len() { format!("{kept}…") } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_gets_through() {
        let shown = safe("a\x1b[31mb\u{202e}c\u{9b}\r\nd");
        assert!(shown.ends_with("\nd") && shown.chars().all(|c| c == '\n' || safe::is_plain(c)), "{shown:?}");
    }

    #[test]
    fn json_has_no_control_character_and_is_the_same_value() {
        let value = serde_json::json!({ "a\u{9b}": "b\u{1b}c\u{7f}\u{9f}\u{a0}é" });
        let text = escape_controls(&value.to_string());
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn what_a_run_named_is_part_of_one_line() {
        assert_eq!(to_lines(&["undid x\n2 of 2 undone".into(), "b".into()]), "undid x␊2 of 2 undone\nb\n");
        assert_eq!(shorten("a\nb", 9), "a␊b");
        assert_eq!(shorten("0123456789", 10), "0123456789");
        assert_eq!(shorten("0123456789x", 10), "012345…89x");
        assert_eq!(shorten(&"é".repeat(5000), 80).chars().count(), 80);
    }

    #[test]
    fn numbers_are_for_people() {
        assert_eq!((size(999), size(28_400), size(1_450_000)), ("999 B".into(), "28 kB".into(), "1.4 MB".into()));
        assert_eq!((dollars(31_250), cost(31_250), cost(410)), ("$0.0312".into(), "$0.031".into(), "$0.0004".into()));
        assert_eq!((dollars(0), dollars(99)), (String::new(), "<$0.0001".into()));
        assert_eq!((cut("one\ntwo", 9), cut("abcdef", 3)), ("one…".into(), "abc…".into()));
    }
}
