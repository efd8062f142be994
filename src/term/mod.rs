//! The terminal: taking and restoring it, and the loop between keys, the run and the screen.
//!
//! The only floor that knows crossterm.

mod agent;
mod agent_input;
mod editor;
mod error;
mod guard;
mod input;
mod keys;
mod link;
mod notify;
mod output;
mod run;
mod run_list;
mod screen;
mod signals;

pub use error::TermError;
pub use guard::install_panic_hook;
pub use link::Link;
pub use notify::Notify;
pub use run::run;
pub use run_list::{Picked, pick_run};
pub use screen::size;
