//! A Markdown file with its head read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::super::faults::Doc;
use super::front_matter::{FrontMatter, has_byte_order_mark};
use super::keys::Keys;
use super::yaml::{self, Node};

/// Bytes of a file, at most.
const MAX_BYTES: u64 = 4 << 20;

/// Keys that only a head has, at the beginning of a line.
const HEAD_KEYS: [&str; 9] =
    ["name:", "description:", "version:", "pattern:", "call:", "tools:", "states:", "workers:", "max_iter:"];

/// A file with its head read.
pub(in crate::pipeline) struct Markdown<'a> {
    pub(in crate::pipeline) doc: Doc<'a>,
    head: Option<Node>,
    /// The first byte of the text.
    body: usize,
}

impl<'a> Markdown<'a> {
    /// Reads the head of a file; `None` after a fault.
    pub(in crate::pipeline) fn parse(doc: Doc<'a>) -> Option<Self> {
        if has_byte_order_mark(doc.text()) {
            let message = "the file begins with a byte order mark, with which tama refuses it; it is skipped";
            doc.warn(0..0, message, "save it as UTF-8 without it");
        }
        let parts = match FrontMatter::find(doc.text()) {
            Ok(Some(parts)) => parts,
            Ok(None) => return Some(Self { doc, head: None, body: 0 }),
            Err(unclosed) => {
                doc.fault_help(unclosed.0, "the head is not closed", "end it with a line of three dashes: ---");
                return None;
            }
        };
        let tree = match yaml::parse(doc.text().get(parts.yaml.clone()).unwrap_or_default(), parts.yaml.start) {
            Ok(tree) => tree,
            Err(error) => {
                doc.fault_help(error.at..error.at + 1, error.message, error.help);
                return None;
            }
        };
        if tree.entries().is_none() && !tree.is_nothing() {
            doc.fault_help(
                tree.span.clone(),
                format!("the head is {}", tree.value_type().name()),
                "write `key: value`",
            );
            return None;
        }
        if let Some(glued) = &parts.glued {
            let help = "begin it on a line of its own";
            doc.warn(glued.clone(), "text behind the dashes that close the head is a part of the prompt", help);
        }
        warn_of_second_head(&doc, parts.body);
        Some(Self { doc, head: Some(tree), body: parts.body })
    }

    /// The keys of its head; `None`: it has none.
    pub(in crate::pipeline) fn keys(&self) -> Option<Keys<'_>> {
        let head = self.head.as_ref()?;
        let start = self.doc.text().find("---").unwrap_or_default();
        Some(Keys::new(&self.doc, head.entries().unwrap_or_default(), "the head", start..start + 3))
    }

    /// The text, without the head.
    pub(in crate::pipeline) fn body(&self) -> &str {
        let text = self.doc.text().get(self.body..).unwrap_or_default();
        text.strip_prefix('\u{feff}').unwrap_or(text)
    }

    /// The first byte of the text.
    pub(in crate::pipeline) fn body_start(&self) -> usize {
        self.body
    }
}

/// Warns when the head seems to go on in the text: a line of dashes in the YAML has ended it.
fn warn_of_second_head(doc: &Doc<'_>, body: usize) {
    let text = doc.text().get(body..).unwrap_or_default();
    let Some(end) = text.find("\n---\n").or_else(|| text.find("\n---\r\n")) else { return };
    let mut at = body;
    for line in text.get(..end).unwrap_or_default().split_inclusive('\n') {
        if begins_with_key(line) {
            let message = "this line is a part of the prompt: a line that begins with `---` ended the head above it";
            doc.warn(at..at + line.trim_end().len(), message, "no line of the head may begin with `---`");
            return;
        }
        at += line.len();
    }
}

/// True when a text begins with a key that only a head has.
pub(in crate::pipeline) fn begins_with_key(text: &str) -> bool {
    HEAD_KEYS.iter().any(|key| text.trim_start().starts_with(key))
}

/// Reads a file of a project.
///
/// # Errors
/// With why it can't be read.
pub(in crate::pipeline) fn read_text(path: &Path) -> Result<String, String> {
    let found = path.metadata().map_err(|error| error.to_string())?;
    // Opening a pipe would wait for its writer.
    if !found.is_file() {
        return Err("it is no file".to_owned());
    }
    if found.len() > MAX_BYTES {
        return Err(format!("it is larger than {} MB", MAX_BYTES >> 20));
    }
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    read.map_err(|error| error.to_string())?;
    Ok(text)
}
