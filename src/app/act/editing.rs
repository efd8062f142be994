//! Editing what is sent, and answering in its place.

use std::collections::BTreeSet;

use super::{approving, breaks};
use crate::app::ask::YES;
use crate::app::{Ask, Command, Editor, Popup, Purpose, State, safe};
use crate::model::{self, Breakpoint, Condition, Editable, Release, SpanId, SpanKind, UnwrittenEdit};

/// Asks for the text of the selected span that can be edited.
pub(super) fn fetch(state: &mut State, outside: bool) -> Vec<Command> {
    fetch_for(state, state.selected(), outside)
}

/// Asks for the text of a span that can be edited.
pub(super) fn fetch_for(state: &mut State, span: SpanId, outside: bool) -> Vec<Command> {
    state.fetching = Some((span, outside));
    vec![Command::Run(model::Command::Edit { span })]
}

/// The text came: opens it, if it is still wanted.
pub(super) fn open(state: &mut State, editable: Editable) -> Vec<Command> {
    let Some((_, outside)) = state.fetching.take_if(|(span, _)| *span == editable.span) else { return Vec::new() };
    if outside {
        let command = Command::OpenEditor { text: editable.text.clone(), extension: editable.extension };
        state.outside = Some(editable);
        return vec![command];
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

/// Opens an empty text for an answer: to a question, else in the place of what is paused.
pub(super) fn answer(state: &mut State) {
    if let Some(span) = state.asking_here().or_else(|| state.paused_here().map(|(_, span)| span)) {
        answer_for(state, span);
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

fn show(state: &mut State, span: SpanId, title: String, initial: String, purpose: Purpose) {
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
    if let Purpose::Condition(breakpoint) = editor.purpose {
        return breaks::set_condition(state, breakpoint, &text);
    }
    match editor.scope() {
        Some(_) if text == editor.initial => state.say("nothing changed"),
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
    let Some(editable) = state.outside.take() else { return Vec::new() };
    match (result, editable.scopes.first()) {
        (Err(why), _) => state.refuse(why),
        (Ok(text), Some(scope)) if text != editable.text => {
            return vec![Command::Run(model::Command::SaveEdit { span: editable.span, text, scope: *scope })];
        }
        _ => state.say("nothing changed"),
    }
    Vec::new()
}
