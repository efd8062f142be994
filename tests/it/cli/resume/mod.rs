//! `resume`: a run whose process died goes on, and nothing is done twice unasked.

mod killed;
mod kinds;
mod settle;
mod stage;
