//! `runs html`: a run as one page, to be read by somebody who has nothing but a browser.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;

use super::diff_text::{DiffLine, compare_kept};
use super::exit::Exit;
use super::html_page::Page;
use super::runs::status_word;
use super::span_texts::{SpanText, SpanTexts, read};
use super::span_words::{glyph, span_words};
use super::stored::open_log;
use super::text::{dollars, duration, moment, print, print_json, size};
use crate::app::text::plural;
use crate::effects::Masker;
use crate::model::{
    ActionOp, KeyKind, KeyState, LedgerEntry, NetKind, RunState, Seq, SpanId, SpanKind, SpanState, TextHash, TraceBody,
    TraceEvent,
};
use crate::store::{DataDir, Manifest, RunLog};

/// Characters of a text that are shown.
const LONGEST: usize = 100_000;

/// Lines of a diff that are shown.
const MOST_LINES: usize = 2000;

/// Steps of the page whose texts are read together: each reading goes through the whole table.
const AT_ONCE: usize = 4096;

/// Spans that are open at first; with more, only agents at the top are.
const FEW: usize = 40;

/// `tama-tui runs html`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// The file to write [default: tama-run-ID.html here]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Writes the page.
pub(super) fn run(args: &Args, data: &DataDir) -> color_eyre::Result<Exit> {
    let (folder, log, events) = open_log(data, &args.run)?;
    let mut manifest = folder.manifest().unwrap_or_else(|_| log.with(|state| folder.manifest_of(state, &events)));
    let state = log.with(|state| RunState { status: manifest.status, ..state.clone() });
    if manifest.is_behind() {
        manifest.follow(&state);
    }
    let own = OwnTexts::of(&events);
    let report = Report { log: &log, state: &state, texts: SpanTexts::of(events), masker: Masker::from_env() };
    let text = report.write(&manifest, &own)?;
    let to = args.to.clone().unwrap_or_else(|| PathBuf::from(format!("tama-run-{}.html", folder.id())));
    write_new(&to, &text).map_err(|error| eyre!("failed to write {}: {error}", to.display()))?;
    if args.json {
        print_json(&serde_json::json!({ "run": folder.id(), "file": to, "bytes": text.len() }))?;
    } else {
        print(&format!(
            "wrote run {} to {}, {}. It holds prompts, answers and the lines that changed, with known secrets masked: \
             read it before you share it.\n",
            folder.id(),
            to.display(),
            size(text.len() as u64)
        ))?;
    }
    Ok(Exit::Done)
}

/// Writes a file that is not there yet (0600), whole or not at all.
fn write_new(to: &Path, text: &str) -> std::io::Result<()> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist_noclobber(to).map(drop).map_err(|failed| failed.error)
}

/// The texts of the run itself.
#[derive(Debug, Default)]
struct OwnTexts {
    task: Option<TextHash>,
    output: Option<TextHash>,
}

impl OwnTexts {
    fn of(events: &[TraceEvent]) -> Self {
        let mut own = Self::default();
        for event in events {
            match &event.body {
                TraceBody::RunStarted { task, .. } => own.task = Some(*task),
                TraceBody::RunStatus { text, .. } => own.output = *text,
                _ => {}
            }
        }
        own
    }
}

/// A run, to be written as a page.
struct Report<'a> {
    log: &'a RunLog,
    state: &'a RunState,
    texts: SpanTexts,
    masker: Masker,
}

impl Report<'_> {
    fn write(&self, manifest: &Manifest, own: &OwnTexts) -> color_eyre::Result<String> {
        let mut page = Page::new(&format!("{} · run {}", manifest.name, manifest.run));
        page.line("h1", "", &format!("{} · run {}", manifest.name, manifest.run));
        self.facts(&mut page, manifest);
        for (title, hash) in [("Task", own.task), ("Output", own.output)] {
            let Some(hash) = hash else { continue };
            let text = self.log.recorder().text(hash).map_err(|error| eyre!("failed to {error}"))?;
            page.line("h2", "", title);
            page.text("", &self.readable(&text));
        }
        page.line("h2", "", "Spans");
        self.tree(&mut page)?;
        self.net_changes(&mut page);
        Ok(page.finish())
    }

    fn facts(&self, page: &mut Page, manifest: &Manifest) {
        let net = self.state.ledger.net_changes().len();
        let tokens = format!("{} + {}", manifest.tokens.input, manifest.tokens.output);
        let facts = [
            ("status", status_word(manifest.status).to_owned()),
            ("started", moment(manifest.started)),
            ("took", manifest.work_ms.map_or_else(|| "-".to_owned(), duration)),
            ("spans", manifest.spans.to_string()),
            ("tokens", tokens),
            ("cost", dollars(manifest.cost_microusd)),
            ("changes", format!("{}, {net} in the end", plural(self.state.ledger.entries().len(), "action"))),
            ("written by", format!("tama-tui {}", env!("CARGO_PKG_VERSION"))),
        ];
        page.markup("<table>\n");
        for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
            page.markup("<tr>");
            page.line("th", "", name);
            page.line("td", "", &value);
            page.markup("</tr>\n");
        }
        page.markup("</table>\n");
    }

    /// The span tree, each span below its parent.
    fn tree(&self, page: &mut Page) -> color_eyre::Result<()> {
        let mut actions: HashMap<SpanId, Vec<Seq>> = HashMap::new();
        for head in self.state.ledger.heads() {
            actions.entry(head.tool_span).or_default().push(head.seq);
        }
        for steps in self.steps().chunks(AT_ONCE) {
            let spans = || steps.iter().flatten();
            let sections: Vec<SpanText> = spans().flat_map(|span| self.texts.sections(*span, false)).collect();
            let texts = read(self.log, &sections).map_err(|error| eyre!("failed to {error}"))?;
            for step in steps {
                match step {
                    Some(span) => self.span(page, *span, &texts, actions.get(span).map_or(&[], Vec::as_slice)),
                    None => page.markup("</details>\n"),
                }
            }
        }
        Ok(())
    }

    /// The spans in the order of the page; `None` ends the one above. No recursion: a run may be deep.
    fn steps(&self) -> Vec<Option<SpanId>> {
        let below = |span: SpanId| {
            let mut children: Vec<Option<SpanId>> = self.state.trace.children(span).map(Some).collect();
            children.reverse();
            children
        };
        let mut steps = Vec::new();
        let mut open = below(SpanId::RUN);
        while let Some(step) = open.pop() {
            steps.push(step);
            if let Some(span) = step {
                open.push(None);
                open.extend(below(span));
            }
        }
        steps
    }

    fn span(&self, page: &mut Page, span: SpanId, texts: &HashMap<TextHash, String>, actions: &[Seq]) {
        let trace = &self.state.trace;
        let Some(found) = trace.get(span) else { return };
        let is_top = found.parent == SpanId::RUN;
        let is_open = found.kind == SpanKind::Agent && (is_top || trace.len() <= FEW);
        page.markup(if is_open { "<details open><summary>" } else { "<details><summary>" });
        let state = self.state.span_state(span);
        let class = match state {
            SpanState::Ok => "ok",
            SpanState::Failed | SpanState::Denied => "bad",
            _ => "quiet",
        };
        page.line("span", class, &glyph(state).to_string());
        page.line("span", kind_class(found.kind), &trace.label(span));
        let pattern = if trace.pattern(span).is_empty() { found.kind.name() } else { trace.pattern(span) };
        let what = self.texts.model(span).unwrap_or_else(|| pattern.to_owned());
        page.line("span", "quiet", &what);
        page.line("span", class, &span_words(self.state, span));
        let mut more = vec![duration(trace.work(span, self.state.last_at))];
        let tokens = found.counts.usage.input + found.counts.usage.output;
        more.extend((tokens > 0).then(|| format!("{tokens} tok")));
        more.extend((found.counts.cost > 0).then(|| dollars(found.counts.cost)));
        more.extend((found.attempt.0 > 1).then(|| format!("try {}", found.attempt.0)));
        page.line("span", "quiet", &more.join(" · "));
        page.markup("</summary>\n");
        let sections = self.texts.sections(span, false);
        for section in sections.iter().filter(|section| !section.parts.is_empty()) {
            page.line("h4", "", section.title);
            page.text("", &self.readable(&section.render(texts)));
        }
        for entry in actions.iter().filter_map(|action| self.state.ledger.get(*action)) {
            self.action(page, entry);
        }
    }

    fn action(&self, page: &mut Page, entry: &LedgerEntry) {
        page.line(
            "h4",
            "key",
            &self.masked(&format!("{} {}  {}", entry.letter(), entry.record.key, entry.change_text())),
        );
        let (old, new) = match (entry.record.key.kind, entry.record.op) {
            (KeyKind::External | KeyKind::Compensation, _) => return,
            // What it left is the element.
            (_, ActionOp::Append) => (&KeyState::Absent, &entry.record.intended),
            _ => (&entry.record.old, entry.left()),
        };
        let lines = compare_kept((old, self.log), (new, self.log), &self.masker);
        write_diff(page, &lines);
    }

    /// The net changes, a line each; their content is at the spans that made them.
    fn net_changes(&self, page: &mut Page) {
        page.line("h2", "", "Left in the world");
        let changes = self.state.ledger.net_changes();
        if changes.is_empty() {
            page.line("p", "quiet", "No changes.");
            return;
        }
        page.markup("<table>\n");
        for change in &changes {
            let new = if change.kind == NetKind::Deleted { String::new() } else { change.new.summary() };
            let from = change.from.as_ref().map(|from| format!(" (was {from})")).unwrap_or_default();
            page.markup("<tr>");
            page.line("th", "", change.kind.name());
            page.line("td", "key", &self.masked(&format!("{}{from}  {new}", change.key)));
            page.markup("</tr>\n");
        }
        page.markup("</table>\n");
    }

    fn masked(&self, text: &str) -> String {
        self.masker.mask(text).into_owned()
    }

    /// A text without secrets, cut where it is very long.
    fn readable(&self, text: &str) -> String {
        let masked = self.masker.mask(text);
        match masked.char_indices().nth(LONGEST) {
            Some((at, _)) => format!("{}\n… {} more", &masked[..at], size((masked.len() - at) as u64)),
            None => masked.into_owned(),
        }
    }
}

fn kind_class(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Llm => "name llm",
        SpanKind::Tool => "name tool",
        SpanKind::Human => "name human",
        SpanKind::Agent | SpanKind::Run => "name",
    }
}

fn write_diff(page: &mut Page, lines: &[DiffLine]) {
    if lines.is_empty() {
        return;
    }
    page.markup("<div class=\"diff\">\n");
    for line in lines.iter().take(MOST_LINES) {
        let class = match line.sign {
            '+' => "plus",
            '-' => "minus",
            '@' => "place",
            _ => "both",
        };
        page.line("div", class, &line.to_text());
    }
    if lines.len() > MOST_LINES {
        page.line("div", "place", &format!("… {} more lines", lines.len() - MOST_LINES));
    }
    page.markup("</div>\n");
}
