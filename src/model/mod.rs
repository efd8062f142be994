//! Plain data that every floor shares: ids, events, actions, commands, and the folds over them.
//!
//! Nothing here does I/O, reads a clock or knows a library beyond std and serde. A run is a sequence of
//! [`TraceEvent`]s; [`RunState`] is the fold of that sequence, and is the same for a live run and for one opened
//! from disk.

mod action;
mod approval;
mod breakpoint;
mod call;
mod command;
mod compare;
mod compensation;
mod conversation;
mod diff;
mod event;
mod event_names;
mod fork;
mod held;
mod held_index;
mod holes;
mod ids;
mod key;
mod keyframes;
mod labels;
mod ledger;
mod llm;
mod mcp;
mod moment;
mod name;
mod names;
mod net;
mod packed_pages;
mod packing;
mod pages;
mod places;
mod provenance;
mod request_doc;
mod restored;
mod resume;
mod retry_edits;
mod segment;
mod settler;
mod shell;
mod span;
mod span_map;
mod span_state;
mod state;
mod tally;
mod trace;
mod tries;
mod update;
mod waits;
mod work_clock;
mod workers;

pub use action::{ActionChange, ActionEvent, ActionOp, ActionRecord, EffectClass, Undoability};
pub use approval::{AnsweredBy, ApprovalAnswer, ApprovalAnswered, ApprovalAsked};
pub use breakpoint::{Breakpoint, Condition, ConditionError, ConditionFacts};
pub use call::{EarlierCall, LlmRequestRecord, MessageRecord};
pub use command::{Allow, Command, EditScope, Gate, Release};
pub use compare::{
    Comparison, RunDifferences, SectionDiff, SpanDifference, SpanFacts, WorldDifference, compare_runs, compare_spans,
    compare_worlds, footprint, other_try,
};
pub use compensation::{Compensation, command_line, quoted};
pub use conversation::Conversation;
pub use diff::{ActionDiff, Bytes, DiffBody, DiffSides, Hunk, HunkLine, LineIn, permissions};
pub use event::{EditReach, PauseReason, RunStatus, SentModel, TraceBody, TraceEvent};
pub use event_names::is_known_event;
pub use fork::{ForkHow, ForkOutlook};
pub use held::HeldChoice;
pub use holes::{Part, argument, fill, parts};
pub use ids::{BlobHash, Generation, Millis, RunId, Seq, SpanId, TextHash, Try};
pub use key::{Element, Key, KeyKind, KeyState, file_size};
pub use keyframes::Keyframes;
pub use labels::Labels;
pub use ledger::{ActionHead, ActionStatus, Ledger, LedgerEntry, Standing, Writer};
pub use llm::{LlmRequest, LlmResponse, Message, ModelName, ModelOptions, ToolCall, ToolDecl, Usage};
pub use mcp::{McpPlace, McpServer, McpUndo, SERVER_SEPARATOR, UndoTool, is_tool_glob, server_tool};
pub use moment::{Moment, MomentAsked};
pub use name::{first_names, name_from_bytes, name_to_bytes, readable_name};
pub use net::{NetChange, NetCounts, NetKind, NetWorld};
pub use packed_pages::{PackedPages, Seen};
pub use pages::Pages;
pub use provenance::{Lineage, Provenance, RunSource};
pub use request_doc::{DocError, SectionFault, parse_request, render_messages, render_request};
pub use restored::{Restored, RestoredEnd};
pub use resume::{ResumeDecision, ResumeDone, ResumePlan, ResumeQuestion};
pub use retry_edits::{EditPart, RetryEdits};
pub use segment::PathSegment;
pub use settler::Settler;
pub use shell::{CaptureMode, CommandStart, ShellMode};
pub use span::{EndCause, Fan, Finish, SpanEnd, SpanKind, SpanSpec, SpanStart, SpanStatus, TryGroup};
pub use span_state::SpanState;
pub use state::{PROGRAM, RunState};
pub use tally::Tally;
pub use trace::{Counts, Span, Trace};
pub use tries::{PassRate, TriesReport, TriesStep, TryReport, TrySettings, TryVerdict};
pub use update::{
    Abilities, Checking, Conflict, ConflictBy, Editable, KeyChange, MadeElsewhere, PlanLeave, ReadBack, RetryPlan,
    Section, SectionBody, SpanDetail, SpanSubject, UndoReport, UnwrittenEdit, Update,
};
pub use waits::{WaitFor, WaitInterval};
pub use workers::Workers;
