//! The text area of the editor popup.

use ratatui::style::{Modifier, Style};
use ratatui_textarea::{Input, Key as AreaKey, TextArea, WrapMode};

use super::Theme;
use crate::app::{EditorInput, Key};

/// A text being edited.
#[derive(Debug)]
pub(super) struct Editing {
    /// Which text: the popup's own number.
    area: TextArea<'static>,
}

impl Editing {
    /// Starts with a text, the cursor at its start.
    pub(super) fn new(text: &str, theme: Theme) -> Self {
        // `split` and not `lines`: an empty last line is part of the text.
        let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
        area.set_cursor_line_style(Style::new());
        area.set_cursor_style(Style::new().add_modifier(Modifier::REVERSED));
        area.set_selection_style(theme.selection(true));
        area.set_line_number_style(theme.quiet());
        area.set_wrap_mode(WrapMode::WordOrGlyph);
        Self { area }
    }

    /// Takes a key or a paste.
    pub(super) fn take(&mut self, input: &EditorInput) {
        match input {
            EditorInput::Key(key) => {
                self.area.input(area_input(*key));
            }
            EditorInput::Paste(text) => {
                self.area.insert_str(text);
            }
        }
    }

    /// The whole text.
    pub(super) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// The widget.
    pub(super) fn area(&self) -> &TextArea<'static> {
        &self.area
    }
}

fn area_input(key: Key) -> Input {
    let plain = |key| Input { key, ..Input::default() };
    match key {
        Key::Char(letter) => plain(AreaKey::Char(letter)),
        Key::Ctrl(letter) => Input { ctrl: true, ..plain(AreaKey::Char(letter)) },
        Key::Alt(letter) => Input { alt: true, ..plain(AreaKey::Char(letter)) },
        Key::Enter => plain(AreaKey::Enter),
        Key::Esc => plain(AreaKey::Esc),
        Key::Tab => plain(AreaKey::Tab),
        Key::BackTab => Input { shift: true, ..plain(AreaKey::Tab) },
        Key::Backspace => plain(AreaKey::Backspace),
        Key::Delete => plain(AreaKey::Delete),
        Key::Up => plain(AreaKey::Up),
        Key::Down => plain(AreaKey::Down),
        Key::Left => plain(AreaKey::Left),
        Key::Right => plain(AreaKey::Right),
        Key::Home => plain(AreaKey::Home),
        Key::End => plain(AreaKey::End),
        Key::PageUp => plain(AreaKey::PageUp),
        Key::PageDown => plain(AreaKey::PageDown),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ColorDepth;
    use super::*;

    fn editing(text: &str) -> Editing {
        Editing::new(text, Theme::new(ColorDepth::True))
    }

    #[test]
    fn an_untouched_text_comes_back_exactly() {
        for text in ["", "one", "one\n", "\n\n", "tab\there\u{1b}[31m\n  end"] {
            assert_eq!(editing(text).text(), text);
        }
    }

    #[test]
    fn keys_and_pastes_change_it() {
        let mut editing = editing("bc");
        editing.take(&EditorInput::Key(Key::Char('a')));
        editing.take(&EditorInput::Key(Key::End));
        editing.take(&EditorInput::Paste("\nd\ne".into()));
        editing.take(&EditorInput::Key(Key::Backspace));
        assert_eq!(editing.text(), "abc\nd\n");
    }
}
