//! YAML as a tree in which every value has its place.
//!
//! The types of plain scalars are those of YAML 1.2's core schema, as in tama (`serde_yaml` 0.9): `1.0` is a number, `yes`
//! a string. Anchors are refused: a head that needs one is not written by hand.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

/// Lists and tables in each other, at most.
const MAX_DEPTH: usize = 32;

/// Bytes of a text, at most: reading one that is made to be slow takes time by its length squared.
const MAX_BYTES: usize = 64 << 10;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::pipeline) struct Node {
    /// Its bytes in the file.
    pub span: Range<usize>,
    pub kind: Kind,
}

/// The content of a value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::pipeline) enum Kind {
    /// A string, a number, true, false or nothing: what a plain text means is asked later.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A table, with the keys in file order.
    Map(Vec<(Node, Node)>),
}

/// A text that is no YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct YamlError {
    /// The byte in the file.
    pub at: usize,
    /// The mistake.
    pub message: String,
    /// The remedy.
    pub help: &'static str,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) enum Type {
    Nothing,
    Flag,
    Number,
    String,
    List,
    Map,
}

impl Type {
    /// Its name in a fault.
    pub(in crate::pipeline) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Flag => "true or false",
            Self::Number => "a number",
            Self::String => "a string",
            Self::List => "a list",
            Self::Map => "a table",
        }
    }
}

impl Node {
    /// Its type.
    pub(in crate::pipeline) fn value_type(&self) -> Type {
        match &self.kind {
            Kind::List(_) => Type::List,
            Kind::Map(_) => Type::Map,
            Kind::Scalar { plain: false, .. } => Type::String,
            Kind::Scalar { text, .. } => plain_type(text),
        }
    }

    /// The text of a scalar, as it is written.
    pub(in crate::pipeline) fn text(&self) -> Option<&str> {
        if let Kind::Scalar { text, .. } = &self.kind { Some(text) } else { None }
    }

    /// The items of a list.
    pub(in crate::pipeline) fn items(&self) -> Option<&[Self]> {
        if let Kind::List(items) = &self.kind { Some(items) } else { None }
    }

    /// The keys of a table with their values.
    pub(in crate::pipeline) fn entries(&self) -> Option<&[(Self, Self)]> {
        if let Kind::Map(entries) = &self.kind { Some(entries) } else { None }
    }

    /// True for `~`, `null`, and a key without a value.
    pub(in crate::pipeline) fn is_nothing(&self) -> bool {
        self.value_type() == Type::Nothing
    }
}

fn plain_type(text: &str) -> Type {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Type::Nothing,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Type::Flag,
        _ if number(text).is_some() => Type::Number,
        _ => Type::String,
    }
}

/// The number that a plain text is.
pub(in crate::pipeline) fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let special = match digits {
        ".inf" | ".Inf" | ".INF" => Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        _ => None,
    };
    let whole = |prefix: &str, radix: u32| {
        let rest = text.strip_prefix(prefix).filter(|rest| !rest.starts_with(['-', '+']))?;
        u32::from_str_radix(rest, radix).ok().map(f64::from)
    };
    let decimal = || {
        // "inf" and "nan" are words here.
        let looks = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        looks.then(|| text.parse::<f64>().ok()).flatten()
    };
    special.or_else(|| whole("0x", 16)).or_else(|| whole("0o", 8)).or_else(decimal)
}

/// Parses one document; `start`: the byte in the file at which the text begins. An empty one is nothing.
pub(in crate::pipeline) fn parse(text: &str, start: usize) -> Result<Node, YamlError> {
    if text.len() > MAX_BYTES {
        let message = format!("the head is larger than {} kB", MAX_BYTES >> 10);
        return Err(YamlError { at: start, message, help: "the text belongs below it" });
    }
    let tree = Tree { start, bytes: text.char_indices().map(|(at, _)| at).chain([text.len()]).collect(), open: vec![] };
    tree.build(text)
}

/// A list or a table that is being read.
struct Open {
    start: usize,
    kind: Kind,
    /// The key whose value comes next.
    key: Option<Node>,
}

struct Tree {
    start: usize,
    /// The byte of each character.
    bytes: Vec<usize>,
    open: Vec<Open>,
}

impl Tree {
    fn build(mut self, text: &str) -> Result<Node, YamlError> {
        let mut root = None;
        let mut parser = Parser::new_from_str(text);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| self.scan_error(text, &error))?;
            let span = self.span(span);
            let whole = match event {
                Event::Scalar(text, style, _, tag) => {
                    let is_string = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                    let plain = style == ScalarStyle::Plain && !is_string;
                    Some(Node { span, kind: Kind::Scalar { text: text.into_owned(), plain } })
                }
                Event::SequenceStart(..) => self.enter(span.start, Kind::List(vec![]))?,
                Event::MappingStart(..) => self.enter(span.start, Kind::Map(vec![]))?,
                Event::SequenceEnd | Event::MappingEnd => self.leave(span.end),
                Event::Alias(_) => {
                    let help = "write the value itself; a `*` that is meant as a word is written \"*\"";
                    return Err(YamlError { at: span.start, message: "an alias is not read here".into(), help });
                }
                Event::DocumentStart(_) if root.is_some() => {
                    let message = "a second document begins here".to_owned();
                    return Err(YamlError { at: span.start, message, help: "a head is one document" });
                }
                _ => None,
            };
            if let Some(root_now) = whole.and_then(|whole| self.put(whole)) {
                root = Some(root_now);
            }
        }
        let nothing = Kind::Scalar { text: String::new(), plain: true };
        Ok(root.unwrap_or(Node { span: self.start..self.start, kind: nothing }))
    }

    fn enter(&mut self, start: usize, kind: Kind) -> Result<Option<Node>, YamlError> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("lists and tables stand in each other more than {MAX_DEPTH} times");
            return Err(YamlError { at: start, message, help: "a head needs four at most" });
        }
        self.open.push(Open { start, kind, key: None });
        Ok(None)
    }

    fn leave(&mut self, end: usize) -> Option<Node> {
        let Open { start, kind, .. } = self.open.pop()?;
        Some(Node { span: start..end.max(start), kind })
    }

    /// Puts a value into the list or table that is open; returns it when there is none.
    fn put(&mut self, node: Node) -> Option<Node> {
        let Some(open) = self.open.last_mut() else { return Some(node) };
        match (&mut open.kind, open.key.take()) {
            (Kind::Map(entries), Some(key)) => entries.push((key, node)),
            (Kind::Map(_), None) => open.key = Some(node),
            (Kind::List(items), _) => items.push(node),
            (Kind::Scalar { .. }, _) => {}
        }
        None
    }

    fn byte(&self, character: usize) -> usize {
        self.start + self.bytes.get(character).or(self.bytes.last()).copied().unwrap_or_default()
    }

    fn span(&self, span: Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        start..self.byte(span.end.index()).max(start)
    }

    fn scan_error(&self, text: &str, error: &ScanError) -> YamlError {
        let at = self.byte(error.marker().index());
        let before = text.get(..at - self.start).unwrap_or(text);
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        let line = text.get(line..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let help = if line.contains('*') {
            "a `*` that is meant as a word is written \"*\""
        } else {
            "the head is YAML: `key: value`, indented by spaces; a text with `: ` or ` #` in it wants quotes"
        };
        YamlError { at, message: format!("no YAML: {}", error.info()), help }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Node {
        parse(text, 0).unwrap()
    }

    #[test]
    fn plain_texts_have_the_types_of_the_core_schema() {
        let cases = [
            ("~", Type::Nothing),
            ("", Type::Nothing),
            ("yes", Type::String),
            ("True", Type::Flag),
            ("1.0", Type::Number),
            ("1.0.0", Type::String),
            ("1_000", Type::String),
            ("0x1F", Type::Number),
            ("-.inf", Type::Number),
            ("inf", Type::String),
            ("nan", Type::String),
            (".", Type::String),
            ("1e3", Type::Number),
            ("'1.0'", Type::String),
            ("!!str 1.0", Type::String),
            ("\"~\"", Type::String),
        ];
        for (text, expected) in cases {
            let tree = of(&format!("key: {text}"));
            assert_eq!(tree.entries().unwrap()[0].1.value_type(), expected, "{text}");
        }
    }

    #[test]
    fn places_are_bytes_of_the_file() {
        let text = "näme: ä\nlist:\n  - über\n  - [a, \"b\"]\n";
        let tree = parse(text, 100).unwrap();
        let entries = tree.entries().unwrap();
        let shown = |node: &Node| text[node.span.start - 100..node.span.end - 100].to_owned();
        assert_eq!((shown(&entries[0].0), shown(&entries[0].1)), ("näme".into(), "ä".into()));
        let items = entries[1].1.items().unwrap();
        assert_eq!((shown(&items[0]), shown(&items[1])), ("über".into(), "[a, \"b\"]".into()));
    }

    #[test]
    fn folded_and_literal_texts_are_read_as_yaml_says() {
        let tree = of("a: >\n  one\n  two\nb: |-\n  x\n  y\nc: >-\n  p\n\n  q\n");
        let texts: Vec<_> = tree.entries().unwrap().iter().map(|(_, value)| value.text().unwrap()).collect();
        assert_eq!(texts, ["one two\n", "x\ny", "p\nq"]);
    }

    #[test]
    fn faulty_texts_say_where() {
        let error = |text: &str| parse(text, 0).unwrap_err();
        for star in ["a: *x", "a: *", "- *: done", "x: y\n- *: done"] {
            assert!(error(star).help.contains("\"*\""), "{star}: {:?}", error(star));
        }
        assert!(error(&"x".repeat(MAX_BYTES + 1)).message.contains("larger than 64 kB"));
        assert!(error("a: [1, 2").message.starts_with("no YAML: "));
        // The parser has a bound of its own for these.
        assert!(["recursion limit", "32 times"].iter().any(|words| error(&"[".repeat(2000)).message.contains(words)));
        assert!(error(&format!("{}x", "- ".repeat(2000))).message.contains("more than 32 times"));
        assert_eq!(error("a: 1\n...\nb: 2\n").message, "a second document begins here");
        assert!(of("").is_nothing() && of("# only a comment\n").is_nothing());
    }
}
