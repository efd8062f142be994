//! The rule that a call needs an approval by, or is denied by, and where it stands.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::fields::section;
use super::now::UpcomingCall;
use crate::model::{EffectClass, Section, SectionBody};
use crate::runtime::policy::{PolicyDecision, decide, first_about};

/// Bytes of a pipeline file that are looked through.
const LARGEST_FILE: u64 = 1_000_000;

/// The section about the approval that a call needs. `asks`: why it needs one.
pub(super) fn section_of(asks: &str, pending: &UpcomingCall, root: &Path) -> Section {
    // The command stands above already.
    let why = asks.split("; it runs ").next().unwrap_or(asks);
    let rule = first_about(&pending.pipeline.policy.ask, &pending.call, root);
    let place = rule.zip(pending.source.as_ref()).and_then(|(rule, source)| place(source, "ask", rule));
    section("approval", "needed before it runs", SectionBody::Facts(facts(why, place)))
}

/// The section about a call that the policy denies.
pub(super) fn denied(pending: &UpcomingCall, effect: EffectClass, root: &Path) -> Option<Section> {
    let PolicyDecision::Deny(why) = decide(&pending.pipeline.policy, &pending.call, effect, root) else { return None };
    let rule = first_about(&pending.pipeline.policy.deny, &pending.call, root);
    let place = rule.zip(pending.source.as_ref()).and_then(|(rule, source)| place(source, "deny", rule));
    let place = place.map(|place| format!(" ({place})"));
    let text = format!("would be denied: {why}{}", place.unwrap_or_default());
    Some(section("changes", "none", SectionBody::Error(text)))
}

/// The section about a call that was denied. `result`: the answer that its model got.
pub(super) fn was_denied(result: &str, source: Option<&PathBuf>) -> Section {
    let why = result.strip_prefix("[error: ").and_then(|why| why.strip_suffix(']')).unwrap_or(result);
    let why = why.strip_prefix("denied: ").unwrap_or(why);
    let rule = why.strip_prefix("policy denies \"").and_then(|rule| rule.strip_suffix('"'));
    let place = rule.zip(source).and_then(|(rule, source)| place(source, "deny", rule));
    let place = place.map(|place| format!("\nthe rule is at {place}")).unwrap_or_default();
    section("denied", "it was not run", SectionBody::Error(format!("{why}{place}")))
}

fn facts(why: &str, place: Option<String>) -> Vec<(String, String)> {
    let place = place.map(|place| ("where".to_owned(), place));
    std::iter::once(("why".to_owned(), why.to_owned())).chain(place).collect()
}

/// `pipeline.toml:31`: the line of a rule in the pipeline's file, if it is found there.
fn place(source: &Path, list: &str, rule: &str) -> Option<String> {
    let file = File::open(source).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    file.take(LARGEST_FILE).read_to_string(&mut text).ok()?;
    let line = line_of(&text, list, rule)?;
    Some(format!("{}:{line}", source.file_name()?.to_string_lossy()))
}

/// The line, from 1, on which a rule stands in its list of `[policy]`.
fn line_of(text: &str, list: &str, rule: &str) -> Option<usize> {
    let quoted = [serde_json::to_string(rule).ok()?, format!("'{rule}'")];
    let (mut in_policy, mut in_list) = (false, false);
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.starts_with('#') {
            continue;
        }
        // Rules are texts: a bracket at the beginning of a line is no list in a list.
        if line.starts_with('[') {
            (in_policy, in_list) = (line.starts_with("[policy]"), false);
        }
        if let Some((key, _)) = line.split_once('=')
            && key.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        {
            in_list = in_policy && key.trim() == list;
        }
        if in_list && quoted.iter().any(|quoted| line.contains(quoted)) {
            return Some(at + 1);
        }
        in_list &= !line.trim_end().ends_with(']');
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
[policy]
allow = [\"tama_bash:rm *\"]
# ask = [\"tama_bash:rm *\"]
ask = [
  # \"tama_bash:rm *\",
  \"tama_http_post\", 'a:\"b\"',
  \"tama_bash:rm *\",   # deletes
]
deny = [\"tama_bash:sudo *\"]

[agents.x]
ask = [\"other\"]
";

    #[test]
    fn a_rule_is_found_in_its_own_list() {
        let find = |list: &str, rule: &str| line_of(FILE, list, rule);
        assert_eq!(find("ask", "tama_bash:rm *"), Some(7));
        assert_eq!(find("ask", "tama_http_post"), Some(6));
        assert_eq!(find("ask", "a:\"b\""), Some(6));
        assert_eq!(find("deny", "tama_bash:sudo *"), Some(9));
        assert_eq!(find("ask", "tama_bash:sudo *"), None);
        assert_eq!(find("ask", "other"), None);
    }
}
