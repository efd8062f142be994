//! Differences of contents as lines of text, as unified diffs have them.

use super::text::size;
use crate::app::safe;
use crate::effects::Masker;
use crate::model::{Bytes, DiffBody, Hunk, HunkLine, KeyState, LineIn};
use crate::runtime::compare_states;
use crate::store::{Recorder, RunLog};

/// A line of a difference: which side has it, and its text, safe to be shown.
pub(super) struct DiffLine {
    /// `+`, `-`, ` `, or `@` for the place.
    pub sign: char,
    /// The text.
    pub text: String,
}

impl DiffLine {
    fn new(sign: char, text: impl Into<String>) -> Self {
        Self { sign, text: text.into() }
    }

    /// As in a unified diff.
    pub fn to_text(&self) -> String {
        if self.sign == '@' { self.text.clone() } else { format!("{}{}", self.sign, self.text) }
    }
}

/// The lines of a difference, with remarks at the end.
pub(super) fn lines(body: &DiffBody, notes: &[String]) -> Vec<DiffLine> {
    let mut lines = Vec::new();
    match body {
        DiffBody::Same => {}
        DiffBody::Opaque { why, old, new } => {
            let bytes = |bytes: &Option<Bytes>| bytes.map_or_else(|| "nothing".to_owned(), |bytes| size(bytes.size));
            lines.push(DiffLine::new('@', format!("{why}: {} → {}", bytes(old), bytes(new))));
        }
        DiffBody::Lines { hunks, .. } => hunks.iter().for_each(|hunk| add_hunk(&mut lines, hunk)),
    }
    lines.extend(notes.iter().map(|note| DiffLine::new('@', format!("({})", safe::line(note)))));
    lines
}

fn add_hunk(lines: &mut Vec<DiffLine>, hunk: &Hunk) {
    let Hunk { old, new, lines: within } = hunk;
    lines.push(DiffLine::new('@', format!("@@ -{},{} +{},{} @@", old.0, old.1, new.0, new.1)));
    for HunkLine { side, text, unended, .. } in within {
        let sign = match side {
            LineIn::Both => ' ',
            LineIn::Old => '-',
            LineIn::New => '+',
        };
        lines.push(DiffLine::new(sign, safe::line(text)));
        if *unended {
            lines.push(DiffLine::new('@', "\\ no line end"));
        }
    }
}

/// Compares two states of a key with the contents that runs keep; each side has the log that it is kept in.
pub(super) fn compare_kept(old: (&KeyState, &RunLog), new: (&KeyState, &RunLog), masker: &Masker) -> Vec<DiffLine> {
    let side = |(state, log): (&KeyState, &RunLog)| bytes_of(state, log.recorder().as_ref());
    let mut notes = Vec::new();
    let body = compare_states((old.0, side(old)), (new.0, side(new)), masker, &mut notes);
    lines(&body, &notes)
}

/// The bytes of a file that is small enough to be compared line by line, where they are kept.
fn bytes_of(state: &KeyState, recorder: &dyn Recorder) -> Option<Vec<u8>> {
    const LARGEST: u64 = 1_000_000;
    match state {
        KeyState::File { blob, size, .. } if *size <= LARGEST => recorder.blob(*blob).ok(),
        _ => None,
    }
}
