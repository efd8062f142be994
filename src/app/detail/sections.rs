//! The lines of a section by its kind, and its text for the clipboard.

use super::changes;
use super::lines::{DetailLine, LineKind, Lines, columns};
use crate::app::safe;
use crate::model::{Section, SectionBody, file_size};

/// Makes the lines of a section, its title first.
pub(in crate::app) fn push_section(out: &mut Vec<DetailLine>, at: usize, section: &Section, width: Option<usize>) {
    let title =
        if section.note.is_empty() { section.title.clone() } else { format!("{}  {}", section.title, section.note) };
    let kind = LineKind::Title { folded: section.folded };
    out.push(DetailLine { section: at, kind, text: safe::line(&title).into_owned() });
    if section.folded {
        return;
    }
    let mut lines = Lines { out, section: at, width };
    match &section.body {
        SectionBody::Text(text) => push_ends(&mut lines, Some(LineKind::Text), text),
        SectionBody::Json(text) => push_ends(&mut lines, None, text),
        SectionBody::Error(text) => push_ends(&mut lines, Some(LineKind::Error), text),
        SectionBody::Messages(messages) => {
            for (role, text) in messages {
                lines.push(LineKind::Role, role);
                push_ends(&mut lines, Some(LineKind::Text), text);
            }
        }
        SectionBody::Facts(facts) => {
            let longest = facts.iter().map(|(name, _)| columns(&safe::line(name))).max().unwrap_or(0);
            for (name, value) in facts {
                lines.fact(name, value, longest);
            }
        }
        SectionBody::Changes(all) => all.iter().for_each(|change| changes::push(&mut lines, change)),
    }
}

/// So many bytes are laid out of the beginning of a text that is longer than twice that, and of its end: to lay all of it
/// out would hold up every key.
const END: usize = 128 << 10;

/// Adds a text, or JSON where there is no kind; of a very long one its beginning and its end, and between them what is left
/// out.
fn push_ends(lines: &mut Lines<'_>, kind: Option<LineKind>, text: &str) {
    let push = |lines: &mut Lines<'_>, text: &str| match kind {
        Some(kind) => lines.push(kind, text),
        None => lines.json(text),
    };
    if text.len() <= 2 * END {
        return push(lines, text);
    }
    let boundary = |at: usize| (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(at);
    let (begin, end) = (boundary(END), boundary(text.len() - END));
    push(lines, &text[..begin]);
    let left_out = file_size((end - begin) as u64);
    lines.push(LineKind::Note, &format!("… {left_out} left out here: y copies the whole text …"));
    push(lines, &text[end..]);
}

/// The text of a section, as it is stored.
pub(super) fn body_text(body: &SectionBody) -> String {
    match body {
        SectionBody::Text(text) | SectionBody::Json(text) | SectionBody::Error(text) => text.clone(),
        SectionBody::Messages(messages) => {
            messages.iter().map(|(role, text)| format!("{role}:\n{text}\n")).collect::<Vec<_>>().join("\n")
        }
        SectionBody::Facts(facts) => {
            facts.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
        }
        SectionBody::Changes(changes) => changes.iter().map(changes::text).collect::<Vec<_>>().join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::JsonStart;

    fn lines(body: SectionBody, width: usize) -> Vec<(String, LineKind)> {
        let mut lines = Vec::new();
        let section = Section { title: "arguments".into(), note: String::new(), body, folded: false };
        push_section(&mut lines, 0, &section, Some(width));
        lines.into_iter().skip(1).map(|line| (line.text, line.kind)).collect()
    }

    #[test]
    fn a_wrapped_json_string_goes_on_in_its_next_lines() {
        let found = lines(SectionBody::Json("{\"a\": \"one \\\"two\\\" three\", \"b\": 1}".into()), 12);
        let json = |starts| LineKind::Json { starts };
        let expected = [
            ("{\"a\": \"one", json(JsonStart::Outside)),
            ("\\\"two\\\"", json(JsonStart::Inside)),
            ("three\",", json(JsonStart::Inside)),
            ("\"b\": 1}", json(JsonStart::Outside)),
        ];
        assert_eq!(found, expected.map(|(text, kind)| (text.to_owned(), kind)));
        assert_eq!(JsonStart::Outside.after("\"x\\"), JsonStart::Escaped);
    }

    #[test]
    fn of_a_very_long_text_both_ends_are_shown_and_the_rest_is_told() {
        let text = format!("first\n{}last", "ü\n".repeat(3_000_000));
        let found = lines(SectionBody::Text(text.clone()), 80);
        assert_eq!((&found[0].0[..], &found[found.len() - 1].0[..]), ("first", "last"));
        let notes: Vec<&String> =
            found.iter().filter(|(_, kind)| *kind == LineKind::Note).map(|(text, _)| text).collect();
        assert_eq!(notes, ["… 8.7 MB left out here: y copies the whole text …"]);
        assert!(found.len() < 100_000, "{}", found.len());
        assert_eq!(body_text(&SectionBody::Text(text.clone())), text);
    }

    #[test]
    fn a_long_fact_stands_under_its_beginning() {
        let facts = vec![("tools".into(), "one_tool, another_tool, a_third".into()), ("größe".into(), "1".into())];
        let found = lines(SectionBody::Facts(facts), 24);
        let texts: Vec<&str> = found.iter().map(|(text, _)| &text[..]).collect();
        assert_eq!(texts, ["tools  one_tool,", "       another_tool,", "       a_third", "größe  1"]);
        for (text, kind) in &found {
            let LineKind::Fact { value } = kind else { panic!("{kind:?}") };
            assert!(text.is_char_boundary(*value) && !text[*value..].starts_with(' '), "{text:?}");
        }
    }
}
