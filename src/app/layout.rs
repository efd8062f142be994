//! Where each panel lies on the screen, in cells. `ui` draws into these areas, the mouse is looked up in them, and
//! paging takes its heights from them.

use super::Pane;

/// From this width on the panels stand side by side.
const WIDE: u16 = 100;
/// From this width on Detail and Rollback have room enough beside a wider tree.
const ROOMY: u16 = 180;
/// Rollback's least height, borders included.
const LEAST: u16 = 6;
/// From this width on the agent's terminal has room beside the tree.
const AGENT_WIDE: u16 = 120;
/// The least width of the agent's terminal there: most programs draw for 80 columns.
const AGENT_LEAST: u16 = 82;
/// From this height on the column beside the agent's terminal has room for three panels.
const THREE: u16 = 30;

/// Columns of Detail that its texts leave free: they stand under their titles.
pub const TEXT_MARGIN: u16 = 4;

/// A rectangle of cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Area {
    /// First column.
    pub x: u16,
    /// First line.
    pub y: u16,
    /// Columns.
    pub width: u16,
    /// Lines.
    pub height: u16,
}

impl Area {
    /// The area inside a border of one cell.
    #[must_use]
    pub fn inner(self) -> Self {
        Self {
            x: self.x + 1,
            y: self.y + 1,
            width: self.width.saturating_sub(2),
            height: self.height.saturating_sub(2),
        }
    }

    /// The line inside the area that a cell is on, counted from 0; `None` outside.
    #[must_use]
    pub fn line(self, x: u16, y: u16) -> Option<usize> {
        self.contains(x, y).then(|| usize::from(y - self.y))
    }

    /// True when a cell lies in the area.
    #[must_use]
    pub fn contains(self, x: u16, y: u16) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }

    /// Lines inside the border.
    #[must_use]
    pub fn lines(self) -> usize {
        usize::from(self.inner().height)
    }
}

/// The areas of all panels, borders included. A panel that is not shown has no height.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    /// One line at the top.
    pub header: Area,
    /// One line at the bottom.
    pub footer: Area,
    /// The line above it that says which moment is shown; without a height while the run is shown as it is now.
    pub strip: Area,
    /// True when the panels are stacked: one panel below the tree.
    pub stacked: bool,
    panels: [Area; Pane::COUNT],
}

/// The panels to lay out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Panels {
    /// The panel beside the tree: several share that place.
    pub side: Pane,
    /// The panel below the tree when the panels are stacked.
    pub lower: Pane,
    /// Rollback's rows; it takes no height without any.
    pub rows: Option<usize>,
    /// True when there is an agent's terminal.
    pub has_agent: bool,
    /// The panel with the focus.
    pub focus: Pane,
    /// True when it takes the whole screen.
    pub zoom: bool,
    /// True while a line says which moment is shown.
    pub has_strip: bool,
}

impl Layout {
    /// The layout for a terminal's size.
    #[must_use]
    pub fn new((width, height): (u16, u16), panels: Panels) -> Self {
        let strip = u16::from(panels.has_strip).min(height.saturating_sub(2));
        let body = Area { x: 0, y: 1, width, height: height.saturating_sub(2 + strip) };
        let line = |y| Area { x: 0, y, width, height: 1.min(height) };
        let mut layout = Self { header: line(0), footer: line(height.saturating_sub(1)), ..Self::default() };
        layout.strip = Area { height: strip, ..line(height.saturating_sub(2)) };
        let beside_agent = panels.has_agent && width >= AGENT_WIDE;
        // Where there is no room for both, the agent's terminal takes all of it while it has the focus.
        if panels.zoom || (panels.focus == Pane::Agent && !beside_agent) {
            layout.stacked = width < WIDE;
            layout.place(panels.focus, body);
        } else if beside_agent {
            layout.beside_agent(body, panels);
        } else if width < WIDE {
            layout.stack(body, panels.lower);
        } else {
            layout.side_by_side(body, panels);
        }
        layout
    }

    /// The tree above one other panel.
    fn stack(&mut self, body: Area, lower: Pane) {
        self.stacked = true;
        let top = body.height.div_ceil(2);
        self.place(Pane::Tree, Area { height: top, ..body });
        self.place(lower, Area { y: body.y + top, height: body.height - top, ..body });
    }

    /// The tree, and beside it one panel above Rollback.
    fn side_by_side(&mut self, body: Area, panels: Panels) {
        let width = body.width;
        let left = if width < ROOMY { width * 11 / 20 } else { width * 3 / 5 };
        let bottom = panels.rows.map_or(0, |rows| rollback_height(rows, body.height));
        let right = Area { x: left, width: width - left, height: body.height - bottom, ..body };
        self.place(Pane::Tree, Area { width: left, ..body });
        self.place(Pane::Rollback, Area { y: body.y + right.height, height: bottom, ..right });
        self.place(panels.side, right);
    }

    /// The agent's terminal at the right, as the main panel; the others above each other at its left.
    fn beside_agent(&mut self, body: Area, panels: Panels) {
        let main = (body.width * 3 / 5).max(AGENT_LEAST);
        let left = Area { width: body.width - main, ..body };
        self.place(Pane::Agent, Area { x: left.width, width: main, ..body });
        if body.height < THREE {
            return self.stack(left, panels.lower);
        }
        let bottom = panels.rows.map_or(0, |rows| rollback_height(rows, body.height));
        let rest = body.height - bottom;
        let top = rest.div_ceil(2);
        self.place(Pane::Tree, Area { height: top, ..left });
        self.place(panels.side, Area { y: left.y + top, height: rest - top, ..left });
        self.place(Pane::Rollback, Area { y: left.y + rest, height: bottom, ..left });
    }

    /// The area of a panel.
    #[must_use]
    pub fn area(&self, pane: Pane) -> Area {
        self.panels[pane as usize]
    }

    /// The panel under a cell.
    #[must_use]
    pub fn pane_at(&self, x: u16, y: u16) -> Option<Pane> {
        Pane::EVERY.iter().copied().find(|pane| self.area(*pane).contains(x, y))
    }

    fn place(&mut self, pane: Pane, area: Area) {
        self.panels[pane as usize] = area;
    }
}

/// As high as its rows, from a few lines to two fifths of the screen.
fn rollback_height(rows: usize, body: u16) -> u16 {
    let wanted = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2);
    wanted.clamp(LEAST, (body * 2 / 5).max(LEAST)).min(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panels without an agent.
    fn panels(side: Pane, lower: Pane, rows: Option<usize>) -> Panels {
        Panels { side, lower, rows, ..Panels::default() }
    }

    #[test]
    fn wide_panels_tile_the_screen() {
        let rows = [None, Some(0), Some(9), Some(10_000)];
        let sizes = [(100, 30), (160, 45), (101, 16)].into_iter().flat_map(|size| rows.map(|rows| (size, rows)));
        for ((width, height), rows) in sizes {
            let layout = Layout::new((width, height), panels(Pane::Detail, Pane::Detail, rows));
            assert_eq!(layout.area(Pane::Rollback).height == 0, rows.is_none());
            for x in 0..width {
                for y in 1..height - 1 {
                    let hits = Pane::ALL.into_iter().filter(|pane| layout.area(*pane).contains(x, y)).count();
                    assert_eq!(hits, 1, "{x},{y} of {width}x{height}");
                }
            }
            assert_eq!(layout.area(Pane::Log).height, 0);
        }
    }

    #[test]
    fn narrow_panels_stack_two() {
        let layout = Layout::new((60, 16), panels(Pane::Log, Pane::Rollback, None));
        assert!(layout.stacked);
        assert_eq!(layout.area(Pane::Tree).height + layout.area(Pane::Rollback).height, 14);
        assert_eq!((layout.area(Pane::Detail).height, layout.area(Pane::Log).height), (0, 0));
        assert_eq!(layout.pane_at(5, 12), Some(Pane::Rollback));
    }

    #[test]
    fn rollback_is_as_high_as_its_rows() {
        let height =
            |rows| Layout::new((140, 42), panels(Pane::Detail, Pane::Detail, Some(rows))).area(Pane::Rollback).height;
        assert_eq!([height(1), height(4), height(10), height(100)], [6, 6, 12, 16]);
    }

    #[test]
    fn tiny_terminals_do_not_panic() {
        for width in [0, 1, 5, 100, 200] {
            for height in 0..8 {
                let layout = Layout::new((width, height), panels(Pane::Detail, Pane::Detail, Some(3)));
                let _ = (layout.area(Pane::Tree).inner(), layout.area(Pane::Detail).lines());
            }
        }
    }

    fn every_pane() -> impl Iterator<Item = Pane> {
        Pane::EVERY.iter().copied()
    }

    #[test]
    fn with_an_agent_the_panels_tile_the_screen() {
        for (width, height) in [(60, 16), (80, 24), (119, 40), (120, 30), (140, 42), (200, 60), (250, 20)] {
            for (rows, zoom) in [(None, false), (Some(3), false), (Some(100), false), (Some(3), true)] {
                for focus in every_pane() {
                    let lower = if matches!(focus, Pane::Log | Pane::Rollback) { focus } else { Pane::Detail };
                    let all = Panels { has_agent: true, focus, zoom, ..panels(Pane::Detail, lower, rows) };
                    let layout = Layout::new((width, height), all);
                    for (x, y) in (0..width).flat_map(|x| (1..height - 1).map(move |y| (x, y))) {
                        let hits = every_pane().filter(|pane| layout.area(*pane).contains(x, y)).count();
                        assert_eq!(hits, 1, "{x},{y} of {width}x{height} {focus:?} {zoom}");
                    }
                    let is_beside = width >= AGENT_WIDE && !zoom;
                    let is_shown = layout.area(Pane::Agent).height > 0;
                    assert_eq!(is_shown, is_beside || focus == Pane::Agent, "{width}x{height} {focus:?} {zoom}");
                    assert!(!is_shown || layout.area(Pane::Agent).width >= AGENT_LEAST.min(width), "{width}x{height}");
                }
            }
        }
    }

    #[test]
    fn a_zoomed_panel_has_all_but_the_first_and_the_last_line() {
        for focus in Pane::ALL {
            let zoomed = Panels { focus, zoom: true, ..panels(Pane::Detail, Pane::Detail, Some(3)) };
            let layout = Layout::new((110, 30), zoomed);
            assert_eq!(layout.area(focus), Area { x: 0, y: 1, width: 110, height: 28 });
        }
    }
}
