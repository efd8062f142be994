//! The program in a real terminal: whole sessions, how it ends, and what it leaves behind.

mod approvals;
mod ends;
mod first;
mod flows;
mod output;
mod window;
mod wreck;
