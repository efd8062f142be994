//! Limits and prices on the command line.

use std::fs;

use crate::cli::cli::{fresh, stderr, stdout};

/// The exit code of a run with these options.
fn exit(limits: &str, options: &[&str]) -> Option<i32> {
    let project = fresh(limits);
    let ran = project.tama(&[&["run", ".", "--allow", "tama_bash"], options].concat());
    ran.status.code()
}

#[test]
fn the_command_line_beats_the_pipeline() {
    let ample = "[limits]\nmax_tokens = 1000000\nmax_cost_usd = 1000000\n";
    // A dollar for each token.
    let dear = "[prices.\"script:replies.toml\"]\ninput = 1000000\noutput = 1000000\n";
    assert_eq!(exit(ample, &[]), Some(0));
    assert_eq!(exit(ample, &["--max-tokens", "1"]), Some(4));
    assert_eq!(exit("[limits]\nmax_tokens = 1\n", &["--max-tokens", "1000000"]), Some(0));
    assert_eq!(exit(&format!("{ample}{dear}"), &[]), Some(0));
    assert_eq!(exit(&format!("{ample}{dear}"), &["--max-cost", "1.50"]), Some(4));
}

#[test]
fn what_is_no_limit_is_wrong_usage() {
    for options in [["--max-tokens", "0"], ["--max-cost", "0"], ["--max-cost", "much"]] {
        assert_eq!(exit("", &options), Some(2), "{options:?}");
    }
}

#[test]
fn a_bound_on_the_cost_needs_prices_and_check_shows_them() {
    let project = fresh("");
    let file = project.folder.path().join("pipeline.toml");
    let text = fs::read_to_string(&file).unwrap();
    let with = |model: &str| {
        fs::write(&file, text.replacen("script:replies.toml", model, 1)).unwrap();
        stdout(&project.tama(&["check", "."]))
    };
    let checked = with("openai:unheard-of");
    assert!(checked.contains("no price of openai:unheard-of: add [prices.\"openai:unheard-of\"]"), "{checked}");
    let ran = project.tama(&["run", ".", "--max-cost", "1"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(stderr(&ran).contains("there is no price for `openai:unheard-of`"), "{}", stderr(&ran));
    let checked = with("openai:gpt-5-mini");
    let price = "price of openai:gpt-5-mini: $0.25 in, $0.025 cached, $2 out per million tokens (public price of 2026-";
    assert!(checked.contains(price), "{checked}");
}
