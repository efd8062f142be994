//! The Diff panel: a span compared with another try of it, or with the span that was marked: state, tokens, cost and
//! time, the texts line by line, and the net change to the world.

use std::ops::Range;

use super::detail::{is_later, wrapped};
use super::panel::{Opened, PanelModel, Scene, Scrolled};
use super::text::{count, duration, money};
use super::{PanelLine, Piece, Scroll, Tone, safe, state_word};
use crate::model::{
    Command, Comparison, DiffBody, Generation, LineIn, NetChange, NetKind, RunState, RunStatus, SectionDiff, Seq,
    SpanFacts, SpanId, WorldDifference, compare_worlds, footprint, other_try,
};

/// Columns of the names of facts.
const NAMES: usize = 11;

/// A line of the panel, and the span that it leads to.
type Row = (PanelLine, Option<SpanId>);

/// The Diff panel.
#[derive(Debug, Clone, Default)]
pub struct ComparePanel {
    /// The spans that are compared.
    pair: Option<(SpanId, SpanId)>,
    /// The pair whose texts are under way.
    asked: Option<(SpanId, SpanId)>,
    /// The texts that came.
    texts: Option<Comparison>,
    rows: Vec<Row>,
    scroll: Scroll,
    width: usize,
    /// The span that the user marked.
    marked: Option<SpanId>,
    heading: String,
    is_stale: bool,
    /// The selection, the mark and the generation that the pair was looked for with.
    looked: Option<(SpanId, Option<SpanId>, Generation)>,
    /// The last event of the run when it was laid out.
    shown: Seq,
}

impl ComparePanel {
    /// The span that the user marked, to be compared with the selected one.
    #[must_use]
    pub fn marked(&self) -> Option<SpanId> {
        self.marked
    }

    /// Marks a span, or no longer.
    pub(super) fn mark(&mut self, span: SpanId) -> bool {
        self.marked = if self.marked == Some(span) { None } else { Some(span) };
        self.is_stale = true;
        self.marked.is_some()
    }

    /// The texts of two spans came.
    pub(super) fn take(&mut self, comparison: Comparison) {
        self.asked = None;
        if self.pair == Some((comparison.left, comparison.right)) {
            self.texts = Some(comparison);
            self.is_stale = true;
        }
    }

    /// No answer comes: the next look asks again.
    pub(super) fn give_up(&mut self) {
        self.asked = None;
    }

    /// The spans to compare: the marked one with the selected one, or two tries of the selected one, the earlier first.
    fn pair_of(&self, scene: &Scene) -> Option<(SpanId, SpanId)> {
        let (selected, known) = (scene.selected, |span: &SpanId| scene.run.trace.get(*span).is_some());
        if selected == SpanId::RUN {
            return None;
        }
        let marked = self.marked.filter(|span| *span != selected && known(span));
        if let Some(marked) = marked {
            return Some((marked, selected));
        }
        let other = other_try(scene.run, selected)?;
        Some((other.min(selected), other.max(selected)))
    }

    fn lay_out(&mut self, scene: &Scene) {
        self.rows.clear();
        let Some((left, right)) = self.pair else {
            self.heading = self.marked.map(|span| format!("marked: {}", label(scene.run, span))).unwrap_or_default();
            return;
        };
        let run = scene.run;
        self.heading = format!("{} · {}", label(run, left), label(run, right));
        let mut rows = Rows { rows: &mut self.rows, width: self.width };
        rows.spans(run, left, right);
        rows.facts(&SpanFacts::of(run, left, scene.now), &SpanFacts::of(run, right, scene.now));
        rows.world(&compare_worlds(&footprint(run, left), &footprint(run, right)));
        match &self.texts {
            None => rows.push(vec![Piece::new(" reading the texts…", Tone::Quiet)]),
            Some(texts) => {
                // The texts are of the run as it is now; at a moment of the past some of them had not come.
                let is_later =
                    |section: &&SectionDiff| [left, right].iter().any(|span| is_later(run, *span, &section.title));
                for section in texts.sections.iter().filter(|section| !is_later(section)) {
                    rows.section(section);
                }
                for section in texts.sections.iter().filter(is_later) {
                    rows.heading(&section.title, "not yet there on both sides");
                }
            }
        }
    }
}

/// `writer#2 (try 1)`.
fn label(run: &RunState, span: SpanId) -> String {
    let attempt = run.trace.get(span).map(|found| found.attempt.0).unwrap_or_default();
    safe::line(&format!("{} (try {attempt})", run.trace.label(span))).into_owned()
}

/// Lines being laid out.
struct Rows<'a> {
    rows: &'a mut Vec<Row>,
    width: usize,
}

impl Rows<'_> {
    fn push(&mut self, pieces: Vec<Piece>) {
        self.rows.push((PanelLine::new(pieces), None));
    }

    /// Both spans; Enter goes to them.
    fn spans(&mut self, run: &RunState, left: SpanId, right: SpanId) {
        for (sign, tone, span) in [("-", Tone::Removed, left), ("+", Tone::Added, right)] {
            let attempt = run.trace.get(span).map(|found| found.attempt.0).unwrap_or_default();
            let room = self.width.saturating_sub(12);
            let path = safe::line(&run.trace.path(span)).into_owned();
            let pieces = vec![
                Piece::new(format!(" {sign} "), tone),
                Piece { keeps_end: true, ..Piece::filling(path, Tone::Strong, room) },
                Piece::new(format!("  try {attempt}"), Tone::Quiet),
            ];
            self.rows.push((PanelLine::new(pieces), Some(span)));
        }
    }

    fn facts(&mut self, left: &SpanFacts, right: &SpanFacts) {
        let state = |facts: &SpanFacts| match &facts.finish {
            Some(finish) => format!("{}, finish {}", state_word(facts.state), safe::line(finish)),
            None => state_word(facts.state).to_owned(),
        };
        self.fact("state", &state(left), &state(right));
        self.fact("tokens in", &count(left.usage.input), &count(right.usage.input));
        self.fact("tokens out", &count(left.usage.output), &count(right.usage.output));
        if left.cost + right.cost > 0 {
            self.fact("cost", &money(left.cost), &money(right.cost));
        }
        self.fact("work", &duration(left.work), &duration(right.work));
    }

    fn fact(&mut self, name: &str, left: &str, right: &str) {
        let (text, tone) =
            if left == right { (left.to_owned(), Tone::Quiet) } else { (format!("{left} → {right}"), Tone::Changed) };
        self.push(vec![Piece::filling(format!("   {name}"), Tone::Quiet, NAMES + 4), Piece::new(text, tone)]);
    }

    fn heading(&mut self, name: &str, note: &str) {
        self.push(vec![
            Piece::new(format!(" {}", safe::line(name)), Tone::Heading),
            Piece::new(format!("  {note}"), Tone::Quiet),
        ]);
    }

    fn world(&mut self, differences: &[WorldDifference]) {
        let note = if differences.is_empty() { "left alike".to_owned() } else { differences.len().to_string() };
        self.heading("changes", &note);
        for difference in differences {
            let side = |change: &Option<NetChange>| match change {
                None => "not changed".to_owned(),
                Some(change) if change.kind == NetKind::Deleted => "deleted".to_owned(),
                Some(change) => change.new.summary(),
            };
            let letter = match (&difference.left, &difference.right) {
                (None, _) => ("+", Tone::Added),
                (_, None) => ("-", Tone::Removed),
                _ => ("±", Tone::Changed),
            };
            let text = format!("{} → {}", side(&difference.left), side(&difference.right));
            let names = self.width / 3;
            self.push(vec![
                Piece::new(format!("   {} ", letter.0), letter.1),
                Piece {
                    keeps_end: true,
                    ..Piece::filling(safe::line(&difference.key.to_string()), Tone::Strong, names)
                },
                Piece::filling(format!("  {}", safe::line(&text)), Tone::Plain, self.width.saturating_sub(names + 6)),
            ]);
        }
    }

    fn section(&mut self, section: &SectionDiff) {
        let hunks = match &section.body {
            DiffBody::Same => return self.heading(&section.title, "the same"),
            DiffBody::Opaque { why, .. } => return self.heading(&section.title, why),
            DiffBody::Lines { hunks, added, removed } => {
                self.heading(&section.title, &format!("+{added} -{removed}"));
                hunks
            }
        };
        for (at, hunk) in hunks.iter().enumerate() {
            if at > 0 {
                self.push(vec![Piece::new("   ⋮", Tone::Quiet)]);
            }
            for line in &hunk.lines {
                let (sign, tone) = match line.side {
                    LineIn::Both => (" ", Tone::Quiet),
                    LineIn::Old => ("-", Tone::Removed),
                    LineIn::New => ("+", Tone::Added),
                };
                let text = safe::line(&line.text).into_owned();
                for part in wrapped(&text, self.width.saturating_sub(6).max(8)) {
                    self.push(vec![Piece::new(format!("   {sign} {part}"), tone)]);
                }
            }
        }
        for note in &section.notes {
            self.push(vec![Piece::new(format!("   {note}"), Tone::Quiet)]);
        }
    }
}

impl Scrolled for ComparePanel {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn scroll(&self) -> &Scroll {
        &self.scroll
    }

    fn scroll_mut(&mut self) -> &mut Scroll {
        &mut self.scroll
    }
}

impl PanelModel for ComparePanel {
    fn refresh(&mut self, scene: &Scene) -> Vec<Command> {
        // Texts are read only while somebody looks.
        if scene.height == 0 {
            return Vec::new();
        }
        // A new try comes with a new generation: until then the spans need not be looked through again.
        let looked = Some((scene.selected, self.marked, scene.run.generation));
        let pair = if looked == self.looked && !scene.is_changed { self.pair } else { self.pair_of(scene) };
        self.looked = looked;
        let is_other = pair != self.pair;
        let last = scene.run.last;
        self.is_stale |= last < self.shown || (last > self.shown && scene.run.status != RunStatus::Running);
        if is_other {
            self.scroll = Scroll::default();
            self.texts = None;
            self.pair = pair;
        }
        if is_other || self.is_stale || scene.is_changed || scene.width != self.width {
            self.width = scene.width;
            self.is_stale = false;
            self.shown = last;
            self.lay_out(scene);
        }
        self.scroll.go(self.scroll.cursor, self.rows.len(), scene.height);
        let wants = pair.filter(|_| self.texts.is_none() || scene.is_changed).filter(|_| self.asked.is_none());
        self.asked = self.asked.or(wants);
        wants.map(|(left, right)| Command::Compare { left, right }).into_iter().collect()
    }

    fn line_text(&self, line: usize, _: &RunState) -> String {
        self.rows.get(line).map(|(line, _)| line.text()).unwrap_or_default()
    }

    fn lines_in(&self, view: Range<usize>, _: &RunState) -> Vec<PanelLine> {
        self.rows.get(view).unwrap_or_default().iter().map(|(line, _)| line.clone()).collect()
    }

    fn empty_text(&self) -> &'static str {
        if self.marked.is_some() {
            "Select the span to compare the marked one with."
        } else {
            "This span ran once, so there is no other try to compare it with. m marks it; then select another span."
        }
    }

    fn heading(&self) -> String {
        self.heading.clone()
    }

    fn copied(&self, _: &Scene) -> (&'static str, Option<String>) {
        let lines: Vec<String> = self.rows.iter().map(|(line, _)| line.text()).collect();
        ("comparison", (!lines.is_empty()).then(|| lines.join("\n")))
    }

    fn open(&mut self, _: &Scene) -> Opened {
        match self.rows.get(self.scroll.cursor).and_then(|(_, span)| *span) {
            Some(span) => Opened::Span(Some(span)),
            None => Opened::Nothing("Enter on one of the two spans at the top goes there"),
        }
    }
}
