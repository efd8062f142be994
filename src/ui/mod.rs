//! Draws the state: one small file per panel. The only floor that knows ratatui, tui-tree-widget and vt100.
//!
//! Nothing is decided and nothing is counted here: `app` says what there is, this says how it looks.

mod agent;
mod cell;
mod colours;
mod detail;
mod edit;
mod footer;
mod header;
mod hits;
mod log;
mod palette;
mod panel;
mod panel_lines;
mod panels;
mod popup;
mod rollback;
mod run_list;
pub mod spans;
mod strip;
mod sweep;
mod theme;

pub use agent::AgentTerminal;
pub use colours::{ColourChoice, Colours};
pub use run_list::draw_run_list;
pub use theme::{ColorChoice, ColorDepth, Ground, Theme};

use edit::Editing;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Wrap};

use crate::app::{self, EditorInput, Popup, State};
use spans::SpansView;

/// Below this nothing can be read.
const SMALLEST: (u16, u16) = (24, 8);

/// State that widgets keep between frames; of the program's state only the text being edited, and what an agent drew.
#[derive(Debug)]
pub struct View {
    theme: Theme,
    spans: SpansView,
    editing: Option<(u64, Editing)>,
    agent: Option<AgentTerminal>,
}

impl View {
    /// A view with nothing drawn yet.
    #[must_use]
    pub fn new(theme: Theme) -> Self {
        Self { theme, spans: SpansView::default(), editing: None, agent: None }
    }

    /// Opens or closes the text area as the state's popup says. Call it after each update.
    pub fn sync(&mut self, state: &State) {
        if let Some(agent) = &mut self.agent {
            agent.scroll_back(state.agent.as_ref().map_or(0, |pane| pane.picture().scrolled));
        }
        let Some(Popup::Editor(editor)) = &state.popup else {
            // A question about what was typed lies over the editor; its text must not be lost.
            if state.popup.is_none() {
                self.editing = None;
            }
            return;
        };
        if self.editing.as_ref().is_none_or(|(id, _)| *id != editor.id) {
            self.editing = Some((editor.id, Editing::new(&editor.initial, self.theme)));
        }
    }

    /// Opens the terminal of an agent, of so many lines and columns.
    pub fn open_agent(&mut self, size: (u16, u16)) {
        self.agent = Some(AgentTerminal::new(size));
    }

    /// The terminal of an agent, once it is open.
    pub fn agent(&mut self) -> Option<&mut AgentTerminal> {
        self.agent.as_mut()
    }

    /// Gives a key or a paste to the text area.
    pub fn edit(&mut self, input: &EditorInput) {
        if let Some((_, editing)) = &mut self.editing {
            editing.take(input);
        }
    }

    /// The whole text of the text area.
    #[must_use]
    pub fn edited_text(&self) -> String {
        self.editing().map(Editing::text).unwrap_or_default()
    }

    fn editing(&self) -> Option<&Editing> {
        self.editing.as_ref().map(|(_, editing)| editing)
    }
}

/// Draws the whole screen.
pub fn draw(frame: &mut Frame, state: &State, view: &mut View) {
    let area = frame.area();
    if is_too_small(frame) {
        return;
    }
    let theme = view.theme;
    let layout = state.layout();
    // A state that has not heard of a new size yet must not draw outside of the frame.
    let place = |of: app::Area| panel::rect(of).intersection(area);
    header::draw(frame, place(layout.header), state, theme);
    panels::draw(frame, state, view, &place);
    strip::draw(frame, place(layout.strip), state, theme);
    if state.popup.is_some() {
        dim(frame, place(layout.footer), theme);
    }
    let footer = app::footer(state);
    footer::draw(frame, place(layout.footer), &footer, theme);
    popup::draw(frame, body(area), state, &footer, view, theme);
    sweep::sweep(frame.buffer_mut(), theme.painted());
}

/// Dims everything above the footer: the keys go to the popup.
fn dim(frame: &mut Frame, footer: Rect, theme: Theme) {
    let area = frame.area();
    let behind = Rect { height: footer.y.saturating_sub(area.y), ..area };
    frame.buffer_mut().set_style(behind, theme.behind());
}

/// Says so and returns true when the window is too small to show anything.
fn is_too_small(frame: &mut Frame) -> bool {
    let area = frame.area();
    let is_small = area.width < SMALLEST.0 || area.height < SMALLEST.1;
    if is_small {
        let text = Paragraph::new("window too small (60x16 or more)").wrap(Wrap { trim: true });
        frame.render_widget(text, area);
    }
    is_small
}

/// Where popups lie: all but the first and the last line.
fn body(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area }
}
