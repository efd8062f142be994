//! The keys of each popup: they stand on its border and in the footer, and no others work while it is open.

use super::{Ask, Editor, PlanAsk, Popup, Purpose, State};
use crate::model::DiffSides;

/// A key and its effect.
pub type Hint = (String, &'static str);

/// The keys of the popup that is open, those that matter most first, the one that closes it last.
#[must_use]
pub fn popup_keys(state: &State) -> Vec<Hint> {
    let fixed = |keys: &[(&str, &'static str)]| keys.iter().map(|(key, name)| ((*key).to_owned(), *name)).collect();
    match &state.popup {
        None => Vec::new(),
        Some(Popup::Help(_)) => fixed(&[("j k PgDn PgUp", "scroll"), ("/ n N", "find"), ("Esc", "close")]),
        Some(Popup::Ask(ask)) => ask_keys(ask),
        Some(Popup::Plan(plan)) => plan_keys(plan, plan.takes_edits(&state.run)),
        Some(Popup::Menu(menu)) => {
            let (_, above, below) = menu.reasons(state.size);
            let mut keys: Vec<Hint> = fixed(&[("Enter", "choose"), ("j k", "move"), ("Esc", "Cancel")]);
            if above + below > 0 {
                keys.insert(2, ("PgDn PgUp".to_owned(), "scroll"));
            }
            keys
        }
        Some(Popup::Breakpoints(_)) => fixed(&[
            ("Space", "on or off"),
            ("w", "condition"),
            ("d", "delete"),
            ("a", "add from the selection"),
            ("Esc", "close"),
        ]),
        Some(Popup::Editor(editor)) => editor_keys(editor),
        Some(Popup::Diff(view)) if view.back.is_none() && view.sides == DiffSides::Action => fixed(&[
            ("h l", "previous, next"),
            ("j k", "scroll"),
            ("/ n N", "find"),
            ("v", "wrap"),
            ("w", "who"),
            ("Esc", "close"),
        ]),
        Some(Popup::Diff(_)) => {
            fixed(&[("j k", "scroll"), ("/ n N", "find"), ("v", "wrap"), ("w", "who"), ("Esc", "back")])
        }
        Some(Popup::Approval(view)) if view.is_question() => {
            fixed(&[("a", "answer"), ("j k", "scroll"), ("Esc", "later")])
        }
        Some(Popup::Approval(_)) => fixed(&[
            ("y", "Allow once"),
            ("n", "Deny"),
            ("h", "hold"),
            ("Y", "for the run"),
            ("N", "Deny, say why"),
            ("e", "edit"),
            ("a", "answer"),
            ("Esc", "later"),
        ]),
        Some(Popup::TriesForm(form)) => vec![
            ("h l 1-9".to_owned(), "times"),
            ("j k".to_owned(), "move"),
            ("Space".to_owned(), "this model, or not"),
            (form.key().to_string(), "Retry"),
            ("Esc".to_owned(), "Cancel"),
        ],
        Some(Popup::Palette(_)) => fixed(&[("Enter", "choose"), ("↑ ↓", "move"), ("Esc", "close")]),
        Some(Popup::Tries(_)) => tries_keys(state),
        Some(Popup::Entry(entry)) => {
            let mut keys: Vec<Hint> =
                fixed(&[("l", "to its span"), ("y", "copy"), ("j k", "scroll"), ("Esc", "close")]);
            if entry.span.is_none() {
                keys.remove(0);
            }
            keys
        }
    }
}

fn plan_keys(plan: &PlanAsk, takes_edits: bool) -> Vec<Hint> {
    let retry = plan.key().to_string();
    let keys = [
        (true, retry.as_str(), "Retry"),
        (takes_edits, "e", "edit first"),
        (!plan.plan.readers.is_empty(), "Space", "readers too, or not"),
        (plan.reading().is_long(), "j k PgDn PgUp", "scroll"),
        (true, "/ n N", "find"),
        (true, "Esc", "Cancel"),
    ];
    keys.into_iter().filter(|(shown, ..)| *shown).map(|(_, key, name)| (key.to_owned(), name)).collect()
}

fn tries_keys(state: &State) -> Vec<Hint> {
    let is_busy = state.tries.as_ref().is_some_and(|report| report.is_busy());
    let (first, close) = if is_busy { (("X", "cancel"), "leave open") } else { (("Enter", "Keep"), "Keep none") };
    let keys = [first, ("d", "changes, or not"), ("j k", "move"), ("PgDn PgUp", "scroll"), ("Esc", close)];
    keys.into_iter().map(|(key, name)| (key.to_owned(), name)).collect()
}

fn ask_keys(ask: &Ask) -> Vec<Hint> {
    let scroll = ask.reading().is_long().then(|| ("j k PgDn PgUp".to_owned(), "scroll"));
    let confirm = (ask.key.to_string(), ask.buttons.confirm);
    std::iter::once(confirm).chain(scroll).chain([("Esc".to_owned(), ask.buttons.close)]).collect()
}

fn editor_keys(editor: &Editor) -> Vec<Hint> {
    let scope = matches!(&editor.purpose, Purpose::Edit { scopes, .. } if scopes.len() > 1);
    let scope = scope.then(|| ("Ctrl-t".to_owned(), "scope"));
    scope.into_iter().chain([("Ctrl-s".to_owned(), editor.purpose.word()), ("Esc".to_owned(), "Cancel")]).collect()
}
