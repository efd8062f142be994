//! Reads `[tools.*]`: the user's own tools, which are commands.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use toml::Spanned;

use super::faults::Doc;
use super::names::{LOOP_TOOLS, TOOLS, suggest};
use super::reader::{Table, Text};
use super::spec::{ArgType, CustomTool, ToolArg};
use crate::model::{EffectClass, Part, parts};

/// Seconds a tool may take when it does not say.
pub(super) const USUAL_TIMEOUT: u64 = 120;
/// Seconds a tool may ask for.
pub(super) const LONGEST_TIMEOUT: u64 = 3600;
/// Characters of a name that providers accept.
const LONGEST_NAME: usize = 64;
/// Help for a name that models don't accept.
pub(super) const NAME_HELP: &str = "letters, digits, `_` and `-`, at most 64";
/// Holes of `undo` that no argument may be named like.
const HOLES: [&str; 2] = ["before", "result"];
/// Effects by name.
pub(super) const EFFECTS: [(&str, EffectClass); 4] = [
    ("read", EffectClass::Read),
    ("reversible", EffectClass::Reversible),
    ("compensable", EffectClass::Compensable),
    ("irreversible", EffectClass::Irreversible),
];

/// Reads every tool, those with faults left out, and the names of all.
pub(super) fn read_custom(root: &Table<'_>, base: &Path) -> (IndexMap<String, CustomTool>, Vec<String>) {
    let Some(table) = root.table("tools") else { return (IndexMap::new(), vec![]) };
    let here = Path::new(".").join(base);
    let base = fs::canonicalize(&here).unwrap_or(here);
    let children = table.children();
    let names = children.iter().map(|(name, _)| name.get_ref().clone()).collect();
    let mut tools = IndexMap::new();
    for (name, table) in children {
        check_name(table.doc, &name);
        if let Some(tool) = read_tool(&table, name.get_ref(), &base) {
            tools.insert(name.into_inner(), tool);
        }
    }
    (tools, names)
}

fn check_name(doc: &Doc<'_>, name: &Text) {
    let text = name.get_ref().as_str();
    let fault = |why: &str, help: &str| doc.fault_help(name.span(), format!("the tool's name `{text}` {why}"), help);
    if !is_name(text) {
        fault("is not one that models accept", NAME_HELP);
    } else if TOOLS.contains(&text) || text.starts_with("tama_") {
        fault("is reserved", "choose a name that does not start with `tama_`");
    } else if LOOP_TOOLS.contains(&text) {
        fault("is taken", "every tool loop has a tool of that name; choose another name");
    } else if text == "llm" {
        fault("is taken", "model calls have that name; choose another name");
    } else if text.contains("__") {
        fault("is taken", "tools of MCP servers have names with `__`; choose another name");
    }
}

/// True for a name of a tool that models accept: 64 letters, digits, `_` and `-` at most.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

fn read_tool(table: &Table<'_>, name: &str, base: &Path) -> Option<CustomTool> {
    let description = table.required("description", "add a line about its purpose, for the model");
    if let Some(text) = description.as_ref().filter(|text| text.get_ref().trim().is_empty()) {
        table.doc.fault(text.span(), "the description is empty");
    }
    let args = read_args(table);
    let known: Vec<&str> = args.keys().map(String::as_str).collect();
    if table.get("command").is_none() {
        table.missing("command", "the program and its arguments, e.g. command = [\"./deploy\", \"{tag}\"]");
    }
    let command = read_command(table, "command", base, &known, &[]);
    let before = read_command(table, "before", base, &known, &[]);
    let undo = read_command(table, "undo", base, &known, &HOLES);
    let effect = read_effect(table, undo.is_some() || table.get("undo").is_some());
    check_before(table, undo.as_ref());
    let network = table.flag("network").unwrap_or_default();
    let local_sockets = table.flag("local_sockets").unwrap_or_default();
    let timeout_seconds = read_timeout(table);
    table.finish();
    Some(CustomTool {
        name: name.to_owned(),
        description: description?.into_inner(),
        command: command?,
        before,
        undo,
        effect,
        network,
        local_sockets,
        timeout_seconds,
        args,
    })
}

fn read_args(table: &Table<'_>) -> IndexMap<String, ToolArg> {
    let Some(args) = table.table("args") else { return IndexMap::new() };
    let mut read = IndexMap::new();
    for (name, table) in args.children() {
        let text = name.get_ref().as_str();
        if !is_name(text) {
            let help = NAME_HELP;
            table.doc.fault_help(name.span(), format!("the argument's name `{text}` is not one"), help);
        } else if HOLES.contains(&text) {
            let message = format!("an argument can't be named `{text}`");
            table.doc.fault_help(name.span(), message, format!("in `undo`, {{{text}}} means something else"));
        }
        let holds = read_type(&table);
        let description = table.string("description").map(Spanned::into_inner).unwrap_or_default();
        let required = table.flag("required").unwrap_or(true);
        table.finish();
        // An argument with a fault is known all the same: its holes are no faults of their own.
        read.insert(name.into_inner(), ToolArg { holds: holds.unwrap_or(ArgType::String), description, required });
    }
    read
}

fn read_type(table: &Table<'_>) -> Option<ArgType> {
    let names = ArgType::ALL.map(ArgType::name);
    let written = table.required("type", &format!("one of {}", names.join(", ")))?;
    let found = ArgType::ALL.into_iter().find(|holds| holds.name() == written.get_ref());
    if found.is_none() {
        let message = format!("unknown type `{}`", written.get_ref());
        table.doc.fault_help(written.span(), message, suggest(written.get_ref(), names));
    }
    found
}

fn read_effect(table: &Table<'_>, has_undo: bool) -> EffectClass {
    let usual = if has_undo { EffectClass::Compensable } else { EffectClass::Irreversible };
    let Some(written) = table.string("effect") else { return usual };
    let Some((_, effect)) = EFFECTS.into_iter().find(|(name, _)| name == written.get_ref()) else {
        let help = suggest(written.get_ref(), EFFECTS.map(|(name, _)| name));
        table.doc.fault_help(written.span(), format!("unknown effect `{}`", written.get_ref()), help);
        return usual;
    };
    if has_undo && effect != EffectClass::Compensable {
        let message = format!("a tool with `undo` is compensable, not {}", written.get_ref());
        table.doc.fault_help(written.span(), message, "leave `effect` out, or `undo`");
    } else if !has_undo && effect == EffectClass::Compensable {
        let help = "add the undo command, e.g. undo = [\"./deploy\", \"{before}\"]";
        table.doc.fault_help(written.span(), "a compensable tool needs `undo`", help);
    }
    effect
}

/// Checks that `before` has an `undo`, and that `{before}` has a `before`.
fn check_before(table: &Table<'_>, undo: Option<&Vec<String>>) {
    match (table.get("before"), table.get("undo")) {
        (Some((key, _)), None) => {
            table.doc.fault_help(key.span(), "`before` is for `undo`, and there is none", "what it prints is {before}");
        }
        (None, Some((key, _))) => {
            let holes = |element: &String| {
                parts(element).is_ok_and(|parts| parts.iter().any(|(part, _)| *part == Part::Hole("before")))
            };
            if undo.is_some_and(|undo| undo.iter().any(holes)) {
                table.doc.fault_help(key.span(), "`undo` has {before}, and there is no `before`", "a command");
            }
        }
        _ => {}
    }
}

pub(super) fn read_timeout(table: &Table<'_>) -> u64 {
    let Some(seconds) = table.count("timeout_seconds") else { return USUAL_TIMEOUT };
    if seconds > LONGEST_TIMEOUT
        && let Some((_, value)) = table.get("timeout_seconds")
    {
        table.doc.fault(value.span(), format!("`timeout_seconds` must be at most {LONGEST_TIMEOUT}"));
    }
    seconds
}

/// A command: its program found, its holes known. `more`: holes beside the arguments.
pub(super) fn read_command(
    table: &Table<'_>,
    key: &'static str,
    base: &Path,
    args: &[&str],
    more: &[&str],
) -> Option<Vec<String>> {
    let (name, value) = table.get(key)?;
    let elements = table.strings(key);
    let array = value.get_ref().as_array()?;
    let Some(program) = elements.first().filter(|_| elements.len() == array.len()) else {
        if array.is_empty() {
            table.doc.fault(name.span(), format!("`{key}` is empty"));
        }
        return None;
    };
    let mut good = true;
    for element in &elements {
        good &= check_holes(table.doc, element, args, more);
    }
    let program = find_program(table.doc, program, base).filter(|_| good)?;
    let rest = elements.iter().skip(1).map(|element| element.get_ref().clone());
    Some(std::iter::once(program).chain(rest).collect())
}

/// Finds the program: a name for the system to look up, or a path, which is made absolute.
pub(super) fn find_program(doc: &Doc<'_>, program: &Text, base: &Path) -> Option<String> {
    let text = program.get_ref();
    if text.trim().is_empty() {
        doc.fault(program.span(), "the program is empty");
        return None;
    }
    let holes = parts(text).ok()?;
    if holes.iter().any(|(part, _)| matches!(part, Part::Hole(_))) {
        doc.fault_help(program.span(), "the program can't be chosen by the model", "holes belong after it");
        return None;
    }
    if !text.contains('/') {
        return Some(text.clone());
    }
    let path: PathBuf = base.join(text).components().collect();
    let fault = |message: String, help: &str| doc.fault_help(program.span(), message, help);
    match fs::metadata(&path) {
        Ok(found) if !found.is_file() => fault(format!("`{text}` is no program"), "a file that can be run"),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => {
            fault(format!("`{text}` can't be run"), &format!("chmod +x {}", shell_words::quote(text)));
        }
        Ok(_) => {
            let absolute = path.into_os_string().into_string();
            return absolute.map_err(|_| doc.fault(program.span(), "the path to it is not text")).ok();
        }
        Err(error) => {
            fault(format!("failed to find the program `{text}`: {error}"), "paths are relative to the pipeline's file");
        }
    }
    None
}

/// Faults holes that nothing can fill.
fn check_holes(doc: &Doc<'_>, element: &Text, args: &[&str], more: &[&str]) -> bool {
    let parts = match parts(element.get_ref()) {
        Ok(parts) => parts,
        Err((at, why)) => {
            doc.fault(place(doc, element, at..at + 1), why);
            return false;
        }
    };
    let mut good = true;
    for (part, bytes) in parts {
        let Part::Hole(hole) = part else { continue };
        let is_field = more.contains(&"result") && hole.strip_prefix("result.").is_some_and(|path| !path.is_empty());
        if !args.contains(&hole) && !more.contains(&hole) && !is_field {
            let known: Vec<&str> = args.iter().chain(more).copied().collect();
            let help = match (more.is_empty(), HOLES.iter().any(|name| hole.starts_with(name))) {
                (true, true) => format!("{{{hole}}} is known to `undo` only"),
                _ if known.is_empty() => "it has no arguments; write `{{` for a brace".to_owned(),
                _ => suggest(hole, known.iter().copied()),
            };
            doc.fault_help(place(doc, element, bytes), format!("nothing fills {{{hole}}}"), help);
            good = false;
        }
    }
    good
}

/// Finds the bytes of a part of a string in the file; the whole string when it is written with escapes.
fn place(doc: &Doc<'_>, element: &Text, part: Range<usize>) -> Range<usize> {
    let start = element.span().start + 1;
    let written = doc.text().get(start..).is_some_and(|rest| rest.starts_with(element.get_ref().as_str()));
    if written { start + part.start..start + part.end } else { element.span() }
}
