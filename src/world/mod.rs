//! The world, by key: reads a key's state, puts a key into a state; confined to the workspace.

mod error;
mod files;
mod handle;
mod lent;
mod locks;
mod memory;
pub mod path;
mod place;
mod protected;
#[cfg(test)]
pub(crate) mod skip;
#[cfg(test)]
mod tests;
mod value;

pub use error::WorldError;
pub use files::Put;
pub use handle::World;
pub(crate) use lent::Lent;
pub use locks::{Guard, Scope};
pub use protected::Protected;
pub use value::{Change, Value};
