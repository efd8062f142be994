//! What can be changed, by key: read a key's state, put a key into a state; confined to the workspace.

mod value;

pub use value::{Change, Value};
