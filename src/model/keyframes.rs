//! Keyframes: copies of a run's state along the run, so that the state at any seq is near.
//!
//! There are at most [`MOST`], and those that are old lie further apart: when there is one too many, the one goes that
//! is missed least for its age. A copy shares with the state what did not change since, so that one more takes a few
//! dozen kilobytes of a million events; the events between two of them take longer to read than that is worth.

use super::{RunState, Seq};

/// Most keyframes.
const MOST: usize = 128;

/// The smallest distance of two keyframes, in seqs.
const APART: u64 = 1024;

/// Seqs between two times at which a state is packed. What changed lately is likely to change again (an action by its
/// outcome, and by its undo), and would be unpacked for it.
const SETTLED: u64 = 16 * APART;

/// Copies of a run's state, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Keyframes {
    frames: Vec<RunState>,
    /// The seqs at which the state was packed last, and the time before.
    settled: [Seq; 2],
}

impl Keyframes {
    /// Keeps a copy of the state as it is now, if the last one is far enough behind it, and packs what did not change
    /// for a while.
    pub fn follow(&mut self, state: &mut RunState) {
        self.follow_every(state, APART, SETTLED);
    }

    fn follow_every(&mut self, state: &mut RunState, apart: u64, settled: u64) {
        let last = self.frames.last().map_or(0, |frame| frame.last.0);
        if state.last.0 < last + apart {
            return;
        }
        if state.last.0 >= self.settled[0].0 + settled {
            let unchanged = self.frames.partition_point(|frame| frame.last < self.settled[0]);
            self.pack(state, unchanged);
            self.settled = [state.last, self.settled[0]];
        }
        self.frames.push(state.clone());
        if self.frames.len() > MOST {
            self.thin();
        }
    }

    /// Packs all but the newest of the state: little will change in it from here on.
    pub fn settle(&mut self, state: &mut RunState) {
        if let Some(newest) = self.frames.len().checked_sub(1) {
            self.pack(state, newest);
            self.settled = [self.frames[newest].last; 2];
        }
    }

    /// Packs what did not change since the keyframe at `unchanged`.
    fn pack(&mut self, state: &mut RunState, unchanged: usize) {
        // What did not change at the time before last is packed. The frames since then share what is not.
        let from = self.frames.partition_point(|frame| frame.last < self.settled[1]).min(unchanged);
        state.settle(&mut self.frames[from..], unchanged - from);
    }

    /// The newest one that is not after a seq; before the first one the state of an empty run.
    #[must_use]
    pub fn before(&self, seq: Seq) -> RunState {
        let after = self.frames.partition_point(|frame| frame.last <= seq);
        after.checked_sub(1).map(|at| self.frames[at].clone()).unwrap_or_default()
    }

    /// Takes one out: what lies between its neighbours then grows with the root of its age.
    fn thin(&mut self) {
        let end = self.frames.last().map_or(0, |frame| frame.last.0);
        let seq = |at: usize| self.frames[at].last.0;
        let missed = |at: usize| {
            let gap = seq(at + 1) - at.checked_sub(1).map_or(0, seq);
            let age = end - seq(at);
            // gap / root of age, squared, in whole numbers.
            u128::from(gap) * u128::from(gap) * 1024 / u128::from(age.max(1))
        };
        if let Some(at) = (0..self.frames.len() - 1).min_by_key(|at| missed(*at)) {
            self.frames.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        ActionChange, ActionEvent, ActionOp, ActionRecord, AnsweredBy, ApprovalAnswer, ApprovalAnswered, ApprovalAsked,
        BlobHash, EffectClass, Gate, Generation, Key, KeyState, Millis, PauseReason, Provenance, RunId, SpanEnd,
        SpanId, SpanSpec, SpanStart, SpanStatus, TextHash, TraceBody, TraceEvent, Try, Undoability, WaitFor,
    };

    const NONE: TextHash = TextHash([0; 16]);

    fn start(span: u32, parent: u32) -> TraceBody {
        TraceBody::SpanStarted(SpanStart {
            span: SpanId(span),
            parent: SpanId(parent),
            path: format!("p{span}"),
            name: format!("p{}", span % 7),
            visit: 1,
            attempt: Try(1),
            generation: Generation(1),
            fan: None,
            spec: SpanSpec::Tool { args: NONE, request: NONE, effect: EffectClass::Read },
            step: None,
            attributes: std::collections::BTreeMap::new(),
        })
    }

    fn action(span: u32, name: u8) -> TraceBody {
        TraceBody::Action(ActionRecord {
            span: SpanId(span),
            tool_span: SpanId(span),
            tool_name: "t".into(),
            key: if name.is_multiple_of(2) { Key::memory(name.to_string()) } else { Key::file(format!("d/{name}")) },
            op: ActionOp::Set,
            old: KeyState::Absent,
            intended: KeyState::Text { text: name.to_string() },
            undo: Undoability::Undo,
        })
    }

    /// Events of a run, from random numbers.
    fn events(random: &[(u8, u8)]) -> Vec<TraceEvent> {
        let (mut spans, mut actions) = (0_u32, Vec::new());
        let mut events = Vec::new();
        let mut push = |body| {
            let seq = Seq(events.len() as u64 + 1);
            events.push(TraceEvent { seq, at: Millis(seq.0 * 3), happened: None, body });
            seq
        };
        let (name, entrypoint, workspace) = ("n".into(), "a".into(), String::new());
        let run = RunId("r".into());
        let (task, pipeline, provenance) = (NONE, NONE, Provenance::default());
        push(TraceBody::RunStarted { run, name, entrypoint, task, pipeline, workspace, provenance, hash: 1 });
        for &(what, which) in random {
            let span = SpanId(1 + u32::from(which) % spans.max(1));
            match what % 12 {
                0 | 1 => {
                    spans += 1;
                    push(start(spans, u32::from(which) % spans));
                }
                _ if spans == 0 => {}
                2 => {
                    let waited = which.is_multiple_of(2).then(Vec::new);
                    push(TraceBody::SpanEnded(SpanEnd { waited, ..SpanEnd::new(span, SpanStatus::Ok) }));
                }
                3 => drop(push(TraceBody::Paused { span, gate: Gate::BeforeTool, reason: PauseReason::Step })),
                4 => drop(push(TraceBody::Released { span, how: "continue".into(), stale: which > 200 })),
                5 => actions.push(push(action(span.0, which))),
                6 => {
                    let on = which.is_multiple_of(2).then(|| "s9 tama_bash".to_owned());
                    push(TraceBody::SpanWaiting { span, on, why: WaitFor::Lock });
                }
                7 => {
                    let (why, rule, line) = ("ask".to_owned(), Some("tama_*".to_owned()), None);
                    push(TraceBody::ApprovalAsked(ApprovalAsked { span, why, rule, line, request: NONE }));
                }
                8 => {
                    let (how, by, asked) = (ApprovalAnswer::Allow, AnsweredBy::User, Seq(1));
                    push(TraceBody::ApprovalAnswered(ApprovalAnswered { span, asked, how, by, word: None }));
                }
                _ => {
                    let Some(action) = actions.get(usize::from(which) % actions.len().max(1)).copied() else {
                        continue;
                    };
                    let after = KeyState::Text { text: "x".into() };
                    push(match what % 12 {
                        9 => {
                            let change = ActionChange::Undone { forced: false };
                            TraceBody::ActionEvent(ActionEvent { action, change })
                        }
                        10 => {
                            let change = ActionChange::Applied { after, kept: which.is_multiple_of(2) };
                            TraceBody::ActionEvent(ActionEvent { action, change })
                        }
                        _ => TraceBody::Kept { action, blob: BlobHash([which; 16]) },
                    });
                }
            }
        }
        events
    }

    fn fold<'a>(mut state: RunState, events: impl IntoIterator<Item = &'a TraceEvent>) -> RunState {
        events.into_iter().for_each(|event| state.apply(event));
        state
    }

    #[test]
    fn old_ones_lie_further_apart_and_there_are_never_too_many() {
        let (mut keyframes, mut state) = (Keyframes::default(), RunState::default());
        for seq in 1..=1_000_000 {
            state.last = Seq(seq);
            keyframes.follow(&mut state);
        }
        let seqs: Vec<u64> = keyframes.frames.iter().map(|frame| frame.last.0).collect();
        assert_eq!(seqs.len(), MOST);
        let gaps: Vec<u64> = seqs.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| *gap < 33_000), "{gaps:?}");
        assert!(gaps[..32].iter().min() > gaps[112..].iter().max(), "{gaps:?}");
    }

    proptest! {
        #[test]
        fn a_prefix_and_the_rest_fold_to_the_whole(random: Vec<(u8, u8)>, cut: prop::sample::Index) {
            let events = events(&random);
            let cut = cut.index(events.len());
            let prefix = fold(RunState::default(), &events[..cut]);
            let kept = prefix.clone();
            let whole = fold(RunState::default(), &events);
            prop_assert_eq!(&fold(prefix.clone(), &events), &whole);
            // A copy is not changed by what follows.
            prop_assert_eq!(&kept, &fold(RunState::default(), &events[..cut]));
            prop_assert!(whole.trace.is_well_formed());
            let again: RunState = rmp_serde::from_slice(&rmp_serde::to_vec(&whole).unwrap()).unwrap();
            prop_assert_eq!(&again, &whole);
            prop_assert_eq!(again.ledger.all_memory(), whole.ledger.all_memory());
        }

        #[test]
        fn a_keyframe_and_the_tail_fold_to_the_whole(random in prop::collection::vec(any::<(u8, u8)>(), 4000), at in 0..4000_u64) {
            let events = events(&random);
            let (mut keyframes, mut state) = (Keyframes::default(), RunState::default());
            let mut copies = Vec::new();
            for event in &events {
                state.apply(event);
                keyframes.follow_every(&mut state, 64, 200);
                if event.seq.0.is_multiple_of(1000) {
                    copies.push((state.clone(), events[..usize::try_from(event.seq.0).unwrap()].iter()));
                }
                if event.seq.0 == 2500 {
                    keyframes.settle(&mut state);
                }
            }
            for (copy, upto) in copies {
                prop_assert_eq!(copy, fold(RunState::default(), upto));
            }
            let upto = events.iter().filter(|event| event.seq.0 <= at);
            let frame = keyframes.before(Seq(at));
            prop_assert!(frame.last.0 <= at);
            prop_assert_eq!(fold(frame, upto.clone()), fold(RunState::default(), upto));
        }
    }
}
