//! Reads the settings file; every fault has its line and column.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use toml::Spanned;

use super::super::colour::Colour;
use super::Settings;
use crate::app::keys::{self, Binding, UiAction, Verb};
use crate::pipeline::{Collector, Doc, Faults, Table, Text, parse_document, read_text, suggest};
use crate::term::Notify;
use crate::ui::{Colours, Ground};

/// The backgrounds by name.
pub(super) const GROUNDS: [(&str, Option<Ground>); 4] =
    [("auto", None), ("dark", Some(Ground::Dark)), ("light", Some(Ground::Light)), ("painted", Some(Ground::Painted))];

/// The ways to tell of a stop.
pub(super) const WAYS: [&str; 3] = ["bell", "osc9", "title"];

/// Reads the settings, and the table of verbs with the keys that they choose.
///
/// # Errors
/// With every fault that was found.
pub(in crate::cli) fn read(path: &Path, text: String) -> Result<(Settings, Vec<Verb>), Faults> {
    let collector = Collector::default();
    let doc = Doc::new(&path.display().to_string(), text, &collector);
    let Some(table) = parse_document(&doc) else { return collector.finish(None) };
    let root = Table::root(&doc, table.get_ref());
    let settings = Settings {
        color: root.string("color").and_then(|text| read_color(&doc, &text)),
        background: root.string("background").and_then(|text| read_ground(&doc, &text)),
        data_dir: root.string("data_dir").and_then(|text| read_folder(&doc, &text)),
        notify: read_notify(&root),
        colours: read_theme(&root),
        keys: Vec::new(),
    };
    let (keys, verbs) = read_keys(&root);
    root.finish();
    collector.finish(Some((Settings { keys, ..settings }, verbs)))
}

/// Faults a word that is none of the known ones.
fn unknown(doc: &Doc<'_>, kind: &str, text: &Text, known: &[&str]) {
    let word = text.get_ref();
    doc.fault_help(text.span(), format!("unknown {kind} `{word}`"), suggest(word, known.iter().copied()));
}

fn read_color(doc: &Doc<'_>, text: &Text) -> Option<Colour> {
    let found = Colour::from_str(text.get_ref(), false).ok();
    if found.is_none() {
        unknown(doc, "choice of colour", text, &["auto", "always", "never"]);
    }
    found
}

fn read_ground(doc: &Doc<'_>, text: &Text) -> Option<Ground> {
    let found = GROUNDS.iter().find(|(name, _)| name == text.get_ref());
    if found.is_none() {
        unknown(doc, "background", text, &GROUNDS.map(|(name, _)| name));
    }
    found.and_then(|(_, ground)| *ground)
}

/// A folder: absolute, or in the user's home.
fn read_folder(doc: &Doc<'_>, text: &Text) -> Option<PathBuf> {
    let written = Path::new(text.get_ref());
    let home = written.strip_prefix("~").ok().and_then(|rest| Some(etcetera::home_dir().ok()?.join(rest)));
    let found = home.or_else(|| written.is_absolute().then(|| written.to_owned()));
    if found.is_none() {
        let help = "write a path that begins with / or ~/";
        doc.fault_help(text.span(), "`data_dir` must be the same folder wherever the program starts", help);
    }
    found
}

fn read_notify(root: &Table<'_>) -> Option<Notify> {
    root.get("notify")?;
    let ways = root.strings("notify");
    for way in ways.iter().filter(|way| !WAYS.contains(&way.get_ref().as_str())) {
        unknown(root.doc, "way to notify", way, &WAYS);
    }
    if ways.is_empty() {
        return Some(Notify::NONE);
    }
    let names: Vec<&str> = ways.iter().map(|way| way.get_ref().as_str()).collect();
    Notify::parse(&names.join(",")).ok()
}

fn read_theme(root: &Table<'_>) -> Colours {
    let mut colours = Colours::default();
    let Some(table) = root.table("theme") else { return colours };
    for (name, value) in table.entries() {
        let Some(text) = read_text(root.doc, name.get_ref(), value) else { continue };
        let rgb = read_rgb(text.get_ref());
        if rgb.is_none() {
            let help = "write red, green and blue as #rrggbb, e.g. \"#38bdf8\"";
            root.doc.fault_help(text.span(), format!("`{}` is no colour", text.get_ref()), help);
        }
        if !colours.choose(name.get_ref(), rgb.unwrap_or_default()) {
            let known: Vec<&str> = Colours::choices().map(|choice| choice.name).collect();
            unknown(root.doc, "colour in [theme]", &name, &known);
        }
    }
    colours
}

fn read_rgb(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

fn read_keys(root: &Table<'_>) -> (Vec<Binding>, Vec<Verb>) {
    let Some(table) = root.table("keys") else { return (Vec::new(), keys::VERBS.to_vec()) };
    let mut places = Vec::new();
    let mut bindings = Vec::new();
    for (name, value) in table.entries() {
        let Some(action) = UiAction::ALL.iter().copied().find(|action| action.id() == *name.get_ref()) else {
            let known: Vec<String> = UiAction::ALL.iter().map(|action| action.id()).collect();
            unknown(root.doc, "verb in [keys]", &name, &known.iter().map(String::as_str).collect::<Vec<_>>());
            continue;
        };
        let written = match value.get_ref().as_array() {
            Some(array) => array.iter().filter_map(|item| read_text(root.doc, name.get_ref(), item)).collect(),
            None => read_text(root.doc, name.get_ref(), value).into_iter().collect::<Vec<_>>(),
        };
        if written.is_empty() && value.get_ref().as_array().is_some_and(|array| array.is_empty()) {
            root.doc.fault_help(value.span(), format!("`{}` has no key", name.get_ref()), "give it at least one");
        }
        let keys: Vec<_> = written.iter().filter_map(|text| read_key(root.doc, text)).collect();
        if !keys.is_empty() {
            places.push(Spanned::new(value.span(), action));
            bindings.push(Binding { action, keys });
        }
    }
    let verbs = keys::bind(&bindings).unwrap_or_else(|error| {
        let at = places.iter().find(|place| *place.get_ref() == error.action).map(Spanned::span);
        root.doc.fault(at.unwrap_or_default(), &error.why);
        keys::VERBS.to_vec()
    });
    (bindings, verbs)
}

fn read_key(doc: &Doc<'_>, text: &Text) -> Option<Vec<crate::app::Key>> {
    let keys = keys::parse_keys(text.get_ref());
    if keys.is_none() {
        let help = "a letter, two letters, or a name: Enter, Esc, Tab, S-Tab, Space, Up, Down, Left, Right, Home, End, \
                    PgUp, PgDn, Backspace, Delete, Ctrl-x, Alt-x";
        doc.fault_help(text.span(), format!("`{}` is no key", text.get_ref()), help);
    }
    keys
}
