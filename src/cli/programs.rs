//! A command in few words: the programs that it runs, where the whole is too long for a line.

use super::call_text::first_line;

/// Words of the shell before a command.
const KEYWORDS: [&str; 12] = ["if", "then", "elif", "else", "fi", "do", "done", "while", "until", "{", "}", "!"];
/// Words of the shell after which no command follows in the same part.
const OTHERS: [&str; 4] = ["for", "select", "case", "function"];

/// The whole command if it is one line that is short enough; else `cd, cargo, git` of the programs that it runs.
pub(super) fn command_text(command: &str, most: usize) -> String {
    let whole = command.trim();
    if !whole.contains('\n') && whole.chars().count() <= most {
        return whole.to_owned();
    }
    let names = programs(whole);
    if names.is_empty() { first_line(whole, most) } else { first_line(&format!("runs {}", names.join(", ")), most) }
}

/// The programs that a command runs, each once, as far as its text tells. Nothing is expanded, and nothing is read after
/// the begin of a text that is written in the command.
fn programs(command: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let before_text = command.split_once("<<").map_or(command, |(before, _)| before);
    for part in parts(before_text) {
        let mut words = part.split_whitespace().skip_while(|word| KEYWORDS.contains(word) || is_assignment(word));
        let name = words.next().filter(|name| !OTHERS.contains(name));
        let name = name.filter(|name| name.chars().all(|c| c.is_alphanumeric() || "/._-+".contains(c)));
        let name = name.map(|name| name.rsplit('/').next().unwrap_or(name).to_owned());
        found.extend(name.filter(|name| !name.is_empty() && !found.contains(name)));
    }
    found
}

/// The parts of a command between `;`, `|`, `&`, parentheses and line ends that are not quoted.
fn parts(command: &str) -> Vec<String> {
    let (mut parts, mut part, mut quote) = (Vec::new(), String::new(), None);
    let mut letters = command.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None | Some('"'), '\\') => drop(letters.next()),
            // `2>&1` and `&>` are redirections.
            (None, '&') if part.ends_with('>') || letters.peek() == Some(&'>') => {}
            (None, ';' | '|' | '&' | '(' | ')' | '\n') => parts.push(std::mem::take(&mut part)),
            (None, _) => part.push(letter),
            (Some(_), _) => part.push('\u{fffd}'),
        }
    }
    parts.push(part);
    parts
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_told_by_its_programs() {
        let text = |command: &str| command_text(command, 40);
        assert_eq!(text("cargo test --all"), "cargo test --all");
        assert_eq!(text("cd a && FOO=1 make -j4 2>&1 | tee 'a; b' | /usr/bin/wc -l"), "runs cd, make, tee, wc");
        assert_eq!(text("(echo 'x | rm' > /dev/tty; read -t 3 x < /dev/tty); echo $x"), "runs echo, read");
        assert_eq!(text("for f in *; do\n  cat \"$f\"\ndone"), "runs cat");
        assert_eq!(text("python3 - <<E\nprint(1)\nE"), "runs python3");
        assert_eq!(text("\"$tool\" one\n\"$tool\" two"), "\"$tool\" one …");
    }
}
