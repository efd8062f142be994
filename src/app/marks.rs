//! States of spans as short texts, each with its word and its glyph; no state shows by colour alone.

use unicode_width::UnicodeWidthStr;

use super::safe;
use crate::model::{EndCause, PauseReason, RunState, Span, SpanId, SpanKind, SpanState, Tally};

/// A text in the style of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The state.
    pub state: SpanState,
    /// The text, its glyph included.
    pub text: String,
}

/// The glyph of a state.
#[must_use]
pub fn state_glyph(state: SpanState) -> char {
    match state {
        SpanState::Running => '●',
        SpanState::Waiting => '○',
        SpanState::Paused => '‖',
        SpanState::NeedsApproval => '◆',
        SpanState::NeedsAnswer => '?',
        SpanState::Failed => '✗',
        SpanState::Denied => '⊘',
        SpanState::Discarded => '∅',
        SpanState::Cancelled => '■',
        SpanState::Interrupted => '↯',
        SpanState::Undone => '↶',
        SpanState::Ok => '✓',
    }
}

/// The word of a state.
#[must_use]
pub fn state_word(state: SpanState) -> &'static str {
    match state {
        SpanState::NeedsApproval => "NEEDS APPROVAL",
        SpanState::NeedsAnswer => "NEEDS ANSWER",
        other => other.name(),
    }
}

/// Marks for a row of that many columns: the state of a span, or how many below it are in a state that matters. Of a
/// span that ended, failures below it are counted while they are folded away.
#[must_use]
pub fn row_marks(run: &RunState, span: SpanId, folded: bool, columns: usize) -> Vec<Mark> {
    let Some(found) = run.trace.get(span) else { return Vec::new() };
    let state = run.span_state(span);
    let goes_on = matches!(state, SpanState::Running | SpanState::Waiting);
    let ways = if goes_on && found.children > 0 {
        below(found.tally, asking(run, span))
    } else {
        own(run, span, folded, state)
    };
    first_fitting(ways, columns)
}

/// How many spans at and below one wait for a person's answer.
fn asking(run: &RunState, span: SpanId) -> u32 {
    let asking = run.trace.asking().filter(|asks| run.trace.is_within(*asks, span));
    u32::try_from(asking.count()).unwrap_or(u32::MAX)
}

/// The first way that fits, else the last.
fn first_fitting(mut ways: Vec<Vec<Mark>>, columns: usize) -> Vec<Mark> {
    let width = |marks: &Vec<Mark>| marks.iter().map(|mark| mark.text.width() + 1).sum::<usize>().saturating_sub(1);
    match ways.iter().position(|marks| width(marks) <= columns) {
        Some(at) => ways.swap_remove(at),
        None => ways.pop().unwrap_or_default(),
    }
}

fn mark(state: SpanState, text: &str) -> Mark {
    Mark { state, text: format!("{} {text}", state_glyph(state)) }
}

fn word(state: SpanState) -> Mark {
    mark(state, state_word(state))
}

fn glyph(state: SpanState) -> Mark {
    Mark { state, text: state_glyph(state).to_string() }
}

/// Ways to say what goes on below a span that has not ended, the longest first. `asking`: those that wait for an answer.
fn below(tally: Tally, asking: u32) -> Vec<Vec<Mark>> {
    let counts = [
        (SpanState::NeedsApproval, tally.approvals),
        (SpanState::NeedsAnswer, asking),
        (SpanState::Failed, tally.failed),
        (SpanState::Paused, tally.paused),
    ];
    let counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    let works = tally.working > 0 || tally.stopped == 0;
    match (counts.as_slice(), works) {
        ([], true) => vec![vec![word(SpanState::Running)]],
        ([], false) => vec![vec![word(SpanState::Waiting)]],
        ([(state, 1)], false) => words(*state),
        (counts, works) => {
            let counted: Vec<Mark> = counts.iter().map(|(state, count)| mark(*state, &count.to_string())).collect();
            let with = |last: Mark| -> Vec<Mark> { counted.iter().cloned().chain([last]).collect() };
            let mut ways = Vec::new();
            match counts {
                _ if works => ways.extend([with(word(SpanState::Running)), with(glyph(SpanState::Running))]),
                [(state, count)] => ways.push(vec![mark(*state, &format!("{count} {}", plural_word(*state)))]),
                _ => {}
            }
            ways.push(counted.clone());
            ways.push(counted[..counted.len().min(2)].to_vec());
            ways
        }
    }
}

/// The word behind a count of several.
fn plural_word(state: SpanState) -> &'static str {
    match state {
        SpanState::NeedsApproval => "approvals",
        SpanState::NeedsAnswer => "answers",
        other => state_word(other),
    }
}

/// Ways to say a state alone.
fn words(state: SpanState) -> Vec<Vec<Mark>> {
    let short = match state {
        SpanState::NeedsApproval => Some("approval"),
        SpanState::NeedsAnswer => Some("answer"),
        SpanState::Interrupted => Some("interrupt"),
        _ => None,
    };
    std::iter::once(word(state)).chain(short.map(|text| mark(state, text))).map(|mark| vec![mark]).collect()
}

/// Ways to say a span's own state, the longest first.
fn own(run: &RunState, span: SpanId, folded: bool, state: SpanState) -> Vec<Vec<Mark>> {
    let Some(found) = run.trace.get(span) else { return Vec::new() };
    let mut ways: Vec<Vec<Mark>> =
        details(run, span, found, state).iter().map(|text| vec![mark(state, text)]).collect();
    if folded && state == SpanState::Ok && found.children > 0 && found.tally.failed > 0 {
        let failed = mark(SpanState::Failed, &found.tally.failed.to_string());
        for marks in &mut ways {
            marks.push(failed.clone());
        }
        ways.push(vec![glyph(state), failed]);
        return ways;
    }
    ways.extend(words(state));
    ways
}

/// Texts that say more than the state's word.
fn details(run: &RunState, span: SpanId, found: &Span, state: SpanState) -> Vec<String> {
    match state {
        SpanState::Ok => match run.trace.finish(span) {
            Some(key) => vec![safe::line(key).into_owned()],
            None if called_a_tool(run, span, found) => vec!["tool call".into()],
            None => Vec::new(),
        },
        SpanState::Failed => match (found.cause, run.labels.error(span)) {
            (Some(EndCause::Exit { code }), _) => vec![format!("exit {code}")],
            (Some(EndCause::Limit), _) => vec!["limit reached".into()],
            (Some(EndCause::Denied), _) => vec!["not answered".into()],
            (_, Some(error)) => error_words(error),
            _ => Vec::new(),
        },
        SpanState::Waiting => {
            run.trace.waiting_on(span).map(|on| format!("waiting for {}", safe::line(on))).into_iter().collect()
        }
        SpanState::Paused => match (run.held.get(&span), run.trace.pause(span)) {
            (_, Some((_, PauseReason::Conflict { .. }))) => vec!["CONFLICT".into()],
            (Some(_), _) => {
                let held = run.held_changes(span);
                vec![format!("paused, {held} held"), format!("{held} held")]
            }
            (None, Some((_, PauseReason::Limit { .. }))) => vec!["paused: limit".into()],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The first words of an error: the status of a response, or the first clause.
fn error_words(error: &str) -> Vec<String> {
    let error = safe::line(error).into_owned();
    let clause = error.split([':', ';', ',']).next().unwrap_or_default().trim_end_matches('.').trim();
    let mut words = Vec::new();
    if !clause.is_empty() {
        words.push(clause.to_owned());
    }
    let status = error.split_once("HTTP ").map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect());
    if let Some(status) = status.filter(|status: &String| !status.is_empty()) {
        words.push(format!("HTTP {status}"));
    }
    words
}

/// True for a model's answer after which its agent ran a tool.
fn called_a_tool(run: &RunState, span: SpanId, found: &Span) -> bool {
    found.kind == SpanKind::Llm && tools_after(run, span).next().is_some()
}

/// The tools that an agent ran for a model's answer. The program of an agent of another program is the beginning of its
/// next try.
pub(super) fn tools_after(run: &RunState, llm: SpanId) -> impl Iterator<Item = SpanId> {
    let is_kind = move |span: SpanId| run.trace.get(span).is_some_and(|found| found.kind == SpanKind::Tool);
    let is_tool = move |span: &SpanId| is_kind(*span) && !run.is_agents_program(*span);
    std::iter::successors(run.trace.next_sibling(llm), move |span| run.trace.next_sibling(*span)).take_while(is_tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ways: Vec<Vec<Mark>>, columns: usize) -> String {
        first_fitting(ways, columns).iter().map(|mark| mark.text.clone()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_state_has_a_word_and_a_glyph_of_its_own() {
        for at in SpanState::ALL {
            for other in SpanState::ALL.into_iter().filter(|other| *other != at) {
                assert_ne!(state_glyph(at), state_glyph(other));
                assert_ne!(state_word(at), state_word(other));
            }
            assert!(text(words(at), 11).width() <= 11, "{at:?}");
        }
    }

    #[test]
    fn a_parent_counts_what_matters_below_it() {
        let tally = |working, stopped, paused, approvals, failed| Tally {
            working,
            stopped,
            paused,
            approvals,
            failed,
            denied: 0,
        };
        assert_eq!(text(below(tally(0, 2, 0, 1, 1), 0), 16), "◆ 1 ✗ 1");
        assert_eq!(text(below(tally(3, 1, 0, 1, 0), 0), 16), "◆ 1 ● running");
        assert_eq!(text(below(tally(3, 1, 0, 1, 0), 0), 11), "◆ 1 ●");
        assert_eq!(text(below(tally(0, 3, 1, 1, 1), 0), 11), "◆ 1 ✗ 1 ‖ 1");
        assert_eq!(text(below(tally(0, 300, 250, 12, 38), 0), 11), "◆ 12 ✗ 38");
        assert_eq!(text(below(tally(0, 1, 0, 1, 0), 0), 16), "◆ NEEDS APPROVAL");
        assert_eq!(text(below(tally(0, 1, 0, 1, 0), 0), 11), "◆ approval");
        assert_eq!(text(below(tally(0, 2, 2, 0, 0), 0), 11), "‖ 2 paused");
        assert_eq!(text(below(tally(0, 1, 1, 0, 0), 0), 11), "‖ paused");
        assert_eq!(text(below(tally(0, 1, 0, 0, 0), 0), 11), "○ waiting");
        assert_eq!(text(below(tally(0, 1, 0, 0, 0), 1), 16), "? NEEDS ANSWER");
        assert_eq!(text(below(tally(0, 1, 0, 0, 0), 1), 11), "? answer");
        assert_eq!(text(below(tally(0, 3, 0, 1, 0), 2), 16), "◆ 1 ? 2");
        // A command failed before, and the model goes on.
        assert_eq!(text(below(tally(0, 0, 0, 0, 1), 0), 16), "✗ 1 ● running");
    }

    #[test]
    fn an_error_is_said_in_its_first_words() {
        assert_eq!(error_words("HTTP 529: overloaded"), ["HTTP 529", "HTTP 529"]);
        assert_eq!(error_words("the server said no, HTTP 500."), ["the server said no", "HTTP 500"]);
        assert_eq!(error_words("connection refused; start the server"), ["connection refused"]);
        assert!(error_words("").is_empty());
    }
}
