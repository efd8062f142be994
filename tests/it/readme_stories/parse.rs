//! Reads the stories of a README: sections with the command that starts a demo, and numbered steps.

/// A demo, and what to do in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Story {
    /// The folder of its pipeline.
    pub folder: String,
    pub steps: Vec<Step>,
}

/// A numbered step.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    pub number: usize,
    pub parts: Vec<Part>,
}

/// Something to do, or to see.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// A key, as the terminal sends it.
    Key(String),
    /// A text that is on the screen.
    Shows(String),
    /// A sentence of the reader's own is typed.
    Sentence,
    /// A line is added to this file from outside.
    Line(String),
}

/// The sentences that ask for more than a key; the path of a file follows the second.
const SENTENCE: &str = "Type a sentence";
const LINE: &str = "Add a line to ";

/// Finds every section that starts a demo and has numbered steps; an error names the step that can't be played.
pub fn stories(readme: &str) -> Result<Vec<Story>, String> {
    let sections = readme.split("\n## ").skip(1);
    sections
        .filter_map(|section| Some((folder(section)?, section)))
        .map(|(folder, section)| story(folder, section))
        .collect()
}

/// The folder of the pipeline that the section's command starts, if it has steps too.
fn folder(section: &str) -> Option<String> {
    let command = |line: &str| Some(line.strip_prefix("./x run ")?.strip_suffix("/pipeline.toml")?.to_owned());
    section.lines().find_map(command).filter(|_| section.lines().any(|line| number(line).is_some()))
}

/// The number and the text of a numbered line.
fn number(line: &str) -> Option<(usize, &str)> {
    let (number, text) = line.split_once(". ")?;
    Some((number.parse().ok()?, text))
}

fn story(folder: String, section: &str) -> Result<Story, String> {
    let mut steps: Vec<Step> = Vec::new();
    for (number, text) in section.lines().filter_map(number) {
        if number != steps.len() + 1 {
            return Err(format!("{folder}: step {number} comes after step {}", steps.len()));
        }
        let parts = parts(text).map_err(|why| format!("{folder}: step {number}: {why}"))?;
        steps.push(Step { number, parts });
    }
    Ok(Story { folder, steps })
}

/// The parts of a step in the order in which they are written.
fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((at, opening)) = next(rest) {
        let after = &rest[at + opening.len()..];
        rest = match opening {
            "`" | "\"" => {
                let (inside, after) = after.split_once(opening).ok_or(format!("{opening} is not closed"))?;
                parts.push(if opening == "`" { key(inside)? } else { shows(inside)? });
                after
            }
            LINE => {
                let (path, after) = after.split_once(' ').ok_or("no file after \"Add a line to\"")?;
                parts.push(Part::Line(path.to_owned()));
                after
            }
            _ => {
                parts.push(Part::Sentence);
                after
            }
        };
    }
    let saves = parts.iter().position(|part| *part == Part::Key("\x13".into()));
    if saves.is_some_and(|saves| !parts[..saves].contains(&Part::Sentence)) {
        return Err(format!("`Ctrl-s` has no \"{SENTENCE}\" before it"));
    }
    if !parts.iter().any(|part| matches!(part, Part::Key(_) | Part::Shows(_))) {
        return Err("it has neither a key nor a text to see".into());
    }
    Ok(parts)
}

/// The next thing that means something, and where it is.
fn next(text: &str) -> Option<(usize, &'static str)> {
    ["`", "\"", SENTENCE, LINE].into_iter().filter_map(|opening| Some((text.find(opening)?, opening))).min()
}

fn shows(text: &str) -> Result<Part, String> {
    if text.trim().is_empty() { Err("quotes with nothing in them".into()) } else { Ok(Part::Shows(text.to_owned())) }
}

/// A key by its name in the key table.
fn key(name: &str) -> Result<Part, String> {
    let mut letters = name.chars();
    let sent = match (name, letters.next(), letters.next()) {
        ("Enter", ..) => "\r".into(),
        ("Esc", ..) => "\x1b".into(),
        ("Tab", ..) => "\t".into(),
        ("Space", ..) => " ".into(),
        (_, Some(letter), None) if letter.is_ascii_graphic() => name.to_owned(),
        _ => match name.strip_prefix("Ctrl-").map(str::as_bytes) {
            Some([letter @ b'a'..=b'z']) => char::from(letter - b'a' + 1).to_string(),
            _ => return Err(format!("`{name}` is no key")),
        },
    };
    Ok(Part::Key(sent))
}

#[test]
fn a_step_is_read_part_by_part() {
    let text = "Press `c`: \"it's \\ there\". Then `Esc` `!`, `Ctrl-s` not. Add a line to a/b.md in it, and `Enter`.";
    let found = parts(&text.replace("`Ctrl-s` not", "Type a sentence, and `Ctrl-s`")).unwrap();
    let key = |text: &str| Part::Key(text.into());
    let shows = Part::Shows("it's \\ there".into());
    let line = Part::Line("a/b.md".into());
    assert_eq!(found, [key("c"), shows, key("\x1b"), key("!"), Part::Sentence, key("\x13"), line, key("\r")]);
    assert!(parts(text).unwrap_err().contains("`Ctrl-s` has no \"Type a sentence\""));
}

#[test]
fn a_step_that_can_not_be_played_is_an_error_that_names_it() {
    let story = |step: &str| format!("# A\n\n## B\n\n```sh\n./x run a/pipeline.toml\n```\n\n1. `c`\n{step}\n\nEnd.\n");
    assert_eq!(stories(&story("2. \"seen\"")).unwrap()[0].steps.len(), 2);
    for (step, why) in [
        ("2. Look around.", "step 2: it has neither a key nor a text to see"),
        ("2. Add a line to a.md in your editor.", "step 2: it has neither a key nor a text to see"),
        ("2. Press `Strg-c`.", "step 2: `Strg-c` is no key"),
        ("2. Press `tama_bash`.", "step 2: `tama_bash` is no key"),
        ("2. Press `c", "step 2: ` is not closed"),
        ("2. It says \"so.", "step 2: \" is not closed"),
        ("2. It says \"\".", "step 2: quotes with nothing in them"),
        ("3. `c`", "step 3 comes after step 1"),
    ] {
        let error = stories(&story(step)).unwrap_err();
        assert!(error.starts_with("a: ") && error.contains(why), "{step}: {error}");
    }
    assert_eq!(stories("# T\n\n## A\n\n```sh\n./x run a/pipeline.toml\n```\n\nNo steps.\n"), Ok(Vec::new()));
}
