//! One tool call of a stream, and the pieces that it is made of.

use serde_json::{Map, Value as Json, json};

use super::scan::Scan;
use super::value::{fields, join, word};

/// A call as far as it came.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) id: String,
    name: String,
    text: String,
    scan: Scan,
    object: Option<Json>,
    /// Arguments came, if only empty ones.
    has_arguments: bool,
    /// Fields beside these, of the item and of its `function`.
    beside: Map<String, Json>,
    within: Map<String, Json>,
}

/// A piece of a call.
pub(super) struct Piece<'a> {
    pub(super) id: Option<String>,
    pub(super) index: Option<String>,
    pub(super) name: Option<String>,
    pub(super) arguments: &'a Json,
    item: &'a Json,
}

impl<'a> Piece<'a> {
    /// Reads a piece.
    pub(super) fn of(item: &'a Json) -> Self {
        let function = item.get("function").filter(|function| function.is_object()).unwrap_or(item);
        let custom = item.get("custom").and_then(|custom| custom.get("input"));
        let arguments = function.get("arguments").or_else(|| item.get("arguments")).or(custom);
        Self {
            id: word(item, "id"),
            index: word(item, "index"),
            name: word(function, "name").or_else(|| word(item, "name")).or_else(|| word(item.get("custom")?, "name")),
            arguments: arguments.unwrap_or(&Json::Null),
            item,
        }
    }
}

impl Slot {
    /// Takes a piece of this call.
    pub(super) fn take(&mut self, piece: &Piece<'_>) {
        if let (Some(id), true) = (&piece.id, self.id.is_empty()) {
            self.id.clone_from(id);
        }
        match &piece.name {
            Some(name) if name.starts_with(&self.name) => self.name.clone_from(name),
            Some(name) if self.is_blank() => self.name.push_str(name),
            _ => {}
        }
        self.add_arguments(piece.arguments);
        let known = ["id", "index", "function", "name", "arguments"];
        let beside = fields(piece.item).filter(|(name, _)| !known.contains(&name.as_str()));
        add_fields(&mut self.beside, beside);
        let within = piece.item.get("function").into_iter().flat_map(fields);
        add_fields(&mut self.within, within.filter(|(name, _)| *name != "name" && *name != "arguments"));
    }

    /// True when the arguments are whole.
    pub(super) fn is_whole(&self) -> bool {
        self.object.is_some() || self.scan.is_whole()
    }

    fn is_blank(&self) -> bool {
        self.object.is_none() && self.text.trim().is_empty()
    }

    fn is_empty_object(&self) -> bool {
        self.object.as_ref().map_or(self.text.trim() == "{}", |object| object.as_object().is_some_and(Map::is_empty))
    }

    /// True for a piece that says again what came, whole.
    pub(super) fn repeats(&self, piece: &Piece<'_>) -> bool {
        let same = match piece.arguments {
            Json::String(text) => *text == self.text,
            object => self.object.as_ref() == Some(object),
        };
        same && piece.name.as_ref().is_none_or(|name| *name == self.name)
    }

    /// True when a piece can't belong to this call, but begins the next.
    pub(super) fn is_over(&self, piece: &Piece<'_>, known_index: bool) -> bool {
        let same_id = piece.id.as_ref().is_some_and(|id| *id == self.id);
        let other_id = piece.id.is_some() && !same_id && !self.id.is_empty();
        let Some(name) = &piece.name else { return other_id && self.is_whole() };
        let blank = is_blank(piece.arguments);
        let same_name = self.name.is_empty() || *name == self.name;
        if other_id {
            return true;
        }
        if self.is_whole() {
            let same =
                (blank && same_name) || (same_id && (self.repeats(piece) || (same_name && self.is_empty_object())));
            return !(known_index && same);
        }
        if same_id && !known_index {
            return !same_name || blank;
        }
        // A name in pieces comes before the arguments.
        let more_of_name = self.is_blank() && (!self.id.is_empty() || !self.has_arguments);
        !same_name && !more_of_name
    }

    fn add_arguments(&mut self, piece: &Json) {
        match piece {
            Json::Null => return,
            Json::String(piece) => {
                if self.is_whole() && *piece == self.text {
                    return;
                }
                // Some begin with an empty object, and send the arguments after it.
                if self.text.trim() == "{}" && !piece.trim().is_empty() {
                    self.text.clear();
                    self.scan = Scan::default();
                }
                self.scan.push(piece);
                self.text.push_str(piece);
            }
            Json::Object(_) => self.object = Some(piece.clone()),
            other => self.text.push_str(&other.to_string()),
        }
        self.has_arguments = true;
    }

    /// The call as an item of `tool_calls`; none for one that has neither name nor arguments.
    pub(super) fn finish(self) -> Option<Json> {
        if self.name.is_empty() && self.is_blank() {
            return None;
        }
        let empty = |object: &Json| object.as_object().is_some_and(Map::is_empty);
        let arguments = match self.object {
            Some(object) if !empty(&object) || self.text.trim().is_empty() => object,
            _ => Json::String(self.text),
        };
        let mut item = Map::new();
        if !self.id.is_empty() {
            item.insert("id".into(), self.id.into());
        }
        let is_custom = self.within.is_empty() && self.beside.get("custom").is_some_and(Json::is_object);
        item.insert("type".into(), if is_custom { "custom" } else { "function" }.into());
        item.extend(self.beside.into_iter().filter(|(name, _)| name != "type" && name != "custom"));
        if is_custom {
            item.insert("custom".into(), json!({"name": self.name, "input": arguments}));
        } else {
            let mut function = Map::from_iter([("name".into(), self.name.into()), ("arguments".into(), arguments)]);
            function.extend(self.within);
            item.insert("function".into(), Json::Object(function));
        }
        Some(Json::Object(item))
    }
}

/// True for arguments that say nothing.
pub(super) fn is_blank(arguments: &Json) -> bool {
    match arguments {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn add_fields<'a>(to: &mut Map<String, Json>, fields: impl Iterator<Item = (&'a String, &'a Json)>) {
    for (name, value) in fields {
        match to.get_mut(name) {
            Some(known) if name != "type" => join(known, value),
            _ if value.is_null() => {}
            _ => drop(to.insert(name.clone(), value.clone())),
        }
    }
}
