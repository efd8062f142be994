//! The body of an answer, read up to a bound.

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;

/// Bytes of an answer that are read.
pub(super) const LARGEST: usize = 1_000_000;

/// The text of an answer's body: cut at the bound, and described by its size where it is no text.
pub(super) async fn read_text(mut response: Response) -> Result<String, reqwest::Error> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("unknown").to_owned();
    let mut bytes = Vec::new();
    let mut is_cut = false;
    while let Some(chunk) = response.chunk().await? {
        let room = LARGEST - bytes.len();
        if chunk.len() > room {
            bytes.extend_from_slice(&chunk[..room]);
            is_cut = true;
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(text_of(&bytes, &kind, is_cut))
}

fn text_of(bytes: &[u8], kind: &str, is_cut: bool) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The cut may go through a character.
        Err(error) if is_cut && error.valid_up_to() + 4 > bytes.len() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) if kind.starts_with("text/") => return cut(&String::from_utf8_lossy(bytes), is_cut),
        Err(_) => return format!("[no text: {kind}, {}{} bytes]", if is_cut { "more than " } else { "" }, bytes.len()),
    };
    cut(text, is_cut)
}

fn cut(text: &str, is_cut: bool) -> String {
    if is_cut { format!("{text}\n[cut: the answer is longer than {LARGEST} bytes]") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_text_is_told_by_its_size() {
        assert_eq!(text_of(b"hello", "text/plain", false), "hello");
        assert_eq!(text_of(b"\xff\x00", "image/png", false), "[no text: image/png, 2 bytes]");
        assert_eq!(text_of(b"caf\xe9", "text/html; charset=latin1", false), "caf\u{fffd}");
        assert!(text_of("aé".as_bytes().split_last().unwrap().1, "x", true).starts_with("a\n[cut: "));
    }
}
