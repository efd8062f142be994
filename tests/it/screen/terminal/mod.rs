//! The program in a real terminal: whole sessions, how it ends, and what it leaves behind.

mod approvals;
mod ends;
mod failures;
mod first;
mod flows;
mod moments;
mod output;
mod refusals;
mod scatter;
mod searches;
mod settings;
mod time;
mod waits;
mod window;
mod wrap;
mod wrap_hostile;
mod wreck;
