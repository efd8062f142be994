//! The body of an answer, cut into JSON values as it arrives: events of a stream, lines of JSON, one JSON value.

use serde_json::Value as Json;

use super::answer::Fault;
use super::excerpt::excerpt;
use super::json;
use super::page::title;
use super::sse::{Event, Events};

/// The largest line or value, in bytes.
const LONGEST: usize = 64 << 20;

/// One thing in a body.
#[derive(Debug, PartialEq)]
pub(super) enum Item {
    /// An event of a stream, with its name; or a line of JSON (no name).
    Event { name: String, json: Json },
    /// `[DONE]`.
    Done,
    /// A body that is one JSON value.
    Whole(Json),
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Kind {
    #[default]
    Unknown,
    Sse,
    Json,
    Page,
}

/// Cuts a body.
#[derive(Debug, Default)]
pub(super) struct Body {
    kind: Kind,
    /// The bytes that are not cut yet.
    rest: Vec<u8>,
    /// Up to where `rest` has no end of a line.
    looked: usize,
    events: Events,
    /// True after a CR, whose LF may follow.
    after_cr: bool,
    /// An event came that is not JSON: the first.
    garbled: Option<String>,
    any: bool,
    /// How deep `looked` is in a JSON value.
    nesting: Nesting,
    /// True when the body is no lines of objects.
    one_value: bool,
}

/// Brackets and texts of JSON.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    begun: bool,
    in_text: bool,
    escaped: bool,
}

impl Nesting {
    fn step(&mut self, byte: u8) {
        match byte {
            _ if std::mem::take(&mut self.escaped) => {}
            b'\\' if self.in_text => self.escaped = true,
            b'"' => self.in_text = !self.in_text,
            b'{' | b'[' if !self.in_text => {
                self.begun = true;
                self.depth += 1;
            }
            b'}' | b']' if !self.in_text => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// True after a value.
    fn ended(&self) -> bool {
        self.begun && self.depth == 0 && !self.in_text
    }
}

impl Body {
    /// Takes bytes; gives out what they complete.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<Item>) -> Result<(), Fault> {
        self.rest.extend_from_slice(bytes);
        if self.kind == Kind::Unknown {
            self.look();
        }
        match self.kind {
            Kind::Sse => self.cut_lines(out),
            Kind::Json => self.cut_json_lines(out),
            Kind::Unknown | Kind::Page => {}
        }
        if self.rest.len() + self.events.held() > LONGEST { Err(Fault::TooLarge(LONGEST)) } else { Ok(()) }
    }

    /// The body is over; gives out what is left.
    pub(super) fn end(mut self, out: &mut Vec<Item>) -> Result<(), Fault> {
        match self.kind {
            Kind::Unknown => {}
            Kind::Page => return Err(Fault::Page { title: title(&self.rest) }),
            Kind::Sse => {
                let last = std::mem::take(&mut self.rest);
                let event = self.events.line(&last).or_else(|| self.events.end());
                self.event(event, out);
            }
            Kind::Json => self.last_json(out)?,
        }
        match self.garbled {
            Some(garbled) if !self.any => Err(Fault::NotAnAnswer(garbled)),
            _ => Ok(()),
        }
    }

    /// Looks at how the body begins.
    fn look(&mut self) {
        let begin = self.rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.rest);
        if b"\xef\xbb\xbf".starts_with(&self.rest) && self.rest.len() < 3 {
            return;
        }
        let Some(at) = begin.iter().position(|byte| !byte.is_ascii_whitespace()) else { return };
        self.kind = match begin[at] {
            b'{' | b'[' => Kind::Json,
            b'<' => Kind::Page,
            _ => Kind::Sse,
        };
        let skipped = self.rest.len() - begin.len() + at;
        self.rest.drain(..skipped);
    }

    fn cut_lines(&mut self, out: &mut Vec<Item>) {
        let mut from = 0;
        let mut rest = std::mem::take(&mut self.rest);
        let mut at = std::mem::take(&mut self.looked);
        while at < rest.len() {
            let byte = rest[at];
            if byte == b'\n' && std::mem::take(&mut self.after_cr) && at == from {
                from = at + 1;
            } else if byte == b'\n' || byte == b'\r' {
                self.after_cr = byte == b'\r';
                let event = self.events.line(&rest[from..at]);
                self.event(event, out);
                from = at + 1;
            } else {
                self.after_cr = false;
            }
            at += 1;
        }
        rest.drain(..from);
        self.rest = rest;
        self.looked = self.rest.len();
    }

    fn event(&mut self, event: Option<Event>, out: &mut Vec<Item>) {
        let Some(event) = event else { return };
        let data = event.data.trim_ascii();
        if data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            self.any = true;
            out.push(Item::Done);
            return;
        }
        match json::parse(data) {
            Ok(json) => {
                self.any = true;
                out.push(Item::Event { name: event.name, json });
            }
            Err(_) => {
                self.garbled.get_or_insert_with(|| excerpt(data));
            }
        }
    }

    /// Lines that end a JSON value are given out as they come. Each byte is looked at once: a large body that is one
    /// value over many lines must not be read anew at each of them.
    fn cut_json_lines(&mut self, out: &mut Vec<Item>) {
        while !self.one_value && self.looked < self.rest.len() {
            let byte = self.rest[self.looked];
            let ended = byte == b'\n' && self.nesting.ended();
            // One value and nothing after it: more may follow, which is not known yet.
            if ended && !self.any && self.looked + 1 == self.rest.len() {
                return;
            }
            self.looked += 1;
            self.nesting.step(byte);
            if !ended {
                continue;
            }
            match serde_json::from_slice::<Json>(&self.rest[..self.looked]) {
                Ok(json @ Json::Object(_)) => {
                    self.any = true;
                    out.push(Item::Event { name: String::new(), json });
                    self.rest.drain(..self.looked);
                    (self.looked, self.nesting) = (0, Nesting::default());
                }
                _ => self.one_value = true,
            }
        }
    }

    fn last_json(&mut self, out: &mut Vec<Item>) -> Result<(), Fault> {
        let rest = self.rest.trim_ascii();
        if rest.is_empty() {
            return Ok(());
        }
        match json::parse(rest) {
            Ok(json) if self.any => out.push(Item::Event { name: String::new(), json }),
            Ok(Json::Array(values)) => {
                out.extend(values.into_iter().map(|json| Item::Event { name: String::new(), json }));
            }
            Ok(json) => out.push(Item::Whole(json)),
            // A list or a line that was cut: what came before counts.
            Err(_) if self.any => {}
            Err(error) => {
                let begun = begun(rest);
                if begun.is_empty() {
                    return Err(Fault::NotAnAnswer(format!("{} ({error})", excerpt(rest))));
                }
                out.extend(begun.into_iter().map(|json| Item::Event { name: String::new(), json }));
            }
        }
        Ok(())
    }
}

/// The whole values at the beginning of a list that was cut.
fn begun(rest: &[u8]) -> Vec<Json> {
    let Some(mut rest) = rest.strip_prefix(b"[") else { return Vec::new() };
    let mut found = Vec::new();
    loop {
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Json>();
        let Some(Ok(json)) = values.next() else { return found };
        rest = rest[values.byte_offset()..].trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or(rest);
        found.push(json);
    }
}
