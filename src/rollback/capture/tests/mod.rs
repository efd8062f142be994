//! Runs commands in temporary folders, finds their changes, and undoes them.

mod commands;
mod layers;
mod orders;
mod random;
mod stores;
mod support;
