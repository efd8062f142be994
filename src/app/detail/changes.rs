//! Changes of keys as lines: git's letter and the key, then what differs.

use super::lines::{LineKind, Lines};
use crate::app::{safe, text as numbers};
use crate::model::{Bytes, DiffBody, HunkLine, KeyChange, LineIn};

/// Adds the lines of one change.
pub(super) fn push(lines: &mut Lines<'_>, change: &KeyChange) {
    let key = format!("{} {}", change.letter, safe::line(&change.key));
    let what = safe::line(&change.change).into_owned();
    let (rest, head) = (key.len(), if what.is_empty() { key } else { format!("{key}  {what}") });
    lines.push_first(LineKind::Change { rest }, LineKind::Note, &head);
    for note in &change.notes {
        lines.push(LineKind::Note, note);
    }
    match &change.body {
        None => {}
        Some(DiffBody::Same) => lines.push(LineKind::Note, same(change.letter)),
        Some(DiffBody::Opaque { why, old, new }) => {
            lines.push(LineKind::Note, why);
            for (label, bytes) in [("now", old), ("after", new)] {
                lines.push(LineKind::Note, &format!("{label:<6} {}", size(bytes.as_ref())));
            }
        }
        Some(DiffBody::Lines { hunks, .. }) => {
            // Of a whole file that comes or goes every line is shown: its place says nothing.
            let whole = change.letter != 'M' && hunks.len() == 1;
            for hunk in hunks {
                if !whole {
                    lines.push(LineKind::Place, &place(hunk.old, hunk.new));
                }
                hunk.lines.iter().for_each(|line| push_line(lines, line));
            }
        }
    }
}

/// Says why there is no line that differs.
fn same(letter: char) -> &'static str {
    match letter {
        'A' => "it is new and empty",
        'D' => "it is deleted; nothing is in it",
        _ => "the content is the same",
    }
}

fn push_line(lines: &mut Lines<'_>, line: &HunkLine) {
    let shown = safe::line(&line.text);
    let shown = if line.side == LineIn::Both { shown.into_owned() } else { with_end(&shown) };
    lines.push_after(LineKind::Diff(line.side), sign(line.side), &shown);
    if line.unended {
        lines.push(LineKind::Note, "(no line end here)");
    }
}

/// The change as a unified diff, for the clipboard.
pub(super) fn text(change: &KeyChange) -> String {
    let mut out = vec![format!("{} {}  {}", change.letter, change.key, change.change)];
    match &change.body {
        Some(DiffBody::Lines { hunks, .. }) => {
            for hunk in hunks {
                out.push(place(hunk.old, hunk.new));
                out.extend(hunk.lines.iter().map(|line| format!("{}{}", &sign(line.side)[..1], line.text)));
            }
        }
        Some(DiffBody::Opaque { why, .. }) => out.push(why.clone()),
        Some(DiffBody::Same) | None => {}
    }
    out.join("\n")
}

fn place(old: (usize, usize), new: (usize, usize)) -> String {
    format!("@@ -{},{} +{},{} @@", old.0, old.1, new.0, new.1)
}

fn sign(side: LineIn) -> &'static str {
    match side {
        LineIn::Both => "  ",
        LineIn::Old => "- ",
        LineIn::New => "+ ",
    }
}

fn size(bytes: Option<&Bytes>) -> String {
    bytes.map_or_else(|| "no file".into(), |bytes| format!("{} bytes", numbers::grouped(bytes.size)))
}

/// Spaces at the end of a line that differs would not be seen.
fn with_end(line: &str) -> String {
    let kept = line.trim_end_matches(' ');
    format!("{kept}{}", "·".repeat(line.len() - kept.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::DetailLine;
    use crate::model::Hunk;

    fn line(side: LineIn, text: &str) -> HunkLine {
        HunkLine { side, number: 1, text: text.into(), unended: false }
    }

    #[test]
    fn a_diff_is_wrapped_under_its_signs_and_is_safe() {
        let hunk = Hunk {
            old: (1, 2),
            new: (1, 2),
            lines: vec![line(LineIn::Both, "a"), line(LineIn::Old, "b\u{1b}[31m"), line(LineIn::New, "one two  ")],
        };
        let change = KeyChange {
            letter: 'M',
            key: "NOTES.md".into(),
            change: "1 B → 2 B".into(),
            notes: Vec::new(),
            body: Some(DiffBody::Lines { hunks: vec![hunk], added: 1, removed: 1 }),
        };
        let mut found: Vec<DetailLine> = Vec::new();
        push(&mut Lines { out: &mut found, section: 0, width: Some(20) }, &change);
        let texts: Vec<&str> = found.iter().map(|line| &line.text[..]).collect();
        assert_eq!(texts, ["M NOTES.md  1 B → 2", "B", "@@ -1,2 +1,2 @@", "  a", "- b␛", "+ one two··"]);
        assert_eq!(found.last().unwrap().kind, LineKind::Diff(LineIn::New));
        assert_eq!(text(&change), "M NOTES.md  1 B → 2 B\n@@ -1,2 +1,2 @@\n a\n-b\u{1b}[31m\n+one two  ");
    }
}
