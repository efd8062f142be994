//! The screen's state, without a screen: [`update`] takes a key or an event and changes [`State`]; what must happen
//! outside comes back as [`Command`]s.
//!
//! It knows `model` only: no clock, no files, no terminal. So a test drives the whole program by feeding keys and
//! events. Every key is declared once, in [`keys`]; every number the screen shows is computed here; `ui` only draws.

mod act;
mod agent;
mod approval;
mod approvals;
mod ask;
mod by_hand;
mod compare_panel;
mod detail;
mod diff;
mod entry;
mod footer;
mod fork;
mod glance;
mod header;
mod held_words;
mod help;
mod input;
pub mod keys;
mod layout;
mod log;
mod marks;
mod msg;
mod notice;
mod palette;
mod panel;
mod pause;
mod plan;
mod popup;
mod popup_keys;
mod preview;
mod read_back;
mod reading;
mod resume;
mod rollback;
mod row_words;
mod run_list;
pub mod safe;
mod scroll;
mod search;
mod span_text;
mod state;
pub mod text;
mod timeline;
mod trail;
mod tree;
mod tries;
mod under_way;
mod update;
mod world_panel;

use act::past::only_now;
pub use agent::{
    AgentButton, AgentEnd, AgentInput, AgentKey, AgentKeyCode, AgentMouse, AgentMouseAction, AgentPane, AgentPicture,
    LEAVE_KEY, Modifiers,
};
pub use approval::{Answer, AnswerRow, Approval};
pub use ask::{Ask, Buttons, Confirmed};
use by_hand::edit_names;
pub use by_hand::{ByHandEdits, Then, edit_lines};
pub use compare_panel::ComparePanel;
pub use detail::{Detail, DetailLine, JsonStart, LineKind, Streamed};
pub use diff::{DIFF_GUTTER, DiffRow, DiffRowKind, DiffView};
pub use entry::Entry;
pub use footer::{Footer, footer};
pub use header::{Header, HeaderMark, header};
pub use held_words::{HeldWords, held_words};
pub use help::{HELP_KEYS, Help, HelpLine, HelpPage, help_height};
pub use input::{Key, Mouse};
pub use keys::{Context, Group, UiAction, Verb};
pub use layout::{Area, Layout, Panels, TEXT_MARGIN};
pub use log::{Log, LogKind, LogLine};
pub use marks::{Mark, row_marks, state_glyph, state_word};
pub use msg::{Command, EditorInput, Msg};
pub use notice::{Notice, notice};
pub use palette::{Palette, PaletteChoice, PaletteRow};
pub use panel::{Lines, MorePanels, Pane, PanelLine, Piece, Slot, Tone};
pub use pause::{pause_text, pause_title, pause_word};
pub use plan::{PLAN_LABEL, PlanAsk, PlanLine, PlanTone, again_text, cost_text, reuse_text};
pub use popup::{BreakList, Choice, Editor, Item, Menu, Popup, Purpose};
pub use popup_keys::{Hint, popup_keys};
pub use preview::Preview;
pub use read_back::read_back_text;
pub use reading::Reading;
pub use resume::Resuming;
pub use rollback::{ActionRow, Rollback, Word};
pub use run_list::{LIST_VERBS, ListCommand, ListSetup, ListVerb, RunColumn, RunList, RunRow, RunWord, list_markdown};
pub use scroll::Scroll;
pub use search::{Finds, Place, Search};
pub use span_text::{About, SpanText, shown_try, span_text};
pub use state::{Setup, State};
pub use timeline::{Strip, Timeline, strip};
pub use trail::Trail;
pub use tree::{Row, Tree};
pub use tries::{TriesForm, TriesTable, TryRow, TryTone, failure_line, pass_rate_line, try_cells};
pub use under_way::UnderWay;
pub use update::update;
pub use world_panel::WorldPanel;
