//! Detail: what stands in it at a failure, and what is copied from it.

use tama_tui::app::{Command, Key, LineKind, Popup};
use tama_tui::model::{
    Fan, Finish, Gate, PauseReason, Section, SectionBody, SpanDetail, SpanEnd, SpanId, SpanStatus, TraceBody, Update,
};

use crate::support::app_support::{Bench, agent, run_commands};

fn section(title: &str, body: SectionBody) -> Section {
    Section { title: title.into(), note: String::new(), body, folded: false }
}

/// Tells the texts of the selected span: an error, and the request.
fn fill(bench: &mut Bench) {
    let sections =
        vec![section("error", SectionBody::Error("HTTP 529".into())), section("call", SectionBody::Facts(Vec::new()))];
    let span = bench.state.selected();
    bench.send(Update::Detail(SpanDetail { span, path: "p".into(), sections }));
}

/// The texts of Detail, without the titles of what the run told.
fn choices(bench: &Bench) -> Vec<String> {
    let lines = bench.state.detail.lines();
    lines.iter().filter(|line| matches!(line.kind, LineKind::Fact { .. })).map(|line| line.text.clone()).collect()
}

fn stop_at_error(bench: &mut Bench, span: SpanId) {
    let reason = PauseReason::Error { error: "HTTP 529".into() };
    bench.event(TraceBody::Paused { span, gate: Gate::Error, reason });
}

fn fault(bench: &mut Bench, span: SpanId) {
    let finish = Some(Finish { key: "fault".into(), synthetic: true });
    bench.event(TraceBody::SpanEnded(SpanEnd { finish, ..SpanEnd::new(span, SpanStatus::Error) }));
}

#[test]
fn a_failed_call_says_what_the_keys_would_do() {
    let mut bench = Bench::new();
    let writer = bench.agent(SpanId::RUN, "writer");
    let call = bench.llm(writer, 1);
    bench.end(call, SpanStatus::Error);
    stop_at_error(&mut bench, call);
    assert_eq!(bench.state.selected(), call);
    fill(&mut bench);
    let titles: Vec<String> = bench
        .state
        .detail
        .lines()
        .iter()
        .filter(|line| matches!(line.kind, LineKind::Title { .. }))
        .map(|line| line.text.clone())
        .collect();
    assert_eq!(titles, ["error", "you can", "call"]);
    assert_eq!(
        choices(&bench),
        [
            "r  retry: the call is sent again",
            "a  answer in its place: you write the response,",
            "   nothing is sent",
            "c  continue as failed: writer ends with this",
            "   error",
            "e  edit the prompt of writer; a retry uses it",
        ]
    );
}

#[test]
fn a_failed_tool_that_was_passed_can_only_be_retried() {
    let mut bench = Bench::new();
    let writer = bench.agent(SpanId::RUN, "writer");
    let tool = bench.tool(writer, "tama_files_edit");
    fault(&mut bench, tool);
    fill(&mut bench);
    let verbs: String = choices(&bench).iter().filter_map(|line| line.chars().next()).filter(|c| *c != ' ').collect();
    assert_eq!(verbs, "re");
    stop_at_error(&mut bench, tool);
    fill(&mut bench);
    let told = choices(&bench).join("\n");
    assert!(told.contains("c  continue: the model gets this error"), "{told}");
    assert!(told.contains("a  answer in its place: you write the result"), "{told}");
}

#[test]
fn a_worker_of_a_fan_out_ends_with_the_error_as_its_text() {
    let mut bench = Bench::new();
    let lead = bench.agent(SpanId::RUN, "lead");
    let worker = bench.start(lead, "digger", 1, 1, agent());
    let call = bench.llm(worker, 1);
    bench.end(call, SpanStatus::Error);
    stop_at_error(&mut bench, call);
    fill(&mut bench);
    assert!(
        choices(&bench)
            .join(" ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains("c continue as failed: digger ends with this error")
    );
    // The same in a fan-out.
    let mut bench = Bench::new();
    let lead = bench.agent(SpanId::RUN, "lead");
    let worker = bench.fanned(lead, "digger", Fan { group: 0, index: 0 });
    let call = bench.llm(worker, 1);
    bench.end(call, SpanStatus::Error);
    stop_at_error(&mut bench, call);
    fill(&mut bench);
    let told = choices(&bench).join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("continue as failed: digger ends, its result is"), "{told}");
}

#[test]
fn nothing_is_offered_where_nothing_failed() {
    let (mut bench, _) = Bench::paused();
    let span = bench.state.selected();
    let sections = vec![section("call", SectionBody::Facts(vec![("model".into(), "script:x".into())]))];
    bench.send(Update::Detail(SpanDetail { span, path: "p".into(), sections }));
    assert_eq!(choices(&bench), ["model  script:x"]);
}

#[test]
fn the_exact_text_of_a_block_is_copied() {
    let (mut bench, _) = Bench::paused();
    let span = bench.state.selected();
    let text = "one\n\ttwo  \n";
    let sections = vec![
        section("arguments", SectionBody::Facts(vec![("path".into(), "a".into())])),
        section("content", SectionBody::Text(text.into())),
    ];
    bench.send(Update::Detail(SpanDetail { span, path: "p".into(), sections }));
    bench.keys("2");
    bench.keys("G");
    assert!(bench.key(Key::Char('y')).contains(&Command::Copy(text.into())));
}

#[test]
fn a_streaming_response_stands_where_it_will_stand_and_is_followed_at_its_end() {
    let mut bench = Bench::new();
    let writer = bench.agent(SpanId::RUN, "writer");
    let call = bench.llm(writer, 1);
    let long = "line\n".repeat(100);
    let sections =
        || vec![section("call", SectionBody::Facts(Vec::new())), section("system", SectionBody::Text(long.clone()))];
    bench.send(Update::Detail(SpanDetail { span: call, path: "p".into(), sections: sections() }));
    bench.send(Update::Chunk { span: call, text: "Hel".into() });
    let titles = |bench: &Bench| -> Vec<String> {
        let lines = bench.state.detail.lines().iter();
        lines.filter(|line| matches!(line.kind, LineKind::Title { .. })).map(|line| line.text.clone()).collect()
    };
    assert_eq!(titles(&bench), ["call", "response  streaming", "system"]);
    assert_eq!(bench.state.detail.scroll.cursor, 0, "somebody who reads is not carried away");
    // From its last line on the view follows it.
    bench.keys("2");
    bench.keys("jj");
    for _ in 0..60 {
        bench.send(Update::Chunk { span: call, text: "\nmore".into() });
    }
    let detail = &bench.state.detail;
    assert_eq!(detail.scroll.cursor, 2 + 60);
    assert_eq!(detail.lines()[detail.scroll.cursor].text, "more");
    assert!(run_commands(bench.key(Key::Char('k'))).is_empty());
}

#[test]
fn reasoning_is_open_until_the_answer_comes() {
    let (mut bench, spans) = Bench::paused();
    let call = spans.call;
    bench.send(Update::Detail(SpanDetail { span: call, path: "p".into(), sections: Vec::new() }));
    let lines =
        |bench: &Bench| -> Vec<String> { bench.state.detail.lines().iter().map(|line| line.text.clone()).collect() };
    for text in ["I should ", "look."] {
        bench.send(Update::Reasoning { span: call, text: text.into() });
    }
    assert_eq!(lines(&bench), ["reasoning  streaming", "I should look."]);
    bench.send(Update::Chunk { span: call, text: "Done".into() });
    assert_eq!(lines(&bench), ["reasoning  streaming", "response  streaming", "Done"]);
    bench.send(Update::Reasoning { span: call, text: " More.".into() });
    bench.send(Update::Chunk { span: call, text: ".".into() });
    assert_eq!(lines(&bench), ["reasoning  streaming", "response  streaming", "Done."]);
}

#[test]
fn an_answer_in_place_begins_with_what_is_stored_of_the_response() {
    let (mut bench, spans) = Bench::paused();
    let call = spans.call;
    // The first piece was lost on its way.
    bench.send(Update::Chunk { span: call, text: "an ans".into() });
    let response = Section {
        title: "response".into(),
        note: "as far as it came".into(),
        body: SectionBody::Text("half an ans".into()),
        folded: false,
    };
    bench.send(Update::Detail(SpanDetail { span: call, path: "p".into(), sections: vec![response] }));
    assert_eq!(bench.state.detail.lines()[1].text, "half an ans");
    bench.keys("a");
    let Some(Popup::Editor(editor)) = &bench.state.popup else { panic!("no editor") };
    assert_eq!(editor.initial, "half an ans");
}
