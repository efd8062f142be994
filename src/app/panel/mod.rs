//! Panels behind one trait.
//!
//! A panel is its model ([`PanelModel`]), its drawing in `ui`, and its row in the registry. Moving about, searching,
//! copying, zooming, clicks, marks of position, the number key with its help, and the place on the screen are the
//! frame's work: no panel knows of keys or of the other panels.

mod frame;
mod lines;
mod model;
mod registry;
mod row;

pub(super) use frame::{copy, fold, open, press, slide, step, unfold};
pub use lines::Lines;
pub(super) use lines::Scrolled;
pub(super) use model::{Opened, PanelModel, Scene};
pub use registry::{MorePanels, Pane, Slot};
pub use row::{PanelLine, Piece, Tone};
