//! Edits by hand of a span that ran, for a retry or fork of it.

use super::editing;
use crate::app::{Choice, Command, Item, Key, Menu, Popup, Purpose, State, Then, UiAction, edit_names, keys, safe};
use crate::model::{self, EditPart, Editable, RetryEdits, SpanId, SpanKind, SpanStatus};

/// Keys for the models that can be chosen.
const DIGITS: &str = "123456789";

/// True for a call that has ended: its parts can be edited for a retry or fork, and nothing of it is sent any more.
pub(super) fn is_past_call(state: &State, span: SpanId) -> bool {
    let trace = &state.run.trace;
    let is_call = |kind| matches!(kind, SpanKind::Llm | SpanKind::Tool);
    let has_ended = |status: SpanStatus| !status.is_live() && status != SpanStatus::Undone;
    let found = trace.get(span).is_some_and(|found| is_call(found.kind) && has_ended(found.status));
    found && trace.pause(span).is_none()
}

/// Offers the parts of a span.
pub(super) fn menu(state: &mut State, span: SpanId, then: Then, outside: bool) {
    let Some(kind) = state.run.trace.get(span).map(|found| found.kind) else { return };
    let edits = state.by_hand.of(span);
    let choice = |part| Choice::EditPart { span, part, then, outside };
    let mut items: Vec<Item> = EditPart::of(kind)
        .iter()
        .filter(|part| **part != EditPart::Model || !state.models.is_empty())
        .map(|part| {
            let choice = match part {
                EditPart::Prompt if then == Then::Nothing => Choice::EditPrompt { span, outside },
                EditPart::Model => Choice::Models { span, then },
                part => choice(*part),
            };
            Item::new(Key::Char(letter(*part)), label(state, span, (*part, kind), then), choice)
        })
        .collect();
    if !edits.is_empty() {
        let label = format!("discard these edits: {}", edit_names(&edits));
        items.push(Item::new(Key::Char('x'), label, Choice::DropEdits { span, then }));
    }
    let what = match then {
        Then::Nothing => "for a retry or fork",
        Then::Retry => "for this retry",
        Then::Fork => "for this fork",
    };
    let title = format!("Edit {}, {what}", safe::line(&state.run.trace.label(span)));
    let back = (then != Then::Nothing).then(|| Box::new(Choice::GoOn { span, then }));
    state.popup = Some(Popup::Menu(Menu { back, ..Menu::new(title, Vec::new(), items) }));
}

fn letter(part: EditPart) -> char {
    match part {
        EditPart::Prompt => 'p',
        EditPart::Input => 'i',
        EditPart::Messages => 'm',
        EditPart::Arguments => 'g',
        EditPart::Answer => 'a',
        EditPart::Temperature => 't',
        EditPart::Model => 'o',
    }
}

fn label(state: &State, span: SpanId, (part, kind): (EditPart, SpanKind), then: Then) -> String {
    let trace = &state.run.trace;
    let agent = safe::line(&trace.label(trace.agent_of(span))).into_owned();
    match (part, kind) {
        (EditPart::Prompt, _) if then == Then::Nothing => format!("the prompt of {agent}, from its next call on"),
        (EditPart::Prompt, _) => format!("the prompt of {agent}"),
        (EditPart::Input, _) => "its input".to_owned(),
        (EditPart::Messages, _) => "the messages that are sent".to_owned(),
        (EditPart::Arguments, _) => "its arguments".to_owned(),
        (EditPart::Answer, SpanKind::Llm) => "its response, by hand: nothing is sent".to_owned(),
        (EditPart::Answer, SpanKind::Tool) => "its result, by hand: nothing runs".to_owned(),
        (EditPart::Answer, SpanKind::Human) => "your answer: nobody is asked".to_owned(),
        (EditPart::Answer, _) => "its output, by hand: nothing of it runs".to_owned(),
        (EditPart::Temperature, _) => "the temperature of what reruns".to_owned(),
        (EditPart::Model, _) => "the model of what reruns".to_owned(),
    }
}

/// Offers the models that can be tried.
pub(super) fn models(state: &mut State, span: SpanId, then: Then) {
    let line = |(written, name): &(String, String)| {
        if written == name { written.clone() } else { format!("{written}: {name}") }
    };
    let item = |(key, model): (char, &(String, String))| {
        let choice = Choice::SetPart { span, part: EditPart::Model, text: model.0.clone(), then };
        Item::new(Key::Char(key), safe::line(&line(model)), choice)
    };
    let items = DIGITS.chars().zip(&state.models).map(item).collect();
    let back = Some(Box::new(Choice::GoOn { span, then }));
    state.popup = Some(Popup::Menu(Menu { back, ..Menu::new("Model of what reruns", Vec::new(), items) }));
}

/// Asks for a part as it was; one that was edited is here already.
pub(super) fn fetch(state: &mut State, (span, part): (SpanId, EditPart), then: Then, outside: bool) -> Vec<Command> {
    editing::want_part(state, (span, part), then, outside);
    vec![Command::Run(model::Command::EditPart { span, part })]
}

/// The text to begin with: as it was edited before, or as it was in the run.
pub(super) fn begun(edits: &RetryEdits, editable: &Editable) -> String {
    let edited = match editable.part {
        Some(EditPart::Prompt) => edits.prompt.clone(),
        Some(EditPart::Input) => edits.input.clone(),
        Some(EditPart::Answer) => edits.answer.clone(),
        Some(EditPart::Messages) => edits.messages.as_ref().map(model::render_messages),
        Some(EditPart::Arguments) => edits.args.as_ref().and_then(|args| serde_json::to_string_pretty(args).ok()),
        Some(EditPart::Temperature) => edits.temperature.map(|temperature| temperature.to_string()),
        Some(EditPart::Model) => edits.model.clone(),
        None => None,
    };
    edited.unwrap_or_else(|| editable.text.clone())
}

/// The title of the editor of a part.
pub(super) fn title(state: &State, span: SpanId, part: EditPart, then: Then) -> String {
    let trace = &state.run.trace;
    let of = if part == EditPart::Prompt { trace.agent_of(span) } else { span };
    let label = safe::line(&trace.label(of)).into_owned();
    let until = match then {
        Then::Nothing => "for the next retry or fork",
        Then::Retry => "for this retry",
        Then::Fork => "for this fork",
    };
    match part {
        EditPart::Answer => format!("answer in the place of {label}, {until}"),
        EditPart::Temperature => format!("temperature of what reruns, {until}"),
        part => format!("{} of {label}, {until}", part.words()),
    }
}

/// Takes the text of a part. A fault leaves it open, or says it where `$EDITOR` was.
pub(super) fn take(
    state: &mut State,
    (span, part): (SpanId, EditPart),
    then: Then,
    (text, is_outside): (String, bool),
) -> Vec<Command> {
    if let Err(why) = state.by_hand.take(span, part, text.clone()) {
        if !is_outside {
            let title = title(state, span, part, then);
            editing::show(state, span, title, text, Purpose::ByHand { part, then });
            if let Some(Popup::Editor(editor)) = &mut state.popup {
                editor.touched = true;
            }
        }
        state.refuse(why);
        return Vec::new();
    }
    go_on(state, span, then)
}

/// Drops the edits of a span.
pub(super) fn drop_all(state: &mut State, span: SpanId, then: Then) -> Vec<Command> {
    state.by_hand.forget(span);
    go_on(state, span, then)
}

/// Shows the plan that the edit was made for, or says what takes it.
pub(super) fn go_on(state: &mut State, span: SpanId, then: Then) -> Vec<Command> {
    let edits = state.by_hand.of(span);
    match then {
        Then::Retry => {
            state.retrying = Some(span);
            vec![Command::Run(model::Command::Plan { span })]
        }
        Then::Fork => vec![Command::Run(model::Command::PlanFork { span, edits: Box::new(edits) })],
        Then::Nothing if edits.is_empty() => {
            state.say("no edits by hand");
            Vec::new()
        }
        Then::Nothing => {
            let key = |action| keys::verb(action).keys_text();
            let label = safe::line(&state.run.trace.label(span)).into_owned();
            let (retry, fork) = (key(UiAction::Retry), key(UiAction::Fork));
            state.say(format!("{label} edited ({}): {retry} retries with it, {fork} forks", edit_names(&edits)));
            Vec::new()
        }
    }
}
