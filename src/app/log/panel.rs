//! The panel's part of the frame.

use super::Log;
use crate::app::panel::{Opened, PanelModel, Scene, Scrolled};
use crate::app::{Entry, Popup, Scroll};
use crate::model::{Command, RunState, SpanId};

impl Scrolled for Log {
    fn count(&self) -> usize {
        self.lines().len()
    }

    fn scroll(&self) -> &Scroll {
        &self.scroll
    }

    fn scroll_mut(&mut self) -> &mut Scroll {
        &mut self.scroll
    }
}

impl PanelModel for Log {
    fn refresh(&mut self, scene: &Scene) -> Vec<Command> {
        self.refresh(scene.height);
        Vec::new()
    }

    fn line_text(&self, line: usize, _: &RunState) -> String {
        self.lines().get(line).map(|line| line.text.clone()).unwrap_or_default()
    }

    fn copied(&self, _: &Scene) -> (&'static str, Option<String>) {
        ("line", self.selected().map(|line| line.full.clone()))
    }

    fn open(&mut self, scene: &Scene) -> Opened {
        let Some(line) = self.selected() else { return Opened::Nothing("no line yet") };
        let path = line.span.filter(|span| *span != SpanId::RUN).map(|span| scene.run.trace.path(span));
        Opened::Popup(Box::new(Popup::Entry(Entry::new(line, &path.unwrap_or_default()))))
    }

    fn unfold(&mut self, _: &Scene) -> Opened {
        Opened::Span(self.selected().and_then(|line| line.span))
    }
}
