//! Commands: what they change is captured, undone, and confined.

mod broken;
mod commands;
mod confine;
mod lanes;
