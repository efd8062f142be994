//! Reads how long a server asks to wait.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The wait that headers ask for: `retry-after-ms`, or `Retry-After` in seconds or as a date. A wait of nothing counts
/// as none.
pub(super) fn asked_in_headers(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let millis = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()).map(|millis| millis / 1000.0);
    if let Some(wait) = millis.and_then(positive) {
        return Some(wait);
    }
    let text = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = text.parse::<f64>() {
        return positive(seconds);
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    let wait = SystemTime::from(date.timestamp()).duration_since(now).ok()?;
    positive(wait.as_secs_f64())
}

/// The wait that a server's message asks for: "Please try again in 7.66s."
pub(super) fn asked_in_words(words: &str) -> Option<Duration> {
    let lower = words.to_ascii_lowercase();
    let after = ["try again in ", "retry in ", "retry after "].iter().find_map(|before| {
        let at = lower.find(before)?;
        lower.get(at + before.len()..)
    })?;
    let (first, rest) = after.split_once(' ').unwrap_or((after, ""));
    let first = first.trim_end_matches(['.', ',', ';', ')']);
    let unit = if rest.starts_with("second") {
        "s"
    } else if rest.starts_with("minute") {
        "m"
    } else {
        ""
    };
    parse_span(&format!("{first}{unit}"))
}

/// Reads a span such as `36s`, `1m26.4s`, `120ms`.
pub(super) fn parse_span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
        seconds += match &rest[..unit] {
            "ms" => number / 1000.0,
            "s" => number,
            "m" => number * 60.0,
            "h" => number * 3600.0,
            _ => return None,
        };
        rest = &rest[unit..];
    }
    positive(seconds)
}

fn positive(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    type Headers = &'static [(&'static str, &'static str)];

    #[test]
    fn the_server_says_how_long_to_wait() {
        // 1994-11-06 08:49:37 GMT.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let cases: [(Headers, Option<u64>); 11] = [
            (&[("retry-after", "2")], Some(2000)),
            (&[("retry-after", " 0.25 ")], Some(250)),
            (&[("retry-after", "0")], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "1e300")], None),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")], Some(10_000)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:27 GMT")], None),
            (&[("retry-after-ms", "40"), ("retry-after", "9")], Some(40)),
            (&[("retry-after-ms", "x"), ("retry-after", "9")], Some(9000)),
            (&[], None),
        ];
        for (given, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(asked_in_headers(&headers, now), expected.map(Duration::from_millis), "{given:?}");
        }
    }

    #[test]
    fn waits_in_words_are_read() {
        let cases = [
            ("Please try again in 7.66s. Visit", Some(7660)),
            ("Please retry in 36.4s.", Some(36_400)),
            ("try again in 120ms", Some(120)),
            ("Try again in 1m30s", Some(90_000)),
            ("try again in 20 seconds", Some(20_000)),
            ("please try again in a while", None),
            ("try again in ", None),
            ("try again in 99999999999999999999999999999h", None),
            ("", None),
        ];
        for (words, expected) in cases {
            assert_eq!(asked_in_words(words), expected.map(Duration::from_millis), "{words}");
        }
    }
}
