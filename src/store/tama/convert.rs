//! The events that a run of this program would have, of a run that tama recorded.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::actions::Actions;
use super::calls::Calls;
use super::fans::fans;
use super::outcome::{End, NOT_RECORDED, Outcome, outcomes};
use super::read::Answer;
use super::rows::{ActionRow, RunRow};
use super::times::{Times, run_status};
use super::tools::{CallRows, is_frame};
use super::tree::{NodeKind, Tree};
use super::writer::Writer;
use crate::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, EndCause, Fan, Finish, Generation, Key, KeyState, Millis,
    Provenance, RunId, RunSource, SpanEnd, SpanId, SpanSpec, SpanStart, SpanStatus, TraceBody, Try, Undoability,
};
use crate::pipeline::Pipeline;

/// Bytes of a span's path at most; a longer one is left out.
const PATH: usize = 4096;

/// Says why an action can't be undone.
const NO_UNDO: &str = "tama recorded it, and its memory ended with its run";

/// Said of a span that was written when others were done.
const UNKNOWN_TIMES: &str = "unknown: tama recorded its length, and not when it ran";

/// Writes the events of a run. `workspace`: the folder of its project.
pub(super) fn convert(run: &RunRow, answer: &Answer, workspace: &Path) -> Writer {
    let tree = Tree::of(answer.spans.clone());
    let rows = CallRows::of(&answer.llm_calls, &answer.tool_calls);
    let outcomes = outcomes(&tree, &rows, run);
    let mut convert = Convert {
        times: Times::of(run, &tree),
        actions: Actions::of(&answer.actions, &tree, &rows),
        fans: fans(&tree),
        calls: Calls::of(&tree, &rows),
        outcomes: &outcomes,
        tree: &tree,
        writer: Writer::default(),
        placed: vec![None; tree.nodes.len()],
        spans: 1,
        generation: Generation(1),
        ran: HashMap::new(),
        visits: HashMap::new(),
    };
    convert.begin(run, workspace);
    convert.walk();
    convert.end(run);
    convert.writer
}

/// A span that was written.
#[derive(Debug, Clone)]
struct Placed {
    span: SpanId,
    path: String,
    visit: u32,
}

struct Convert<'a> {
    tree: &'a Tree,
    calls: Calls<'a>,
    outcomes: &'a [Outcome],
    actions: Actions<'a>,
    fans: HashMap<usize, Fan>,
    times: Times,
    writer: Writer,
    /// The spans of the nodes that were written; others have none.
    placed: Vec<Option<Placed>>,
    spans: u32,
    generation: Generation,
    /// How often each path ran.
    ran: HashMap<(SpanId, String, u32), u32>,
    visits: HashMap<(SpanId, String), u32>,
}

impl Convert<'_> {
    fn begin(&mut self, run: &RunRow, workspace: &Path) {
        let name = run.entrypoint.clone().unwrap_or_else(|| "tama".to_owned());
        let pipeline = Pipeline { name: name.clone(), entrypoint: name.clone(), ..Pipeline::default() };
        let pipeline = serde_json::to_string(&pipeline).unwrap_or_default();
        let body = TraceBody::RunStarted {
            run: RunId(run.trace_id.clone().unwrap_or_default()),
            entrypoint: name.clone(),
            name,
            task: self.writer.text(run.task.as_deref().unwrap_or_default()),
            pipeline: self.writer.text(&pipeline),
            workspace: workspace.display().to_string(),
            provenance: Provenance { source: RunSource::Imported, ..Provenance::default() },
            hash: 1,
        };
        self.writer.event(self.times.began, body);
    }

    fn end(&mut self, run: &RunRow) {
        let status = run_status(run);
        let text = run.output.as_deref().filter(|output| !output.is_empty()).map(|output| self.writer.text(output));
        self.writer.event(self.times.ended, TraceBody::RunStatus { status, text });
    }

    /// Writes each span's start, the spans below it, and its end.
    fn walk(&mut self) {
        let mut open: Vec<(usize, bool)> = self.tree.roots.iter().rev().map(|root| (*root, false)).collect();
        while let Some((at, is_done)) = open.pop() {
            if is_done {
                self.leave(at);
            } else {
                if self.is_shown(at) {
                    self.enter(at);
                    open.push((at, true));
                }
                open.extend(self.tree.nodes[at].children.iter().rev().map(|child| (*child, false)));
            }
        }
    }

    /// True unless it is a call of `start` or `finish`, which is in its agent's input and output, and in the answer of
    /// the model that called it.
    fn is_shown(&self, at: usize) -> bool {
        let node = &self.tree.nodes[at];
        let Some(parent) = node.parent.filter(|_| is_frame(node)) else { return true };
        let is_told = self.calls.is_answered(at) || node.kind == Some(NodeKind::Synthetic);
        !(self.tree.nodes[parent].is_agent() && is_told)
    }

    fn enter(&mut self, at: usize) {
        let node = &self.tree.nodes[at];
        if let Some(before) = node.replaces {
            self.replace(before, at);
        }
        let above = self.above(at);
        let parent = above.as_ref().map_or(SpanId::RUN, |above| above.span);
        let visit = self.visit(at, parent);
        let ran = self.ran.entry((self.first_try(at, parent), node.name.clone(), visit)).or_default();
        *ran += 1;
        let attempt = Try(*ran);
        let label = if visit > 1 { format!("{}#{visit}", node.name) } else { node.name.clone() };
        let path = match above.map(|above| above.path).filter(|path| !path.is_empty()) {
            Some(above) if above.len() + label.len() < PATH => format!("{above}/{label}"),
            Some(_) => String::new(),
            None => label,
        };
        let span = SpanId(self.spans);
        self.spans += 1;
        let (spec, notes) = self.spec(at);
        let times = node.unplaced.then(|| (SpanStart::TIMES, UNKNOWN_TIMES.to_owned()));
        let attributes: BTreeMap<String, String> =
            notes.into_iter().chain(times).map(|(name, text)| (name.to_owned(), text)).collect();
        let start = SpanStart {
            span,
            parent,
            path: path.clone(),
            name: node.name.clone(),
            visit,
            attempt,
            generation: self.generation,
            fan: self.fans.get(&at).copied(),
            step: None,
            attributes,
            spec,
        };
        self.placed[at] = Some(Placed { span, path, visit });
        let began = self.times.start(self.tree, at);
        self.writer.event(began, TraceBody::SpanStarted(start));
    }

    /// The nearest span above a node.
    fn above(&self, at: usize) -> Option<Placed> {
        let up = |at: usize| self.tree.nodes[at].parent;
        std::iter::successors(up(at), |at| up(*at)).find_map(|at| self.placed[at].clone())
    }

    /// How often the name ran under its parent; later attempts are the same visit.
    fn visit(&mut self, at: usize, parent: SpanId) -> u32 {
        let node = &self.tree.nodes[at];
        if let Some(before) = node.replaces.and_then(|before| self.placed[before].as_ref()) {
            return before.visit;
        }
        let visit = self.visits.entry((parent, node.name.clone())).or_default();
        *visit += 1;
        *visit
    }

    /// The span that stands for all tries of the one above a node, so that the tries of its path are counted.
    fn first_try(&self, at: usize, parent: SpanId) -> SpanId {
        let Some(above) = self.tree.nodes[at].parent else { return parent };
        let first = self.tree.nodes[above].first.unwrap_or(above);
        self.placed[first].as_ref().map_or(parent, |placed| placed.span)
    }

    fn spec(&mut self, at: usize) -> (SpanSpec, Vec<(&'static str, String)>) {
        let node = &self.tree.nodes[at];
        match node.kind {
            Some(NodeKind::Agent) => {
                let input = self.outcomes[at].input.as_deref().unwrap_or(NOT_RECORDED);
                let input = self.writer.text(input);
                let pattern = node.pattern.clone();
                (SpanSpec::Agent { pattern, input, prompt: None, prompt_file: None }, Vec::new())
            }
            Some(NodeKind::Llm) => self.calls.llm_start(at, &mut self.writer),
            Some(NodeKind::Tool | NodeKind::Synthetic) | None => {
                (self.calls.tool_start(at, &mut self.writer), Vec::new())
            }
        }
    }

    /// A later attempt takes the place of an earlier one.
    fn replace(&mut self, before: usize, at: usize) {
        let placed: Vec<Placed> =
            self.tree.subtree(before).into_iter().filter_map(|node| self.placed[node].clone()).collect();
        let Some(cause) = placed.first().map(|first| first.span) else { return };
        self.generation.0 += 1;
        let body = TraceBody::Invalidated {
            generation: self.generation,
            cause,
            spans: placed.iter().map(|placed| placed.span).collect(),
            paths: vec![placed[0].path.clone()],
            reopened: Vec::new(),
            stale: Vec::new(),
        };
        let began = self.times.start(self.tree, at);
        self.writer.event(began, body);
    }

    fn leave(&mut self, at: usize) {
        let Some(span) = self.placed[at].as_ref().map(|placed| placed.span) else { return };
        let node = &self.tree.nodes[at];
        let ended = self.times.end(self.tree, at);
        for (row, value) in self.actions.of_node(at) {
            self.act(span, at, row, value, ended);
        }
        let end = match node.kind {
            Some(NodeKind::Agent) => self.agent_end(at, span),
            Some(NodeKind::Llm) => self.calls.llm_end(at, span, &mut self.writer),
            Some(NodeKind::Tool | NodeKind::Synthetic) | None => self.calls.tool_end(at, span, &mut self.writer),
        };
        self.writer.event(ended, TraceBody::SpanEnded(end));
    }

    fn agent_end(&mut self, at: usize, span: SpanId) -> SpanEnd {
        let outcome = &self.outcomes[at];
        let mut text = |none: &str| Some(self.writer.text(outcome.output.as_deref().unwrap_or(none)));
        match outcome.end {
            End::Open => {
                let cause = Some(EndCause::Interrupted);
                SpanEnd { cause, ..SpanEnd::new(span, SpanStatus::Cancelled) }
            }
            End::Failed => SpanEnd { output: text("tama recorded no reason"), ..SpanEnd::new(span, SpanStatus::Error) },
            End::Ok => {
                let finish = outcome.key.clone().map(|key| Finish { key, synthetic: outcome.synthetic });
                SpanEnd { finish, output: text(NOT_RECORDED), ..SpanEnd::new(span, SpanStatus::Ok) }
            }
        }
    }

    /// Writes a row of the rollback database: it was applied, and not undone.
    fn act(&mut self, tool_span: SpanId, at: usize, row: &ActionRow, value: Option<String>, when: Millis) {
        let of_agent = |at: usize| self.tree.nodes[at].is_agent().then(|| self.placed[at].as_ref()).flatten();
        let agent = of_agent(at).or_else(|| self.tree.nodes[at].parent.and_then(of_agent));
        let span = agent.map_or(tool_span, |agent| agent.span);
        let text = |text: Option<String>, none: KeyState| text.map_or(none, |text| KeyState::Text { text });
        let after = text(value, KeyState::Unknown);
        let record = ActionRecord {
            span,
            tool_span,
            tool_name: row.tool_name.clone().unwrap_or_else(|| "tama_mem_set".to_owned()),
            key: Key::memory(row.key.clone().unwrap_or_default()),
            op: ActionOp::Set,
            old: text(row.old_value.clone(), KeyState::Absent),
            intended: after.clone(),
            undo: Undoability::NoUndo { why: NO_UNDO.to_owned() },
        };
        let action = self.writer.event(when, TraceBody::Action(record));
        let change = ActionChange::Applied { after, kept: false };
        self.writer.event(when, TraceBody::ActionEvent(ActionEvent { action, change }));
    }
}
