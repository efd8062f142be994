//! The name of a row, fitted into its columns.

use super::super::cell;
use crate::app::{About, SpanText};

/// A name, and what the span is about with a space before it.
pub(super) struct Name {
    pub(super) name: String,
    pub(super) about: String,
}

/// Fits a span's text into so many columns.
pub(super) fn fit(text: SpanText, room: usize) -> Name {
    let SpanText { name, about } = text;
    match about {
        About::Nothing => Name { name, about: String::new() },
        About::Path(path) => with_path(&name, &path, room),
        About::Text(about) => {
            let short = short(&name).to_owned();
            let name = if cell::width(&name) + 1 + cell::width(&about) <= room { name } else { short };
            let rest = room.saturating_sub(cell::width(&name) + 1);
            let about = if rest < 4 { String::new() } else { format!(" {}", cell::cut(&about, rest)) };
            Name { name, about }
        }
    }
}

/// A tool and a path. What is looked for is the file's name: folders and the tool's family go before it.
fn with_path(name: &str, path: &str, room: usize) -> Name {
    let fits = |name: &str, path: &str| cell::width(name) + 1 + cell::width(path) <= room;
    let file = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    let short_path =
        if file.len() < path.trim_end_matches('/').len() { format!("…/{file}") } else { path.to_owned() };
    let ways = [(name, path), (name, short_path.as_str()), (short(name), short_path.as_str())];
    let found = ways.into_iter().find(|(name, path)| fits(name, path));
    let (name, path) = found.map_or_else(
        || {
            let rest = room.saturating_sub(cell::width(short(name)) + 1);
            (short(name).to_owned(), cell::end(&short_path, rest))
        },
        |(name, path)| (name.to_owned(), path.to_owned()),
    );
    Name { name, about: format!(" {path}") }
}

/// A file tool without its family's name.
fn short(name: &str) -> &str {
    name.strip_prefix("files_").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, about: About, room: usize) -> String {
        let fitted = fit(SpanText { name: name.into(), about }, room);
        format!("{}{}", fitted.name, fitted.about)
    }

    #[test]
    fn a_path_keeps_its_end_and_a_command_its_beginning() {
        let path = || About::Path("docs/guide/start.md".into());
        assert_eq!(shown("files_write", path(), 40), "files_write docs/guide/start.md");
        assert_eq!(shown("files_write", path(), 24), "files_write …/start.md");
        assert_eq!(shown("files_write", path(), 20), "write …/start.md");
        assert_eq!(shown("files_write", path(), 12), "write …rt.md");
        let command = || About::Text("rm -f out/*.log".into());
        assert_eq!(shown("bash", command(), 40), "bash rm -f out/*.log");
        assert_eq!(shown("bash", command(), 12), "bash rm -f …");
        assert_eq!(shown("bash", command(), 7), "bash");
        assert_eq!(shown("bash", About::Nothing, 2), "bash");
    }
}
