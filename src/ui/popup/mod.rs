//! The popups over the panels, one file each.

mod approval;
mod ask;
mod breakpoints;
mod diff;
mod editor;
mod entry;
mod help;
mod menu;
mod palette;
mod plan;
mod sheet;
mod tries;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Theme, View};
use crate::app::{Footer, Popup, State};

/// Draws what lies over the panels.
pub(super) fn draw(frame: &mut Frame, body: Rect, state: &State, footer: &Footer, view: &View, theme: Theme) {
    match &state.popup {
        None => menu::prefix(frame, body, footer, theme),
        Some(Popup::Help(help)) => help::draw(frame, body, *help, state, theme),
        Some(Popup::Ask(asked)) => ask::question(frame, body, asked, state, theme),
        Some(Popup::Plan(plan)) => plan::draw(frame, body, plan, state, theme),
        Some(Popup::Entry(entry)) => entry::draw(frame, body, entry, state, theme),
        Some(Popup::Menu(menu)) => menu::draw(frame, body, menu, state.size, theme),
        Some(Popup::Breakpoints(list)) => breakpoints::draw(frame, body, *list, state, theme),
        Some(Popup::Diff(view)) => diff::draw(frame, view, state, theme),
        Some(Popup::Approval(view)) => approval::draw(frame, body, view, theme),
        Some(Popup::TriesForm(form)) => tries::form(frame, body, form, state, theme),
        Some(Popup::Tries(table)) => tries::table(frame, body, *table, state, theme),
        Some(Popup::Palette(palette)) => palette::draw(frame, body, palette, state, theme),
        Some(Popup::Editor(editor)) => editor::draw(frame, body, editor, view, theme),
    }
}
