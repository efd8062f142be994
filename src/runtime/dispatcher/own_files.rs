//! The files that the pipeline itself is made of: an agent that writes them changes what the next run does, so that
//! the user is asked.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use super::Dispatcher;
use crate::model::{EffectClass, ToolCall};
use crate::runtime::policy::file_of;

impl Dispatcher {
    /// Why the user is asked before a file tool's call, when it writes such a file.
    pub(super) fn writes_own_file(&self, call: &ToolCall, effect: EffectClass) -> Option<String> {
        if effect == EffectClass::Read {
            return None;
        }
        let root = self.services.world.root();
        let path = file_of(call, root)?;
        // By what they are, not by what they are called: one file can have more names.
        let is = |found: &Metadata| (found.dev(), found.ino());
        let target = root.join(&path).metadata().ok()?;
        let own = self.versions.own_files(self.generation());
        let hit = own.iter().any(|file| file.metadata().is_ok_and(|found| is(&found) == is(&target)));
        hit.then(|| format!("{path} is a file of the pipeline itself"))
    }
}
