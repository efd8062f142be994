//! Long texts, bounded: the beginning and the end are kept, the middle is left out.

/// Beginnings of a last line about the end of a command, see `confine`.
const ENDINGS: [&str; 4] = ["[exit code ", "[killed ", "[was killed", "[timed out"];
/// Last lines among which the one about the end of a command is looked for: remarks may follow it.
const LAST_LINES: usize = 3;

/// Keeps at most `limit` characters of a text: its first and its last half, with a line between them that says how many
/// are left out. Of a command's output the line about its end (the exit code) comes first, too.
#[must_use]
pub fn keep_both_ends(text: &str, limit: usize) -> String {
    // A text has no more characters than bytes.
    if text.len() <= limit {
        return text.to_owned();
    }
    let count = text.chars().count();
    if count <= limit {
        return text.to_owned();
    }
    let (first, last) = (limit.div_ceil(2), limit / 2);
    let head = &text[..at(text, first)];
    let tail = &text[at(text, count - last)..];
    let ending = ending(text).map(|line| format!("{line}\n")).unwrap_or_default();
    format!("{ending}{head}\n[… {} characters cut …]\n{tail}", count - limit)
}

/// The byte at which a character begins; the length of the text when it has no more.
fn at(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(at, _)| at)
}

/// The line about the end of a command.
fn ending(text: &str) -> Option<&str> {
    let mut last = text.lines().rev().take(LAST_LINES);
    last.find(|line| ENDINGS.iter().any(|begins| line.starts_with(begins)) && line.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_stays_as_it_is() {
        assert_eq!(keep_both_ends("short", 5), "short");
        assert_eq!(keep_both_ends("ééééé", 5), "ééééé");
        assert_eq!(keep_both_ends("", 0), "");
    }

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        assert_eq!(keep_both_ends("abcdefgh", 5), "abc\n[… 3 characters cut …]\ngh");
        assert_eq!(keep_both_ends("äbcdé", 2), "ä\n[… 3 characters cut …]\né");
        assert_eq!(keep_both_ends("abc", 0), "\n[… 3 characters cut …]\n");
    }

    #[test]
    fn the_exit_code_comes_first() {
        let text = format!("{}\n[exit code 101]\n[no undo: x]", "out ".repeat(50));
        let kept = keep_both_ends(&text, 60);
        assert!(kept.starts_with("[exit code 101]\nout out"), "{kept}");
        assert!(kept.ends_with("[exit code 101]\n[no undo: x]"), "{kept}");
        let killed = format!("{}\n[killed by signal 9]", "out ".repeat(50));
        assert!(keep_both_ends(&killed, 30).starts_with("[killed by signal 9]\n"));
        let none = format!("[exit code 1]\n{}", "out\n".repeat(50));
        assert!(keep_both_ends(&none, 30).starts_with("[exit code 1]\no\n[…"), "only the last lines count");
    }
}
