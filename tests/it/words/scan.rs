//! Rust source cut into what the words test reads: doc comments and string literals, without those of tests.

/// A doc comment's line or a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub kind: Kind,
    /// The line it starts on, from 1.
    pub line: usize,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A line of a doc comment; `first` begins it.
    Doc { first: bool },
    /// A line of a doc comment that clap shows as help.
    Help,
    /// A string literal, as the program has it.
    Literal,
}

/// Attributes whose literals users read.
const SHOWN: [&str; 3] = ["error", "arg", "command"];
/// Derives that make help of doc comments.
const CLAP: [&str; 3] = ["Args", "Parser", "Subcommand"];

/// Cuts a source into its pieces.
pub fn scan(source: &str) -> Vec<Piece> {
    let mut scanner = Scanner { rest: source, line: 1, ..Scanner::default() };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    scanner.pieces
}

#[derive(Default)]
struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    pieces: Vec<Piece>,
    /// Braces that are open.
    depth: usize,
    /// The brackets open in an attribute, and whether users read its literals.
    attribute: Option<(usize, bool)>,
    /// An attribute makes the next item a test, or help.
    test_next: bool,
    help_next: bool,
    /// The depth at which a test's item, or one of help, began.
    test: Option<usize>,
    help: Option<usize>,
    /// The line of the last doc comment.
    last_doc: usize,
    /// The last character of code, to tell a raw string from a name's end.
    last: Option<char>,
}

impl<'a> Scanner<'a> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            return self.line_comment();
        }
        if self.rest.starts_with("/*") {
            return self.block_comment();
        }
        let in_name = self.last.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
        if !in_name && let Some((text, length)) = raw_string(self.rest) {
            return self.literal(text.to_owned(), length);
        }
        match self.rest.chars().next() {
            Some('"') => {
                let (text, length) = string(self.rest);
                self.literal(text, length);
            }
            Some('\'') => {
                self.take(char_length(self.rest));
            }
            Some('#') if self.attribute.is_none() => self.attribute_start(),
            Some(letter) => {
                self.code(letter);
                self.take(letter.len_utf8());
            }
            None => {}
        }
    }

    /// Goes on by some bytes, and counts the lines in them.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.last = taken.chars().next_back();
        self.rest = rest;
        taken
    }

    fn push(&mut self, kind: Kind, line: usize, text: String) {
        if self.test.is_none() {
            self.pieces.push(Piece { kind, line, text });
        }
    }

    fn line_comment(&mut self) {
        let line = self.line;
        let length = self.rest.find('\n').unwrap_or(self.rest.len());
        let comment = self.take(length);
        let doc =
            comment.strip_prefix("//!").or_else(|| comment.strip_prefix("///").filter(|text| !text.starts_with('/')));
        if let Some(text) = doc {
            self.doc(line, text);
        }
    }

    fn doc(&mut self, line: usize, text: &str) {
        let first = self.last_doc == 0 || self.last_doc + 1 != line;
        self.last_doc = line;
        let kind = if self.help.is_some() { Kind::Help } else { Kind::Doc { first } };
        self.push(kind, line, text.trim().to_owned());
    }

    fn block_comment(&mut self) {
        let line = self.line;
        let (mut depth, mut at) = (0, 0);
        while at < self.rest.len() {
            let rest = &self.rest[at..];
            if rest.starts_with("/*") {
                depth += 1;
                at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            } else {
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        let comment = self.take(at);
        let is_doc = comment.starts_with("/*!") || (comment.starts_with("/**") && !comment.starts_with("/**/"));
        if is_doc {
            let inside = comment[3..].trim_end_matches("*/");
            for (at, text) in inside.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
                self.doc(line + at, text.trim().trim_start_matches('*'));
            }
        }
    }

    fn literal(&mut self, text: String, length: usize) {
        let line = self.line;
        self.take(length);
        if self.attribute.is_none_or(|(_, shown)| shown) {
            self.push(Kind::Literal, line, text);
        }
    }

    /// `#[name(…`: its literals are read or not by its name; `cfg(test)` and clap's derives mark the next item.
    fn attribute_start(&mut self) {
        let inside = self.rest[1..].trim_start_matches('!');
        let Some(inside) = inside.strip_prefix('[') else {
            self.take(1);
            return;
        };
        let name: String = inside.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        let end = inside.find(']').unwrap_or(inside.len());
        let whole = &inside[..end];
        self.test_next |= whole == "cfg(test)" || whole == "test";
        let derives = |trait_name: &&str| whole.split(|c: char| !c.is_alphanumeric()).any(|word| word == *trait_name);
        self.help_next |= name == "derive" && CLAP.iter().any(derives);
        self.attribute = Some((1, SHOWN.contains(&name.as_str())));
        let length = self.rest.len() - inside.len();
        self.take(length);
    }

    fn code(&mut self, letter: char) {
        if let Some((open, _)) = &mut self.attribute {
            match letter {
                '[' => *open += 1,
                ']' => *open -= 1,
                _ => {}
            }
            if *open == 0 {
                self.attribute = None;
            }
            return;
        }
        match letter {
            '{' => {
                if std::mem::take(&mut self.test_next) {
                    self.test.get_or_insert(self.depth);
                }
                if std::mem::take(&mut self.help_next) {
                    self.help.get_or_insert(self.depth);
                }
                self.depth += 1;
            }
            '}' => {
                self.depth = self.depth.saturating_sub(1);
                self.test = self.test.filter(|depth| *depth < self.depth);
                self.help = self.help.filter(|depth| *depth < self.depth);
            }
            ';' => {
                self.test_next = false;
                self.help_next = false;
            }
            _ => {}
        }
    }
}

/// A raw string at the start of the text (`r"`, `r#"`, with a `b` or `c` before it): its content and its length.
fn raw_string(rest: &str) -> Option<(&str, usize)> {
    let after = rest.strip_prefix(['b', 'c']).unwrap_or(rest).strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end).unwrap_or(inside.len());
    let start = rest.len() - inside.len();
    Some((&inside[..length], (start + length + end.len()).min(rest.len())))
}

/// A string at the start of the text: its content without escapes, and its length.
fn string(rest: &str) -> (String, usize) {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (text, at + 1),
            '\\' => match letters.next() {
                // The next line goes on with its first letter.
                Some((_, '\n')) => while letters.next_if(|(_, next)| next.is_whitespace()).is_some() {},
                Some((_, 'n' | 't' | 'r')) => text.push(' '),
                Some((_, 'u')) => while letters.next_if(|(_, next)| *next != '}' && *next != '"').is_some() {},
                Some((_, escaped)) => text.push(escaped),
                None => {}
            },
            _ => text.push(letter),
        }
    }
    (text, rest.len())
}

/// The length of a character literal, or of the mark of a lifetime.
fn char_length(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => {
            letters.next();
            letters.find(|(_, letter)| *letter == '\'').map_or(rest.len(), |(at, _)| at + 1)
        }
        Some(_) => letters.next().filter(|(_, letter)| *letter == '\'').map_or(1, |(at, _)| at + 1),
        None => 1,
    }
}

#[test]
fn literals_are_what_the_program_has() {
    let literals = |source: &str| -> Vec<String> { scan(source).into_iter().map(|piece| piece.text).collect() };
    assert_eq!(literals(r#"f("a\"b\\", b"c", 'x', '"', '\'', "d")"#), ["a\"b\\", "c", "d"]);
    assert_eq!(literals("fn f<'a>(x: &'a str) { \"one \\\n      two\" }"), ["one two"]);
    assert_eq!(literals("br##\"a\"#b\"##, r\"c\\\", for_r\"d\""), ["a\"#b", "c\\", "d"]);
    assert_eq!(literals("/* \"a\" /* \"b\" */ \"c\" */ \"d\" // \"e\"\n\"\\u{1b}[f\""), ["d", "}[f"]);
}

#[test]
fn doc_comments_of_every_form_are_read() {
    let docs = |source: &str| -> Vec<(usize, String)> {
        scan(source).into_iter().map(|piece| (piece.line, piece.text)).collect()
    };
    let expected = [(1, "a".to_owned()), (2, "b".to_owned()), (5, "c".to_owned()), (6, "d".to_owned())];
    assert_eq!(
        docs("//! a\n/// b\n//// no\n// no\n/** c\n * d\n */\n/**/"),
        expected.map(|(line, text)| (line, text.trim().to_owned()))
    );
}
