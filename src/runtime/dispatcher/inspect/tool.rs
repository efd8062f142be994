//! A tool call: what it would do before it runs, its arguments, and its result. Their order is always the same.

use serde_json::Value as Json;

use super::approval;
use super::fields::{arguments, prose, section, text, value};
use super::now::{Held, Now, ToolNow, UpcomingCall};
use super::sections::Gathered;
use super::would_change::would_change;
use crate::effects::tools::{Prepared, Program, ShellCall};
use crate::model::{EffectClass, EndCause, Section, SectionBody, SpanEnd, SpanStatus, TextHash, ToolCall};
use crate::runtime::dispatcher::Services;
use crate::runtime::dispatcher::tools::{command, outlook, remote};
use crate::store::{Recorder, StoreError};

pub(super) fn sections(
    known: &Gathered<'_>,
    args: TextHash,
    effect: EffectClass,
    now: &Now,
    store: &dyn Recorder,
) -> Result<Vec<Section>, StoreError> {
    let tool = now.tool.as_ref();
    let pending = tool.and_then(|tool| tool.pending.as_ref());
    let stored = store.text(known.sent_args.unwrap_or(args))?;
    let stored = serde_json::from_str(&stored).unwrap_or(Json::String(stored));
    // An edit may be recorded a moment later than it can be seen here.
    let unrecorded = pending.filter(|pending| pending.call.args != stored);
    let edited = known.sent_args.is_some() || unrecorded.is_some();
    let args = unrecorded.map_or(stored, |pending| pending.call.args.clone());
    let output = known.end.and_then(|end| end.output).map(|hash| store.text(hash)).transpose()?.unwrap_or_default();
    let mut out = known.end.map(|end| failure(end, &output, tool)).unwrap_or_default();
    if let (Some(tool), Some(pending)) = (tool, pending) {
        out.extend(foreseen(tool, pending, effect, &now.services));
    }
    out.extend(body(tool, &args, effect, (edited, pending), &now.services));
    if let Some(held) = tool.and_then(|tool| tool.held.as_ref()) {
        out.extend(held_sections(held));
    }
    if let Some(end) = known.end.filter(|end| end.status != SpanStatus::Error) {
        out.extend(result(tool, end, &output));
    }
    Ok(out)
}

/// The command (of a tool that runs one), the approval that it needs, and the arguments.
fn body(
    tool: Option<&ToolNow>,
    args: &Json,
    effect: EffectClass,
    (edited, pending): (bool, Option<&UpcomingCall>),
    services: &Services,
) -> Vec<Section> {
    let note = match (edited, pending) {
        (true, Some(_)) => "edited, runs like this",
        (true, None) => "edited",
        (false, _) => "",
    };
    let mut out = Vec::new();
    let command = tool.and_then(|tool| command(&tool.tools, &ToolCall { name: tool.name.clone(), args: args.clone() }));
    if let Some(command) = &command {
        let open = pending.and_then(|pending| pending.open.as_deref());
        out.extend(runs(command, note, (effect, open), services));
    }
    let sent = tool.and_then(|tool| remote(&tool.tools, &ToolCall { name: tool.name.clone(), args: args.clone() }));
    if let Some(sent) = &sent {
        out.extend(super::remote::sections(sent, note, effect, services));
    }
    if let Some(pending) = pending
        && let Some(asks) = &pending.asks
    {
        out.push(approval::section_of(asks, pending, services.world.root()));
    }
    // A command of the shell is all of its arguments.
    if command.is_none_or(|command| !matches!(command.program, Program::Shell(_))) {
        out.extend(arguments(note, args));
    }
    out
}

/// The exact command, and by which rules it runs.
fn runs(
    command: &ShellCall,
    note: &str,
    (effect, open): (EffectClass, Option<&str>),
    services: &Services,
) -> [Section; 2] {
    let exact = services.masker.mask(&command.program.exact()).into_owned();
    let mut facts = vec![
        ("folder", services.world.root().display().to_string()),
        ("network", if command.network { "yes" } else { "no" }.into()),
    ];
    if command.local_sockets {
        facts.push(("local sockets", "yes".into()));
    }
    facts.push(("at most", format!("{} s", command.timeout_seconds)));
    facts.push(("undo", outlook(command, effect)));
    let open = open.map(|open| ("open files", open.to_owned()));
    let facts = facts.into_iter().chain(open).map(|(name, value)| (name.to_owned(), value)).collect();
    [prose("runs", note, exact), section("how", "", SectionBody::Facts(facts))]
}

/// The changes that a stopped call would make, or why it won't make any.
fn foreseen(tool: &ToolNow, pending: &UpcomingCall, effect: EffectClass, services: &Services) -> Option<Section> {
    let fails = |why: String| Some(section("changes", "none", SectionBody::Error(format!("would fail: {why}"))));
    if let Some(why) = &pending.refusal {
        return fails(why.clone());
    }
    if let Some(denied) = approval::denied(pending, effect, services.world.root()) {
        return Some(denied);
    }
    match tool.tools.get(&pending.call.name)?.prepare(&pending.call.args) {
        Err(error) => fails(error.to_string()),
        Ok(Prepared::World(call)) if effect != EffectClass::Read => {
            Some(would_change(call, &services.world, &services.masker))
        }
        Ok(
            Prepared::World(_) | Prepared::Shell(_) | Prepared::Remote(_) | Prepared::Program(_) | Prepared::Outside(_),
        ) => None,
    }
}

/// The error of a call that failed.
fn failure(end: &SpanEnd, output: &str, tool: Option<&ToolNow>) -> Vec<Section> {
    let error = |note: &str, text: String| vec![section("error", note, SectionBody::Error(text))];
    match (end.status, end.cause) {
        (SpanStatus::Error, Some(EndCause::Denied)) => {
            vec![approval::was_denied(output, tool.and_then(|tool| tool.source.as_ref()))]
        }
        (SpanStatus::Error, _) => error("", output.to_owned()),
        (_, Some(EndCause::Exit { code })) => {
            error("", format!("exit {code}: the command failed, and the model got its output"))
        }
        _ => Vec::new(),
    }
}

fn result(tool: Option<&ToolNow>, end: &SpanEnd, output: &str) -> Vec<Section> {
    let note = if end.answered { "answered by the user; nothing was run" } else { "" };
    // The content of a file or a key is shown as it is.
    let reads = tool.is_some_and(|tool| tool.name.starts_with("tama_"));
    let taken_apart = if reads { None } else { value("result", note, output) };
    taken_apart.unwrap_or_else(|| vec![text("result", note, output)])
}

/// The output of a command whose changes are held, and those changes.
fn held_sections(held: &Held) -> Vec<Section> {
    let total = held.changes.len() + held.more;
    let mut out = vec![prose("result", "its changes are held", held.printed.clone())];
    if total > 0 {
        let more =
            if held.more > 0 { format!("{total}, the first {} here", held.changes.len()) } else { total.to_string() };
        out.push(section("held changes", &more, SectionBody::Changes(held.changes.clone())));
    }
    out
}
