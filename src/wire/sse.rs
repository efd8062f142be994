//! Server-sent events, as the WHATWG specification reads them: lines that end with LF, CR LF or CR, fields with or
//! without a space after the colon, comments, a byte order mark. An event without a name is one too.

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its name; empty when it has none.
    pub(super) name: String,
    /// Its data, lines joined by LF.
    pub(super) data: Vec<u8>,
}

/// Puts events together from lines.
#[derive(Debug, Default)]
pub(super) struct Events {
    event: Event,
    has_data: bool,
}

impl Events {
    /// Takes a line without its end; returns the event that it completes.
    pub(super) fn line(&mut self, line: &[u8]) -> Option<Event> {
        if line.is_empty() {
            return self.end();
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.event.name = String::from_utf8_lossy(value).into_owned(),
            b"data" => {
                if self.has_data {
                    self.event.data.push(b'\n');
                }
                self.has_data = true;
                self.event.data.extend_from_slice(value);
            }
            // A comment, `id`, `retry`, or one that nobody knows.
            _ => {}
        }
        None
    }

    /// The event that the end of the stream completes: servers forget the last empty line.
    pub(super) fn end(&mut self) -> Option<Event> {
        let event = std::mem::take(&mut self.event);
        std::mem::take(&mut self.has_data).then_some(event)
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.event.data.len()
    }
}
