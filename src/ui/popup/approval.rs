//! The approval of a tool: the exact command or arguments, how it runs, the rule, and the answers.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::{Theme, cell, detail};
use super::sheet;
use crate::app::{AnswerRow, Approval};

/// Columns from one answer to another on the same line.
const BESIDE: usize = 16;

/// Draws it: the text above, the answers below.
pub(super) fn draw(frame: &mut Frame, body: Rect, view: &Approval, theme: Theme) {
    let mut lines: Vec<Line<'static>> = view.window().iter().map(|line| detail::line(line, "", theme)).collect();
    lines.extend(view.more().map(|more| Line::from(Span::styled(more, theme.tool()))));
    if view.is_question() {
        let scrolls = usize::from(view.more().is_none());
        let keys = [("j k", "scroll"), ("a", "answer"), ("Esc", "answer later")];
        sheet::show(frame, body, view.title(), lines, &keys[scrolls..], theme);
        return;
    }
    let gap = view.is_tall().then(Line::default);
    lines.extend(gap.clone());
    lines.extend(view.facts().iter().map(|fact| Line::from(Span::styled(fact.clone(), theme.quiet()))));
    lines.extend(gap);
    let [once, held, always, deny, why] = view.answers();
    let columns = usize::from(body.width).saturating_sub(4);
    lines.extend([once, held, always].iter().map(|answer| Line::from(spans(answer, columns, theme))));
    let mut last = Line::from(spans(&deny, columns, theme));
    last.push_span(Span::raw(" ".repeat(BESIDE.saturating_sub(last.width()))));
    last.extend(spans(&why, columns, theme));
    lines.push(last);
    let scrolls = view.more().is_some();
    let keys = [("j k", "scroll"), ("e", "edit"), ("a", "answer instead"), ("Esc", "decide later")];
    sheet::show(frame, body, view.title(), lines, &keys[usize::from(!scrolls)..], theme);
}

/// `1 y  Allow once`; one that can't be given is grey, with the reason.
fn spans(answer: &AnswerRow, columns: usize, theme: Theme) -> Vec<Span<'static>> {
    let [digit, letter] = answer.keys;
    let keys = format!("{digit} {letter}  ");
    match &answer.refused {
        None => vec![Span::styled(keys, theme.key()), Span::raw(answer.label)],
        Some(why) => {
            let text = format!("{keys}{} ({why})", answer.label);
            vec![Span::styled(cell::cut(&text, columns).into_owned(), theme.quiet())]
        }
    }
}
