//! Tries with choices: asking for them, following them, keeping one.

use crate::app::ask::YES_NO;
use crate::app::{Ask, Buttons, Command, Key, Popup, State, TriesForm, TriesTable, safe};
use crate::model::{self, RetryPlan, TriesReport, TriesStep};

/// For the question whether no try is kept.
const KEEP_NONE: Buttons = Buttons { confirm: "Keep none", close: "Cancel" };

/// Shows the tries that are under way; else asks for a plan, and for the tries when it comes.
pub(super) fn start(state: &mut State) -> Vec<Command> {
    if state.tries.is_some() {
        state.popup = Some(Popup::Tries(TriesTable::default()));
        return Vec::new();
    }
    let span = state.selected();
    state.trying = Some(span);
    vec![Command::Run(model::Command::Plan { span })]
}

/// Opens the form over a plan that was asked for it; true when it was.
pub(super) fn take_plan(state: &mut State, plan: &RetryPlan) -> bool {
    let is_wanted = state.trying.take_if(|span| *span == plan.span).is_some();
    if is_wanted {
        state.popup = Some(Popup::TriesForm(Box::new(TriesForm::new(plan.clone(), &state.models))));
    }
    is_wanted
}

/// A key of the form.
pub(super) fn form_key(state: &mut State, mut form: Box<TriesForm>, key: Key) -> Vec<Command> {
    match key {
        Key::Esc | Key::Char('q') => return Vec::new(),
        key if key == form.key() => match form.confirm() {
            Ok(confirmed) => {
                state.popup = Some(Popup::Tries(TriesTable::default()));
                return confirmed.into_commands();
            }
            Err((back, why)) => {
                state.say(why);
                form = back;
            }
        },
        Key::Enter => state.say("the run may do other things now (rights): y tries it"),
        key => {
            form.key_pressed(key);
        }
    }
    state.popup = Some(Popup::TriesForm(form));
    Vec::new()
}

/// A key of the table.
pub(super) fn table_key(state: &mut State, mut table: TriesTable, key: Key) -> Vec<Command> {
    /// Lines that a page has.
    const PAGE: isize = 8;
    let Some(report) = state.tries.as_deref() else { return Vec::new() };
    let is_choosing = report.step == TriesStep::Choosing;
    match key {
        Key::Esc | Key::Char('q') if is_choosing => return ask_keep_none(state, report.tries.len()),
        Key::Esc | Key::Char('q') => {
            state.say("the tries continue: R shows them");
            return Vec::new();
        }
        Key::Enter if is_choosing => match table.chosen(report) {
            Some(made) if made.not_keepable.is_none() => {
                let number = Some(made.number);
                state.popup = Some(Popup::Tries(table));
                return vec![Command::Run(model::Command::KeepTry { number })];
            }
            Some(made) => {
                let why = made.not_keepable.as_deref().unwrap_or_default();
                let line = format!("try {} can't be kept: {}", made.number, safe::line(why));
                state.say(line);
            }
            None => {}
        },
        Key::Enter => state.say("a try can be kept when all are made"),
        Key::Char('X') if report.is_busy() => {
            ask_cancel(state);
            return Vec::new();
        }
        Key::Char('j') | Key::Down => table.step(report, 1),
        Key::Char('k') | Key::Up => table.step(report, -1),
        Key::Home | Key::Char('g') => table.step(report, isize::MIN),
        Key::End | Key::Char('G') => table.step(report, isize::MAX),
        Key::PageDown | Key::Ctrl('d') => table.scroll(report, PAGE),
        Key::PageUp | Key::Ctrl('u') => table.scroll(report, -PAGE),
        Key::Char('d') if !report.tries.is_empty() => {
            table.shows_changes ^= true;
            table.top = 0;
        }
        _ => {}
    }
    state.popup = Some(Popup::Tries(table));
    Vec::new()
}

/// Asks whether the tries under way are to end.
pub(super) fn ask_cancel(state: &mut State) {
    let lines = vec![
        "The try under way is cancelled and undone; no other is made.".to_owned(),
        "Those that were made can still be kept.".to_owned(),
    ];
    let command = vec![Command::Run(model::Command::Cancel)];
    state.popup = Some(Popup::Ask(Ask::enter("Cancel the tries", YES_NO, lines, command)));
}

/// True while tries are at work.
pub(super) fn is_busy(state: &State) -> bool {
    state.tries.as_ref().is_some_and(|report| report.is_busy())
}

fn ask_keep_none(state: &mut State, made: usize) -> Vec<Command> {
    let tries = if made == 1 { "The try is".to_owned() } else { format!("All {made} tries are") };
    let lines = vec![
        format!("{tries} undone. The run and its workspace stay as they were before R."),
        "The tries stay in the tree, dimmed. They can't be kept afterwards.".to_owned(),
    ];
    let commands = vec![Command::Run(model::Command::KeepTry { number: None })];
    state.popup = Some(Popup::Ask(Ask::enter("Keep none of the tries", KEEP_NONE, lines, commands)));
    Vec::new()
}

/// Takes news of the tries.
pub(super) fn take_report(state: &mut State, report: TriesReport) {
    let is_over = report.step == TriesStep::Over;
    let was_busy = state.tries.as_ref().is_some_and(|known| known.is_busy());
    if !is_over {
        if was_busy && report.step == TriesStep::Choosing && !matches!(state.popup, Some(Popup::Tries(_))) {
            state.say("the tries are made: R shows them");
        }
        state.tries = Some(Box::new(report));
        return;
    }
    state.tries = None;
    if matches!(state.popup, Some(Popup::Tries(_))) {
        state.popup = None;
    }
    let made = report.tries.len();
    let line = match (report.kept, &report.stopped) {
        (Some(number), _) => format!("try {number} of {made} is kept; the others left nothing behind"),
        (None, Some(why)) if report.is_left => format!("the tries stopped, and the run stays as it is: {why}"),
        // The refusal says it.
        (None, Some(_)) if made == 0 => return,
        (None, _) => "no try is kept: the run is as it was before".to_owned(),
    };
    state.say(safe::line(&line).into_owned());
}
