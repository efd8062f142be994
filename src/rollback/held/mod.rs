//! Changes of an agent that are held: its overlay takes what it writes, and nothing reaches the workspace until it is
//! applied.
//!
//! A look ([`look`]) compares the layer with what is recorded, and records what is new as held actions, each with its
//! before-image and its after-image. So they can be applied ([`apply_held`]) and discarded ([`discard_held`]) one by one
//! and in any order that they allow, also when the layer is gone. A path that two tools changed is two actions, the
//! second on top of the first.
//!
//! While the agent lives, its overlay lies over the workspace. The kernel allows a change below it only where the layer
//! shows the same: an applied change is exactly that, and what is undone or discarded is put back in the agent's view
//! first ([`World::set_view`]), through the mount.
//!
//! [`World::set_view`]: crate::world::World::set_view

mod apply;
mod chain;
mod clock;
mod discard;
mod find;
mod look;
mod recover;

use std::path::PathBuf;
use std::sync::Arc;

use super::capture::KnownHashes;
use crate::model::{PlanLeave, Seq};

pub use apply::apply_held;
pub use clock::mark_look;
pub use discard::discard_held;
pub use look::look;
pub use recover::recover_held;

/// Says why a change can't be applied that was made while another program or person changed the same path.
pub const CHANGED_MEANWHILE: &str = "another program or person changed it at the same time";

/// The layer of an agent.
#[derive(Debug, Clone)]
pub struct HeldLayer {
    /// The side of the overlay that takes what is written.
    pub upper: PathBuf,
    /// A file whose time is that of the last look.
    pub looked: PathBuf,
    /// The hashes of the last look; empty ones have every file read.
    pub known: Arc<KnownHashes>,
}

/// The outcome of a decision on held changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldReport {
    /// Those that were applied, or discarded.
    pub done: Vec<Seq>,
    /// Those that stay held, and why.
    pub left: Vec<PlanLeave>,
}

impl HeldReport {
    fn leave(&mut self, actions: &[Seq], why: &str) {
        self.left.extend(actions.iter().map(|action| PlanLeave { action: *action, why: why.to_owned() }));
    }
}
