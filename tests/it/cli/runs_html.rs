//! `runs html`: a run as one page that loads nothing.

use html5gum::{Token, Tokenizer};
use serde_json::json;

use crate::cli::cli::stderr;
use crate::support::project::Project;
use crate::support::sketch::Sketch;

/// Texts that would do something if they were markup, or steer a terminal.
const HOSTILE: &str = "</pre></title><script src=//evil.example/x.js>alert(1)</script><img src=http://evil.example/i onerror=x()>\u{1b}]52;c;eA==\u{7}\u{202e}<style>@import url(//evil.example/c);</style>";

fn page() -> (Project, String) {
    let secret = format!("ghp_{}", "a1".repeat(20));
    let calls = [("tama_files_write", json!({ "path": "<b>.txt", "content": format!("{HOSTILE}\n{secret}\n") }))];
    let project = Sketch::with_task("page", "main", HOSTILE)
        .react("main", HOSTILE, &["tama_files_write"])
        .says("main", 1, HOSTILE, &calls)
        .finish("main", HOSTILE)
        .file("work/<b>.txt", &format!("before {secret}\n"))
        .project();
    assert_eq!(project.tama(&["run", "."]).status.code(), Some(0));
    let written = project.tama(&["runs", "html", &project.newest(), "--to", "run.html"]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let page = project.read("run.html").unwrap();
    assert!(!page.contains(&secret) && page.contains("[masked API key]"), "secrets are masked");
    (project, page)
}

#[test]
fn nothing_in_the_page_loads_or_runs() {
    let (project, page) = page();
    let (mut tags, mut texts) = (Vec::new(), String::new());
    for Ok(token) in Tokenizer::new(page.as_str()) {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8(tag.name.0.clone()).unwrap();
                for (attribute, value) in &tag.attributes {
                    let attribute = String::from_utf8_lossy(&attribute.0).into_owned();
                    let allowed = ["class", "open", "lang", "charset", "http-equiv", "content", "name"];
                    assert!(allowed.contains(&attribute.as_str()), "{name} {attribute}");
                    assert!(!String::from_utf8_lossy(&value.value.0).contains("//"), "{name} {attribute}");
                }
                tags.push(name);
            }
            Token::String(text) => texts.push_str(&String::from_utf8(text.value.0.clone()).unwrap()),
            Token::Comment(_) => panic!("a comment"),
            _ => {}
        }
    }
    for tag in &tags {
        let known = [
            "html", "head", "meta", "title", "style", "body", "h1", "h2", "h4", "p", "table", "tr", "th", "td",
            "details", "summary", "span", "pre", "div",
        ];
        assert!(known.contains(&tag.as_str()), "{tag}");
    }
    assert_eq!(tags.iter().filter(|tag| *tag == "style").count(), 1);
    let policy = page.find("Content-Security-Policy").unwrap();
    assert!(page[policy..].contains("default-src 'none'") && policy < page.find("<style>").unwrap());
    let style = &page[page.find("<style>").unwrap()..page.find("</style>").unwrap()];
    assert!(!style.contains("url(") && !style.contains("@import"));
    assert!(texts.contains("<script src=//evil.example/x.js>alert(1)</script>"), "the text is shown as it is");
    assert!(!page.chars().any(|c| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c))));
    assert!(texts.contains("finished") && texts.contains("tama_files_write"), "{texts}");
    let again = project.tama(&["runs", "html", &project.newest(), "--to", "run.html"]);
    assert!(again.status.code() == Some(1) && project.read("run.html").unwrap() == page, "{}", stderr(&again));
}
