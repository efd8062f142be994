//! Reads typed values out of a table of YAML, and keeps track of the keys that were read.
//!
//! A key that nobody reads is a warning: tama ignores it without a word.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;

use super::super::faults::Doc;
use super::super::names::suggest;
use super::super::reader::Text;
use super::yaml::{Node, Type, number};

/// A table being read.
pub(in crate::pipeline) struct Keys<'a> {
    pub(in crate::pipeline) doc: &'a Doc<'a>,
    entries: &'a [(Node, Node)],
    /// Its name in faults.
    name: String,
    /// The bytes that are underlined when something in it is missing.
    pub(in crate::pipeline) span: Range<usize>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Keys<'a> {
    /// The table of a head. `span`: the bytes that are underlined when something in it is missing.
    pub(in crate::pipeline) fn new(
        doc: &'a Doc<'a>,
        entries: &'a [(Node, Node)],
        name: impl Into<String>,
        span: Range<usize>,
    ) -> Self {
        let mut seen = HashSet::new();
        for (key, _) in entries {
            let Some(text) = key.text() else {
                doc.fault_help(key.span.clone(), "a key must be a word", "write `key: value`");
                continue;
            };
            if !seen.insert(text) {
                doc.fault_help(key.span.clone(), format!("the key `{text}` is listed twice"), "keep one of them");
            }
        }
        Self { doc, entries, name: name.into(), span, known: RefCell::default() }
    }

    /// The same table, read once more.
    pub(in crate::pipeline) fn again(&self) -> Self {
        let (name, span) = (self.name.clone(), self.span.clone());
        Self { doc: self.doc, entries: self.entries, name, span, known: RefCell::default() }
    }

    /// The key and its value, which are known from now on; also a key without a value.
    pub(in crate::pipeline) fn get(&self, key: &'static str) -> Option<(&'a Node, &'a Node)> {
        if !self.known.borrow().contains(&key) {
            self.known.borrow_mut().push(key);
        }
        self.entries.iter().find(|(name, _)| name.text() == Some(key)).map(|(name, value)| (name, value))
    }

    /// The value of a key that has one.
    pub(in crate::pipeline) fn value(&self, key: &'static str) -> Option<&'a Node> {
        self.get(key).map(|(_, value)| value).filter(|value| !value.is_nothing())
    }

    /// A string. A number, true or false is taken as it is written, with a warning: tama refuses it.
    pub(in crate::pipeline) fn string(&self, key: &'static str) -> Option<Text> {
        string(self.doc, key, self.value(key)?)
    }

    /// A string that must be there.
    pub(in crate::pipeline) fn required(&self, key: &'static str, help: &str) -> Option<Text> {
        if self.value(key).is_none() {
            self.missing(key, help);
        }
        self.string(key)
    }

    /// Faults the lack of a key: at the key, when it has no value.
    pub(in crate::pipeline) fn missing(&self, key: &'static str, help: &str) {
        match self.get(key) {
            Some((name, _)) => self.doc.fault_help(name.span.clone(), format!("`{key}` has no value"), help),
            None => self.doc.fault_help(self.span.clone(), format!("{} has no `{key}`", self.name), help),
        }
    }

    /// A list of strings; empty when it is not there.
    pub(in crate::pipeline) fn strings(&self, key: &'static str) -> Vec<Text> {
        let Some(value) = self.value(key) else { return vec![] };
        let Some(items) = value.items() else {
            wrong_type(self.doc, key, "a list of strings, e.g. [one, two]", value);
            return vec![];
        };
        items.iter().filter_map(|item| string(self.doc, key, item)).collect()
    }

    /// A whole number from 1 up.
    pub(in crate::pipeline) fn count(&self, key: &'static str) -> Option<u32> {
        let value = self.value(key)?;
        let whole = value.text().filter(|_| value.value_type() == Type::Number).and_then(|text| text.parse().ok());
        let Some(whole) = whole.and_then(|whole: i64| u32::try_from(whole).ok()).filter(|whole| *whole > 0) else {
            wrong_type(self.doc, key, "a whole number from 1 up", value);
            return None;
        };
        Some(whole)
    }

    /// A finite number from 0 up.
    pub(in crate::pipeline) fn amount(&self, key: &'static str) -> Option<f64> {
        let value = self.value(key)?;
        let amount = value.text().filter(|_| value.value_type() == Type::Number).and_then(number);
        let fit = amount.filter(|amount| amount.is_finite() && *amount >= 0.0);
        if fit.is_none() {
            wrong_type(self.doc, key, "a number from 0 up", value);
        }
        fit
    }

    /// A table under a key.
    pub(in crate::pipeline) fn table(&self, key: &'static str) -> Option<Self> {
        let (name, value) = self.get(key).filter(|(_, value)| !value.is_nothing())?;
        let Some(entries) = value.entries() else {
            wrong_type(self.doc, key, "a table", value);
            return None;
        };
        Some(Self::new(self.doc, entries, format!("`{key}`"), name.span.clone()))
    }

    /// Warns of a key that is there, and is not read.
    pub(in crate::pipeline) fn warn_of(&self, key: &'static str, message: &str, help: &str) {
        if let Some((name, _)) = self.get(key) {
            self.doc.warn(name.span.clone(), message, help);
        }
    }

    /// Warns of every key that was not read.
    pub(in crate::pipeline) fn finish(&self) {
        let known = self.known.borrow();
        for (name, _) in self.entries {
            let Some(key) = name.text().filter(|key| !known.contains(key)) else { continue };
            let help = suggest(key, known.iter().copied());
            self.doc.warn(name.span.clone(), format!("unknown key `{key}` in {}, which is ignored", self.name), help);
        }
    }
}

/// A value that must be a string.
pub(in crate::pipeline) fn string(doc: &Doc<'_>, key: &str, value: &Node) -> Option<Text> {
    let of = value.value_type();
    let text = value.text().filter(|_| of != Type::Nothing);
    let Some(text) = text else {
        wrong_type(doc, key, "a string", value);
        return None;
    };
    if of != Type::String {
        let message = format!("`{key}` is {} here, which tama refuses; it is read as the text `{text}`", of.name());
        doc.warn(value.span.clone(), message, format!("write \"{text}\""));
    }
    Some(Spanned::new(value.span.clone(), text.to_owned()))
}

/// Faults a value of the wrong type.
pub(in crate::pipeline) fn wrong_type(doc: &Doc<'_>, key: &str, wanted: &str, value: &Node) {
    let found = match (value.value_type(), value.text()) {
        (Type::Number, Some(text)) => text.to_owned(),
        (of, _) => of.name().to_owned(),
    };
    doc.fault(value.span.clone(), format!("`{key}` must be {wanted}, this is {found}"));
}
