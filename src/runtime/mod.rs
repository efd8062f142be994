//! Runs a pipeline: dispatcher, gates, journal, patterns. Deterministic given its effects.
//!
//! Pattern code (`patterns`) asks for every effect by path, through its scope and `effects::Effects`. Live, the
//! dispatcher looks into the journal, stops at gates, has tools and models work, records what happened, and gives the
//! outcome back.

mod ask;
mod by_hand;
mod choices;
mod compare;
mod conversations;
mod denial;
mod diff;
mod dispatcher;
mod edit_history;
mod effects;
mod engine;
mod failure;
mod feed;
mod foresee;
mod fork;
mod gates;
mod imported;
mod journal;
mod live;
mod look_only;
pub mod matching;
mod past;
mod pattern_scope;
mod patterns;
mod policy;
mod prompt;
mod recorded;
mod refusal;
mod replay;
mod request;
mod resume;
mod review;
mod session;
mod wording;
mod wrap;

pub use denial::{Denial, Unanswered};
pub use diff::{compare_states, compare_texts};
pub use dispatcher::command::{Commands, SnapshotFolders};
pub use engine::{Engine, Headless, Mode, NewRun, SessionEnd, Setup, StatusHook};
pub use failure::Divergence;
pub use feed::{Feed, Receiver, Sink, channel};
pub use foresee::{ForeseeError, Outlook, foresee};
pub use fork::{ForkPlan, ForkWorkspace, Parent, fork, plan_fork};
pub use imported::open_imported;
pub use look_only::LookOnly;
pub use policy::{has_command, names_a_tool};
pub use refusal::{ForkError, PromptError};
pub use replay::{ChangedCall, Verification, verify};
pub use request::HashVersion;
pub use review::Review;
pub use session::{
    ModelSource, Session, SessionError, capture_of, hidden_folders, name_neighbours, neighbours, open, open_in,
    open_watched, open_with, prepare, providers, rules, start, start_unrecorded, start_with,
};
pub use wrap::{AgentLine, AgentScreen, WrapError, WrapSetup, start_wrapped};
