//! tama-tui: a full-screen terminal debugger for multi-agent LLM pipelines that can take things back.
//!
//! # Floors
//!
//! Each floor may use the ones below it, never one above; `tests/it/floors.rs` fails on a breach.
//!
//! | floor | what lives there |
//! |---|---|
//! | [`cli`] | wires the floors together, one file per subcommand |
//! | [`term`] | crossterm: the terminal guard and the event loop |
//! | [`ui`] | ratatui: draws [`app::State`], one small file per panel |
//! | [`app`] | the headless screen: state, `update`, the key table, the panels' models |
//! | [`runtime`] | tokio: dispatcher, gates, journal, patterns |
//! | [`effects`] | model calls and tools |
//! | [`wire`] | codecs of the models' dialects: bytes to neutral types and back, no I/O |
//! | [`rollback`] | doing, undoing and redoing recorded actions; the plan of a retry |
//! | [`world`] | what can be changed, by key, confined to the workspace |
//! | [`store`] | DuckDB: the writer thread, before-images, run folders; tama's databases, to look at |
//! | [`pipeline`] | what to run: spec, loader, check |
//! | [`model`] | ids, events, commands, actions, and the folds over them |
//!
//! # One event's way up
//!
//! Pattern code asks the dispatcher for an effect by path. The dispatcher looks into the journal, stops at gates, and
//! has the effect carried out. What happens is appended to the run's log ([`store::RunLog`]), which gives it the next
//! seq, folds it into [`model::RunState`], and hands it to the writer thread. After the commit it goes up a bounded
//! channel ([`runtime::Feed`]) to [`app::update`], which folds it into the same `RunState`; then the screen is drawn,
//! at most 60 times a second. A past run is the same events from its database.
//!
//! A tool never acts on its own: it says what it would change, by key. The gate locks, reads the old states, has them
//! recorded durably, and lets it happen through [`world`]. Undo puts the same keys back through the same floor.
//!
//! # One key's way down
//!
//! crossterm → [`app::Key`] → key table → [`app::update`] changes the state and returns commands → the dispatcher
//! acts → the state changes for good when the event comes back.

pub mod app;
pub mod cli;
pub mod effects;
pub mod model;
pub mod pipeline;
pub mod rollback;
pub mod runtime;
pub mod store;
pub mod term;
pub mod ui;
pub mod wire;
pub mod world;
