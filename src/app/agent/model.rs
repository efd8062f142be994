//! The panel's part of the frame. It has no lines of its own: it scrolls what the agent drew.

use super::AgentPane;
use crate::app::panel::{Lines, Opened, PanelModel, Scene};
use crate::model::RunState;

impl Lines for Option<AgentPane> {
    fn line_count(&self) -> usize {
        self.as_ref().map_or(0, |agent| agent.picture().history)
    }

    fn cursor_line(&self) -> usize {
        self.top_line(0)
    }

    fn top_line(&self, _: usize) -> usize {
        self.as_ref().map_or(0, |agent| agent.picture().history.saturating_sub(agent.picture().scrolled))
    }

    fn go_to_line(&mut self, _: usize, _: usize) {}

    fn step_lines(&mut self, by: isize, _: usize) {
        if let Some(agent) = self {
            agent.scroll(by);
        }
    }

    fn slide_lines(&mut self, by: isize, height: usize) {
        self.step_lines(by, height);
    }
}

impl PanelModel for Option<AgentPane> {
    fn line_text(&self, _: usize, _: &RunState) -> String {
        String::new()
    }

    fn copied(&self, _: &Scene) -> (&'static str, Option<String>) {
        ("picture", None)
    }

    fn open(&mut self, _: &Scene) -> Opened {
        Opened::Terminal
    }

    fn press(&mut self, _: usize, _: &Scene) -> Opened {
        Opened::Terminal
    }
}
