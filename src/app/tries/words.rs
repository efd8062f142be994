//! Tries as text, for the screen and the command line.

use crate::app::text::{count, duration, money};
use crate::model::{PassRate, TryReport, TryVerdict};

/// The name of the models as they are.
const AS_THEY_ARE: &str = "as it is";

/// The finish key of a try, or that it failed: `publish`, `failed`, `cancelled`.
#[must_use]
pub fn outcome_word(made: &TryReport) -> String {
    match (&made.finish, &made.failure) {
        (_, Some(_)) if made.status == crate::model::RunStatus::Cancelled => "cancelled".to_owned(),
        (Some(key), None) => key.clone(),
        (_, Some(_)) => "failed".to_owned(),
        (None, None) => made.status.name().to_owned(),
    }
}

/// The verdict in a word: `pass`, `fail`, `no verdict`, `–`.
#[must_use]
pub fn verdict_word(made: &TryReport) -> &'static str {
    if made.verdict == TryVerdict::NotAsked { "–" } else { made.verdict.word() }
}

/// How much a try changed: `A1 M2 D1`, or `–`.
#[must_use]
pub fn change_letters(made: &TryReport) -> String {
    let parts = ['A', 'M', 'D'].into_iter().zip(made.change_counts());
    let parts: Vec<String> = parts.filter(|(_, n)| *n > 0).map(|(letter, n)| format!("{letter}{n}")).collect();
    if parts.is_empty() { "–".to_owned() } else { parts.join(" ") }
}

/// The cells of a try's row: try, model, finish, verdict, tokens, cost, time, changes.
#[must_use]
pub fn try_cells(made: &TryReport) -> [String; 8] {
    [
        made.number.to_string(),
        model_name(made.model.as_deref()).to_owned(),
        outcome_word(made),
        verdict_word(made).to_owned(),
        count(made.tokens),
        if made.cost == 0 { String::new() } else { money(made.cost) },
        duration(made.ms),
        change_letters(made),
    ]
}

fn model_name(model: Option<&str>) -> &str {
    model.unwrap_or(AS_THEY_ARE)
}

/// How many tries of a model passed: `fast: 3 of 5 passed`. `judged`: a command judges them.
#[must_use]
pub fn pass_rate_line(rate: &PassRate, judged: bool) -> String {
    let how = if judged { "passed" } else { "did not fail" };
    format!("{}: {} of {} {how}", model_name(rate.model.as_deref()), rate.passed, rate.made)
}

/// How often tries failed in a way: `2 tries: 2 tests failed`.
#[must_use]
pub fn failure_line((line, tries): &(String, usize)) -> String {
    let word = if *tries == 1 { "try" } else { "tries" };
    format!("{tries} {word}: {line}")
}
