//! `runs diff A B`: two runs, or two spans, compared: spans, texts, tokens, cost, time, and what they left in the
//! world.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use color_eyre::eyre::eyre;
use serde_json::{Value as Json, json};

use super::diff_text::{DiffLine, compare_kept, lines};
use super::exit::Exit;
use super::span_texts::{Form, SpanText, SpanTexts, read};
use super::stored::{find_span, open_log};
use super::text::{dollars, duration, key_name, print, print_json, to_lines};
use crate::app::text::plural;
use crate::effects::Masker;
use crate::model::{
    DiffBody, KeyState, NetChange, NetKind, RunDifferences, RunState, SpanDifference, SpanFacts, SpanId, TextHash,
    WorldDifference, compare_spans,
};
use crate::runtime::compare_texts;
use crate::store::{DataDir, RunLog};

/// `tama-tui runs diff`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run (any unique part of its id), or RUN:SPAN: `k7qd`, `k7qd:s12`, `k7qd:editor/writer#2`
    left: String,
    /// The run or span to compare it with
    right: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Compares, and prints the differences. The exit code is that of an execution that differs from its record if there
/// are any.
pub(super) fn run(args: &Args, data: &DataDir) -> color_eyre::Result<Exit> {
    let (left, right) = (Side::open(data, &args.left)?, Side::open(data, &args.right)?);
    let alike = Alike::of(&left, &right)?;
    let found = compare_spans((&left.state, left.top), (&right.state, right.top), |one, other| {
        alike.differs(&left.texts.sections(one, false), &right.texts.sections(other, false))
            && alike.differs(&left.texts.sections(one, true), &right.texts.sections(other, true))
            || left.texts.model(one) != right.texts.model(other)
    });
    let shown = Shown::of(&left, &right, &found)?;
    if args.json {
        print_json(&shown.to_json(&found))?;
    } else {
        print(&shown.to_text(&found))?;
    }
    Ok(if found.is_empty() { Exit::Done } else { Exit::Diverged })
}

/// One of the two.
struct Side {
    /// As the user named it.
    name: String,
    log: RunLog,
    state: RunState,
    top: SpanId,
    texts: SpanTexts,
}

impl Side {
    fn open(data: &DataDir, named: &str) -> color_eyre::Result<Self> {
        let (run, span) = named.split_once(':').map_or((named, None), |(run, span)| (run, Some(span)));
        let (folder, log, events) = open_log(data, run)?;
        let top = span.map_or(Ok(SpanId::RUN), |span| find_span(&log, span))?;
        let mut state = log.with(RunState::clone);
        if let Ok(manifest) = folder.manifest() {
            // Of a run whose process died, only the manifest says so.
            state.status = manifest.status;
        }
        let name = span.map_or_else(|| folder.short_id(), |span| format!("{}:{span}", folder.short_id()));
        Ok(Self { name, log, state, top, texts: SpanTexts::of(events) })
    }

    fn facts(&self, span: SpanId) -> SpanFacts {
        SpanFacts::of(&self.state, span, self.state.last_at)
    }

    fn span_json(&self, span: SpanId) -> Json {
        json!({
            "span": span.to_string(), "facts": facts_json(&self.facts(span)), "model": self.texts.model(span),
        })
    }

    /// All texts of its spans.
    fn parts(&self) -> HashSet<(Form, TextHash)> {
        let spans = self.state.trace.subtree(self.top);
        spans.iter().flat_map(|span| self.texts.sections(*span, false)).flat_map(|text| text.parts).collect()
    }

    fn line(&self, which: &str) -> String {
        let facts = self.facts(self.top);
        let spans = self.state.trace.subtree(self.top).len().saturating_sub(1);
        let cost = if facts.cost > 0 { format!(" · {}", dollars(facts.cost)) } else { String::new() };
        format!(
            "{which} {} · {} below · {}{cost} · {}",
            self.name,
            plural(spans, "span"),
            tokens(&facts),
            duration(facts.work)
        )
    }

    fn json(&self) -> Json {
        let facts = facts_json(&self.facts(self.top));
        json!({ "name": self.name, "run": self.state.run, "span": self.top.to_string(), "facts": facts })
    }
}

fn tokens(facts: &SpanFacts) -> String {
    format!("{} + {} tokens", facts.usage.input, facts.usage.output)
}

/// Says which stored texts read alike although they are stored as different ones: ids and headers of a provider differ
/// from call to call.
struct Alike {
    /// The hash of the text as people read it, of those that only one side has.
    read: HashMap<TextHash, blake3::Hash>,
}

impl Alike {
    fn of(left: &Side, right: &Side) -> color_eyre::Result<Self> {
        let (ours, theirs) = (left.parts(), right.parts());
        let mut alike = HashMap::new();
        for (side, own, other) in [(left, &ours, &theirs), (right, &theirs, &ours)] {
            let own: Vec<(Form, TextHash)> = own
                .difference(other)
                .filter(|(form, _)| matches!(form, Form::Message | Form::Response))
                .copied()
                .collect();
            let hashes: Vec<TextHash> = own.iter().map(|(_, hash)| *hash).collect();
            let found = side.log.recorder().texts(&hashes).map_err(|error| eyre!("failed to {error}"))?;
            for (form, hash) in own {
                alike.extend(found.get(&hash).map(|text| (hash, blake3::hash(form.render(text).as_bytes()))));
            }
        }
        Ok(Self { read: alike })
    }

    fn differs(&self, left: &[SpanText], right: &[SpanText]) -> bool {
        let same = |one: &(Form, TextHash), other: &(Form, TextHash)| {
            let read = |part: &(Form, TextHash)| self.read.get(&part.1);
            one == other || (read(one).is_some() && read(one) == read(other))
        };
        let same_text = |one: &SpanText, other: &SpanText| {
            one.title == other.title
                && one.parts.len() == other.parts.len()
                && one.parts.iter().zip(&other.parts).all(|(one, other)| same(one, other))
        };
        left.len() != right.len() || !left.iter().zip(right).all(|(one, other)| same_text(one, other))
    }
}

/// Changed spans whose texts are compared.
const MOST_TEXTS: usize = 2000;

/// The two sides, to show what differs.
struct Shown<'a> {
    left: &'a Side,
    right: &'a Side,
    masker: Masker,
    /// The texts of the changed spans on each side, all read at once: each reading goes through the whole table.
    read: [HashMap<TextHash, String>; 2],
    /// The last span on the left whose texts are in it.
    last: Option<SpanId>,
}

impl<'a> Shown<'a> {
    fn of(left: &'a Side, right: &'a Side, found: &RunDifferences) -> color_eyre::Result<Self> {
        let changed = found.spans.iter().filter_map(|difference| match difference {
            SpanDifference::Changed { left, right } => Some((*left, *right)),
            _ => None,
        });
        let changed: Vec<(SpanId, SpanId)> = changed.take(MOST_TEXTS).collect();
        let texts = |side: &Side, spans: Vec<SpanId>| {
            let texts: Vec<SpanText> = spans.iter().flat_map(|span| side.texts.sections(*span, false)).collect();
            read(&side.log, &texts).map_err(|error| eyre!("failed to {error}"))
        };
        let ours = texts(left, changed.iter().map(|(left, _)| *left).collect())?;
        let theirs = texts(right, changed.iter().map(|(_, right)| *right).collect())?;
        let last = changed.last().map(|(left, _)| *left);
        Ok(Self { left, right, masker: Masker::from_env(), read: [ours, theirs], last })
    }
}

impl Shown<'_> {
    fn to_text(&self, found: &RunDifferences) -> String {
        let mut out = to_lines(&[self.left.line("left "), self.right.line("right")]);
        if found.is_empty() {
            out.push_str("\nNo differences.\n");
            return out;
        }
        let count = |fits: fn(&SpanDifference) -> bool| found.spans.iter().filter(|span| fits(span)).count();
        let added = count(|span| matches!(span, SpanDifference::Added(_)));
        let gone = count(|span| matches!(span, SpanDifference::Gone(_)));
        let changed = found.spans.len() - added - gone;
        let _ = writeln!(out, "\nspans: {added} added, {gone} gone, {changed} changed");
        if changed > MOST_TEXTS {
            let _ = writeln!(
                out,
                "  (the texts of the first {MOST_TEXTS} changed spans are shown; name a span for others)"
            );
        }
        for difference in &found.spans {
            out.push_str(&self.span_text(difference));
        }
        let _ = writeln!(out, "\nleft in the world: {}", plural(found.world.len(), "difference"));
        for difference in &found.world {
            out.push_str(&to_lines(&[format!("  {}", world_line(difference))]));
            out.push_str(&indented(&self.content(difference), 6));
        }
        out
    }

    fn span_text(&self, difference: &SpanDifference) -> String {
        let (sign, side, span) = match difference {
            SpanDifference::Added(span) => ('+', self.right, *span),
            SpanDifference::Gone(span) => ('-', self.left, *span),
            SpanDifference::Changed { right, .. } => ('~', self.right, *right),
        };
        let path = side.state.trace.path(span);
        let SpanDifference::Changed { left, right } = difference else {
            let state = side.facts(span).state.name().replace('_', " ");
            return to_lines(&[format!("  {sign} {path}  {state}")]);
        };
        let facts = changed_facts(&self.left.facts(*left), &self.right.facts(*right));
        let model = |side: &Side, span| side.texts.model(span).unwrap_or_default();
        let (one, other) = (model(self.left, *left), model(self.right, *right));
        let model = (one != other).then(|| format!("model {one} → {other}"));
        let facts: Vec<String> = facts.into_iter().chain(model).collect();
        let mut out = to_lines(&[format!("  {sign} {path}  {}", facts.join(" · ")).trim_end().to_owned()]);
        for (title, lines) in self.texts(*left, *right) {
            let _ = writeln!(out, "      {title}");
            out.push_str(&indented(&lines, 8));
        }
        out
    }

    /// The texts of two spans that differ, line by line.
    fn texts(&self, left: SpanId, right: SpanId) -> Vec<(&'static str, Vec<DiffLine>)> {
        if self.last.is_none_or(|last| left > last) {
            return Vec::new();
        }
        let side = |side: &Side, span: SpanId, read: &HashMap<TextHash, String>| {
            let texts = side.texts.sections(span, false).into_iter();
            texts.map(|text| (text.title, text.render(read))).collect::<Vec<(&'static str, String)>>()
        };
        let [ours, theirs] = &self.read;
        let (ours, mut theirs) = (side(self.left, left, ours), side(self.right, right, theirs));
        let mut found = Vec::new();
        let mut compare = |title, one: &str, other: &str| {
            let mut notes = Vec::new();
            let body = compare_texts(one, other, &mut notes);
            if body != DiffBody::Same {
                found.push((title, lines(&body, &notes)));
            }
        };
        for (title, text) in ours {
            let at = theirs.iter().position(|(other, _)| *other == title);
            let other = at.map(|at| theirs.remove(at).1).unwrap_or_default();
            compare(title, &text, &other);
        }
        for (title, text) in theirs {
            compare(title, "", &text);
        }
        found
    }

    /// The content of a key that is not left alike: what one side made of it and the other did not touch, or what both
    /// made of it.
    fn content(&self, difference: &WorldDifference) -> Vec<DiffLine> {
        let (old, new) = ends(difference);
        let (left, right) = (&self.left.log, &self.right.log);
        let (old_log, new_log) = match (&difference.left, &difference.right) {
            (Some(_), None) => (left, left),
            (None, _) => (right, right),
            (Some(_), Some(_)) => (left, right),
        };
        compare_kept((&old, old_log), (&new, new_log), &self.masker)
    }

    fn to_json(&self, found: &RunDifferences) -> Json {
        let mut spans = Vec::new();
        for difference in &found.spans {
            let one = |change: &str, side: &Side, span: SpanId| {
                let (path, facts) = (side.state.trace.path(span), facts_json(&side.facts(span)));
                json!({ "change": change, "path": path, "span": span.to_string(), "facts": facts })
            };
            spans.push(match difference {
                SpanDifference::Added(span) => one("added", self.right, *span),
                SpanDifference::Gone(span) => one("gone", self.left, *span),
                SpanDifference::Changed { left, right } => {
                    let texts: Vec<Json> = self
                        .texts(*left, *right)
                        .iter()
                        .map(|(title, lines)| json!({ "text": title, "diff": joined(lines) }))
                        .collect();
                    json!({
                        "change": "changed", "path": self.right.state.trace.path(*right),
                        "left": self.left.span_json(*left), "right": self.right.span_json(*right),
                        "texts": texts,
                    })
                }
            });
        }
        let change = |change: &Option<NetChange>| change.as_ref().map(super::changes::change_json);
        let world = found.world.iter().map(|difference| {
            json!({
                "left": change(&difference.left), "right": change(&difference.right),
                "diff": joined(&self.content(difference)),
            })
        });
        let world: Vec<Json> = world.collect();
        json!({
            "left": self.left.json(), "right": self.right.json(), "same": found.is_empty(),
            "spans": spans, "world": world,
        })
    }
}

fn joined(lines: &[DiffLine]) -> String {
    lines.iter().map(DiffLine::to_text).collect::<Vec<_>>().join("\n")
}

fn indented(lines: &[DiffLine], columns: usize) -> String {
    let indented = |line: &DiffLine| format!("{:columns$}{}", "", line.to_text());
    lines.iter().map(indented).chain([String::new()]).collect::<Vec<_>>().join("\n")
}

fn facts_json(facts: &SpanFacts) -> Json {
    json!({
        "state": facts.state.name(), "finish": facts.finish, "tokens": facts.usage, "cost_microusd": facts.cost,
        "work_ms": facts.work,
    })
}

/// The facts that differ, each as `tokens 12 → 14`.
fn changed_facts(left: &SpanFacts, right: &SpanFacts) -> Vec<String> {
    let mut out = Vec::new();
    let mut add = |name: &str, one: String, other: String| {
        if one != other {
            out.push(format!("{name} {one} → {other}"));
        }
    };
    let word = |facts: &SpanFacts| facts.state.name().replace('_', " ");
    add("state", word(left), word(right));
    let finish = |facts: &SpanFacts| facts.finish.clone().unwrap_or_else(|| "none".to_owned());
    add("finish key", finish(left), finish(right));
    add("tokens", tokens(left), tokens(right));
    let cost = |facts: &SpanFacts| format!("${}.{:06}", facts.cost / 1_000_000, facts.cost % 1_000_000);
    add("cost", cost(left), cost(right));
    out
}

/// The two states of a key that are compared: those in which the two sides left it, or, where only one changed it, those
/// before and after its change. The other side may have found it in any state.
fn ends(difference: &WorldDifference) -> (KeyState, KeyState) {
    let end = |change: &NetChange| if change.kind == NetKind::Deleted { KeyState::Absent } else { change.new.clone() };
    match (&difference.left, &difference.right) {
        (Some(left), Some(right)) => (end(left), end(right)),
        (Some(only), None) | (None, Some(only)) => (only.old.clone(), end(only)),
        (None, None) => (KeyState::Absent, KeyState::Absent),
    }
}

/// A key that is not left alike, on one line.
fn world_line(difference: &WorldDifference) -> String {
    let (old, new) = ends(difference);
    let who = match (&difference.left, &difference.right) {
        (Some(_), None) => "changed on the left only",
        (None, _) => "changed on the right only",
        (Some(_), Some(_)) => "left → right",
    };
    format!("{} {}  {} ({who})", old.letter_to(&new), key_name(&difference.key), old.change_to(&new))
}
