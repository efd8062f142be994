//! Bodies of all shapes: the kind of a body is found, whatever its pieces.

use tama_tui::wire::{Dialect, Fault};

use super::support::decode;

#[test]
fn a_page_is_its_title() {
    let page = b"\n<!DOCTYPE html><html><head><title>502 Bad\n Gateway</title></head><body>nginx</body></html>";
    for dialect in Dialect::ALL {
        let answer = decode(dialect, page);
        assert_eq!(answer.fault, Some(Fault::Page { title: "502 Bad Gateway".into() }));
        assert!(!answer.whole);
    }
}

#[test]
fn what_is_no_answer_is_told() {
    for dialect in Dialect::ALL {
        assert!(
            matches!(decode(dialect, b"data: hello\n\n").fault, Some(Fault::NotAnAnswer(told)) if told.contains("hello"))
        );
        assert!(matches!(decode(dialect, b"{\"a\": ").fault, Some(Fault::NotAnAnswer(_))));
        assert_eq!(decode(dialect, b"").fault, None);
        assert!(!decode(dialect, b"").whole);
    }
}

#[test]
fn a_large_value_over_many_lines_is_read_once() {
    let mut body = String::from("{\"content\": [\n");
    for _ in 0..20_000 {
        body.push_str("{\n\"type\": \"text\",\n\"text\": \"a\"\n},\n");
    }
    body.push_str("{}]\n}\n");
    let begun = std::time::Instant::now();
    let mut decoder = tama_tui::wire::Decoder::new(Dialect::Messages);
    body.as_bytes().chunks(1000).for_each(|piece| decoder.push(piece, |_| {}));
    assert_eq!(decoder.finish(|_| {}).text().len(), 20_000);
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}
