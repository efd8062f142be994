//! The panel's part of the frame. A line of it is a row of the tree.

use super::Tree;
use crate::app::panel::{Lines, Opened, Pane, PanelModel, Scene};
use crate::model::RunState;

impl Lines for Tree {
    fn line_count(&self) -> usize {
        self.len()
    }

    fn cursor_line(&self) -> usize {
        self.row_of(self.cursor()).unwrap_or(0)
    }

    fn top_line(&self, height: usize) -> usize {
        self.top(height)
    }

    fn go_to_line(&mut self, line: usize, height: usize) {
        if let Some(span) = self.at(line) {
            self.follow = false;
            self.select(span, height);
        }
    }

    fn step_lines(&mut self, by: isize, height: usize) {
        self.follow = false;
        self.step(by, height);
    }

    fn slide_lines(&mut self, by: isize, height: usize) {
        self.step_lines(by, height);
    }
}

impl PanelModel for Tree {
    /// Spans are filtered, not searched line by line.
    fn line_text(&self, _: usize, _: &RunState) -> String {
        String::new()
    }

    fn copied(&self, scene: &Scene) -> (&'static str, Option<String>) {
        ("path", Some(scene.run.trace.path(scene.selected)))
    }

    fn open(&mut self, _: &Scene) -> Opened {
        Opened::Pane(Pane::Detail)
    }

    fn unfold(&mut self, scene: &Scene) -> Opened {
        let span = scene.selected;
        if !self.is_open(span) {
            self.set_open(span, true);
        } else if let Some(child) = self.first_child(span) {
            self.follow = false;
            self.select(child, scene.height);
        }
        Opened::Here
    }

    fn fold(&mut self, scene: &Scene) -> Opened {
        let span = scene.selected;
        if self.is_open(span) && self.first_child(span).is_some() {
            self.follow = false;
            self.set_open(span, false);
        } else if let Some(parent) = self.parent(span) {
            self.follow = false;
            self.select(parent, scene.height);
        }
        Opened::Here
    }

    fn press(&mut self, line: usize, scene: &Scene) -> Opened {
        let Some(span) = self.at(self.top(scene.height) + line) else { return Opened::Here };
        if span == scene.selected {
            let open = self.is_open(span);
            self.set_open(span, !open);
        }
        self.follow = false;
        self.select(span, scene.height);
        Opened::Here
    }
}
