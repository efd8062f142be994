//! Parts of texts that differ from one execution to the next, and mean nothing.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// The folders of one execution: its working folder, its home, its temporary folder. A path in them is the same path in
/// those of another execution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folders(Vec<String>);

/// The begin of the block by which Claude Code names its version for billing.
const ATTRIBUTION: &str = "x-anthropic-billing-header:";
/// Blocks that programs put into a user's message, and write anew each time.
const REMINDERS: [(&str, &str); 2] =
    [("<system-reminder>", "</system-reminder>"), ("<environment_context>", "</environment_context>")];

/// Each kind of volatile part, as a group.
const PARTS: &str = concat!(
    // Ids: UUIDs, and those of providers.
    r"(?P<id>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
    r"|\b(?:toolu|srvtoolu|call|msg|resp|req|chatcmpl|fc|ctc|rs|sess|session|thread)[_-][A-Za-z0-9_-]{6,})",
    // Dates and times.
    r"|(?P<time>\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?",
    r"|\b\d{1,2}/\d{1,2}/\d{4}\b",
    r"|\b(?:Mon|Tue|Tues|Wednes|Wed|Thu|Thurs|Fri|Satur|Sat|Sun)(?:day)?,? (?:\d{1,2} )?",
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December",
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b(?: \d{1,2})?,?(?: \d{4})?",
    r"|\b(?:January|February|March|April|May|June|July|August|September|October|November|December) \d{1,2}, \d{4}",
    r"|\b\d{1,2}:\d{2}:\d{2}(?:\.\d+)?(?: ?[AP]M)?\b",
    r"|\b1[6-9]\d{8}(?:\d{3})?(?:\.\d+)?\b)",
    // Durations.
    r#"|(?P<duration>"?duration_ms"?\s*[:=]\s*\d+(?:\.\d+)?"#,
    r"|\b\d+(?:\.\d+)? ?(?:ms|s|secs?|seconds?)\b|\b\d+m\d+(?:\.\d+)?s\b)",
    // Temporary folders: their own names, not those of what is in them.
    r#"|(?P<temp>(?:/private)?/var/folders/[^/\s"']+/[^/\s"']+/T(?:/[^/\s"'<>),:;]+)?"#,
    r#"|(?:/private)?(?:/var)?/tmp/[^/\s"'<>),:;]+)"#,
);

/// `None` can't be: a test builds it.
static VOLATILE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PARTS).ok());

impl Folders {
    /// These folders; the longer of two is found first. Roots and relative names are left out.
    pub fn new(folders: impl IntoIterator<Item = String>) -> Self {
        let trimmed = folders.into_iter().map(|folder| folder.trim_end_matches('/').to_owned());
        let mut folders: Vec<String> = trimmed.filter(|folder| folder.len() > 1 && folder.starts_with('/')).collect();
        folders.sort_by_key(|folder| std::cmp::Reverse(folder.len()));
        folders.dedup();
        Self(folders)
    }

    /// The text with each volatile part replaced by its kind.
    pub(super) fn normalise(&self, text: &str) -> String {
        let mut text = Cow::Borrowed(text);
        for folder in &self.0 {
            if text.contains(folder.as_str()) {
                text = Cow::Owned(replace_folder(&text, folder));
            }
        }
        let Some(volatile) = VOLATILE.as_ref() else { return text.into_owned() };
        let named = volatile.replace_all(&text, |found: &regex::Captures<'_>| {
            let kind = ["id", "time", "duration", "temp"].into_iter().find(|kind| found.name(kind).is_some());
            format!("<{}>", kind.unwrap_or_default())
        });
        named.into_owned()
    }
}

/// Replaces a folder where its name ends; `/work` is not the beginning of `/workshop`.
fn replace_folder(text: &str, folder: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(folder) {
        let after = &rest[at + folder.len()..];
        let ends = after.chars().next().is_none_or(|next| !(next.is_alphanumeric() || matches!(next, '-' | '_')));
        replaced.push_str(&rest[..at]);
        replaced.push_str(if ends { "<folder>" } else { folder });
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

/// Instructions without the block that names the program's version.
pub(super) fn without_attribution(system: &str) -> String {
    let blocks = system.split("\n\n").filter(|block| !block.trim_start().starts_with(ATTRIBUTION));
    blocks.collect::<Vec<_>>().join("\n\n")
}

/// A message's own text, and the text of the blocks that its program put into it.
pub(super) fn split_reminders(text: &str) -> (String, String) {
    let (mut own, mut reminders) = (String::new(), String::new());
    let mut rest = text;
    loop {
        let found = REMINDERS.iter().filter_map(|(begin, end)| Some((rest.find(begin)?, *begin, *end))).min();
        let Some((at, begin, end)) = found else {
            own.push_str(rest);
            return (own, reminders);
        };
        let inner = &rest[at + begin.len()..];
        let Some(length) = inner.find(end) else {
            own.push_str(rest);
            return (own, reminders);
        };
        own.push_str(&rest[..at]);
        reminders.push_str(inner[..length].trim());
        reminders.push('\n');
        rest = &inner[length + end.len()..];
    }
}
