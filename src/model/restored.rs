//! The event of a try that stands again: the opposite of an invalidation.

use serde::{Deserialize, Serialize};

use super::{Generation, Seq, SpanEnd, SpanId};

/// An earlier try took the place of the one that stood. Its effects were redone before this was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    /// The generation it starts.
    pub generation: Generation,
    /// The span of the try that stands again, which the tries are of.
    pub cause: SpanId,
    /// Every span that no longer stands.
    pub replaced: Vec<SpanId>,
    /// Their paths; an outcome under one of them, of an earlier generation, no longer answers.
    pub paths: Vec<String>,
    /// Every span that stands again, as it ended then.
    pub spans: Vec<SpanId>,
    /// The ends of the agents above, as they were then.
    pub ends: Vec<RestoredEnd>,
}

/// An earlier end of a span, which counts again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestoredEnd {
    /// The event that ended it then.
    pub seq: Seq,
    /// The end itself.
    pub end: SpanEnd,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{
        Finish, Millis, RunState, SpanSpec, SpanStart, SpanStatus, TextHash, TraceBody, TraceEvent, Try, Usage,
    };

    struct Fold(RunState);

    impl Fold {
        fn tell(&mut self, body: TraceBody) -> Seq {
            let seq = Seq(self.0.last.0 + 1);
            self.0.apply(&TraceEvent { seq, at: Millis(seq.0 * 10), happened: None, body });
            seq
        }

        fn start(&mut self, span: u32, parent: u32, name: &str, (attempt, generation): (u32, u32)) {
            let spec =
                SpanSpec::Agent { pattern: "react".into(), input: TextHash([0; 16]), prompt: None, prompt_file: None };
            self.tell(TraceBody::SpanStarted(SpanStart {
                span: SpanId(span),
                parent: SpanId(parent),
                path: name.into(),
                name: name.into(),
                visit: 1,
                attempt: Try(attempt),
                generation: Generation(generation),
                fan: None,
                step: None,
                attributes: BTreeMap::new(),
                spec,
            }));
        }

        fn end(&mut self, span: u32, key: &str) -> RestoredEnd {
            let end = SpanEnd {
                finish: Some(Finish { key: key.into(), synthetic: false }),
                usage: Some(Usage { input: 5, ..Usage::default() }),
                ..SpanEnd::new(SpanId(span), SpanStatus::Ok)
            };
            RestoredEnd { seq: self.tell(TraceBody::SpanEnded(end.clone())), end }
        }

        fn retry(&mut self, spans: &[u32], generation: u32) {
            self.tell(TraceBody::Invalidated {
                generation: Generation(generation),
                cause: SpanId(spans[0]),
                spans: spans.iter().copied().map(SpanId).collect(),
                paths: Vec::new(),
                reopened: vec![SpanId(1)],
                stale: Vec::new(),
            });
        }
    }

    #[test]
    fn a_restored_try_is_as_it_ended_and_what_followed_it_follows_again() {
        let mut run = Fold(RunState::default());
        run.tell(TraceBody::Unknown { event: "x".into(), body: "{}".into() });
        run.start(1, 0, "lead", (1, 1));
        run.start(2, 1, "writer", (1, 1));
        let writer = run.end(2, "first").seq;
        run.start(3, 1, "reviewer", (1, 1));
        run.end(3, "publish");
        let lead = run.end(1, "published");
        run.retry(&[2, 3], 2);
        run.start(4, 1, "writer", (2, 2));
        run.end(4, "second");
        run.end(1, "other");
        let usage = run.0.trace.get(SpanId(1)).unwrap().counts.usage;
        assert_eq!(run.0.trace.find("lead/writer"), Some(SpanId(4)));
        run.tell(TraceBody::Restored(Restored {
            generation: Generation(3),
            cause: SpanId(2),
            replaced: vec![SpanId(4)],
            paths: vec!["lead/writer".into()],
            spans: vec![SpanId(2), SpanId(3)],
            ends: vec![lead.clone()],
        }));
        let trace = &run.0.trace;
        let status = |span: u32| trace.get(SpanId(span)).unwrap().status;
        assert_eq!((status(2), status(3), status(4)), (SpanStatus::Ok, SpanStatus::Ok, SpanStatus::Undone));
        assert_eq!((trace.finish(SpanId(1)), trace.finish(SpanId(2))), (Some("published"), Some("first")));
        let ended = |span: u32| trace.get(SpanId(span)).unwrap().ended;
        assert_eq!((ended(1), ended(2)), (Some(lead.seq), Some(writer)));
        assert_eq!(run.0.trace.get(SpanId(1)).unwrap().counts.usage, usage, "nothing is counted twice");
        assert_eq!(run.0.generation, Generation(3));
        // The standing try is found, and not the newest.
        assert_eq!(trace.find("lead/writer"), Some(SpanId(2)));
        assert_eq!(trace.find("lead/writer~2"), Some(SpanId(4)));
    }
}
