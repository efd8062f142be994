//! Spans as bytes: a million are unpacked in a tenth of a second, where field by field takes a second.
//!
//! A span is numbers. Written are a set of those that are not what they were in the span before, and by how much each
//! differs.

use super::super::packed_pages::Pack;
use super::super::packing::{put, put_change, take, take_change};
use super::super::tally::Waited;
use super::{
    Counts, EffectClass, EndCause, Fan, Generation, Millis, Seq, Span, SpanId, SpanKind, SpanStatus, Tally, Try, Usage,
    Workers,
};

/// Numbers of a span.
const NUMBERS: usize = 49;

const KINDS: [SpanKind; 5] = [SpanKind::Run, SpanKind::Agent, SpanKind::Llm, SpanKind::Tool, SpanKind::Human];
const STATUSES: [SpanStatus; 7] = [
    SpanStatus::Running,
    SpanStatus::Waiting,
    SpanStatus::Paused,
    SpanStatus::Ok,
    SpanStatus::Error,
    SpanStatus::Cancelled,
    SpanStatus::Undone,
];
const EFFECTS: [EffectClass; 4] =
    [EffectClass::Read, EffectClass::Reversible, EffectClass::Compensable, EffectClass::Irreversible];
/// Without a number of their own.
const CAUSES: [EndCause; 4] = [EndCause::Denied, EndCause::Discarded, EndCause::Limit, EndCause::Interrupted];
/// Its number is an exit code.
const EXIT: u64 = CAUSES.len() as u64 + 1;
/// Two facts in one number.
const HAS_FAN: u64 = 1;
const ANSWERED: u64 = 2;

impl Pack for Span {
    fn pack(page: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(page.len() * 24);
        let mut before = [0; NUMBERS];
        for span in page {
            let numbers = numbers(span);
            let differs = (0..NUMBERS).filter(|at| numbers[*at] != before[*at]);
            put(&mut bytes, differs.clone().fold(0, |set, at| set | (1 << at)));
            for at in differs {
                put_change(&mut bytes, before[at], numbers[at]);
            }
            before = numbers;
        }
        bytes
    }

    fn unpack(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let (mut page, mut numbers) = (Vec::with_capacity(64), [0_u64; NUMBERS]);
        while !bytes.is_empty() {
            let mut set = take(&mut bytes)?;
            while set != 0 {
                let number = numbers.get_mut(set.trailing_zeros() as usize)?;
                *number = take_change(&mut bytes, *number)?;
                set &= set - 1;
            }
            page.push(span(&numbers)?);
        }
        Some(page)
    }
}

/// The place in a list of all.
fn place<T: PartialEq>(all: &[T], one: &T) -> u64 {
    all.iter().position(|known| known == one).unwrap_or(all.len()) as u64
}

/// `None` is 0.
fn optional(number: Option<u64>) -> u64 {
    number.map_or(0, |number| number.wrapping_add(1))
}

fn numbers(span: &Span) -> [u64; NUMBERS] {
    let (cause, code) = match span.cause {
        None => (0, 0),
        Some(EndCause::Exit { code }) => (EXIT, u64::from(code.cast_unsigned())),
        Some(other) => (1 + place(&CAUSES, &other), 0),
    };
    let tally =
        |tally: Tally| [tally.working, tally.stopped, tally.paused, tally.approvals, tally.failed, tally.denied];
    let Counts { usage, cost, undoable, permanent, undone } = span.counts;
    let mut numbers = [0; NUMBERS];
    let wide = [
        span.started.0,
        optional(span.ended.map(|seq| seq.0)),
        span.start.0,
        optional(span.end.map(|at| at.0)),
        usage.input,
        usage.output,
        cost,
        span.waited.total,
        optional(span.waited.since.map(|at| at.0)),
        place(&KINDS, &span.kind),
        place(&STATUSES, &span.status),
        place(&STATUSES, &span.outcome),
        span.effect.map_or(0, |effect| 1 + place(&EFFECTS, &effect)),
        cause,
        code,
        u64::from(span.fan.is_some()) * HAS_FAN + u64::from(span.answered) * ANSWERED,
    ];
    let fan = span.fan.unwrap_or(Fan { group: 0, index: 0 });
    let own = [
        span.parent.0,
        span.visit,
        span.attempt.0,
        span.generation.0,
        fan.group,
        fan.index,
        undoable,
        permanent,
        undone,
        span.children,
        span.workers.started,
        span.workers.done,
        span.worker.started,
        span.worker.done,
        span.acknowledged,
        span.name,
        span.pattern,
        span.finish,
        span.first_child,
        span.last_child,
        span.next_sibling,
    ];
    let narrow = own.into_iter().chain(tally(span.tally)).chain(tally(span.counted)).map(u64::from);
    numbers.iter_mut().zip(wide.into_iter().chain(narrow)).for_each(|(number, value)| *number = value);
    numbers
}

/// Back from [`numbers`], in the same order; `None`: a number is none that can be there.
fn span(numbers: &[u64; NUMBERS]) -> Option<Span> {
    let wide: &[u64; 16] = numbers.first_chunk()?;
    let [
        started,
        ended,
        start,
        end,
        input,
        output,
        cost,
        total,
        since,
        kind,
        status,
        outcome,
        effect,
        cause,
        code,
        fan,
    ] = *wide;
    let mut narrow = [0_u32; NUMBERS - 16];
    for (number, wide) in narrow.iter_mut().zip(&numbers[16..]) {
        *number = u32::try_from(*wide).ok()?;
    }
    let (own, tallies): (&[u32; 21], &[u32]) = narrow.split_first_chunk()?;
    let (tally, counted): (&[u32; 6], &[u32]) = tallies.split_first_chunk()?;
    let [parent, visit, attempt, generation, group, index, undoable, permanent, undone, children, rest @ ..] = *own;
    let [started_workers, done_workers, started_worker, done_worker, acknowledged, rest @ ..] = rest;
    let [name, pattern, finish, first_child, last_child, next_sibling] = rest;
    let optional = |number: u64| number.checked_sub(1);
    let listed = |number: u64| usize::try_from(number).ok();
    let cause = match cause {
        0 => None,
        EXIT => Some(EndCause::Exit { code: u32::try_from(code).ok()?.cast_signed() }),
        other => Some(*CAUSES.get(listed(other - 1)?)?),
    };
    Some(Span {
        parent: SpanId(parent),
        kind: *KINDS.get(listed(kind)?)?,
        status: *STATUSES.get(listed(status)?)?,
        visit,
        attempt: Try(attempt),
        generation: Generation(generation),
        fan: (fan & HAS_FAN != 0).then_some(Fan { group, index }),
        started: Seq(started),
        ended: optional(ended).map(Seq),
        start: Millis(start),
        end: optional(end).map(Millis),
        counts: Counts { usage: Usage { input, output }, cost, undoable, permanent, undone },
        children,
        effect: match optional(effect) {
            Some(effect) => Some(*EFFECTS.get(listed(effect)?)?),
            None => None,
        },
        cause,
        answered: fan & ANSWERED != 0,
        tally: tally_of(tally),
        workers: Workers { started: started_workers, done: done_workers },
        counted: tally_of(counted.first_chunk()?),
        worker: Workers { started: started_worker, done: done_worker },
        waited: Waited { total, since: optional(since).map(Millis) },
        outcome: *STATUSES.get(listed(outcome)?)?,
        acknowledged,
        name,
        pattern,
        finish,
        first_child,
        last_child,
        next_sibling,
    })
}

fn tally_of(numbers: &[u32; 6]) -> Tally {
    let [working, stopped, paused, approvals, failed, denied] = *numbers;
    Tally { working, stopped, paused, approvals, failed, denied }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_numbers_of_a_span_come_back(wide: [u64; 9], code: i32, narrow: [u32; 32], few: (u64, u64, u64, u64), answered: bool) {
            let mut all = [0; NUMBERS];
            all[..9].copy_from_slice(&wide);
            let (kind, status, effect, cause) = few;
            all[9..16].copy_from_slice(&[kind % 5, status % 7, status / 7 % 7, effect % 5, cause % 6, 0, 1 + u64::from(answered) * 2]);
            if all[13] == EXIT {
                all[14] = u64::from(code.cast_unsigned());
            }
            all[16..48].copy_from_slice(&narrow.map(u64::from));
            let one = span(&all).unwrap();
            prop_assert_eq!(numbers(&one), all);
            let page = [one.clone(), Span { status: SpanStatus::Ok, ..one }];
            prop_assert_eq!(Span::unpack(&Span::pack(&page)).unwrap(), page);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            drop(Span::unpack(&bytes));
        }
    }
}
