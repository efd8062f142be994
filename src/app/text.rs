//! Numbers as the screen writes them, and prose as it fits.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::safe;

/// A duration: `1ms`, `41.9s`, `12m04`, `3h07`.
#[must_use]
pub fn duration(millis: u64) -> String {
    let (tenths, seconds) = (rounded(millis, 100), rounded(millis, 1000));
    match millis {
        0..1000 => format!("{millis}ms"),
        _ if tenths < 1000 => format!("{}.{}s", tenths / 10, tenths % 10),
        _ if seconds < 3600 => format!("{}m{:02}", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}", seconds / 3600, seconds / 60 % 60),
    }
}

/// An age: `now`, `5m`, `3h`, `12d`, `2y`.
#[must_use]
pub fn age(millis: u64) -> String {
    const HOUR: u64 = 60;
    const DAY: u64 = 24 * HOUR;
    const YEAR: u64 = 365 * DAY;
    match millis / 60_000 {
        0 => "now".to_owned(),
        minutes @ 1..HOUR => format!("{minutes}m"),
        minutes @ HOUR..DAY => format!("{}h", minutes / HOUR),
        minutes @ DAY..YEAR => format!("{}d", minutes / DAY),
        minutes => format!("{}y", minutes / YEAR),
    }
}

/// A clock that counts up: `00:42`, `1:02:03`.
#[must_use]
pub fn clock(millis: u64) -> String {
    let seconds = millis / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes:02}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// A count: `812`, `14.2k`, `142k`, `3.1M`.
#[must_use]
pub fn count(n: u64) -> String {
    let tenths = |unit: u64| rounded(n, unit / 10);
    match n {
        0..1000 => n.to_string(),
        _ if tenths(1000) < 1000 => format!("{}.{}k", tenths(1000) / 10, tenths(1000) % 10),
        _ if rounded(n, 1000) < 1000 => format!("{}k", rounded(n, 1000)),
        _ => format!("{}.{}M", tenths(1_000_000) / 10, tenths(1_000_000) % 10),
    }
}

/// Millionths of a US dollar: `$0.031`, `$1.20`.
#[must_use]
pub fn money(micros: u64) -> String {
    let (mills, cents) = (rounded(micros, 1000), rounded(micros, 10_000));
    if mills < 1000 { format!("$0.{mills:03}") } else { format!("${}.{:02}", cents / 100, cents % 100) }
}

/// A number in groups of three: `9,960`.
#[must_use]
pub fn grouped(n: u64) -> String {
    if n < 1000 { n.to_string() } else { format!("{},{:03}", grouped(n / 1000), n % 1000) }
}

/// How many whole units, rounded half up.
fn rounded(n: u64, unit: u64) -> u64 {
    n.saturating_add(unit / 2) / unit
}

/// `1 span`, `2 spans`.
#[must_use]
pub fn plural(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// An error behind the word for it, which it may begin with itself: `failed: HTTP 529`, `failed to read x`.
#[must_use]
pub fn failed(error: &str) -> String {
    if error.starts_with("failed to ") { error.to_owned() } else { format!("failed: {error}") }
}

/// Safe text cut into lines of at most so many columns, each continued under its own indentation.
#[must_use]
pub fn wrapped_under(text: &str, columns: usize) -> Vec<String> {
    let mut out = Vec::new();
    for line in safe::lines(text) {
        let indent = line.len() - line.trim_start().len();
        let mut rest: String = line.into_owned();
        while rest.width() > columns {
            let (first, more) = split(&rest, columns, indent);
            rest = format!("{}{more}", " ".repeat(indent.min(columns / 2)));
            out.push(first);
        }
        out.push(rest);
    }
    out
}

/// Splits at the last space that fits, or at the width.
fn split(text: &str, columns: usize, indent: usize) -> (String, String) {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > columns
    });
    let end = end.map_or(text.len(), |(at, _)| at);
    let space = text.get(..end).and_then(|fits| fits.rfind(' ')).filter(|at| *at > indent);
    let (first, rest) = text.split_at(space.unwrap_or(end));
    (first.to_owned(), rest.trim_start().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_also_into_the_next_unit() {
        assert_eq!([money(4_800), money(999_600), money(1_996_000)], ["$0.005", "$1.00", "$2.00"]);
        assert_eq!([count(3_986), count(99_970), count(999_700)], ["4.0k", "100k", "1.0M"]);
        assert_eq!([duration(1_960), duration(99_960), duration(3_599_600)], ["2.0s", "1m40", "1h00"]);
    }

    #[test]
    fn numbers_read_as_on_the_screen() {
        assert_eq!(
            [duration(1), duration(41_930), duration(724_000), duration(11_220_000)],
            ["1ms", "41.9s", "12m04", "3h07"]
        );
        assert_eq!(
            [0, 59_999, 300_000, 10_800_000, 1_036_800_000, 70_000_000_000].map(age),
            ["now", "now", "5m", "3h", "12d", "2y"]
        );
        assert_eq!([clock(42_000), clock(3_723_000)], ["00:42", "1:02:03"]);
        assert_eq!([count(812), count(14_213), count(3_100_000)], ["812", "14.2k", "3.1M"]);
        assert_eq!([money(31_000), money(1_200_000)], ["$0.031", "$1.20"]);
        assert_eq!([grouped(812), grouped(9_960), grouped(1_000_001)], ["812", "9,960", "1,000,001"]);
        assert_eq!([plural(1, "span"), plural(0, "span")], ["1 span", "0 spans"]);
    }

    #[test]
    fn long_lines_go_on_under_their_indentation() {
        assert_eq!(wrapped_under("  one two three four\nx", 12), ["  one two", "  three four", "x"]);
        assert_eq!(wrapped_under("abcdefghijklmnop", 12), ["abcdefghijkl", "mnop"]);
    }

    #[test]
    fn any_text_ends() {
        for text in ["          ", "   世世世世世世世世世世世世", &" x".repeat(60), "\u{1b}[31m\n\n"] {
            let lines = wrapped_under(text, 8);
            assert!(lines.iter().all(|line| line.width() <= 8), "{lines:?}");
        }
    }
}
