//! The Detail panel: the texts of the selected span as lines, folded, wrapped, searched; a streaming response grows
//! where it will stand.

mod changes;
mod choices;
mod later;
mod lines;
mod model;
mod panel;
mod sections;
mod streamed;

pub(super) use choices::add as add_choices;
pub(in crate::app) use later::{is_later, leave_out_later};
pub use lines::{DetailLine, JsonStart, LineKind};
pub(in crate::app) use lines::{columns, wrapped};
pub use panel::Detail;
pub(in crate::app) use sections::push_section;
pub use streamed::Streamed;
