//! One line of Detail: titles, roles, JSON, and where a search matches.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::Theme;
use crate::app::{DetailLine, JsonStart, LineKind};
use crate::model::LineIn;

/// A line in its styles.
pub(in crate::ui) fn draw(line: &DetailLine, find: &str, theme: Theme) -> Line<'static> {
    let spans = match line.kind {
        LineKind::Title { folded } => title(&line.text, folded, theme),
        LineKind::Text | LineKind::Diff(LineIn::Both) => vec![(line.text.as_str(), theme.text())],
        LineKind::Error => vec![(line.text.as_str(), theme.error())],
        LineKind::Role => vec![(line.text.as_str(), role(&line.text, theme))],
        LineKind::Fact { value } => match line.text.split_at_checked(value) {
            Some((name, value)) => vec![(name, theme.quiet()), (value, theme.text())],
            None => vec![(line.text.as_str(), theme.text())],
        },
        LineKind::Json { starts } => json(&line.text, starts, theme),
        LineKind::Change { rest } => change(&line.text, rest, theme),
        LineKind::Place | LineKind::Note => vec![(line.text.as_str(), theme.quiet())],
        LineKind::Diff(LineIn::Old) => vec![(line.text.as_str(), removed(theme))],
        LineKind::Diff(LineIn::New) => vec![(line.text.as_str(), theme.ok())],
    };
    Line::from(marked(spans, find, theme))
}

fn title(text: &str, folded: bool, theme: Theme) -> Vec<(&str, Style)> {
    let (name, note) = text.split_once("  ").unwrap_or((text, ""));
    let sign = if folded { "▸ " } else { "▾ " };
    vec![(sign, theme.quiet()), (name, theme.strong()), ("  ", Style::new()), (note, theme.quiet())]
}

/// Git's letter in the colour of what it says, the key, and how its state changes.
fn change(text: &str, rest: usize, theme: Theme) -> Vec<(&str, Style)> {
    let (key, rest) = text.split_at_checked(rest).unwrap_or((text, ""));
    let (letter, key) = key.split_at_checked(1).unwrap_or((key, ""));
    let style = match letter {
        "A" => theme.ok(),
        "D" => removed(theme),
        _ => theme.tool(),
    };
    vec![(letter, style), (key, theme.strong()), (rest, theme.quiet())]
}

/// A removed line is no error: the same colour, without its weight.
fn removed(theme: Theme) -> Style {
    theme.error().remove_modifier(ratatui::style::Modifier::BOLD)
}

fn role(role: &str, theme: Theme) -> Style {
    match role {
        "user" => theme.call(),
        "assistant" => theme.output(),
        role if role.starts_with("tool") => theme.tool(),
        _ => theme.quiet(),
    }
    .add_modifier(ratatui::style::Modifier::BOLD)
}

/// Names, numbers and punctuation apart from what was said: strings keep the terminal's colour.
fn json(text: &str, starts: JsonStart, theme: Theme) -> Vec<(&str, Style)> {
    let mut out = Vec::new();
    let mut rest = text;
    if starts != JsonStart::Outside {
        let (string, after) = rest.split_at(string_end(rest, starts));
        out.push((string, theme.text()));
        rest = after;
    }
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => 1 + string_end(&rest[1..], JsonStart::Inside),
            '-' | '0'..='9' | 'a'..='z' => word_end(rest),
            _ => rest
                .find(|c: char| c == '"' || c == '-' || c.is_ascii_digit() || c.is_ascii_lowercase())
                .unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(end);
        let style = match first {
            '"' if after.starts_with(':') => theme.call(),
            '"' => theme.text(),
            '-' | '0'..='9' | 'a'..='z' => theme.tool(),
            _ => theme.quiet(),
        };
        out.push((token, style));
        rest = after;
    }
    out
}

/// Where the string ends that the text begins in, its closing quote included.
fn string_end(text: &str, starts: JsonStart) -> usize {
    let mut escaped = starts == JsonStart::Escaped;
    let end = text.char_indices().find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

fn word_end(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))).unwrap_or(text.len())
}

/// Marks every place where the text searched for stands, in any case.
fn marked(spans: Vec<(&str, Style)>, find: &str, theme: Theme) -> Vec<Span<'static>> {
    let find = find.to_lowercase();
    let mut out = Vec::new();
    for (text, style) in spans {
        let lower = text.to_lowercase();
        // Places in the lower-case text are those of the text itself only while the lengths agree.
        if find.is_empty() || lower.len() != text.len() {
            out.push(Span::styled(text.to_owned(), style));
            continue;
        }
        let mut done = 0;
        for (at, hit) in lower.match_indices(&find) {
            let (Some(before), Some(hit)) = (text.get(done..at), text.get(at..at + hit.len())) else { continue };
            out.push(Span::styled(before.to_owned(), style));
            out.push(Span::styled(hit.to_owned(), theme.hit()));
            done = at + hit.len();
        }
        out.push(Span::styled(text.get(done..).unwrap_or_default().to_owned(), style));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::super::ColorDepth;
    use super::*;

    fn theme() -> Theme {
        Theme::new(ColorDepth::True)
    }

    fn whole(line: &Line) -> String {
        line.spans.iter().map(|span| span.content.as_ref()).collect()
    }

    #[test]
    fn json_keeps_every_character() {
        for text in [r#"  "ke\"y": "va: lue", -1.5e3, true}"#, "\"cut in the mid", "übrig\": [null, x]", ""] {
            for starts in [JsonStart::Outside, JsonStart::Inside, JsonStart::Escaped] {
                let line = DetailLine { section: 0, kind: LineKind::Json { starts }, text: text.into() };
                assert_eq!(whole(&draw(&line, "", theme())), text);
            }
        }
    }

    #[test]
    fn json_names_and_values_differ() {
        let styles: Vec<Style> =
            json(r#""a": 1"#, JsonStart::Outside, theme()).into_iter().map(|(_, style)| style).collect();
        assert_eq!(styles, [theme().call(), theme().quiet(), theme().tool()]);
    }

    #[test]
    fn a_string_keeps_its_style_where_it_goes_on() {
        let spans = json("was 12 true\", 3", JsonStart::Inside, theme());
        assert_eq!(spans[0], ("was 12 true\"", theme().text()));
        assert_eq!(spans.last(), Some(&("3", theme().tool())));
        let escaped = json("\"on\"", JsonStart::Escaped, theme());
        assert_eq!(escaped, [("\"on\"", theme().text())]);
    }

    #[test]
    fn hits_are_marked_in_any_case() {
        let line = DetailLine { section: 0, kind: LineKind::Text, text: "One fish, two FISH".into() };
        let line = draw(&line, "Fish", theme());
        assert_eq!(whole(&line), "One fish, two FISH");
        let hits: Vec<&str> =
            line.spans.iter().filter(|span| span.style == theme().hit()).map(|span| span.content.as_ref()).collect();
        assert_eq!(hits, ["fish", "FISH"]);
    }
}
