//! Events of format 4 as lines of the Log.

use tama_tui::model::{AnsweredBy, ApprovalAnswer, ApprovalAnswered, Seq, TraceBody, TryGroup};

use crate::support::app_support::Bench;

fn last(bench: &Bench) -> String {
    bench.state.log.lines().last().unwrap().text.clone()
}

#[test]
fn an_event_of_a_newer_version_is_one_line() {
    let (mut bench, _) = Bench::paused();
    let lines = bench.state.log.lines().len();
    bench.event(TraceBody::Unknown { event: "teleported".into(), body: "{}".into() });
    assert_eq!(last(&bench), "an event of a newer version, kept and not understood: teleported");
    assert_eq!(bench.state.log.lines().len(), lines + 1);
}

#[test]
fn a_group_of_tries_and_an_answer_that_nobody_gave_are_lines() {
    let (mut bench, spans) = Bench::paused();
    let tries = vec![spans.writer, spans.call];
    bench.event(TraceBody::TryGroup(TryGroup { tries, winner: Some(spans.writer), why: "its tests pass".into() }));
    let writer = bench.state.run.trace.path(spans.writer);
    assert!(last(&bench).ends_with(&format!("{writer} won: its tests pass")), "{}", last(&bench));
    let answer = |by| ApprovalAnswered { span: spans.tool, asked: Seq(1), how: ApprovalAnswer::Deny, by, word: None };
    bench.event(TraceBody::ApprovalAnswered(answer(AnsweredBy::User)));
    assert!(last(&bench).ends_with("its tests pass"), "the release says it");
    bench.event(TraceBody::ApprovalAnswered(answer(AnsweredBy::Nobody)));
    assert!(last(&bench).ends_with("denied because nobody was there"), "{}", last(&bench));
}
