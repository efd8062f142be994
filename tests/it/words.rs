//! The words of `src/`: doc comments and texts that users read say what the glossary says.
//!
//! Breaches of today stand in `words.allowed`, a line per file: `src/app/diff.rs beginning=1 doc=2 text=3`. The numbers
//! may only shrink. After a merge the list is written anew by the ignored test `write_the_allowed_list`.

mod rules;
mod scan;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rules::{Breach, Rule, breaches};

use crate::floors::rust_files;

/// Breaches allowed today, by file and rule.
type Allowed = BTreeMap<(String, Rule), usize>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn list() -> PathBuf {
    root().join("tests/it/words.allowed")
}

/// Reads the list; panics at a line that it doesn't understand.
fn parse(list: &str) -> Allowed {
    let mut allowed = Allowed::new();
    for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (file, counts) = line.split_once(' ').unwrap_or_else(|| panic!("words.allowed: no count in {line:?}"));
        for entry in counts.split(' ') {
            let found = entry.split_once('=').and_then(|(name, count)| {
                let rule = Rule::ALL.into_iter().find(|rule| rule.name() == name)?;
                Some((rule, count.parse().ok().filter(|count| *count > 0)?))
            });
            let (rule, count) = found.unwrap_or_else(|| panic!("words.allowed: {entry:?} in {line:?}"));
            allowed.insert((file.to_owned(), rule), count);
        }
    }
    allowed
}

/// Writes the list.
fn format(allowed: &Allowed) -> String {
    let mut out = "# Words that are still to be replaced, counted by tests/it/words.rs. The numbers may only shrink.\n"
        .to_owned();
    let mut last = "";
    for ((file, rule), count) in allowed {
        let start = if file == last { String::new() } else { format!("\n{file}") };
        let _ = write!(out, "{start} {}={count}", rule.name());
        last = file;
    }
    out.push('\n');
    out
}

/// Compares the breaches found with those allowed; every difference is a complaint.
fn compare(found: &BTreeMap<String, Vec<Breach>>, allowed: &Allowed) -> Vec<String> {
    let mut complaints = Vec::new();
    for (file, breaches) in found {
        for rule in Rule::ALL {
            let here: Vec<&Breach> = breaches.iter().filter(|breach| breach.rule == rule).collect();
            let may = allowed.get(&(file.clone(), rule)).copied().unwrap_or(0);
            if here.len() > may {
                let (name, number) = (rule.name(), here.len());
                complaints
                    .push(format!("{file}: {number} breaches of \"{name}\", {may} allowed; some of these are new:"));
                complaints.extend(here.iter().map(|breach| format!("  {}", breach.describe(file))));
            }
        }
    }
    for ((file, rule), may) in allowed {
        let here = found.get(file).map_or(0, |all| all.iter().filter(|breach| breach.rule == *rule).count());
        let name = rule.name();
        if here == 0 {
            complaints.push(format!("{file}: no breach of \"{name}\" is left: remove {name}={may} from words.allowed"));
        } else if here < *may {
            complaints.push(format!("{file}: {here} breaches of \"{name}\": lower the number {may} in words.allowed"));
        }
    }
    complaints
}

fn read_all() -> BTreeMap<String, Vec<Breach>> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    assert!(files.len() > 20, "only {} files were read", files.len());
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let found = breaches(&name, &fs::read_to_string(&path).unwrap());
        (name, found)
    };
    files.into_iter().filter(|path| !is_test(path)).map(read).collect()
}

/// True for a file that has tests only.
fn is_test(path: &Path) -> bool {
    let in_tests = path.components().any(|part| part.as_os_str() == "tests");
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let inside = path.strip_prefix(root()).unwrap_or(path);
    (in_tests && inside.components().any(|part| part.as_os_str() == "tests"))
        || ["tests", "fixture"].contains(&stem)
        || stem.ends_with("_tests")
}

#[test]
fn no_new_private_word_is_in_the_source() {
    let complaints = compare(&read_all(), &parse(&fs::read_to_string(list()).unwrap_or_default()));
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
#[ignore = "writes tests/it/words.allowed; for after a merge"]
fn write_the_allowed_list() {
    let mut allowed = Allowed::new();
    for (file, breaches) in read_all() {
        for breach in breaches {
            *allowed.entry((file.clone(), breach.rule)).or_default() += 1;
        }
    }
    fs::write(list(), format(&allowed)).unwrap();
}

/// Breaches as `rule line word`.
fn found(file: &str, source: &str) -> Vec<String> {
    let all = breaches(file, source);
    all.iter().map(|breach| format!("{} {} {}", breach.rule.name(), breach.line, breach.word)).collect()
}

#[test]
fn planted_breaches_are_found_with_their_lines() {
    let source = r##"//! What this file is for.

/// Whether it is so.
/// What stands here begins no comment, but is told.
fn a() -> &'static str {
    // What a plain comment says is not read, nor is a permanent one.
    let x = "this can't be taken \
             back, whoever asks";
    let y = r#"a "permanent" change"#;
    let z = 'x'; let quote = '"'; let life: &'static str = "an \"effect\" here";
    "{dropped} from the journal"
}
"##;
    assert_eq!(
        found("src/model/a.rs", source),
        [
            "beginning 1 what",
            "beginning 3 whether",
            "doc 4 told",
            "text 7 taken back",
            "text 9 permanent",
            "text 10 effect",
            "text 11 journal"
        ]
    );
}

#[test]
fn keys_of_formats_sql_attributes_and_tests_are_no_texts() {
    let source = r#"
#[serde(rename = "not landed here")]
#[error("land the {0}")]
struct A;
fn a() {
    json!({ "dropped": 1, "lane": 2 });
    run("SELECT generation FROM effects");
}
#[cfg(test)]
mod tests {
    fn b() -> &'static str { "permanent effects { and }" }
}
/// Formats the journal's compensation.
fn c() { "do it" }
"#;
    assert_eq!(found("src/store/a.rs", source), ["text 3 land", "text 14 do it"]);
    assert_eq!(found("src/ui/a.rs", "fn a() { put(\"permanent\") }"), ["text 1 permanent"]);
    assert!(found("src/store/a.rs", "fn a() { put(\"permanent\") }").is_empty());
}

#[test]
fn help_texts_are_texts() {
    let source = "
/// Options.
#[derive(Debug, clap::Args)]
struct Args {
    /// Leave it, and go on
    skip: bool,
}
/// Runs again.
fn a() {}
";
    assert_eq!(found("src/cli/a.rs", source), ["text 5 go on", "text 5 leave it", "doc 8 runs again"]);
}

#[test]
fn the_list_may_only_shrink() {
    let breach = |rule| Breach { rule, line: 1, word: "lane", instead: "\"capture mode\"" };
    let found = BTreeMap::from([("src/a.rs".to_owned(), vec![breach(Rule::Doc), breach(Rule::Doc)])]);
    let check = |list: &str| compare(&found, &parse(list)).join("\n");
    assert_eq!(check("src/a.rs doc=2\n"), "");
    assert!(check("src/a.rs doc=1\n").contains("src/a.rs:1: \"lane\" in a doc comment; say \"capture mode\""));
    assert!(check("src/a.rs doc=3\n").contains("lower the number 3"));
    assert!(check("src/a.rs doc=2 text=1\n").contains("remove text=1"));
    assert!(check("src/a.rs doc=2\nsrc/gone.rs doc=1\n").contains("src/gone.rs: no breach of \"doc\" is left"));
}

#[test]
fn the_list_is_read_as_it_is_written() {
    let list = "src/a.rs beginning=1 text=2\nsrc/b.rs doc=3\n";
    let allowed = parse(list);
    assert_eq!(parse(&format(&allowed)), allowed);
    assert!(format(&allowed).ends_with(list));
}
