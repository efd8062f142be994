//! Decides if a refused call is sent again.

use super::refusal::Refusal;

/// Statuses after which a call may be sent again: the server did not take it, or has trouble that passes. 408, 409 and
/// 429 are those of the providers' own libraries; 520 to 524 are Cloudflare's, 529 is Anthropic's "overloaded".
const PASSING: [u16; 14] = [408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529];

/// Words of a server that will say the same again, whatever the status.
const LASTING: [&str; 3] = ["requires more system memory", "invalid_api_key", "model not found"];

/// Words for a kind of error inside an answer, with the status that stands for it.
const KINDS: [(&str, u16); 13] = [
    ("overloaded", 529),
    ("rate_limit", 429),
    ("resource_exhausted", 429),
    ("too_many_requests", 429),
    ("unavailable", 503),
    ("deadline_exceeded", 504),
    ("timeout_error", 504),
    ("internal", 500),
    ("server_error", 500),
    ("api_error", 500),
    ("insufficient_quota", 429),
    ("context_length", 400),
    ("invalid_request", 400),
];

/// The status of a refusal: its own, else the one that its kind stands for.
pub(super) fn status_of(refusal: &Refusal) -> Option<u16> {
    let kind = refusal.kind.to_ascii_lowercase();
    refusal.status.or_else(|| KINDS.iter().find(|(word, _)| kind.contains(word)).map(|(_, status)| *status))
}

/// True when a refused call may be sent again.
pub(super) fn is_passing(refusal: &Refusal) -> bool {
    let Some(status) = status_of(refusal) else { return false };
    let words = refusal.words.to_ascii_lowercase();
    let lasts = refusal.is_used_up() || refusal.is_too_long() || LASTING.iter().any(|lasting| words.contains(lasting));
    // The server's word can add other statuses, but none that says the request itself is wrong.
    let is_wrong = matches!(status, 400..=407 | 410..=424);
    match refusal.should_retry {
        Some(false) => false,
        Some(true) => !is_wrong && !lasts,
        None => PASSING.contains(&status) && !lasts,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_trouble_that_passes_is_tried_again() {
        let of = |status: Option<u16>, kind: &str, words: &str| Refusal {
            status,
            words: words.into(),
            kind: kind.into(),
            ..Refusal::default()
        };
        for status in PASSING {
            assert!(is_passing(&of(Some(status), "", "")), "{status}");
        }
        for status in [400, 401, 402, 403, 404, 405, 413, 422, 501, 505] {
            assert!(!is_passing(&of(Some(status), "overloaded_error", "")), "{status}");
        }
        let billing = "You exceeded your current quota, please check your plan and billing details.";
        let cases = [
            (of(Some(429), "requests", "Rate limit reached for requests"), true),
            (of(Some(429), "insufficient_quota", billing), false),
            (of(Some(429), "", billing), false),
            // Gemini has the same words for a limit per minute, with a delay.
            (Refusal { asked: Some(Duration::from_secs(36)), ..of(Some(429), "RESOURCE_EXHAUSTED", billing) }, true),
            (of(Some(500), "", "the prompt is too long: maximum context length is 8192 tokens"), false),
            (of(Some(500), "", "model requires more system memory (9 GiB) than is available"), false),
            (of(None, "overloaded_error", "Overloaded"), true),
            (of(None, "server_error", ""), true),
            (of(None, "invalid_request_error", ""), false),
            (of(None, "", "Overloaded"), false),
            (Refusal { should_retry: Some(false), ..of(Some(503), "", "") }, false),
            (Refusal { should_retry: Some(true), ..of(Some(501), "", "") }, true),
            (Refusal { should_retry: Some(true), ..of(Some(400), "", "") }, false),
            (Refusal { should_retry: Some(true), ..of(Some(429), "insufficient_quota", "") }, false),
        ];
        for (refusal, expected) in cases {
            assert_eq!(is_passing(&refusal), expected, "{refusal:?}");
        }
    }
}
