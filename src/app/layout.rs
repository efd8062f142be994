//! Where each panel lies on the screen, in cells. `ui` draws into these areas, the mouse is looked up in them, and
//! paging takes its heights from them.

use super::Pane;

/// From this width on the panels stand side by side.
const WIDE: u16 = 100;
/// From this width on Detail and Rollback have room enough beside a wider tree.
const ROOMY: u16 = 180;
/// Rollback's least height, borders included.
const LEAST: u16 = 6;

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
    /// Spans.
    pub tree: Area,
    /// Detail.
    pub detail: Area,
    /// Log.
    pub log: Area,
    /// Rollback.
    pub rollback: Area,
    /// One line at the bottom.
    pub footer: Area,
    /// True when the panels are stacked: one panel below the tree.
    pub stacked: bool,
}

impl Layout {
    /// The layout for a terminal's size. `side` is Detail or Log (they share a place); `lower` is the panel below
    /// the tree when the panels are stacked; `rows` are Rollback's, which takes no height without any.
    #[must_use]
    pub fn new((width, height): (u16, u16), side: Pane, lower: Pane, rows: Option<usize>) -> Self {
        let body = height.saturating_sub(2);
        let line = |y| Area { x: 0, y, width, height: 1.min(height) };
        let mut layout =
            Self { header: line(0), footer: line(height.saturating_sub(1)), stacked: width < WIDE, ..Self::default() };
        if layout.stacked {
            let top = body.div_ceil(2);
            layout.tree = Area { x: 0, y: 1, width, height: top };
            layout.place(lower, Area { x: 0, y: 1 + top, width, height: body - top });
            return layout;
        }
        let left = if width < ROOMY { width * 11 / 20 } else { width * 3 / 5 };
        let bottom = rows.map_or(0, |rows| rollback_height(rows, body));
        let right = Area { x: left, y: 1, width: width - left, height: body - bottom };
        layout.tree = Area { x: 0, y: 1, width: left, height: body };
        layout.rollback = Area { y: 1 + right.height, height: bottom, ..right };
        layout.place(side, right);
        layout
    }

    /// The area of a panel.
    #[must_use]
    pub fn area(&self, pane: Pane) -> Area {
        match pane {
            Pane::Tree => self.tree,
            Pane::Detail => self.detail,
            Pane::Log => self.log,
            Pane::Rollback => self.rollback,
        }
    }

    /// The panel under a cell.
    #[must_use]
    pub fn pane_at(&self, x: u16, y: u16) -> Option<Pane> {
        Pane::ALL.into_iter().find(|pane| self.area(*pane).contains(x, y))
    }

    fn place(&mut self, pane: Pane, area: Area) {
        match pane {
            Pane::Tree => self.tree = area,
            Pane::Detail => self.detail = area,
            Pane::Log => self.log = area,
            Pane::Rollback => self.rollback = area,
        }
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

    #[test]
    fn wide_panels_tile_the_screen() {
        let rows = [None, Some(0), Some(9), Some(10_000)];
        let sizes = [(100, 30), (160, 45), (101, 16)].into_iter().flat_map(|size| rows.map(|rows| (size, rows)));
        for ((width, height), rows) in sizes {
            let layout = Layout::new((width, height), Pane::Detail, Pane::Detail, rows);
            assert_eq!(layout.rollback.height == 0, rows.is_none());
            for x in 0..width {
                for y in 1..height - 1 {
                    let hits = Pane::ALL.into_iter().filter(|pane| layout.area(*pane).contains(x, y)).count();
                    assert_eq!(hits, 1, "{x},{y} of {width}x{height}");
                }
            }
            assert_eq!(layout.log.height, 0);
        }
    }

    #[test]
    fn narrow_panels_stack_two() {
        let layout = Layout::new((60, 16), Pane::Log, Pane::Rollback, None);
        assert!(layout.stacked);
        assert_eq!(layout.tree.height + layout.rollback.height, 14);
        assert_eq!((layout.detail.height, layout.log.height), (0, 0));
        assert_eq!(layout.pane_at(5, 12), Some(Pane::Rollback));
    }

    #[test]
    fn rollback_is_as_high_as_its_rows() {
        let height = |rows| Layout::new((140, 42), Pane::Detail, Pane::Detail, Some(rows)).rollback.height;
        assert_eq!([height(1), height(4), height(10), height(100)], [6, 6, 12, 16]);
    }

    #[test]
    fn tiny_terminals_do_not_panic() {
        for width in [0, 1, 5, 100, 200] {
            for height in 0..8 {
                let layout = Layout::new((width, height), Pane::Detail, Pane::Detail, Some(3));
                let _ = (layout.tree.inner(), layout.detail.lines());
            }
        }
    }
}
