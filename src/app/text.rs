//! Numbers as the screen writes them.

/// A duration: `1ms`, `41.9s`, `12m04`, `3h07`.
#[must_use]
pub fn duration(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis}ms"),
        1000..100_000 => format!("{}.{}s", millis / 1000, millis % 1000 / 100),
        100_000..3_600_000 => format!("{}m{:02}", millis / 60_000, millis / 1000 % 60),
        _ => format!("{}h{:02}", millis / 3_600_000, millis / 60_000 % 60),
    }
}

/// A clock that counts up: `00:42`, `1:02:03`.
#[must_use]
pub fn clock(millis: u64) -> String {
    let seconds = millis / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes:02}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// A count: `812`, `14.2k`, `3.1M`.
#[must_use]
pub fn count(n: u64) -> String {
    match n {
        0..1000 => n.to_string(),
        1000..1_000_000 => format!("{}.{}k", n / 1000, n % 1000 / 100),
        _ => format!("{}.{}M", n / 1_000_000, n % 1_000_000 / 100_000),
    }
}

/// Millionths of a US dollar: `$0.031`, `$1.20`.
#[must_use]
pub fn money(micros: u64) -> String {
    if micros < 1_000_000 {
        format!("$0.{:03}", micros / 1000)
    } else {
        format!("${}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000)
    }
}

/// `1 span`, `2 spans`.
#[must_use]
pub fn plural(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_on_the_screen() {
        assert_eq!(
            [duration(1), duration(41_930), duration(724_000), duration(11_220_000)],
            ["1ms", "41.9s", "12m04", "3h07"]
        );
        assert_eq!([clock(42_000), clock(3_723_000)], ["00:42", "1:02:03"]);
        assert_eq!([count(812), count(14_213), count(3_100_000)], ["812", "14.2k", "3.1M"]);
        assert_eq!([money(31_000), money(1_200_000)], ["$0.031", "$1.20"]);
        assert_eq!([plural(1, "span"), plural(0, "span")], ["1 span", "0 spans"]);
    }
}
