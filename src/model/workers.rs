//! Workers of fan-outs: how many a span started, and how many of them are done.

use super::{SpanId, SpanStatus, Trace};

/// Workers of fan-outs directly below a span, without tries that were replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Workers {
    /// Workers that started.
    pub started: u32,
    /// Workers that ended well.
    pub done: u32,
}

impl Trace {
    /// Brings the counts of a worker's parent up to the worker's state.
    pub(super) fn count_worker(&mut self, span: SpanId) {
        let Some(found) = self.get(span).filter(|found| found.fan.is_some()) else { return };
        let now = Workers {
            started: u32::from(found.status != SpanStatus::Undone),
            done: u32::from(found.status == SpanStatus::Ok),
        };
        let (before, parent) = (found.worker, found.parent);
        if before == now {
            return;
        }
        if let Some(found) = self.get_mut(span) {
            found.worker = now;
        }
        if let Some(above) = self.get_mut(parent) {
            above.workers.started = (above.workers.started + now.started).saturating_sub(before.started);
            above.workers.done = (above.workers.done + now.done).saturating_sub(before.done);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Fan, Generation, Millis, RunId, RunState, Seq, SpanEnd, SpanSpec, SpanStart, TextHash, TraceBody, TraceEvent,
        Try,
    };

    const NONE: TextHash = TextHash([0; 16]);

    fn tell(run: &mut RunState, body: TraceBody) {
        let seq = Seq(run.last.0 + 1);
        run.apply(&TraceEvent { seq, at: Millis(seq.0), happened: None, body });
    }

    fn start(run: &mut RunState, span: u32, parent: u32, fan: Option<Fan>) {
        let spec = SpanSpec::Agent { pattern: "scatter".into(), input: NONE, prompt: None, prompt_file: None };
        let start = SpanStart {
            span: SpanId(span),
            parent: SpanId(parent),
            path: format!("p{span}"),
            name: format!("p{span}"),
            visit: 1,
            attempt: Try(1),
            generation: Generation(1),
            fan,
            spec,
            step: None,
            attributes: std::collections::BTreeMap::new(),
        };
        tell(run, TraceBody::SpanStarted(start));
    }

    #[test]
    fn done_are_those_that_ended_well_and_were_not_replaced() {
        let mut run = RunState::default();
        let (name, entrypoint, workspace) = ("n".into(), "a".into(), String::new());
        let id = RunId("r1".into());
        tell(
            &mut run,
            TraceBody::RunStarted {
                run: id,
                name,
                entrypoint,
                task: NONE,
                pipeline: NONE,
                workspace,
                provenance: crate::model::Provenance::default(),
                hash: 1,
            },
        );
        start(&mut run, 1, 0, None);
        for index in 0..3 {
            start(&mut run, 2 + index, 1, Some(Fan { group: 0, index }));
        }
        let workers = |run: &RunState| run.trace.get(SpanId(1)).unwrap().workers;
        assert_eq!(workers(&run), Workers { started: 3, done: 0 });
        tell(&mut run, TraceBody::SpanEnded(SpanEnd::new(SpanId(2), SpanStatus::Ok)));
        tell(&mut run, TraceBody::SpanEnded(SpanEnd::new(SpanId(3), SpanStatus::Error)));
        assert_eq!(workers(&run), Workers { started: 3, done: 1 });
        let (spans, paths) = (vec![SpanId(2)], vec!["p2".into()]);
        let (generation, cause) = (Generation(2), SpanId(2));
        tell(&mut run, TraceBody::Invalidated { generation, cause, spans, paths, reopened: vec![], stale: vec![] });
        assert_eq!(workers(&run), Workers { started: 2, done: 0 });
    }
}
