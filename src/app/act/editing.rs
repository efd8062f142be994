//! Editing what is sent, and answering in its place.

use std::collections::BTreeSet;

use super::{approving, breaks, by_hand};
use crate::app::ask::YES;
use crate::app::state::Fetching;
use crate::app::{Ask, Command, Editor, Popup, Purpose, State, Then, safe};
use crate::model::{
    self, Breakpoint, Condition, EditPart, EditScope, Editable, Release, SpanId, SpanKind, UnwrittenEdit,
};

/// Asks for the text of the selected span that can be edited; of a call that has ended, for its parts.
pub(super) fn fetch(state: &mut State, outside: bool) -> Vec<Command> {
    let span = state.selected();
    if by_hand::is_past_call(state, span) {
        by_hand::menu(state, span, Then::Nothing, outside);
        return Vec::new();
    }
    fetch_for(state, span, outside)
}

/// Asks for the text of a span that can be edited.
pub(super) fn fetch_for(state: &mut State, span: SpanId, outside: bool) -> Vec<Command> {
    state.fetching = Some(Fetching { span, part: None, outside, then: Then::Nothing });
    vec![Command::Run(model::Command::Edit { span })]
}

/// Remembers the part of a span that an edit waits for.
pub(super) fn want_part(state: &mut State, (span, part): (SpanId, EditPart), then: Then, outside: bool) {
    state.fetching = Some(Fetching { span, part: Some(part), outside, then });
}

/// The text came: opens it, if it is still wanted.
pub(super) fn open(state: &mut State, mut editable: Editable) -> Vec<Command> {
    let is_wanted = |fetching: &mut Fetching| fetching.span == editable.span && fetching.part == editable.part;
    let Some(Fetching { span, part, outside, then }) = state.fetching.take_if(is_wanted) else { return Vec::new() };
    editable.text = by_hand::begun(&state.by_hand.of(span), &editable);
    if outside {
        let command = Command::OpenEditor { text: editable.text.clone(), extension: editable.extension };
        state.outside = Some((editable, then));
        return vec![command];
    }
    if let Some(part) = part {
        let title = by_hand::title(state, span, part, then);
        show(state, span, title, editable.text, Purpose::ByHand { part, then });
        return Vec::new();
    }
    let purpose = Purpose::Edit { scopes: editable.scopes, chosen: 0 };
    show(state, editable.span, editable.title, editable.text, purpose);
    Vec::new()
}

/// Asks before the user's own files are written.
pub(super) fn ask_write_back(state: &mut State) -> Vec<Command> {
    let line = |edit: &UnwrittenEdit| match &edit.file {
        Some(file) => format!("{file}  the prompt of {}", edit.agent),
        None => format!("not {}: its prompt stands in the pipeline's own file, copy it there", edit.agent),
    };
    let lines = state.edits.iter().map(|edit| safe::line(&line(edit)).into_owned()).collect();
    let files: BTreeSet<&String> = state.edits.iter().filter_map(|edit| edit.file.as_ref()).collect();
    let title = match (files.len(), files.first()) {
        (1, Some(file)) => format!("Write the edited prompt into {}", safe::line(file)),
        (many, _) => format!("Write the edited prompts into {many} files"),
    };
    let commands = vec![Command::Run(model::Command::WriteBack)];
    state.popup = Some(Popup::Ask(Ask::enter(title, YES, lines, commands)));
    Vec::new()
}

/// Opens a text for an answer: to a question, else in the place of what is paused, else in that of the selected span,
/// for a retry or fork of it.
pub(super) fn answer(state: &mut State) -> Vec<Command> {
    match state.asking_here().or_else(|| state.paused_here().map(|(_, span)| span)) {
        Some(span) => {
            answer_for(state, span);
            Vec::new()
        }
        None => by_hand::fetch(state, (state.selected(), EditPart::Answer), Then::Nothing, false),
    }
}

/// Opens a text for an answer in the place of a span: what came of it so far.
pub(super) fn answer_for(state: &mut State, span: SpanId) {
    let whose = match state.run.trace.get(span).map(|found| found.kind) {
        Some(SpanKind::Human) => return answer_question(state, span),
        Some(SpanKind::Tool) => "the tool's result",
        _ => "the model's response",
    };
    let title = format!("{whose}: {}", safe::line(&state.run.trace.path(span)));
    // A model's answer that was cut off is finished by hand.
    let streamed = || state.streams.get(&span).map(|came| came.text.clone());
    let came = state.detail.response(span).or_else(streamed).unwrap_or_default();
    show(state, span, title, came, Purpose::Answer);
}

/// Opens an empty text for the answer to a question to a person; its title is the question.
fn answer_question(state: &mut State, span: SpanId) {
    let question = state.run.labels.asked(span).map(|(text, _)| text.to_owned());
    let asked = question.unwrap_or_else(|| state.run.trace.path(span));
    let title = format!("Answer: {}", safe::line(&asked));
    show(state, span, title, String::new(), Purpose::Answer);
}

/// Opens an empty text for the word to the model with which a call is denied.
pub(super) fn deny(state: &mut State, span: SpanId) {
    let title = format!("Deny {}: a word to the model", safe::line(&state.run.trace.label(span)));
    show(state, span, title, String::new(), Purpose::Deny);
}

/// Opens the condition of a breakpoint.
pub(super) fn condition(state: &mut State, breakpoint: Breakpoint, text: String) {
    let known = Condition::SUBJECTS.join(", ");
    let title = format!("Stop at {} when ({known})", safe::line(&breakpoint.label()));
    show(state, SpanId::RUN, title, text, Purpose::Condition(breakpoint));
}

pub(super) fn show(state: &mut State, span: SpanId, title: String, initial: String, purpose: Purpose) {
    state.editors += 1;
    let id = state.editors;
    let editor = Editor { id, span, title, initial, purpose, touched: false, leaving: false };
    state.popup = Some(Popup::Editor(editor));
}

/// The editor popup's text came back.
pub(in crate::app) fn editor_done(state: &mut State, text: String) -> Vec<Command> {
    let Some(Popup::Editor(editor)) = state.popup.take_if(|popup| matches!(popup, Popup::Editor(_))) else {
        return Vec::new();
    };
    let span = editor.span;
    let mut commands = Vec::new();
    match &editor.purpose {
        Purpose::Condition(breakpoint) => return breaks::set_condition(state, breakpoint.clone(), &text),
        // An answer may be what came before.
        Purpose::ByHand { part, then } if editor.touched || *part == EditPart::Answer => {
            return by_hand::take(state, (span, *part), *then, (text, false));
        }
        Purpose::ByHand { then, .. } => {
            state.say("nothing changed");
            return if *then == Then::Nothing { Vec::new() } else { by_hand::go_on(state, span, *then) };
        }
        _ => {}
    }
    match editor.scope() {
        Some(_) if text == editor.initial => state.say("nothing changed"),
        Some(EditScope::Retry) => {
            return by_hand::take(state, (span, EditPart::Prompt), Then::Nothing, (text, false));
        }
        Some(scope) => commands.push(Command::Run(model::Command::SaveEdit { span, text, scope })),
        None => {
            let how = match editor.purpose {
                Purpose::Deny => Release::Deny { why: text.trim().to_owned() },
                _ => Release::Answer { text },
            };
            if approving::needs_answer(&state.run, span) {
                return approving::send(state, span, how);
            }
            return vec![Command::Run(model::Command::Release { span, how })];
        }
    }
    // What was edited is asked again.
    commands.extend(approving::reopen(state, span));
    commands
}

/// `$EDITOR` ended. Its text lasts as long as the default scope says.
pub(in crate::app) fn outside_done(state: &mut State, result: Result<String, String>) -> Vec<Command> {
    let Some((editable, then)) = state.outside.take() else { return Vec::new() };
    let Editable { span, part, .. } = editable;
    match (result, editable.scopes.first()) {
        (Err(why), _) => state.refuse(why),
        (Ok(text), _) if part.is_some_and(|part| text != editable.text || part == EditPart::Answer) => {
            let part = part.unwrap_or(EditPart::Answer);
            return by_hand::take(state, (span, part), then, (text, true));
        }
        (Ok(text), Some(scope)) if text != editable.text => {
            return vec![Command::Run(model::Command::SaveEdit { span, text, scope: *scope })];
        }
        _ => state.say("nothing changed"),
    }
    Vec::new()
}
