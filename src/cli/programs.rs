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

/// The programs that a command runs, each once; `…` stands for those that its text does not name. Nothing is expanded.
fn programs(command: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_whole = true;
    for part in parts(&without_texts(command)) {
        let mut words = part.split_whitespace().skip_while(|word| KEYWORDS.contains(word) || is_assignment(word));
        let Some(word) = words.next().filter(|word| !OTHERS.contains(word)) else { continue };
        let is_plain = word.chars().all(|c| c.is_alphanumeric() || "/._-+".contains(c));
        match word.rsplit('/').next().filter(|name| is_plain && !name.is_empty()) {
            Some(name) if !found.iter().any(|known| known == name) => found.push(name.to_owned()),
            Some(_) => {}
            None => is_whole = false,
        }
    }
    if !found.is_empty() && !is_whole {
        found.push("…".to_owned());
    }
    found
}

/// A command without the texts that are written in it (`<<E` up to the line `E`).
fn without_texts(command: &str) -> String {
    let (mut kept, mut lines) = (String::new(), command.lines());
    while let Some(line) = lines.next() {
        kept.push_str(line);
        kept.push('\n');
        let Some((_, after)) = line.split_once("<<").filter(|(_, after)| !after.starts_with('<')) else { continue };
        let word = after.trim_start_matches('-').split_whitespace().next().unwrap_or_default();
        let end = word.trim_matches(['\'', '"', '\\']);
        let _ = lines.by_ref().find(|line| line.trim() == end);
    }
    kept
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
        assert_eq!(text("cat > f <<'E'\nrm -rf x\nE\n/bin/sync; \"rm\" -rf y"), "runs cat, sync, …");
        assert_eq!(text("\"$tool\" one\n\"$tool\" two"), "\"$tool\" one …");
    }
}
