//! `resume`: a run whose process died goes on, and nothing is done twice unasked.

mod killed;
mod settle;
mod stage;
