//! Every panel in its place: the drawing of each, and what is the same for all: tabs, marks of position, and of what a
//! search found.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};

use super::spans::{self, Spans};
use super::{Theme, View, agent, cell, detail, hits, log, panel, panel_lines, rollback};
use crate::app::keys::{self, UiAction};
use crate::app::{self, Pane, Place, Slot, State};

/// From this width on spans have a bar on the run's time axis.
const BAR: u16 = 140;
/// A panel of spans that is narrower than this has no room for it.
const BAR_TREE: u16 = 70;

/// Draws the panels that are shown.
pub(super) fn draw(frame: &mut Frame, state: &State, view: &mut View, place: &impl Fn(app::Area) -> Rect) {
    let (layout, theme) = (state.layout(), view.theme);
    for pane in Pane::EVERY.iter().copied() {
        let area = place(layout.area(pane));
        if area.is_empty() {
            continue;
        }
        match pane.slot() {
            Slot::Main => tree(frame, area, state, view),
            Slot::Side => beside(frame, area, state, pane, theme),
            Slot::Bottom => rollback::draw(frame, area, state, theme),
            Slot::Terminal => agent::draw(frame, area, state, view.agent.as_ref(), theme),
        }
        // The terminal has marks of its own, for what the agent drew.
        if pane.slot() != Slot::Terminal {
            let (top, len) = state.position(pane);
            panel::scroll_marks(frame.buffer_mut(), area, top, len, theme);
        }
        // Detail marks its texts as it draws them.
        if pane != Pane::Detail {
            let inner = place(layout.area(pane).inner());
            hits::mark(frame.buffer_mut(), inner, state.find(Place::Pane(pane)), theme);
        }
    }
}

fn tree(frame: &mut Frame, area: Rect, state: &State, view: &mut View) {
    let spans = Spans {
        run: &state.run,
        tree: &state.tree,
        now: state.now,
        focused: state.focus == Pane::Tree,
        bar: frame.area().width >= BAR && area.width >= BAR_TREE,
    };
    spans::draw(frame, area, &spans, &mut view.spans, view.theme);
}

/// A panel of those that share the place beside the spans.
fn beside(frame: &mut Frame, area: Rect, state: &State, pane: Pane, theme: Theme) {
    let focused = state.focus == pane;
    let tabs = tabs(pane, focused, theme);
    let room = usize::from(area.width).saturating_sub(tabs.width() + 9);
    let mut block = panel::frame(theme, focused, tabs);
    if pane == Pane::Detail {
        block = detail::around(block, state, usize::from(area.width), room, theme);
    } else if room > 8 {
        let heading = state.heading(pane);
        let heading = if heading.is_empty() { heading } else { format!(" {} ", cell::cut(&heading, room - 2)) };
        block = block.title(Line::from(Span::styled(heading, theme.output())).alignment(Alignment::Right));
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    match pane {
        Pane::Log => log::draw(frame, inner, state, focused, theme),
        Pane::Detail => detail::draw(frame, inner, state, focused, theme),
        pane => panel_lines::draw(frame, inner, state, pane, theme),
    }
}

fn tabs(shown: Pane, focused: bool, theme: Theme) -> Line<'static> {
    let tab = |pane: Pane| {
        let label = format!(" {} {} ", keys::verb(UiAction::Show(pane)).keys_text(), pane.name());
        Span::styled(label, if pane == shown { theme.title(focused) } else { theme.quiet() })
    };
    Line::from(Pane::beside().map(tab).collect::<Vec<_>>())
}
