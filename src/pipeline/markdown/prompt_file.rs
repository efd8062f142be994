//! The prompt in a `prompt_file` of a pipeline.toml. A head is none of it: it is skipped, with a warning.

use super::super::faults::Doc;
use super::file::begins_with_key;
use super::front_matter::FrontMatter;
use super::yaml;

/// The prompt in a file, without its head; `None` after a fault.
pub(in crate::pipeline) fn prompt_text(doc: &Doc<'_>) -> Option<String> {
    let text = doc.text();
    let whole = || Some(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned());
    let parts = match FrontMatter::find(text) {
        Ok(Some(parts)) => parts,
        // A text may begin with a line across.
        Err(unclosed) if begins_with_key(text.get(unclosed.0.end..).unwrap_or_default()) => {
            doc.fault_help(unclosed.0, "the head is not closed", "end it with a line of three dashes: ---");
            return None;
        }
        _ => return whole(),
    };
    match yaml::parse(text.get(parts.yaml.clone()).unwrap_or_default(), parts.yaml.start) {
        Ok(tree) if tree.entries().is_none() && !tree.is_nothing() => whole(),
        Ok(_) => {
            let message = "the head of a prompt's file is not sent, and its keys are ignored";
            doc.warn(parts.yaml, message, "write them into the table of its agent, and remove them here");
            Some(text.get(parts.body..).unwrap_or_default().to_owned())
        }
        Err(error) => {
            let help = "correct the head, remove it, or begin the prompt with another line than dashes";
            doc.fault_help(error.at..error.at + 1, error.message, help);
            None
        }
    }
}
