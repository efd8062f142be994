//! Actions and reads as bytes. Written is by how much each differs from the one before it.

use super::{ActionStatus, LedgerEntry, Read};
use crate::model::packed_pages::Pack;
use crate::model::packing::{
    put, put_bytes, put_change, put_place, put_text, take, take_bytes, take_change, take_place, take_text,
};
use crate::model::{ActionOp, ActionRecord, BlobHash, Element, Key, KeyKind, KeyState, Seq, SpanId, Undoability};

const KINDS: [KeyKind; 6] =
    [KeyKind::Memory, KeyKind::File, KeyKind::Directory, KeyKind::Symlink, KeyKind::Compensation, KeyKind::External];
const OPS: [ActionOp; 4] = [ActionOp::Set, ActionOp::Append, ActionOp::Delete, ActionOp::External];
const STATUSES: [ActionStatus; 5] =
    [ActionStatus::Intent, ActionStatus::Applied, ActionStatus::NotApplied, ActionStatus::Held, ActionStatus::Undone];

/// Bits of what only some entries have.
const HALF_DONE: u64 = 1;
const REFUSED: u64 = 2;
const KEPT: u64 = 4;
const RENAMED: u64 = 8;
const TURNED: u64 = 16;
const NO_UNDO: u64 = 32;
const AFTER_DIFFERS: u64 = 64;

/// Values that the next entry is likely to be like.
#[derive(Default)]
struct Before {
    seq: u64,
    span: u32,
    tool_span: u32,
    tool: String,
    key: String,
    old: String,
    intended: String,
    after: String,
    why: String,
}

impl Pack for LedgerEntry {
    fn pack(page: &[Self]) -> Vec<u8> {
        let (mut bytes, mut before) = (Vec::new(), Before::default());
        for entry in page {
            before.put(&mut bytes, entry);
        }
        bytes
    }

    fn unpack(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let (mut page, mut before) = (Vec::with_capacity(64), Before::default());
        while !bytes.is_empty() {
            page.push(before.take(&mut bytes)?);
        }
        Some(page)
    }
}

impl Before {
    fn put(&mut self, bytes: &mut Vec<u8>, entry: &LedgerEntry) {
        let LedgerEntry { seq, record, status, after, half_done, refused, kept, renamed, turned } = entry;
        let bit = |is: bool, bit: u64| if is { bit } else { 0 };
        let bits = bit(*half_done, HALF_DONE)
            | bit(*refused, REFUSED)
            | bit(kept.is_some(), KEPT)
            | bit(renamed.is_some(), RENAMED)
            | bit(turned.is_some(), TURNED)
            | bit(record.undo != Undoability::Undo, NO_UNDO)
            | bit(*after != record.intended, AFTER_DIFFERS);
        put(bytes, bits);
        put_change(bytes, self.seq, seq.0);
        put_change(bytes, self.span.into(), record.span.0.into());
        put_change(bytes, self.tool_span.into(), record.tool_span.0.into());
        put_place(bytes, &STATUSES, status);
        put_place(bytes, &KINDS, &record.key.kind);
        put_place(bytes, &OPS, &record.op);
        put_like(bytes, &mut self.tool, &record.tool_name);
        put_like(bytes, &mut self.key, &record.key.name);
        put_state(bytes, &mut self.old, &record.old);
        put_state(bytes, &mut self.intended, &record.intended);
        if *after != record.intended {
            put_state(bytes, &mut self.after, after);
        }
        if let Undoability::NoUndo { why } = &record.undo {
            put_like(bytes, &mut self.why, why);
        }
        if let Some(blob) = kept {
            bytes.extend_from_slice(&blob.0);
        }
        for other in [renamed, turned].into_iter().flatten() {
            put_change(bytes, seq.0, other.0);
        }
        (self.seq, self.span, self.tool_span) = (seq.0, record.span.0, record.tool_span.0);
    }

    fn take(&mut self, bytes: &mut &[u8]) -> Option<LedgerEntry> {
        let bits = take(bytes)?;
        let has = |bit: u64| bits & bit != 0;
        self.seq = take_change(bytes, self.seq)?;
        self.span = u32::try_from(take_change(bytes, self.span.into())?).ok()?;
        self.tool_span = u32::try_from(take_change(bytes, self.tool_span.into())?).ok()?;
        let seq = Seq(self.seq);
        let status = take_place(bytes, &STATUSES)?;
        let (kind, op) = (take_place(bytes, &KINDS)?, take_place(bytes, &OPS)?);
        let tool_name = take_like(bytes, &mut self.tool)?;
        let key = Key { kind, name: take_like(bytes, &mut self.key)? };
        let old = take_state(bytes, &mut self.old)?;
        let intended = take_state(bytes, &mut self.intended)?;
        let after = if has(AFTER_DIFFERS) { take_state(bytes, &mut self.after)? } else { intended.clone() };
        let undo = if has(NO_UNDO) {
            Undoability::NoUndo { why: take_like(bytes, &mut self.why)? }
        } else {
            Undoability::Undo
        };
        let kept = if has(KEPT) { Some(take_blob(bytes)?) } else { None };
        let renamed = if has(RENAMED) { Some(Seq(take_change(bytes, seq.0)?)) } else { None };
        let turned = if has(TURNED) { Some(Seq(take_change(bytes, seq.0)?)) } else { None };
        let (span, tool_span) = (SpanId(self.span), SpanId(self.tool_span));
        let record = ActionRecord { span, tool_span, tool_name, key, op, old, intended, undo }.into();
        let (half_done, refused) = (has(HALF_DONE), has(REFUSED));
        Some(LedgerEntry { seq, record, status, after, half_done, refused, kept, renamed, turned })
    }
}

impl Pack for Read {
    fn pack(page: &[Self]) -> Vec<u8> {
        let (mut bytes, mut before, mut name) = (Vec::new(), 0, String::new());
        for (span, key, action) in page {
            put_change(&mut bytes, before, span.0.into());
            put_place(&mut bytes, &KINDS, &key.kind);
            put_like(&mut bytes, &mut name, &key.name);
            put(&mut bytes, action.map_or(0, |action| action.0.wrapping_add(1)));
            before = span.0.into();
        }
        bytes
    }

    fn unpack(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let (mut page, mut before, mut name) = (Vec::with_capacity(64), 0, String::new());
        while !bytes.is_empty() {
            before = take_change(&mut bytes, before)?;
            let span = SpanId(u32::try_from(before).ok()?);
            let key = Key { kind: take_place(&mut bytes, &KINDS)?, name: take_like(&mut bytes, &mut name)? };
            page.push((span, key, take(&mut bytes)?.checked_sub(1).map(Seq)));
        }
        Some(page)
    }
}

/// Writes a text that is like the one before it.
fn put_like(bytes: &mut Vec<u8>, before: &mut String, text: &str) {
    put_text(bytes, before, text);
    text.clone_into(before);
}

fn take_like(bytes: &mut &[u8], before: &mut String) -> Option<String> {
    let text = take_text(bytes, before)?;
    before.clone_from(&text);
    Some(text)
}

fn put_state(bytes: &mut Vec<u8>, before: &mut String, state: &KeyState) {
    match state {
        KeyState::Absent => put(bytes, 0),
        KeyState::Text { text } => {
            put(bytes, 1);
            put_like(bytes, before, text);
        }
        KeyState::List { elements } => {
            put(bytes, 2);
            put(bytes, elements.len() as u64);
            for element in elements {
                put(bytes, element.by.0);
                put_bytes(bytes, element.text.as_bytes());
            }
        }
        KeyState::File { blob, size, mode } => {
            put(bytes, 3);
            bytes.extend_from_slice(&blob.0);
            put(bytes, *size);
            put(bytes, (*mode).into());
        }
        KeyState::Directory { mode } => {
            put(bytes, 4);
            put(bytes, (*mode).into());
        }
        KeyState::Symlink { target } => {
            put(bytes, 5);
            put_like(bytes, before, target);
        }
        KeyState::Unknown => put(bytes, 6),
    }
}

fn take_state(bytes: &mut &[u8], before: &mut String) -> Option<KeyState> {
    let mode = |bytes: &mut &[u8]| u32::try_from(take(bytes)?).ok();
    Some(match take(bytes)? {
        0 => KeyState::Absent,
        1 => KeyState::Text { text: take_like(bytes, before)? },
        2 => {
            let mut elements = Vec::new();
            for _ in 0..take(bytes)? {
                let by = Seq(take(bytes)?);
                let text = std::str::from_utf8(take_bytes(bytes)?).ok()?.to_owned();
                elements.push(Element { by, text });
            }
            KeyState::List { elements }
        }
        3 => KeyState::File { blob: take_blob(bytes)?, size: take(bytes)?, mode: mode(bytes)? },
        4 => KeyState::Directory { mode: mode(bytes)? },
        5 => KeyState::Symlink { target: take_like(bytes, before)? },
        6 => KeyState::Unknown,
        _ => return None,
    })
}

fn take_blob(bytes: &mut &[u8]) -> Option<BlobHash> {
    bytes.split_off(..16)?.try_into().ok().map(BlobHash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state(which: u8, text: &str) -> KeyState {
        let (text, n) = (text.to_owned(), u32::from(which));
        match which % 7 {
            0 => KeyState::Absent,
            1 => KeyState::Text { text },
            2 => KeyState::List { elements: vec![Element { by: Seq(n.into()), text }] },
            3 => KeyState::File { blob: BlobHash([which; 16]), size: u64::MAX - u64::from(n), mode: n },
            4 => KeyState::Directory { mode: n },
            5 => KeyState::Symlink { target: text },
            _ => KeyState::Unknown,
        }
    }

    fn entry((numbers, few, bits, text): (u64, u8, u8, String)) -> LedgerEntry {
        let other = (bits & 8 != 0).then_some(Seq(numbers / 3));
        let undo = if few % 3 == 0 { Undoability::NoUndo { why: text.clone() } } else { Undoability::Undo };
        LedgerEntry {
            seq: Seq(numbers),
            record: ActionRecord {
                span: SpanId(few.into()),
                tool_span: SpanId(u32::MAX - u32::from(few)),
                tool_name: text.chars().take(2).collect(),
                key: Key { kind: KINDS[usize::from(few) % 6], name: text.clone() },
                op: OPS[usize::from(few) % 4],
                old: state(few, &text),
                intended: state(bits, &text),
                undo,
            }
            .into(),
            status: STATUSES[usize::from(few) % 5],
            after: if bits & 1 == 0 { state(bits, &text) } else { state(few, &text) },
            half_done: bits & 2 != 0,
            refused: bits & 4 != 0,
            kept: (bits & 16 != 0).then_some(BlobHash([few; 16])),
            renamed: other,
            turned: other.filter(|_| few % 2 == 0),
        }
    }

    proptest! {
        #[test]
        fn entries_and_reads_come_back(all: Vec<(u64, u8, u8, String)>) {
            let reads: Vec<Read> = all
                .iter()
                .map(|(at, few, _, text)| (SpanId((*few).into()), Key::file(text.clone()), (few % 2 == 0).then_some(Seq(*at / 2))))
                .collect();
            let entries: Vec<LedgerEntry> = all.into_iter().map(entry).collect();
            prop_assert_eq!(LedgerEntry::unpack(&LedgerEntry::pack(&entries)).unwrap(), entries);
            prop_assert_eq!(Read::unpack(&Read::pack(&reads)).unwrap(), reads);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            drop((LedgerEntry::unpack(&bytes), Read::unpack(&bytes)));
        }
    }
}
