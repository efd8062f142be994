//! Faults of a pipeline: the place, the mistake, and what to do, drawn with the text underlined.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

/// Faults of a pipeline that are listed, at most, and warnings.
const MOST: usize = 500;

/// A text that faults point into.
#[derive(Debug, PartialEq, Eq)]
struct Source {
    name: String,
    text: String,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file, as reached from the path that was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The mistake.
    pub message: String,
    /// The remedy, or the nearest known name.
    pub help: Option<String>,
    #[serde(skip)]
    source: Arc<Source>,
    #[serde(skip)]
    span: Range<usize>,
}

impl Fault {
    /// `FILE:LINE:COLUMN: message; help`.
    fn line(&self) -> String {
        let help = self.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{}:{}:{}: {}{help}", self.file, self.line, self.column, self.message)
    }

    /// The text that is underlined.
    #[must_use]
    pub fn underlined(&self) -> &str {
        self.source.text.get(self.span.clone()).unwrap_or_default()
    }

    fn render(&self, renderer: &Renderer) -> String {
        let title = Level::ERROR.primary_title(self.message.as_str());
        // Of a file that can't be read there is no line to show.
        let mut group = if self.source.text.is_empty() {
            title.element(Origin::path(self.file.as_str()))
        } else {
            let mark = AnnotationKind::Primary.span(self.span.clone());
            title.element(Snippet::source(self.source.text.as_str()).path(self.file.as_str()).annotation(mark))
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// Every fault of a pipeline, in the order of the files' lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The faults; there is at least one.
    #[must_use]
    pub fn all(&self) -> &[Fault] {
        &self.0
    }

    /// The faults as text for a terminal, one blank line between two.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let drawn: Vec<String> = self.0.iter().map(|fault| fault.render(&renderer)).collect();
        drawn.join("\n\n")
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Faults {}

/// Collects the faults and the warnings of all files of a pipeline.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    faults: RefCell<Vec<Fault>>,
    warnings: RefCell<Vec<Fault>>,
}

impl Collector {
    /// The value when no fault was found, else the faults in order, each once.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Faults> {
        let faults = in_order(self.faults.into_inner());
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            _ => Err(Faults(faults)),
        }
    }

    /// True when there is no fault.
    pub(crate) fn is_empty(&self) -> bool {
        self.faults.borrow().is_empty()
    }

    /// The faults so far, a line each.
    pub(super) fn fault_lines(&self) -> Vec<String> {
        in_order(self.faults.borrow().clone()).iter().map(Fault::line).collect()
    }

    /// The warnings so far, a line each.
    pub(super) fn warning_lines(&self) -> Vec<String> {
        in_order(self.warnings.borrow().clone()).iter().map(Fault::line).collect()
    }
}

/// Sorted by place, each once.
fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults.sort_by(|a, b| a.file.cmp(&b.file));
    faults.dedup();
    faults
}

/// A file being read, with the collector its faults go to.
#[derive(Debug, Clone)]
pub(crate) struct Doc<'a> {
    source: Arc<Source>,
    collector: &'a Collector,
}

impl<'a> Doc<'a> {
    pub(crate) fn new(name: &str, text: String, collector: &'a Collector) -> Self {
        Self { source: Arc::new(Source { name: plain(name), text }), collector }
    }

    /// Another file with the same collector.
    pub(crate) fn beside(&self, name: &str, text: String) -> Self {
        Self::new(name, text, self.collector)
    }

    /// The same file with another collector.
    pub(crate) fn with<'b>(&self, collector: &'b Collector) -> Doc<'b> {
        Doc { source: Arc::clone(&self.source), collector }
    }

    pub(crate) fn text(&self) -> &str {
        &self.source.text
    }

    /// `FILE:LINE:COLUMN` of a byte.
    pub(crate) fn place(&self, at: usize) -> String {
        let (line, column) = position(&self.source.text, at);
        format!("{}:{line}:{column}", self.source.name)
    }

    /// The line of a byte, from 1.
    pub(crate) fn line(&self, at: usize) -> u32 {
        u32::try_from(position(&self.source.text, at).0).unwrap_or(u32::MAX)
    }

    pub(crate) fn fault(&self, span: Range<usize>, message: impl AsRef<str>) {
        self.add(&self.collector.faults, &span, message.as_ref(), None);
    }

    pub(crate) fn fault_help(&self, span: Range<usize>, message: impl AsRef<str>, help: impl AsRef<str>) {
        self.add(&self.collector.faults, &span, message.as_ref(), Some(help.as_ref()));
    }

    /// Warns of what a run would do otherwise than it looks.
    pub(super) fn warn(&self, span: Range<usize>, message: impl AsRef<str>, help: impl AsRef<str>) {
        self.add(&self.collector.warnings, &span, message.as_ref(), Some(help.as_ref()));
    }

    /// Adds a fault or a warning. Of a file of mistakes only so many are listed, the last of which says so: to find the
    /// place of each takes time.
    fn add(&self, list: &RefCell<Vec<Fault>>, span: &Range<usize>, message: &str, help: Option<&str>) {
        let mut list = list.borrow_mut();
        match list.len().cmp(&MOST) {
            Ordering::Less => list.push(self.at(span, message, help.map(plain))),
            Ordering::Equal => {
                let message = format!("there is more to correct here: only {MOST} mistakes are listed");
                list.push(self.at(span, &message, Some("correct those first".to_owned())));
            }
            Ordering::Greater => {}
        }
    }

    fn at(&self, span: &Range<usize>, message: &str, help: Option<String>) -> Fault {
        let span = within(&self.source.text, span);
        let (line, column) = position(&self.source.text, span.start);
        Fault {
            file: self.source.name.clone(),
            line,
            column,
            message: plain(message),
            help,
            source: Arc::clone(&self.source),
            span,
        }
    }
}

/// Names come from files: control characters are shown, not sent to the terminal.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The span cut to whole characters of the text, and to its first line.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (start, end) = (floor(span.start), floor(span.end));
    let end = end.max(start);
    let line = text.get(start..end).and_then(|part| part.find('\n')).map_or(end, |at| start + at);
    start..line
}

fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
