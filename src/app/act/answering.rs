//! Keys while an approval is shown: only its own digits and letters answer it.

use super::{approving, editing};
use crate::app::{Answer, Approval, Command, Key, Popup, State};
use crate::model::{Allow, Release, SpanId};

/// A key while an approval is shown.
pub(super) fn key(state: &mut State, mut view: Box<Approval>, key: Key) -> Vec<Command> {
    let span = view.span();
    if view.opened().is_some_and(|opened| state.asked.is_typed_ahead(opened)) {
        state.say("opened just now: the key was not taken");
    } else if let Some(answer) = view.answer(key) {
        let allows = matches!(answer, Answer::Once | Answer::Held | Answer::Always);
        let refused = view.refusal(answer);
        let more = if allows && refused.is_none() { view.read_on(key) } else { None };
        match (refused, more) {
            (Some(why), _) => state.say(format!("{key}: {why}")),
            (None, Some(more)) => state.say(more),
            (None, None) => return give(state, span, answer),
        }
    } else {
        match key {
            Key::Char('e') if !view.is_question() => return editing::fetch_for(state, span, false),
            Key::Char('a') | Key::Enter if view.is_question() || key == Key::Char('a') => {
                editing::answer_for(state, span);
                return Vec::new();
            }
            Key::Esc | Key::Char('q') => {
                state.asked.put_off(span);
                state.say(if view.is_question() {
                    "answer later: ]a goes there, a answers"
                } else {
                    "decide later: ]a goes there, c opens it"
                });
                return Vec::new();
            }
            key => scroll(state, &mut view, key),
        }
    }
    state.popup = Some(Popup::Approval(view));
    Vec::new()
}

fn scroll(state: &mut State, view: &mut Approval, key: Key) {
    match key {
        Key::Char('j') | Key::Down => view.scroll(1),
        Key::Char('k') | Key::Up => view.scroll(-1),
        Key::PageDown | Key::Ctrl('d') => view.page(1),
        Key::PageUp | Key::Ctrl('u') => view.page(-1),
        Key::Home | Key::Char('g') => view.scroll(isize::MIN),
        Key::End | Key::Char('G') => view.scroll(isize::MAX),
        _ if view.is_question() => state.say(format!("{key} answers nothing here: a answers, Esc answers later")),
        _ => state.say(format!("{key} answers nothing here: press 1 to 5, or Esc to decide later")),
    }
}

fn give(state: &mut State, span: SpanId, answer: Answer) -> Vec<Command> {
    let how = match answer {
        Answer::Once => Release::Allow(Allow::Once),
        Answer::Held => Release::Allow(Allow::Held),
        Answer::Always => Release::Allow(Allow::Always),
        Answer::Deny => Release::Deny { why: String::new() },
        Answer::DenyWhy => {
            editing::deny(state, span);
            return Vec::new();
        }
    };
    approving::send(state, span, how)
}
