//! The panel's part of the frame.

use super::{Detail, LineKind};
use crate::app::panel::{Lines, Opened, PanelModel, Scene, Scrolled};
use crate::app::{Scroll, TEXT_MARGIN};
use crate::model::{Command, RunState};

impl Scrolled for Detail {
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

impl PanelModel for Detail {
    fn refresh(&mut self, scene: &Scene) -> Vec<Command> {
        let span = scene.selected;
        let inspect = !scene.run.trace.is_empty() && self.want(span, scene.is_changed);
        let is_live = scene.run.trace.get(span).is_some_and(|found| found.status.is_live());
        if let Some(came) = scene.streams.get(&span).filter(|_| inspect && is_live && !scene.is_changed) {
            self.take_stream(came);
        }
        self.refresh(scene.width.saturating_sub(usize::from(TEXT_MARGIN)), scene.height);
        if inspect { vec![Command::Inspect { span }] } else { Vec::new() }
    }

    fn line_text(&self, line: usize, _: &RunState) -> String {
        self.lines().get(line).map(|line| line.text.clone()).unwrap_or_default()
    }

    fn copied(&self, _: &Scene) -> (&'static str, Option<String>) {
        ("text", self.selected_text())
    }

    fn open(&mut self, scene: &Scene) -> Opened {
        self.toggle_fold(scene.height);
        Opened::Here
    }

    fn unfold(&mut self, scene: &Scene) -> Opened {
        self.set_fold(false, scene.height);
        Opened::Here
    }

    fn fold(&mut self, scene: &Scene) -> Opened {
        self.set_fold(true, scene.height);
        Opened::Here
    }

    fn press(&mut self, line: usize, scene: &Scene) -> Opened {
        let at = self.scroll.top + line;
        if at < self.lines().len() {
            self.go_to_line(at, scene.height);
            if matches!(self.lines()[at].kind, LineKind::Title { .. }) {
                self.toggle_fold(scene.height);
            }
        }
        Opened::Here
    }
}
