//! Keys that the user chose: the table of verbs with them in the place of the usual ones.

use std::sync::OnceLock;

use super::{UiAction, VERBS, Verb, sequence};
use crate::app::Key;

/// The verbs with the user's keys. They are read once, at the program's start, before anything looks up a key.
static CHOSEN: OnceLock<Vec<Verb>> = OnceLock::new();

/// Every verb, with the user's keys where there are any.
#[must_use]
pub fn verbs() -> &'static [Verb] {
    CHOSEN.get().map_or(VERBS, Vec::as_slice)
}

/// Uses these verbs from now on; only the first call counts.
pub fn use_verbs(verbs: Vec<Verb>) {
    drop(CHOSEN.set(verbs));
}

/// The keys that the user chose for one verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The verb.
    pub action: UiAction,
    /// One key each, or a prefix and one that follows.
    pub keys: Vec<Vec<Key>>,
}

/// A choice that can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BindError {
    /// The verb whose keys are wrong.
    pub action: UiAction,
    /// The reason, and what to do.
    pub why: String,
}

/// Makes the table with the user's keys: they replace all usual keys of their verb.
///
/// # Errors
/// When two verbs have one key, or a key is both a verb's and a prefix.
pub fn bind(chosen: &[Binding]) -> Result<Vec<Verb>, BindError> {
    let with_keys = |verb: &Verb| match chosen.iter().find(|binding| binding.action == verb.action) {
        // It lives as long as the program, as the usual keys do.
        Some(binding) => Verb { keys: leak(&binding.keys), ..*verb },
        None => *verb,
    };
    let verbs: Vec<Verb> = VERBS.iter().map(with_keys).collect();
    let all = || verbs.iter().flat_map(|verb| verb.keys.iter().map(move |keys| (*keys, verb.action)));
    for binding in chosen {
        for keys in &binding.keys {
            let clash = |(other, action): &(&[Key], UiAction)| {
                *action != binding.action && (other.starts_with(keys) || keys.starts_with(other))
            };
            if let Some((other, action)) = all().find(clash) {
                return Err(BindError { action: binding.action, why: clash_text(keys, other, action) });
            }
            let own = binding.keys.iter().filter(|other| other.starts_with(keys)).count();
            if own > 1 {
                let why = format!("`{}` stands there twice, or is a prefix of another one; remove one", sequence(keys));
                return Err(BindError { action: binding.action, why });
            }
        }
    }
    Ok(verbs)
}

fn clash_text(keys: &[Key], other: &[Key], action: UiAction) -> String {
    let id = action.id();
    let keys = sequence(keys);
    if keys == sequence(other) {
        return format!("`{keys}` is the key of `{id}`; choose another one, or give `{id}` other keys too");
    }
    format!(
        "`{keys}` and `{}` of `{id}` begin alike; choose another one, or give `{id}` other keys too",
        sequence(other)
    )
}

fn leak(keys: &[Vec<Key>]) -> &'static [&'static [Key]] {
    let each: Vec<&'static [Key]> = keys.iter().map(|keys| &*keys.clone().leak()).collect();
    each.leak()
}

/// Reads the keys of one verb as people write them: `j`, `gg`, `Ctrl-d`, `] a`; `None` when they are none.
#[must_use]
pub fn parse_keys(text: &str) -> Option<Vec<Key>> {
    if let Ok(key) = text.parse() {
        return Some(vec![key]);
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    let keys: Vec<Key> = match parts.as_slice() {
        // Two letters without a space between them, as the help writes them.
        [pair] if pair.chars().count() == 2 && !names_function_key(pair) => pair.chars().map(Key::Char).collect(),
        [first, second] => vec![first.parse().ok()?, second.parse().ok()?],
        _ => return None,
    };
    Some(keys)
}

/// True for the name of a function key, which terminals send in many ways and no verb takes.
fn names_function_key(text: &str) -> bool {
    text.strip_prefix(['F', 'f']).is_some_and(|number| number.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(action: UiAction, keys: &[&str]) -> Binding {
        Binding { action, keys: keys.iter().map(|keys| parse_keys(keys).unwrap()).collect() }
    }

    #[test]
    fn every_usual_key_can_be_written_down_and_read_again() {
        for verb in VERBS {
            for keys in verb.keys {
                assert_eq!(parse_keys(&sequence(keys)).as_deref(), Some(*keys), "{}", sequence(keys));
            }
        }
        assert_eq!(parse_keys("ctrl-D"), Some(vec![Key::Ctrl('d')]));
        assert_eq!(parse_keys("g g"), Some(vec![Key::Char('g'); 2]));
        for wrong in ["", "Ctrl-", "abc", "a b c", "Hyper-x", "F1 F2", "F1"] {
            assert_eq!(parse_keys(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn chosen_keys_replace_the_usual_ones() {
        let verbs = bind(&[binding(UiAction::Cancel, &["Ctrl-x"]), binding(UiAction::Copy, &["X", "yy"])]).unwrap();
        let keys = |action| verbs.iter().find(|verb| verb.action == action).unwrap().all_keys();
        assert_eq!(keys(UiAction::Cancel), "Ctrl-x");
        assert_eq!(keys(UiAction::Copy), "X yy");
        assert_eq!(keys(UiAction::Quit), "q");
        assert_eq!(bind(&[]).unwrap().len(), VERBS.len());
    }

    #[test]
    fn one_key_has_one_meaning() {
        let why = |action, keys: &[&str]| bind(&[binding(action, keys)]).unwrap_err().why;
        assert!(why(UiAction::Copy, &["X"]).contains("`X` is the key of `cancel`"));
        assert!(why(UiAction::Copy, &["]"]).contains("begin alike"));
        assert!(why(UiAction::Copy, &["qq"]).contains("`q` of `quit`"));
        assert!(why(UiAction::Copy, &["Ctrl-y", "Ctrl-y"]).contains("twice"));
    }

    #[test]
    fn every_verb_has_a_name_of_its_own_in_the_settings() {
        let names: std::collections::BTreeSet<String> = UiAction::ALL.iter().map(|action| action.id()).collect();
        assert_eq!(names.len(), UiAction::ALL.len());
        assert_eq!(UiAction::PageDown.id(), "page-down");
        assert_eq!(UiAction::Drop.id(), "discard");
    }
}
