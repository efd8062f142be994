//! The registry: a row for each panel.

use super::{PanelModel, Scene};
use crate::app::keys::{Available, always, has_agent, listed};
use crate::app::{ComparePanel, Key, PanelLine, State, WorldPanel};

/// Where a panel stands on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// At the left, or above.
    Main,
    /// Beside it, or below; the panels there share the place.
    Side,
    /// Below those, as high as its rows.
    Bottom,
    /// In the place of all that is beside the spans.
    Terminal,
}

/// A panel's row.
pub(in crate::app) struct PanelRow {
    /// Its name, in its title.
    pub name: &'static str,
    /// The name of its lines, where a search finds nothing in them.
    pub lines: &'static str,
    /// The word for its verb.
    pub word: &'static str,
    /// The effect of its key, in one line.
    pub doc: &'static str,
    /// Its keys.
    pub keys: &'static [&'static [Key]],
    /// Says why it can't be shown now.
    pub available: Available,
    /// The meaning of keys that every panel has, in this one.
    pub help: &'static [(&'static str, &'static str)],
    /// Where it stands.
    pub slot: Slot,
    /// Its model.
    model: fn(&State) -> &dyn PanelModel,
    /// Its model to change, and its surroundings.
    split: fn(&mut State, bool) -> (&mut dyn PanelModel, Scene<'_>),
}

/// Declares the panels, and the row of each; `in` is the field of the state that has its model.
macro_rules! panels {
    ($($(#[$doc:meta])* $pane:ident in $($field:ident).+ {
        name: $name:literal, lines: $lines:literal, word: $word:literal, doc: $line:literal,
        keys: $keys:expr, available: $available:expr, slot: $slot:ident, help: $help:expr $(,)?
    })+) => {
        /// A panel that can have the focus.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub enum Pane {
            $($(#[$doc])* $pane,)+
        }

        impl Pane {
            /// Every panel, in the order of Tab.
            pub const EVERY: &'static [Pane] = &[$(Self::$pane),+];
        }

        const ROWS: &[PanelRow] = &[$(PanelRow {
            name: $name,
            lines: $lines,
            word: $word,
            doc: $line,
            keys: $keys,
            available: $available,
            slot: Slot::$slot,
            help: $help,
            model: |state| &state.$($field).+,
            split: {
                fn split(state: &mut State, is_changed: bool) -> (&mut dyn PanelModel, Scene<'_>) {
                    let inside = state.layout().area(Pane::$pane).inner();
                    let selected = state.selected();
                    let scene = Scene {
                        run: &state.run,
                        streams: &state.streams,
                        selected,
                        now: state.now,
                        width: usize::from(inside.width),
                        height: usize::from(inside.height),
                        is_changed,
                    };
                    (&mut state.$($field).+, scene)
                }
                split
            },
        }),+];
    };
}

panels! {
    /// The span tree.
    #[default]
    Tree in tree {
        name: "Spans", lines: "Spans", word: "spans", doc: "to Spans",
        keys: &[&[Key::Char('1')]], available: always, slot: Main,
        help: &[
            ("Enter", "the span's texts, or the approval that it needs"), ("h l", "fold, unfold; to the parent, into the children"),
            ("y", "copy the span's path"), ("m", "mark it, to compare another one with it in Diff"),
        ],
    }
    /// Texts of the selected span.
    Detail in detail {
        name: "Detail", lines: "these texts", word: "detail", doc: "to Detail",
        keys: &[&[Key::Char('2')]], available: always, slot: Side,
        help: &[("Enter h l", "fold or unfold the section"), ("v", "wrap long lines, or not"), ("y", "copy the section as it is stored")],
    }
    /// The actions of the selected span and below.
    Rollback in rollback {
        name: "Rollback", lines: "Rollback", word: "rollback", doc: "to Rollback",
        keys: &[&[Key::Char('3')]], available: listed, slot: Bottom,
        help: &[
            ("Enter d", "what the action changed"), ("l", "to the span that did it"), ("w", "who wrote its key before, or after"),
            ("u U Ctrl-r", "undo it, undo all of the list, redo"), ("y", "copy the key"),
        ],
    }
    /// Lines about the debugger's own decisions.
    Log in log {
        name: "Log", lines: "Log", word: "log", doc: "to Log",
        keys: &[&[Key::Char('4')]], available: always, slot: Side,
        help: &[("Enter", "the whole line"), ("l", "to its span"), ("y", "copy the line")],
    }
    /// Memory and changed files as they are at the moment that is shown.
    State in panels.world {
        name: "State", lines: "State", word: "state", doc: "to State: memory and changed files, and who wrote them",
        keys: &[&[Key::Char('5')]], available: always, slot: Side,
        help: &[
            ("Enter", "to the span that wrote the key"), ("l h", "its value and its history; close them"),
            ("d", "its content then; on a line of its history: what was changed"), ("w", "who wrote it before, or after"),
            ("b", "stop at the next write of a memory key"), ("y", "copy the value, or the path"),
        ],
    }
    /// A span compared with another try, or with the span that was marked.
    Diff in panels.compare {
        name: "Diff", lines: "Diff", word: "compare", doc: "to Diff: this try against another, or against the marked span",
        keys: &[&[Key::Char('6')]], available: always, slot: Side,
        help: &[
            ("m", "mark the selected span, to compare another one with it"), ("Enter", "on a span at the top: to it"),
            ("y", "copy the comparison"),
        ],
    }
    /// The terminal of an agent of another program.
    Agent in agent {
        name: "agent", lines: "the agent's terminal", word: "agent",
        doc: "to the agent's terminal: it gets the keys, but F12",
        keys: &[&[Key::Char('i')]], available: has_agent, slot: Terminal,
        help: &[("i", "gives it the keys; F12 takes them back"), ("y", "copy its picture")],
    }
}

/// The models of the panels that only the frame knows.
#[derive(Debug, Clone, Default)]
pub struct MorePanels {
    /// State.
    pub world: WorldPanel,
    /// Diff.
    pub compare: ComparePanel,
}

impl Pane {
    /// How many panels there are.
    pub const COUNT: usize = Self::EVERY.len();

    /// The panels of every run, in the order of Tab. The terminal of an agent comes after them.
    pub const ALL: [Pane; Self::COUNT - 1] = {
        let mut all = [Self::Tree; Self::COUNT - 1];
        let mut at = 0;
        while at < all.len() {
            all[at] = Self::EVERY[at];
            at += 1;
        }
        all
    };

    /// Its row.
    pub(in crate::app) const fn row(self) -> &'static PanelRow {
        &ROWS[self as usize]
    }

    /// Its name, in its title.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Where it stands on the screen.
    #[must_use]
    pub fn slot(self) -> Slot {
        self.row().slot
    }

    /// The panels that share the place beside the spans.
    pub fn beside() -> impl Iterator<Item = Pane> {
        Self::EVERY.iter().copied().filter(|pane| pane.slot() == Slot::Side)
    }
}

impl State {
    /// The model of a panel.
    pub(in crate::app) fn model(&self, pane: Pane) -> &dyn PanelModel {
        (pane.row().model)(self)
    }

    /// The model of a panel and its surroundings.
    pub(in crate::app) fn panel(&mut self, pane: Pane) -> (&mut dyn PanelModel, Scene<'_>) {
        self.changed_panel(pane, false)
    }

    /// The model of a panel and its surroundings, in which something may have changed.
    pub(in crate::app) fn changed_panel(&mut self, pane: Pane, is_changed: bool) -> (&mut dyn PanelModel, Scene<'_>) {
        (pane.row().split)(self, is_changed)
    }

    /// The lines of a panel in view, for the frame to draw.
    #[must_use]
    pub fn panel_lines(&self, pane: Pane, view: std::ops::Range<usize>) -> Vec<PanelLine> {
        self.model(pane).lines_in(view, &self.run)
    }

    /// Said where a panel has no line.
    #[must_use]
    pub fn empty_text(&self, pane: Pane) -> &'static str {
        self.model(pane).empty_text()
    }

    /// A few words at the right of a panel's title.
    #[must_use]
    pub fn heading(&self, pane: Pane) -> String {
        self.model(pane).heading()
    }

    /// The line under a panel's cursor.
    #[must_use]
    pub fn cursor_line(&self, pane: Pane) -> usize {
        self.model(pane).cursor_line()
    }

    /// The first line in a panel's view, and how many lines there are.
    #[must_use]
    pub fn position(&self, pane: Pane) -> (usize, usize) {
        let model = self.model(pane);
        (model.top_line(self.height(pane)), model.line_count())
    }
}
