//! Two states of a key compared line by line: what an action changed, fit to be shown.

use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline, group_diff_ops};

use crate::effects::Masker;
use crate::model::{Bytes, DiffBody, Hunk, HunkLine, KeyState, LineIn, readable_name};

/// Files up to this many bytes are compared line by line.
pub(super) const LARGEST_TEXT: u64 = 1_000_000;
/// Lines that stand around what differs.
const AROUND: usize = 3;
/// Lines that are shown at most; more tell nobody anything.
const MOST_LINES: usize = 10_000;
/// So long is a short diff looked for; after that a longer one is good enough.
const PATIENCE: Duration = Duration::from_millis(500);

/// One side: a state, and a file's bytes where there are any.
pub(super) struct Side {
    pub state: KeyState,
    pub bytes: Option<Vec<u8>>,
}

/// One line of a side.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Item {
    text: String,
    ended: bool,
}

/// The reason why a side has no lines to compare.
#[derive(Debug, thiserror::Error)]
enum NoLines {
    #[error("larger than 1 MB")]
    TooLarge,
    #[error("binary")]
    Binary,
    #[error("the bytes {which} are not kept")]
    NotKept { which: &'static str },
    #[error("what it changed was not captured")]
    NotCaptured,
}

/// Compares two sides; what the user should know besides goes to `notes`.
pub(super) fn compare(old: &Side, new: &Side, masker: &Masker, notes: &mut Vec<String>) -> DiffBody {
    let (earlier, later) = match (items(old, "from before", masker), items(new, "it left", masker)) {
        (Ok(earlier), Ok(later)) => (earlier, later),
        (Err(why), _) | (_, Err(why)) => {
            let (old, new) = (bytes_of(&old.state), bytes_of(&new.state));
            let opaque = DiffBody::Opaque { why: why.to_string(), old, new };
            return if old.is_some() && old == new { DiffBody::Same } else { opaque };
        }
    };
    let (earlier, later) = same_ends(earlier, later, old, new);
    if earlier == later {
        if bytes_of(&old.state) != bytes_of(&new.state) {
            notes.push("they differ only where secrets are masked".into());
        }
        return DiffBody::Same;
    }
    lines(&earlier, &later, notes)
}

/// Compares two states of a key line by line, masked. The bytes are those of a file, where they are kept; what the user
/// should know besides goes to `notes`.
pub fn compare_states(
    old: (&KeyState, Option<Vec<u8>>),
    new: (&KeyState, Option<Vec<u8>>),
    masker: &Masker,
    notes: &mut Vec<String>,
) -> DiffBody {
    let side = |(state, bytes): (&KeyState, Option<Vec<u8>>)| Side { state: state.clone(), bytes };
    compare(&side(old), &side(new), masker, notes)
}

/// Compares two texts that are masked already; what the user should know besides goes to `notes`.
pub fn compare_texts(old: &str, new: &str, notes: &mut Vec<String>) -> DiffBody {
    let whole = |text: &str| {
        let mut items = split(text);
        // Texts of calls seldom end with a line end, and none misses it.
        for item in &mut items {
            item.ended = true;
        }
        items
    };
    let (earlier, later) = (whole(old), whole(new));
    if earlier == later { DiffBody::Same } else { lines(&earlier, &later, notes) }
}

/// The lines of a side (the elements of a list), masked; why there are none.
fn items(side: &Side, which: &'static str, masker: &Masker) -> Result<Vec<Item>, NoLines> {
    let whole = |text: &str| Item { text: masker.mask(text).into_owned(), ended: true };
    Ok(match &side.state {
        KeyState::Absent | KeyState::Directory { .. } => Vec::new(),
        KeyState::Text { text } => split(&masker.mask(text)),
        KeyState::List { elements } => elements.iter().map(|element| whole(&element.text)).collect(),
        KeyState::Symlink { target } => vec![whole(&format!("-> {}", readable_name(target)))],
        KeyState::File { size, .. } if *size > LARGEST_TEXT => return Err(NoLines::TooLarge),
        KeyState::File { .. } => {
            let bytes = side.bytes.as_deref().ok_or(NoLines::NotKept { which })?;
            let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or(NoLines::Binary)?;
            split(&masker.mask(text))
        }
        KeyState::Unknown => return Err(NoLines::NotCaptured),
    })
}

fn split(text: &str) -> Vec<Item> {
    let line = |line: &str| match line.strip_suffix('\n') {
        Some(text) => Item { text: text.to_owned(), ended: true },
        None => Item { text: line.to_owned(), ended: false },
    };
    text.split_inclusive('\n').map(line).collect()
}

/// A memory value seldom ends with a line end: that is told only where it makes the difference.
fn same_ends(mut earlier: Vec<Item>, mut later: Vec<Item>, old: &Side, new: &Side) -> (Vec<Item>, Vec<Item>) {
    let is_file = |side: &Side| matches!(side.state, KeyState::File { .. });
    let unended = |items: &[Item]| items.last().is_none_or(|last| !last.ended);
    if !is_file(old) && !is_file(new) && unended(&earlier) && unended(&later) {
        for last in [earlier.last_mut(), later.last_mut()].into_iter().flatten() {
            last.ended = true;
        }
    }
    (earlier, later)
}

fn lines(earlier: &[Item], later: &[Item], notes: &mut Vec<String>) -> DiffBody {
    let deadline = Instant::now() + PATIENCE;
    let ops = capture_diff_slices_deadline(Algorithm::Myers, earlier, later, Some(deadline));
    let changes = ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    let (removed, added) =
        changes.fold((0, 0), |(removed, added), op| (removed + op.old_range().len(), added + op.new_range().len()));
    let mut hunks: Vec<Hunk> = group_diff_ops(ops, AROUND).iter().map(|ops| hunk(ops, earlier, later)).collect();
    let left_out = shorten(&mut hunks);
    if left_out > 0 {
        notes.push(format!("{left_out} more lines are not shown"));
    }
    DiffBody::Lines { hunks, added, removed }
}

fn hunk(ops: &[DiffOp], earlier: &[Item], later: &[Item]) -> Hunk {
    let mut lines = Vec::new();
    let line = |side, number, item: &Item| HunkLine {
        side,
        number: number + 1,
        text: item.text.clone(),
        unended: !item.ended,
    };
    for op in ops {
        if matches!(op, DiffOp::Equal { .. }) {
            lines.extend(op.new_range().map(|at| line(LineIn::Both, at, &later[at])));
            continue;
        }
        lines.extend(op.old_range().map(|at| line(LineIn::Old, at, &earlier[at])));
        lines.extend(op.new_range().map(|at| line(LineIn::New, at, &later[at])));
    }
    let span = |range: fn(&DiffOp) -> std::ops::Range<usize>| {
        let start = ops.first().map_or(0, |op| range(op).start);
        let end = ops.last().map_or(0, |op| range(op).end);
        // As in unified diffs: a side without lines is named by the line before it.
        (start + usize::from(end > start), end - start)
    };
    Hunk { old: span(DiffOp::old_range), new: span(DiffOp::new_range), lines }
}

/// Cuts what is too long to be read; returns how many lines that were.
fn shorten(hunks: &mut Vec<Hunk>) -> usize {
    let (mut room, mut left_out) = (MOST_LINES, 0);
    for hunk in hunks.iter_mut() {
        left_out += hunk.lines.len().saturating_sub(room);
        hunk.lines.truncate(room);
        room -= hunk.lines.len();
    }
    hunks.retain(|hunk| !hunk.lines.is_empty());
    left_out
}

fn bytes_of(state: &KeyState) -> Option<Bytes> {
    match state {
        KeyState::File { blob, size, .. } => Some(Bytes { size: *size, hash: *blob }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::model::{Element, Seq};
    use crate::world::Value;

    fn file(bytes: &[u8]) -> Side {
        let value = Value::File { bytes: bytes.to_vec(), mode: Some(0o644) };
        Side { state: value.state(), bytes: Some(bytes.to_vec()) }
    }

    fn memory(state: KeyState) -> Side {
        Side { state, bytes: None }
    }

    /// The diff as text, and the notes.
    fn diff_text(old: &Side, new: &Side) -> (String, Vec<String>) {
        let masker = Masker::new([("MY_TOKEN".to_owned(), "12345678".to_owned())]);
        let mut notes = Vec::new();
        let text = match compare(old, new, &masker, &mut notes) {
            DiffBody::Same => "same".into(),
            DiffBody::Opaque { why, .. } => why,
            DiffBody::Lines { hunks, added, removed } => {
                let mut out = format!("+{added} -{removed}");
                for Hunk { old, new, lines } in hunks {
                    let _ = write!(out, "\n@@ -{},{} +{},{} @@", old.0, old.1, new.0, new.1);
                    for line in lines {
                        let sign = match line.side {
                            LineIn::Both => ' ',
                            LineIn::Old => '-',
                            LineIn::New => '+',
                        };
                        let end = if line.unended { "<" } else { "" };
                        let _ = write!(out, "\n{}{sign}{}{end}", line.number, line.text);
                    }
                }
                out
            }
        };
        (text, notes)
    }

    #[test]
    fn texts_are_compared_line_by_line_with_three_around() {
        let (text, notes) = diff_text(&file(b"a\nb\nc\nd\ne\nf\n"), &file(b"a\nb\nc\nd\nE\nf\ng"));
        assert_eq!(text, "+2 -1\n@@ -2,5 +2,6 @@\n2 b\n3 c\n4 d\n5-e\n5+E\n6 f\n7+g<");
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(diff_text(&memory(KeyState::Absent), &file(b"a\n")).0, "+1 -0\n@@ -0,0 +1,1 @@\n1+a");
        assert_eq!(diff_text(&file(b"a\n"), &file(b"a\n")).0, "same");
    }

    #[test]
    fn only_a_missing_line_end_is_a_difference_too() {
        assert_eq!(diff_text(&file(b"a"), &file(b"a\n")).0, "+1 -1\n@@ -1,1 +1,1 @@\n1-a<\n1+a");
        let text = |text: &str| memory(KeyState::Text { text: text.into() });
        assert_eq!(diff_text(&text("a"), &text("b")).0, "+1 -1\n@@ -1,1 +1,1 @@\n1-a\n1+b");
        assert_eq!(diff_text(&text("a"), &text("a\n")).0, "+1 -1\n@@ -1,1 +1,1 @@\n1-a<\n1+a");
    }

    #[test]
    fn lists_are_compared_element_by_element() {
        let list = |texts: &[&str]| {
            let elements = texts.iter().map(|text| Element { by: Seq(1), text: (*text).into() }).collect();
            memory(KeyState::List { elements })
        };
        assert_eq!(diff_text(&list(&["a\nb"]), &list(&["a\nb", "c"])).0, "+1 -0\n@@ -1,1 +1,2 @@\n1 a\nb\n2+c");
        assert_eq!(diff_text(&list(&[]), &list(&[])).0, "same");
    }

    #[test]
    fn what_is_no_text_is_told_by_size_and_hash() {
        assert_eq!(diff_text(&file(b"a"), &file(b"\xff")).0, "binary");
        assert_eq!(diff_text(&file(b"a\0"), &file(b"a")).0, "binary");
        assert_eq!(diff_text(&file(&vec![b'a'; 1_000_001]), &file(b"a")).0, "larger than 1 MB");
        let gone = Side { bytes: None, ..file(b"b") };
        assert_eq!(diff_text(&file(b"a"), &gone).0, "the bytes it left are not kept");
        assert_eq!(diff_text(&gone, &file(b"a")).0, "the bytes from before are not kept");
        assert_eq!(diff_text(&file(b"b"), &gone).0, "same");
        assert_eq!(
            diff_text(&memory(KeyState::Unknown), &memory(KeyState::Unknown)).0,
            "what it changed was not captured"
        );
    }

    #[test]
    fn secrets_are_masked() {
        let (text, _) = diff_text(&file(b""), &file(b"key=12345678\n"));
        assert_eq!(text, "+1 -0\n@@ -0,0 +1,1 @@\n1+key=[masked MY_TOKEN]");
        let masked = diff_text(&file(b"12345678\n"), &file(b"[masked MY_TOKEN]\n"));
        assert_eq!(masked, ("same".to_owned(), vec!["they differ only where secrets are masked".to_owned()]));
    }

    #[test]
    fn a_very_long_diff_is_cut_and_says_so() {
        let (text, notes) = diff_text(&file(b""), &file(&b"a\n".repeat(10_500)));
        assert!(text.starts_with("+10500 -0\n"));
        assert_eq!(text.lines().count(), 2 + 10_000);
        assert_eq!(notes, ["500 more lines are not shown"]);
    }

    #[test]
    fn links_show_where_they_point() {
        let link = |target: &str| memory(KeyState::Symlink { target: target.into() });
        assert_eq!(diff_text(&link("a"), &link("b")).0, "+1 -1\n@@ -1,1 +1,1 @@\n1--> a\n1+-> b");
    }
}
