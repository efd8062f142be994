//! The words that are banned, and where a file has them.

use std::iter;

use super::scan::{Kind, Piece, scan};

/// Doc comments don't begin with these; the second is what to write instead.
const BEGINNINGS: &[(&str, &str)] = &[
    ("what", "a noun or a verb: \"The action's key\", \"Sends the outcome\""),
    ("whatever", "a noun or a verb"),
    ("who", "a noun: \"The origin of the action\""),
    ("whoever", "a noun: \"every waiting caller\""),
    ("whom", "a noun"),
    ("whose", "a noun"),
    ("whether", "\"True when …\", \"True while …\""),
    ("in words", "\"Formats …\""),
    ("that", "a verb: \"Says that …\""),
];

/// Words of ours that a reader would have to learn: doc comments use the others.
const DOC_WORDS: &[(&str, &str)] = &[
    ("told", "\"reported\", \"printed\""),
    ("whoever", "\"the caller\""),
    ("salvage", "\"recover\""),
    ("salvaged", "\"recovered\""),
    ("lane", "\"capture mode\""),
    ("lanes", "\"capture modes\""),
    ("landed", "\"applied\""),
    ("lands", "\"is applied\""),
    ("certificate", "\"the second reading\""),
    ("outsider", "\"another program or person\""),
    ("someone outside", "\"another program or person\""),
    ("someone else", "\"another program or person\""),
    ("somebody else", "\"another program or person\""),
    ("makes up for", "\"undo command\""),
    ("make up for", "\"undo command\""),
    ("take back", "\"undo\""),
    ("takes back", "\"undoes\""),
    ("taken back", "\"undone\""),
    ("taking back", "\"undoing\""),
    ("in words", "\"as text\""),
    ("runs again", "\"reruns\""),
    ("on record", "\"recorded\""),
];

/// Words that users don't see.
const TEXT_WORDS: &[(&str, &str)] = &[
    ("permanent", "\"no undo\""),
    ("take back", "\"undo\""),
    ("takes back", "\"undoes\""),
    ("taken back", "\"undone\""),
    ("took back", "\"undid\""),
    ("compensation", "\"undo command\""),
    ("compensations", "\"undo commands\""),
    ("compensated", "\"undo command ran\""),
    ("makes up for", "\"undo command\""),
    ("land", "\"apply\""),
    ("lands", "\"applies\""),
    ("landed", "\"held\" (not landed), \"applied\""),
    ("landing", "\"applying\""),
    ("drop", "\"discard\""),
    ("drops", "\"discards\""),
    ("dropped", "\"discarded\""),
    ("held at end", "\"finished: u undo  r retry  q quit\""),
    ("journal", "\"reused\", \"recorded\""),
    ("generation", "\"try\""),
    ("effect", "\"call\" or \"change\""),
    ("effects", "\"calls\" or \"changes\""),
    ("gate", "\"stop\""),
    ("gates", "\"stops\""),
    ("fence", "the rule's own words"),
    ("lane", "\"capture mode\""),
    ("portable", "\"snapshot\""),
    ("never done", "\"not done\""),
    ("never happened", "\"not done\""),
    ("runs again", "\"reruns\""),
    ("on record", "\"recorded\""),
    ("go on", "\"continue\""),
    ("goes on", "\"continues\""),
    ("do it", "the button's verb: \"Retry\", \"Undo\", \"Yes\""),
    ("leave it", "\"Cancel\", \"skip\""),
    ("someone outside", "\"another program or person\""),
    ("someone else", "\"another program or person\""),
    ("somebody else", "\"another program or person\""),
    ("from outside", "\"by another program or person\""),
    ("changed nothing", "\"No changes yet.\""),
    ("policy asks", "\"needs approval\""),
    ("salvage", "\"recover\""),
];

/// Floors whose one-word literals are on the screen; elsewhere they are keys and names of formats.
const SCREEN: [&str; 2] = ["src/app/", "src/ui/"];
/// The first words of SQL, whose names are those of the stored format.
const SQL: [&str; 9] = ["SELECT", "INSERT", "CREATE", "UPDATE", "DELETE", "PRAGMA", "ATTACH", "WITH", "SET"];

/// A kind of breach; the name stands in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    Beginning,
    Doc,
    Text,
}

impl Rule {
    pub const ALL: [Rule; 3] = [Self::Beginning, Self::Doc, Self::Text];

    pub fn name(self) -> &'static str {
        match self {
            Self::Beginning => "beginning",
            Self::Doc => "doc",
            Self::Text => "text",
        }
    }

    fn place(self) -> &'static str {
        match self {
            Self::Beginning => "begins a doc comment",
            Self::Doc => "in a doc comment",
            Self::Text => "in a text that users read",
        }
    }
}

/// A banned word in a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Breach {
    pub rule: Rule,
    pub line: usize,
    pub word: &'static str,
    pub instead: &'static str,
}

impl Breach {
    pub fn describe(&self, file: &str) -> String {
        let Self { rule, line, word, instead } = self;
        format!("{file}:{line}: \"{word}\" {}; say {instead}", rule.place())
    }
}

/// Every breach in a file, in the order of its lines.
pub fn breaches(file: &str, source: &str) -> Vec<Breach> {
    let screen = SCREEN.iter().any(|floor| file.starts_with(floor));
    scan(source).iter().flat_map(|piece| breaches_of(piece, screen)).collect()
}

fn breaches_of(piece: &Piece, screen: bool) -> Vec<Breach> {
    let words = words(&piece.text);
    let find = |rule: Rule, list: &'static [(&'static str, &'static str)]| {
        let breach =
            move |(word, instead): (&'static str, &'static str)| Breach { rule, line: piece.line, word, instead };
        list.iter().flat_map(|entry| iter::repeat_n(*entry, count(&words, entry.0))).map(breach).collect::<Vec<_>>()
    };
    match piece.kind {
        Kind::Doc { first } => {
            let begins = BEGINNINGS.iter().filter(|(word, _)| first && starts(&words, word));
            let begins =
                begins.map(|(word, instead)| Breach { rule: Rule::Beginning, line: piece.line, word, instead });
            begins.chain(find(Rule::Doc, DOC_WORDS)).collect()
        }
        Kind::Help => find(Rule::Text, TEXT_WORDS),
        Kind::Literal if is_text(&piece.text, screen) => find(Rule::Text, TEXT_WORDS),
        Kind::Literal => Vec::new(),
    }
}

/// True for a literal that may be shown: several words, or any word on the screen's floors; no SQL.
fn is_text(literal: &str, screen: bool) -> bool {
    let first = literal.split_whitespace().next().unwrap_or_default();
    !SQL.contains(&first) && (screen || literal.trim().contains(char::is_whitespace))
}

/// The words of a text in lower case; the holes of a format string are none.
fn words(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut in_hole = false;
    for letter in text.replace("{{", " ").replace("}}", " ").chars() {
        match letter {
            '{' => in_hole = true,
            '}' => in_hole = false,
            // What stands around a hole is no phrase.
            _ if in_hole => continue,
            _ => plain.push(letter),
        }
        if in_hole || letter == '}' {
            plain.push_str(" \u{0} ");
        }
    }
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '\'' || letter == '_' || letter == '\u{0}';
    plain.split(|letter| !is_word(letter)).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn starts(words: &[String], phrase: &str) -> bool {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    words.len() >= phrase.len() && words.iter().zip(&phrase).all(|(word, wanted)| word == wanted)
}

fn count(words: &[String], phrase: &str) -> usize {
    (0..words.len()).filter(|at| starts(&words[*at..], phrase)).count()
}
