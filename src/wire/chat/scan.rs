//! Finds the end of a JSON value that arrives in pieces, without reading it again for each.

/// How far a value came.
#[derive(Debug, Default)]
pub(super) struct Scan {
    depth: usize,
    inside_text: bool,
    escaped: bool,
    begun: bool,
}

impl Scan {
    /// Takes a piece.
    pub(super) fn push(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.inside_text => self.escaped = true,
                b'"' => {
                    self.inside_text = !self.inside_text;
                    self.begun = true;
                }
                _ if self.inside_text => {}
                b'{' | b'[' => {
                    self.depth += 1;
                    self.begun = true;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// True when an object, a list or a text began and ended.
    pub(super) fn is_whole(&self) -> bool {
        self.begun && self.depth == 0 && !self.inside_text
    }
}
