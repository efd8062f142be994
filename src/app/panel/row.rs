//! Lines of a panel that the frame draws: pieces of text, each with its meaning.

/// The meaning of a piece of text; the theme has a style for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// Text.
    #[default]
    Plain,
    /// Less important text.
    Quiet,
    /// The name of something.
    Strong,
    /// A heading.
    Heading,
    /// Something added.
    Added,
    /// Something deleted.
    Removed,
    /// Something modified.
    Changed,
    /// Something that is gone, or was undone.
    Gone,
    /// A failure.
    Bad,
}

/// A piece of a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Piece {
    /// The text, safe to be shown.
    pub text: String,
    /// Its meaning.
    pub tone: Tone,
    /// Columns that it fills; `None`: as many as it has.
    pub columns: Option<usize>,
    /// True if its end is kept where it is too long, as of a path.
    pub keeps_end: bool,
}

impl Piece {
    /// A piece as wide as its text.
    #[must_use]
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone, ..Self::default() }
    }

    /// A piece that fills so many columns.
    #[must_use]
    pub fn filling(text: impl Into<String>, tone: Tone, columns: usize) -> Self {
        Self { columns: Some(columns), ..Self::new(text, tone) }
    }
}

/// A line of a panel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PanelLine {
    /// Its pieces, from the left.
    pub pieces: Vec<Piece>,
}

impl PanelLine {
    /// A line of pieces.
    #[must_use]
    pub fn new(pieces: Vec<Piece>) -> Self {
        Self { pieces }
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        let texts: Vec<&str> =
            self.pieces.iter().map(|piece| piece.text.trim()).filter(|text| !text.is_empty()).collect();
        texts.join(" ")
    }
}
