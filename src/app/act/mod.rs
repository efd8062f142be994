//! Carries out each verb.

mod agent;
mod answering;
mod approving;
mod breaks;
mod by_hand;
mod conflicts;
mod editing;
mod elsewhere;
mod events;
mod find;
mod holding;
mod looking;
mod mouse;
mod moves;
mod palette;
pub(super) mod past;
mod popups;
mod program;
mod refilter;
mod running;
mod trying;
mod undoing;

pub(super) use agent::{begin as agent_began, enter as enter_terminal, input as agent_input, take_end as agent_ended};
pub(super) use approving::open_by_itself as open_approval;
pub(super) use editing::{editor_done, outside_done};
pub(super) use elsewhere::hold_changes;
pub(super) use events::take_in;
pub(super) use looking::open_action as show_diff;
pub(super) use mouse::mouse;
pub(super) use moves::to_span;
pub(super) use popups::popup_key;
pub(super) use running::opens_approval;

use super::{Command, Help, Pane, Place, Popup, State, Then, UiAction as A, panel, search};
use crate::model::Release;

/// Does what a verb says; it is available.
pub(super) fn perform(state: &mut State, action: A) -> Vec<Command> {
    match action {
        A::Down => panel::step(state, 1),
        A::Up => panel::step(state, -1),
        A::PageDown => moves::page(state, 1),
        A::PageUp => moves::page(state, -1),
        A::Top => panel::step(state, isize::MIN),
        A::Bottom => panel::step(state, isize::MAX),
        A::OtherDown => moves::scroll_other(state, 1),
        A::OtherUp => moves::scroll_other(state, -1),
        A::Back => moves::back(state),
        A::NextPane => moves::turn_pane(state, true),
        A::PrevPane => moves::turn_pane(state, false),
        A::Show(Pane::Agent) => agent::enter(state),
        A::Show(pane) => state.show(pane),
        A::Zoom => state.zoom = true,
        A::Unzoom => state.zoom = false,
        A::OnlyPath => state.tree.only_path(),
        A::OpenAll => state.tree.open_all(),
        A::Follow => moves::follow(state),
        A::Search => search::start(state, Place::Pane(state.focus)),
        A::NextMatch => search::next(state, Place::Pane(state.focus), true),
        A::PrevMatch => search::next(state, Place::Pane(state.focus), false),
        A::NextApproval => find::jump(state, find::Target::Approval, true),
        A::PrevApproval => find::jump(state, find::Target::Approval, false),
        A::NextError => find::jump(state, find::Target::Error, true),
        A::PrevError => find::jump(state, find::Target::Error, false),
        A::NextPaused => find::jump(state, find::Target::Paused, true),
        A::PrevPaused => find::jump(state, find::Target::Paused, false),
        A::NextRunning => find::jump(state, find::Target::Running, true),
        A::PrevRunning => find::jump(state, find::Target::Running, false),
        A::NextTry => find::jump(state, find::Target::Try, true),
        A::PrevTry => find::jump(state, find::Target::Try, false),
        A::Break => breaks::menu(state),
        A::Breakpoints => state.popup = Some(Popup::Breakpoints(super::BreakList::default())),
        A::Compare => looking::mark(state),
        A::Palette => palette::open(state),
        A::WayBack => state.go_back(),
        A::Wrap => state.detail.toggle_wrap(),
        A::Help => state.popup = Some(Popup::Help(Help::default())),
        A::ThisSpan => state.rollback.toggle_narrow(),
        A::Skip => undoing::skip(state),
        A::Mark => holding::mark(state),
        A::Drop => holding::ask_discard(state),
        A::WhoWrote => {
            if let Some(action) = state.action_here() {
                looking::write(state, action);
            }
        }
        A::UndoSpan => undoing::ask_undo_span(state),
        A::Force => undoing::ask_force(state),
        A::Cancel => program::ask_cancel(state),
        sends => return send(state, sends),
    }
    Vec::new()
}

/// The verbs that send something at once.
fn send(state: &mut State, action: A) -> Vec<Command> {
    match action {
        A::EventBack => state.scrub_events(-1),
        A::EventOn => state.scrub_events(1),
        A::SpanBack => state.scrub_spans(false),
        A::SpanOn => state.scrub_spans(true),
        A::Continue => running::resume(state),
        A::ContinueAll => running::resume_all(state),
        A::Pause => running::pause(state),
        A::Step => running::step(state, Release::Step),
        A::StepOver => running::step(state, Release::StepOver),
        A::StepOut => running::step(state, Release::StepOut),
        A::Answer => editing::answer(state),
        A::Edit => editing::fetch(state, false),
        A::EditOutside => editing::fetch(state, true),
        A::WriteBack => editing::ask_write_back(state),
        A::Retry => undoing::plan(state),
        A::RetryTimes => trying::start(state),
        A::Fork => by_hand::go_on(state, state.selected(), Then::Fork),
        A::Undo => undoing::undo(state),
        A::Redo => undoing::redo(state),
        A::Open => running::open_approval(state).unwrap_or_else(|| panel::open(state)),
        A::Fold => panel::fold(state),
        A::Unfold => panel::unfold(state),
        A::Diff => looking::open(state),
        A::Copy => program::copy(state),
        A::Quit => state.in_present(program::quit),
        A::QuitNow => state.in_present(|state| program::leave(state)),
        A::Suspend => vec![Command::Suspend],
        _ => Vec::new(),
    }
}
