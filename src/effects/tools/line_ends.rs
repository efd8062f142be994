//! Line ends of an edit: a text that a model wrote with LF fits a file that has CR LF.

use std::borrow::Cow;

/// The texts of an edit, with the line ends of the file: only when the old text has LF alone and does not occur as it is,
/// but does with CR LF. Everything else of the file stays as it is, whatever line ends it has.
pub(super) fn with_endings_of<'a>(file: &str, old: &'a str, new: &'a str) -> (Cow<'a, str>, Cow<'a, str>) {
    let as_given = (Cow::Borrowed(old), Cow::Borrowed(new));
    if !file.contains("\r\n") || !is_whole_in(file) && file.contains(old) {
        return as_given;
    }
    if old.contains('\n') && !old.contains('\r') {
        let crlf = old.replace('\n', "\r\n");
        if file.contains(&crlf) {
            return (Cow::Owned(crlf), Cow::Owned(to_crlf(new)));
        }
    }
    // An old text of one line says nothing about line ends: the file does, when it has one kind alone.
    if is_whole_in(file) { (as_given.0, Cow::Owned(to_crlf(new))) } else { as_given }
}

/// True for a file whose lines all end with CR LF.
fn is_whole_in(file: &str) -> bool {
    file.matches('\n').count() == file.matches("\r\n").count()
}

fn to_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(file: &str, old: &str, new: &str) -> String {
        let (old, new) = with_endings_of(file, old, new);
        file.replace(&*old, &new)
    }

    #[test]
    fn an_old_text_with_lf_is_found_in_a_file_with_crlf() {
        assert_eq!(edited("a\r\nb\r\nc\r\n", "a\nb\n", "x\ny\nz\n"), "x\r\ny\r\nz\r\nc\r\n");
        assert_eq!(edited("a\r\nb\r\n", "b", "x\ny"), "a\r\nx\r\ny\r\n");
        assert_eq!(edited("a\r\nb\r\n", "a\r\nb", "x\r\ny"), "x\r\ny\r\n");
    }

    #[test]
    fn a_file_with_lf_stays_with_lf() {
        assert_eq!(edited("a\nb\n", "a\nb", "x\ny"), "x\ny\n");
        assert_eq!(edited("a\nb\n", "b", "x\r\ny"), "a\nx\r\ny\n", "what was asked for is written");
    }

    #[test]
    fn a_mixed_file_is_left_alone_elsewhere() {
        assert_eq!(edited("a\nb\r\nc\r\nd\n", "b\nc\n", "x\ny\n"), "a\nx\r\ny\r\nd\n");
        assert_eq!(edited("a\nb\nc\r\n", "a\nb\n", "x\ny\n"), "x\ny\nc\r\n");
        assert_eq!(edited("a\nb\r\n", "a", "x\ny"), "x\ny\nb\r\n");
    }
}
