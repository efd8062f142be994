//! File tools: read, write, edit, delete and list files in the workspace.

use super::args::{Args, Param, ParamType};
use super::bounded::keep_both_ends;
use super::builtin::Builtin;
use super::line_ends::with_endings_of;
use super::tool::{Decision, Prepared, ToolError, WorldCall};
use crate::model::{ActionOp, EffectClass, Key, KeyKind};
use crate::world::path::{ROOT, parents};
use crate::world::{Change, Value};

/// Characters of a file that go into one answer.
const SHOWN: usize = 256 * 1024;

const PATH: Param = Param::required("path", ParamType::Text, "the file's path, relative to the workspace");

/// The file tools.
pub(super) static TOOLS: [Builtin; 5] = [
    Builtin {
        name: "tama_files_read",
        about: "Reads a text file in the workspace.",
        effect: EffectClass::Read,
        params: &[PATH],
        prepare: read,
    },
    Builtin {
        name: "tama_files_write",
        about: "Writes a text file in the workspace, in place of what was there; makes the folders it needs.",
        effect: EffectClass::Reversible,
        params: &[PATH, Param::required("content", ParamType::Text, "the whole content of the file")],
        prepare: write,
    },
    Builtin {
        name: "tama_files_edit",
        about: "Replaces a text in a file; the old text must occur exactly once, unless \"all\" is true.",
        effect: EffectClass::Reversible,
        params: &[
            PATH,
            Param::required("old", ParamType::Text, "the text to replace, exactly as it stands in the file"),
            Param::required("new", ParamType::Text, "what to put in its place"),
            Param::optional("all", ParamType::Flag, "replace every occurrence"),
        ],
        prepare: edit,
    },
    Builtin {
        name: "tama_files_delete",
        about: "Deletes a file, a link or an empty folder in the workspace.",
        effect: EffectClass::Reversible,
        params: &[PATH],
        prepare: delete,
    },
    Builtin {
        name: "tama_files_list",
        about: "Lists a folder in the workspace, one name a line; folders end with a slash.",
        effect: EffectClass::Read,
        params: &[Param::optional("path", ParamType::Text, "the folder's path; the workspace itself when left out")],
        prepare: list,
    },
];

fn read(args: &Args<'_>) -> Result<Prepared, ToolError> {
    let key = Key::file(args.path("path")?);
    Ok(WorldCall::prepare(vec![key.clone()], move |values| {
        let result = match text_of(&key, values)? {
            Some((text, _)) => keep_both_ends(text, SHOWN),
            None => format!("there is no file {:?}", key.name),
        };
        Ok(answer(vec![key], result))
    }))
}

fn write(args: &Args<'_>) -> Result<Prepared, ToolError> {
    let (path, content) = (args.path("path")?, args.text("content"));
    let mut keys: Vec<Key> = parents(&path).map(Key::directory).collect();
    let file = Key::file(path);
    keys.push(file.clone());
    let above = keys.clone();
    Ok(WorldCall::prepare(keys, move |values| {
        let mut changes = Vec::new();
        for (key, value) in above.iter().zip(values).take(above.len() - 1) {
            match value {
                Value::Absent => changes.push(set(key.clone(), Value::Directory { mode: None, entries: Vec::new() })),
                Value::Directory { .. } => {}
                other => return Err(ToolError(format!("{:?} is {}, not a folder", key.name, name_of(other)))),
            }
        }
        let mode = match values.last() {
            Some(Value::Absent) => None,
            Some(Value::File { mode, .. }) => *mode,
            other => return Err(not_a_file(&file, other)),
        };
        let result = format!("wrote {} bytes to {:?}", content.len(), file.name);
        changes.push(set(file, Value::File { bytes: content.into_bytes(), mode }));
        Ok(Decision { reads: Vec::new(), changes, result })
    }))
}

fn edit(args: &Args<'_>) -> Result<Prepared, ToolError> {
    let key = Key::file(args.path("path")?);
    let (old, new, all) = (args.text("old"), args.text("new"), args.flag("all"));
    if old.is_empty() {
        return Err(ToolError("\"old\" must not be empty; to write a whole file use tama_files_write".into()));
    }
    if old == new {
        return Err(ToolError("\"old\" and \"new\" are the same; nothing to do".into()));
    }
    Ok(WorldCall::prepare(vec![key.clone()], move |values| {
        let Some((text, mode)) = text_of(&key, values)? else {
            return Ok(answer(vec![key.clone()], format!("there is no file {:?}; nothing was edited", key.name)));
        };
        let (old, new) = with_endings_of(text, &old, &new);
        let times = text.matches(&*old).count();
        if times == 0 {
            return Err(ToolError(format!(
                "\"old\" does not occur in {:?}; read the file and copy it exactly",
                key.name
            )));
        }
        if times > 1 && !all {
            let why = format!("\"old\" occurs {times} times in {:?}; give more of the text around it", key.name);
            return Err(ToolError(format!("{why}, or set \"all\" to true")));
        }
        let bytes = text.replace(&*old, &new).into_bytes();
        let result = format!("replaced {times} {} in {:?}", if times == 1 { "place" } else { "places" }, key.name);
        let changes = vec![set(key.clone(), Value::File { bytes, mode })];
        Ok(Decision { reads: vec![key], changes, result })
    }))
}

fn delete(args: &Args<'_>) -> Result<Prepared, ToolError> {
    let key = Key::file(args.path("path")?);
    if key.name == ROOT {
        return Err(ToolError("the workspace itself can't be deleted".into()));
    }
    Ok(WorldCall::prepare(vec![key.clone()], move |values| {
        let kind = match values {
            [Value::File { .. }] => KeyKind::File,
            [Value::Symlink { .. }] => KeyKind::Symlink,
            [Value::Directory { entries, .. }] if entries.is_empty() => KeyKind::Directory,
            [Value::Directory { entries, .. }] => {
                let why = format!("the folder {:?} is not empty ({} entries)", key.name, entries.len());
                return Err(ToolError(format!("{why}; delete what is in it first")));
            }
            _ => {
                let result = format!("there is no {:?}; nothing was deleted", key.name);
                return Ok(answer(vec![key], result));
            }
        };
        let result = format!("deleted {:?}", key.name);
        let change = Change { key: Key { kind, name: key.name }, op: ActionOp::Delete, new: Value::Absent };
        Ok(Decision { reads: Vec::new(), changes: vec![change], result })
    }))
}

fn list(args: &Args<'_>) -> Result<Prepared, ToolError> {
    let key = Key::directory(args.path("path")?);
    Ok(WorldCall::prepare(vec![key.clone()], move |values| {
        let result = match values {
            [Value::Directory { entries, .. }] if entries.is_empty() => format!("the folder {:?} is empty", key.name),
            [Value::Directory { entries, .. }] => keep_both_ends(&entries.join("\n"), SHOWN),
            [Value::File { .. }] => format!("{:?} is a file, not a folder; read it with tama_files_read", key.name),
            [Value::Symlink { target }] => format!("{:?} is a symbolic link to {target:?}; list that path", key.name),
            _ => format!("there is no folder {:?}", key.name),
        };
        Ok(answer(vec![key], result))
    }))
}

/// Returns the text and mode of the one file that was read; `None` when it is not there.
fn text_of<'a>(key: &Key, values: &'a [Value]) -> Result<Option<(&'a str, Option<u32>)>, ToolError> {
    match values {
        [Value::Absent] => Ok(None),
        [Value::File { bytes, mode }] => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some((text, *mode))),
            Err(_) => Err(ToolError(format!("{:?} is not a text file ({} bytes, not UTF-8)", key.name, bytes.len()))),
        },
        other => Err(not_a_file(key, other.first())),
    }
}

fn not_a_file(key: &Key, found: Option<&Value>) -> ToolError {
    ToolError(match found {
        Some(Value::Symlink { target }) => {
            format!("{:?} is a symbolic link to {target:?}; use that path, or delete the link first", key.name)
        }
        Some(other) => format!("{:?} is {}, not a file", key.name, name_of(other)),
        None => format!("failed to read {:?}", key.name),
    })
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Absent => "not there",
        Value::Text(_) | Value::List(_) => "in memory",
        Value::File { .. } => "a file",
        Value::Directory { .. } => "a folder",
        Value::Symlink { .. } => "a symbolic link",
    }
}

fn answer(reads: Vec<Key>, result: String) -> Decision {
    Decision { reads, changes: Vec::new(), result }
}

fn set(key: Key, new: Value) -> Change {
    Change { key, op: ActionOp::Set, new }
}
