//! The screen's state, without a screen: [`update`] takes a key or an event and changes [`State`]; what must happen
//! outside comes back as [`Command`]s.
//!
//! It knows `model` only: no clock, no files, no terminal. So a test drives the whole program by feeding keys and
//! events. Every key is declared once, in [`keys`]; every number the screen shows is computed here; `ui` only draws.

mod act;
mod detail;
mod diff;
mod footer;
mod header;
mod input;
pub mod keys;
mod layout;
mod log;
mod msg;
mod notice;
mod pause;
mod popup;
mod preview;
mod rollback;
mod run_list;
pub mod safe;
mod scroll;
mod state;
pub mod text;
mod tree;
mod update;

pub use detail::{Detail, DetailLine, JsonStart, LineKind};
pub use diff::{DIFF_GUTTER, DiffRow, DiffRowKind, DiffView};
pub use footer::{Footer, footer};
pub use header::{Header, header};
pub use input::{Key, Mouse};
pub use keys::{Context, Group, UiAction, Verb};
pub use layout::{Area, Layout, TEXT_MARGIN};
pub use log::{Log, LogKind, LogLine};
pub use msg::{Command, EditorInput, Msg};
pub use notice::{Notice, notice};
pub use pause::{pause_text, pause_title, pause_word};
pub use popup::{Ask, BreakList, Buttons, Choice, Confirmed, Editor, Help, Item, Menu, PlanAsk, Popup, Purpose};
pub use preview::Preview;
pub use rollback::{ActionRow, Rollback, Word};
pub use run_list::{LIST_VERBS, ListCommand, ListSetup, ListVerb, RunColumn, RunList, RunRow, RunWord};
pub use scroll::Scroll;
pub use state::{Pane, Search, Setup, State, shown_status};
pub use tree::{Row, Tree};
pub use update::update;
