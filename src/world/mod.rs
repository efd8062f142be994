//! The world, by key: reads a key's state, puts a key into a state; confined to the workspace.

mod content;
mod error;
mod files;
mod handle;
mod in_place;
mod lent;
mod locks;
mod memory;
mod open_files;
pub mod path;
mod place;
mod protected;
mod root;
#[cfg(test)]
pub(crate) mod skip;
#[cfg(test)]
mod tests;
mod value;

pub use content::Content;
pub use error::WorldError;
pub use files::Put;
pub use handle::World;
pub(crate) use lent::Lent;
pub use locks::{Guard, Scope};
pub use open_files::{Hold, Holder, OpenFile, OpenFiles, unseen_processes};
pub use protected::Protected;
pub use value::{Change, Value};
