//! The trait of a panel's model, and what the frame tells it and hears from it.

use std::collections::HashMap;
use std::ops::Range;

use super::{Lines, Pane, PanelLine};
use crate::app::{Popup, Streamed};
use crate::model::{Command, Millis, RunState, Seq, SpanId};

/// The surroundings of a panel, as its model sees them.
#[derive(Debug, Clone, Copy)]
pub(in crate::app) struct Scene<'a> {
    /// The run as it is shown.
    pub run: &'a RunState,
    /// The parts that came of responses that are still streaming, or were cut off.
    pub streams: &'a HashMap<SpanId, Streamed>,
    /// The selected span.
    pub selected: SpanId,
    /// The time that is shown.
    pub now: Millis,
    /// Columns inside the panel; 0 while it is not shown.
    pub width: usize,
    /// Lines inside the panel; 0 while it is not shown.
    pub height: usize,
    /// True when something happened to the selected span since the last look.
    pub is_changed: bool,
}

/// The consequence of opening what is under the cursor; the frame sees to it.
#[derive(Debug)]
pub(in crate::app) enum Opened {
    /// The panel has done it.
    Here,
    /// There is nothing to open, and why.
    Nothing(&'static str),
    /// The span is selected; none: it belongs to no span.
    Span(Option<SpanId>),
    /// Another panel gets the focus.
    Pane(Pane),
    /// The popup is shown.
    Popup(Box<Popup>),
    /// The diff of the action is shown.
    Diff(Seq),
    /// The agent's terminal gets the keys.
    Terminal,
}

/// The model of a panel.
pub(in crate::app) trait PanelModel: Lines {
    /// Brings it up to the selection, the events and the size. Returns the questions that it has for the run.
    fn refresh(&mut self, _scene: &Scene) -> Vec<Command> {
        Vec::new()
    }

    /// A line as text, for a search.
    fn line_text(&self, line: usize, run: &RunState) -> String;

    /// The lines in view, for the frame to draw; none of a panel that has a drawing of its own.
    fn lines_in(&self, _view: Range<usize>, _run: &RunState) -> Vec<PanelLine> {
        Vec::new()
    }

    /// Said when there is no line.
    fn empty_text(&self) -> &'static str {
        ""
    }

    /// A few words at the right of the title.
    fn heading(&self) -> String {
        String::new()
    }

    /// The text under the cursor for the clipboard, with the word for it.
    fn copied(&self, scene: &Scene) -> (&'static str, Option<String>);

    /// Opens what is under the cursor.
    fn open(&mut self, scene: &Scene) -> Opened;

    /// Goes into what is under the cursor.
    fn unfold(&mut self, scene: &Scene) -> Opened {
        self.open(scene)
    }

    /// Goes out of what is under the cursor.
    fn fold(&mut self, _scene: &Scene) -> Opened {
        Opened::Pane(Pane::Tree)
    }

    /// Takes a press of the mouse on a line in view, counted from the first one there.
    fn press(&mut self, line: usize, scene: &Scene) -> Opened {
        self.go_to_line(self.top_line(scene.height) + line, scene.height);
        Opened::Here
    }
}
