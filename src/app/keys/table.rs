//! The table itself.

use super::{Available, Context, Group, UiAction as A, Verb, when};
use crate::app::{Key, Pane};

/// Every verb: those that show a panel stand where panes are turned.
pub static VERBS: &[Verb] = &{
    let mut all = [FIRST[0]; FIRST.len() + Pane::COUNT + LATER.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = match at {
            at if at < FIRST.len() => FIRST[at],
            at if at < FIRST.len() + Pane::COUNT => show(Pane::EVERY[at - FIRST.len()]),
            at => LATER[at - FIRST.len() - Pane::COUNT],
        };
        at += 1;
    }
    all
};

/// The verbs that move about, up to the panes.
const FIRST: &[Verb] = &[
    // Move
    verb(A::Down, "down", "down", Group::Move, &[&[c('j')], &[Key::Down]], when::always),
    verb(A::Up, "up", "up", Group::Move, &[&[c('k')], &[Key::Up]], when::always),
    verb(A::Fold, "fold", "fold, or to the parent", Group::Move, &[&[c('h')], &[Key::Left]], when::always),
    verb(A::Unfold, "unfold", "unfold, or to the first child", Group::Move, &[&[c('l')], &[Key::Right]], when::always),
    verb(A::Top, "top", "to the first line", Group::Move, &[&[c('g'), c('g')], &[Key::Home]], when::always),
    verb(A::Bottom, "bottom", "to the last line", Group::Move, &[&[c('G')], &[Key::End]], when::always),
    verb(A::PageDown, "page down", "a page down", Group::Move, &[&[Key::Ctrl('d')], &[Key::PageDown]], when::always),
    verb(A::PageUp, "page up", "a page up", Group::Move, &[&[Key::Ctrl('u')], &[Key::PageUp]], when::always),
    verb(A::OtherDown, "scroll", "scroll the other pane down", Group::Move, &[&[c('J')]], when::always),
    verb(A::OtherUp, "scroll up", "scroll the other pane up", Group::Move, &[&[c('K')]], when::always),
    verb(A::NextPane, "next pane", "to the next pane", Group::Move, &[&[Key::Tab]], when::always),
    verb(A::PrevPane, "last pane", "to the previous pane", Group::Move, &[&[Key::BackTab]], when::always),
];

/// The verbs after those that show a panel.
const LATER: &[Verb] = &[
    verb(A::Zoom, "zoom", "give this panel the whole screen", Group::Move, &[&[c('+')]], when::always),
    verb(A::Unzoom, "unzoom", "show all panels again", Group::Move, &[&[c('_')]], when::always),
    verb(A::Open, "open", "open what is selected, confirm", Group::Move, &[&[Key::Enter]], when::always),
    verb(
        A::Back,
        "back",
        "close what is open, then back to now, then to the tree",
        Group::Move,
        &[&[Key::Esc]],
        when::always,
    ),
    verb(
        A::WayBack,
        "way back",
        "back to where the last jump began",
        Group::Move,
        &[&[Key::Ctrl('o')]],
        when::has_trail,
    ),
    verb(A::OnlyPath, "only path", "fold everything but the path here", Group::Move, &[&[c('z')]], when::any_span),
    verb(A::OpenAll, "open all", "open everything", Group::Move, &[&[c('Z')]], when::any_span),
    verb(A::Follow, "follow", "follow the newest span, or not", Group::Move, &[&[c('f')]], when::always),
    // Time
    verb(A::EventBack, "event back", "back in time by one event", Group::Time, &[&[c(',')]], when::scrubbable),
    verb(A::EventOn, "event on", "forward in time by one event", Group::Time, &[&[c('.')]], when::scrubbable),
    verb(A::SpanBack, "span back", "back in time by one span", Group::Time, &[&[c('<')]], when::scrubbable),
    verb(A::SpanOn, "span on", "forward in time by one span", Group::Time, &[&[c('>')]], when::scrubbable),
    // Find
    verb(A::Search, "find", "filter the spans; elsewhere: find a text", Group::Find, &[&[c('/')]], when::searchable),
    verb(A::NextMatch, "next match", "to the next match", Group::Find, &[&[c('n')]], when::has_search),
    verb(A::PrevMatch, "last match", "to the previous match", Group::Find, &[&[c('N')]], when::has_search),
    verb(
        A::NextApproval,
        "approval",
        "to the next approval or question",
        Group::Find,
        &[&[c(']'), c('a')]],
        when::any_span,
    ),
    verb(
        A::PrevApproval,
        "approval",
        "to the previous approval or question",
        Group::Find,
        &[&[c('['), c('a')]],
        when::any_span,
    ),
    verb(A::NextError, "failed", "to the next failed span", Group::Find, &[&[c(']'), c('e')]], when::any_span),
    verb(A::PrevError, "failed", "to the previous failed span", Group::Find, &[&[c('['), c('e')]], when::any_span),
    verb(A::NextPaused, "paused", "to the next paused span", Group::Find, &[&[c(']'), c('p')]], when::any_span),
    verb(A::PrevPaused, "paused", "to the previous paused span", Group::Find, &[&[c('['), c('p')]], when::any_span),
    verb(A::NextRunning, "running", "to the next running span", Group::Find, &[&[c(']'), c('r')]], when::any_span),
    verb(A::PrevRunning, "running", "to the previous running span", Group::Find, &[&[c('['), c('r')]], when::any_span),
    verb(
        A::Compare,
        "mark",
        "mark this span to compare another one with it in Diff",
        Group::Find,
        &[&[c('m')]],
        when::span_selected,
    ),
    verb(A::NextTry, "try", "to the next try of this span", Group::Find, &[&[c(']'), c('t')]], when::any_span),
    verb(A::PrevTry, "try", "to the previous try of this span", Group::Find, &[&[c('['), c('t')]], when::any_span),
    // Run
    verb(
        A::Continue,
        "continue",
        "continue what is paused, resume the run, apply held changes, open an approval",
        Group::Run,
        &[&[c('c')]],
        when::continuable,
    ),
    verb(
        A::ContinueAll,
        "continue all",
        "continue every paused span; never approvals or held changes",
        Group::Run,
        &[&[c('C')]],
        when::any_paused,
    ),
    verb(A::Pause, "pause", "pause every branch at its next stop", Group::Run, &[&[c('p')]], when::pausable),
    verb(A::Step, "step", "to the next stop in this branch", Group::Run, &[&[c('s')]], when::paused),
    verb(A::StepOver, "step over", "to the next stop at this depth or above", Group::Run, &[&[c('o')]], when::paused),
    verb(A::StepOut, "step out", "to the end of this agent", Group::Run, &[&[c('O')]], when::paused),
    verb(
        A::Edit,
        "edit",
        "edit what is sent; of a call that ended: for a retry or fork",
        Group::Run,
        &[&[c('e')]],
        when::editable,
    ),
    verb(A::EditOutside, "$EDITOR", "edit what is sent, in $EDITOR", Group::Run, &[&[c('E')]], when::editable),
    verb(
        A::WriteBack,
        "write back",
        "write the edited prompts into their files",
        Group::Run,
        &[&[c('W')]],
        when::edited,
    ),
    verb(
        A::Answer,
        "answer",
        "answer in its place, also for a retry or fork, or a question to you",
        Group::Run,
        &[&[c('a')]],
        when::answerable,
    ),
    verb(
        A::Drop,
        "discard",
        "discard a command's held changes, the marked or all; asks",
        Group::Run,
        &[&[c('D')]],
        when::droppable,
    ),
    verb(A::Break, "break", "set a breakpoint from what is selected", Group::Run, &[&[c('b')]], when::any_span),
    verb(A::Breakpoints, "breakpoints", "list the breakpoints", Group::Run, &[&[c('B')]], when::always),
    verb(A::Cancel, "cancel", "cancel the run; everything stays recorded", Group::Run, &[&[c('X')]], when::cancellable),
    // Undo
    verb(A::Retry, "retry", "show what a retry would do; Enter starts it", Group::Undo, &[&[c('r')]], when::retryable),
    verb(
        A::RetryTimes,
        "retry xN",
        "retry several times, with several models; keep one of the tries, or none",
        Group::Undo,
        &[&[c('R')]],
        when::triable,
    ),
    verb(
        A::Fork,
        "fork",
        "continue from this span in a new run; this one stays",
        Group::Undo,
        &[&[c('F')]],
        when::forkable,
    ),
    verb(A::Undo, "undo", "undo one action; elsewhere: show it in Rollback", Group::Undo, &[&[c('u')]], when::undoable),
    verb(A::UndoSpan, "undo all", "undo the whole list, newest first", Group::Undo, &[&[c('U')]], when::span_undoable),
    verb(A::Redo, "redo", "redo one action", Group::Undo, &[&[Key::Ctrl('r')]], when::redoable),
    action(A::Diff, "diff", "show the change of this action", &[&[c('d')]], when::action_selected),
    action(A::WhoWrote, "who", "go to who wrote this key before, or after", &[&[c('w')]], when::action_selected),
    rollback(A::ThisSpan, "this span", "this span's actions only, or all below too", &[&[c('t')]], when::always),
    rollback(A::Mark, "mark", "mark this action, or not: u, c and D act on the marked", &[&[c(' ')]], when::markable),
    rollback(A::Skip, "skip", "skip this action in undo all, or not", &[&[c('x')]], when::skippable),
    rollback(A::Force, "force", "undo this action even over a conflict", &[&[c('!')]], when::forceable),
    // Program
    verb(A::Copy, "copy", "copy the selected text, path or action", Group::Program, &[&[c('y')]], when::any_span),
    verb(A::Wrap, "wrap", "wrap long lines in Detail, or not", Group::Program, &[&[c('v')]], when::always),
    verb(
        A::Palette,
        "palette",
        "every verb by name; a number goes there: 41, s12",
        Group::Program,
        &[&[c(':')]],
        when::always,
    ),
    verb(A::Help, "help", "every key", Group::Program, &[&[c('?')]], when::always),
    verb(A::Quit, "quit", "quit; asks while the run is live", Group::Program, &[&[c('q')]], when::always),
    verb(A::QuitNow, "quit now", "quit without asking", Group::Program, &[&[Key::Ctrl('c'); 2]], when::always),
    verb(A::Suspend, "suspend", "suspend the program", Group::Program, &[&[Key::Ctrl('z')]], when::always),
];

const fn c(letter: char) -> Key {
    Key::Char(letter)
}

const fn verb(
    action: A,
    name: &'static str,
    doc: &'static str,
    group: Group,
    keys: &'static [&'static [Key]],
    available: Available,
) -> Verb {
    Verb { action, name, doc, group, context: Context::Anywhere, keys, available }
}

/// The verb that shows a panel.
const fn show(pane: Pane) -> Verb {
    let row = pane.row();
    verb(A::Show(pane), row.word, row.doc, Group::Move, row.keys, row.available)
}

/// A verb of the action under the cursor.
const fn action(
    action: A,
    name: &'static str,
    doc: &'static str,
    keys: &'static [&'static [Key]],
    available: Available,
) -> Verb {
    Verb { action, name, doc, group: Group::Undo, context: Context::Actions, keys, available }
}

/// A verb that works in Rollback only.
const fn rollback(
    action: A,
    name: &'static str,
    doc: &'static str,
    keys: &'static [&'static [Key]],
    available: Available,
) -> Verb {
    Verb { context: Context::Rollback, ..self::action(action, name, doc, keys, available) }
}
