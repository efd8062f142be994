//! The primitives that patterns are composed of. Two more are methods of the scope, because they are about places in the
//! tree: `fan_out` ([`super::PatternScope::fan_out`]) and `human` ([`super::PatternScope::human`]).

mod call;
mod loop_until;
mod route;
mod sequence;
mod tool_loop;

pub(super) use call::call;
pub(super) use loop_until::{loop_until, value_of};
pub(super) use route::route;
pub(super) use sequence::sequence;
pub(super) use tool_loop::{ToolLoop, tool_loop};
