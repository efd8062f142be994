//! Databases of tama, opened to look at.

mod damaged;
mod odd;
mod screen;
mod shown;
pub mod story;
