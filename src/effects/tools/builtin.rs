//! The declaration of a tool of the program's own.

use super::args::{Args, Param};
use super::tool::{Prepared, ToolError};
use crate::model::EffectClass;

/// A tool of the program's own, as its file declares it.
pub(super) struct Builtin {
    pub name: &'static str,
    pub about: &'static str,
    pub effect: EffectClass,
    pub params: &'static [Param<'static>],
    pub prepare: fn(&Args<'_>) -> Result<Prepared, ToolError>,
}
