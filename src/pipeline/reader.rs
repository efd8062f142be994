//! Reads typed values out of a TOML table, and keeps track of the keys that were read.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::faults::Doc;
use super::names::suggest;

/// A string with its bytes in the file.
pub(crate) type Text = Spanned<String>;

/// A value of any type with its bytes in the file.
pub(crate) type Value<'a> = Spanned<DeValue<'a>>;

/// A table being read.
pub(crate) struct Table<'a> {
    pub(crate) doc: &'a Doc<'a>,
    map: &'a DeTable<'a>,
    /// Its name in faults: `[agents.writer]`.
    pub(crate) name: String,
    /// The bytes that are underlined when something in it is missing.
    pub(crate) span: Range<usize>,
    known: RefCell<Vec<&'static str>>,
    refused: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    /// The whole document.
    pub(crate) fn root(doc: &'a Doc<'a>, map: &'a DeTable<'a>) -> Self {
        Self::new(doc, map, "the file".into(), 0..0)
    }

    fn new(doc: &'a Doc<'a>, map: &'a DeTable<'a>, name: String, span: Range<usize>) -> Self {
        Self { doc, map, name, span, known: RefCell::default(), refused: RefCell::default() }
    }

    /// The value of a key, which is known from now on.
    pub(crate) fn get(&self, key: &'static str) -> Option<(Text, &'a Value<'a>)> {
        if !self.known.borrow().contains(&key) {
            self.known.borrow_mut().push(key);
        }
        self.map.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(name, value)| (to_text(name), value))
    }

    /// Every key with its value; for tables whose keys are names.
    pub(crate) fn entries(&self) -> Vec<(Text, &'a Value<'a>)> {
        self.map.iter().map(|(name, value)| (to_text(name), value)).collect()
    }

    pub(crate) fn string(&self, key: &'static str) -> Option<Text> {
        let (_, value) = self.get(key)?;
        text(self.doc, key, value)
    }

    /// A string that must be there.
    pub(crate) fn required(&self, key: &'static str, help: &str) -> Option<Text> {
        if self.get(key).is_none() {
            self.missing(key, help);
        }
        self.string(key)
    }

    pub(crate) fn missing(&self, key: &str, help: &str) {
        self.doc.fault_help(self.span.clone(), format!("{} has no `{key}`", self.name), help);
    }

    pub(crate) fn strings(&self, key: &'static str) -> Vec<Text> {
        let Some((_, value)) = self.get(key) else { return vec![] };
        let Some(array) = value.get_ref().as_array() else {
            wrong_type(self.doc, key, "a list of strings", value);
            return vec![];
        };
        array.iter().filter_map(|item| text(self.doc, key, item)).collect()
    }

    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        let (_, value) = self.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            wrong_type(self.doc, key, "true or false", value);
        }
        flag
    }

    /// A whole number from 1 up.
    pub(crate) fn count(&self, key: &'static str) -> Option<u64> {
        let (_, value) = self.get(key)?;
        let Some(number) = whole(value) else {
            wrong_type(self.doc, key, "a whole number", value);
            return None;
        };
        if number < 1 {
            self.doc.fault(value.span(), format!("`{key}` must be at least 1"));
            return None;
        }
        u64::try_from(number).ok()
    }

    /// As [`Self::count`], within 32 bits.
    pub(crate) fn count_u32(&self, key: &'static str) -> Option<u32> {
        let number = self.count(key)?;
        let small = u32::try_from(number).ok();
        if small.is_none()
            && let Some((_, value)) = self.get(key)
        {
            self.doc.fault(value.span(), format!("`{key}` must be at most {}", u32::MAX));
        }
        small
    }

    /// A finite number from 0 up.
    pub(crate) fn amount(&self, key: &'static str) -> Option<f64> {
        let (_, value) = self.get(key)?;
        let number = value.get_ref().as_float().and_then(|float| float.as_str().parse::<f64>().ok());
        let small = || whole(value).and_then(|number| i32::try_from(number).ok()).map(f64::from);
        let Some(number) = number.or_else(small) else {
            wrong_type(self.doc, key, "a number", value);
            return None;
        };
        if !number.is_finite() || number < 0.0 {
            self.doc.fault(value.span(), format!("`{key}` must be 0 or more"));
            return None;
        }
        Some(number)
    }

    /// A table under a key.
    pub(crate) fn table(&self, key: &'static str) -> Option<Table<'a>> {
        let (name, value) = self.get(key)?;
        self.child(&name, value)
    }

    /// The tables in a table whose keys are names, e.g. `[agents.*]`.
    pub(crate) fn children(&self) -> Vec<(Text, Table<'a>)> {
        let tables = self.entries().into_iter().map(|(name, value)| {
            let table = self.child(&name, value)?;
            Some((name, table))
        });
        tables.flatten().collect()
    }

    /// The tables of a list, e.g. `[[breakpoints]]`.
    pub(crate) fn list(&self, key: &'static str) -> Vec<Table<'a>> {
        let Some((name, value)) = self.get(key) else { return vec![] };
        let Some(array) = value.get_ref().as_array() else {
            wrong_type(self.doc, key, "a list of tables", value);
            return vec![];
        };
        let tables = array.iter().map(|item| self.child(&Spanned::new(item.span(), name.get_ref().clone()), item));
        tables.flatten().collect()
    }

    fn child(&self, name: &Text, value: &'a Value<'a>) -> Option<Table<'a>> {
        let Some(map) = value.get_ref().as_table() else {
            wrong_type(self.doc, name.get_ref(), "a table", value);
            return None;
        };
        let parent = self.name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let full = parent.map_or_else(|| name.get_ref().clone(), |parent| format!("{parent}.{}", name.get_ref()));
        Some(Table::new(self.doc, map, format!("[{full}]"), name.span()))
    }

    /// Reads a table in the place of a string, e.g. `model = { … }`.
    pub(crate) fn inline(doc: &'a Doc<'a>, name: &str, value: &'a Value<'a>) -> Option<Table<'a>> {
        let map = value.get_ref().as_table()?;
        Some(Table::new(doc, map, format!("`{name}`"), value.span()))
    }

    /// Faults a key if it is there.
    pub(crate) fn refuse(&self, key: &'static str, message: &str, help: &str) {
        let there = self.map.iter().find(|(name, _)| name.get_ref().as_ref() == key);
        self.refused.borrow_mut().push(key);
        if let Some((name, _)) = there {
            self.doc.fault_help(name.span(), message, help);
        }
    }

    /// Faults every key that was not read.
    pub(crate) fn finish(&self) {
        for (span, message, help) in self.unknown() {
            self.doc.fault_help(span, message, help);
        }
    }

    /// Warns of every key that was not read; for a file of which other programs ignore it, too.
    pub(super) fn warn_of_unknown(&self) {
        for (span, message, help) in self.unknown() {
            self.doc.warn(span, format!("{message}, which is ignored"), help);
        }
    }

    /// Every key that was not read: its bytes, the mistake, the remedy.
    fn unknown(&self) -> Vec<(Range<usize>, String, String)> {
        let (known, refused) = (self.known.borrow(), self.refused.borrow());
        let keys = self.map.iter().map(|(name, _)| (name.get_ref().as_ref(), name.span()));
        let unknown = keys.filter(|(key, _)| !known.contains(key) && !refused.contains(key));
        let told = unknown.map(|(key, span)| {
            (span, format!("unknown key `{key}` in {}", self.name), suggest(key, known.iter().copied()))
        });
        told.collect()
    }
}

/// A value that must be a string.
pub(crate) fn text(doc: &Doc<'_>, key: &str, value: &Value<'_>) -> Option<Text> {
    let Some(string) = value.get_ref().as_str() else {
        wrong_type(doc, key, "a string", value);
        return None;
    };
    Some(Spanned::new(value.span(), string.to_owned()))
}

/// Faults a value of the wrong type.
pub(crate) fn wrong_type(doc: &Doc<'_>, key: &str, wanted: &str, value: &Value<'_>) {
    doc.fault(value.span(), format!("`{key}` must be {wanted}, this is of type {}", value.get_ref().type_str()));
}

fn whole(value: &Value<'_>) -> Option<i64> {
    let integer = value.get_ref().as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn to_text(name: &Spanned<toml::de::DeString<'_>>) -> Text {
    Spanned::new(name.span(), name.get_ref().to_string())
}
