//! Keys of the palette.

use super::{looking, moves, perform};
use crate::app::{Command, Key, Palette, PaletteChoice, Popup, State, keys};

/// Opens the palette.
pub(super) fn open(state: &mut State) {
    state.popup = Some(Popup::Palette(Palette::default()));
}

/// A key while the palette is open: letters are typed.
pub(super) fn key(state: &mut State, mut palette: Palette, key: Key) -> Vec<Command> {
    let rows = palette.rows(state);
    let last = rows.len().saturating_sub(1);
    match key {
        Key::Esc => return Vec::new(),
        Key::Enter => {
            let Some(row) = rows.into_iter().nth(palette.cursor) else {
                state.refuse("no verb has this in its name");
                state.popup = Some(Popup::Palette(palette));
                return Vec::new();
            };
            if let Some(why) = row.why {
                state.refuse(format!("{}: {why}", row.name));
                return Vec::new();
            }
            return choose(state, row.choice);
        }
        Key::Backspace if !palette.pop() => return Vec::new(),
        Key::Ctrl('u') => palette = Palette::default(),
        Key::Down | Key::Ctrl('n') | Key::Tab => palette.cursor = (palette.cursor + 1).min(last),
        Key::Up | Key::Ctrl('p') | Key::BackTab => palette.cursor = palette.cursor.saturating_sub(1),
        Key::Char(letter) => palette.push(letter),
        _ => {}
    }
    state.popup = Some(Popup::Palette(palette));
    Vec::new()
}

fn choose(state: &mut State, choice: PaletteChoice) -> Vec<Command> {
    match choice {
        PaletteChoice::Verb(action) => match (keys::verb(action).available)(state) {
            Ok(()) => return perform(state, action),
            Err(why) => state.refuse(why),
        },
        PaletteChoice::Action(seq) => looking::jump(state, seq),
        PaletteChoice::Moment(seq) => return state.scrub_to(seq),
        PaletteChoice::Span(span) => moves::to_span(state, Some(span)),
    }
    Vec::new()
}
