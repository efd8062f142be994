//! Real commands in real folders, found and put back.

mod commands;
mod layers;
mod orders;
mod random;
mod stores;
mod support;
