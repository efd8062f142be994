//! The gatekeeper as tables: (state, event) → actions.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::model::{EffectClass, EndCause, Usage};
use crate::pipeline::{Limits, Pipeline, Policy};
use crate::runtime::engine::Headless;

const PATH: &str = "lead/tool";

fn debug() -> Gatekeeper {
    Gatekeeper::new(Mode::Debug { step: false, breakpoints: Vec::new() })
}

fn headless(allow: &[&str]) -> Gatekeeper {
    let allow = allow.iter().map(|rule| (*rule).to_owned()).collect();
    Gatekeeper::new(Mode::Headless(Headless { allow, ..Headless::default() }))
}

fn at(gate: Gate) -> Arrival {
    Arrival {
        gate,
        path: PATH.into(),
        agent: "lead".into(),
        tool: Some("deploy".into()),
        model: None,
        writes: None,
        facts: crate::model::ConditionFacts::default(),
    }
}

fn rules(ask: &[&str], deny: &[&str]) -> Policy {
    let own = |rules: &[&str]| rules.iter().map(|rule| (*rule).to_owned()).collect();
    Policy { allow: vec!["deploy".into()], ask: own(ask), deny: own(deny), ..Policy::default() }
}

fn tool(policy: Policy) -> ToolQuestion {
    ToolQuestion {
        span: SpanId(7),
        call: ToolCall { name: "deploy".into(), args: json!({ "tag": "1.2.0" }) },
        effect: EffectClass::Reversible,
        generation: Generation(1),
        pipeline: Arc::new(Pipeline { policy, ..Pipeline::default() }),
        root: "/work".into(),
        command: Some("deploy 1.2.0".into()),
        repeats: None,
        own_file: None,
        open: None,
        gaps: Vec::new(),
    }
}

fn model(used: u64) -> Question {
    model_with(used, Limits { max_tokens: Some(10), ..Limits::default() })
}

/// Each token costs a dollar.
fn model_with(used: u64, limits: Limits) -> Question {
    let usage = Usage { input: used, ..Usage::default() };
    Question::Model(ModelQuestion {
        span: SpanId(7),
        pipeline: Arc::new(Pipeline { limits, ..Pipeline::default() }),
        usage,
        cost: used * 1_000_000,
    })
}

fn launch() -> DriverAction {
    DriverAction::Launch { path: PATH.into() }
}

fn start() -> DriverAction {
    DriverAction::Start { path: PATH.into() }
}

fn asks(rule: &str) -> DriverAction {
    pause(&at(Gate::BeforeTool), PauseReason::Policy { rule: rule.into() })
}

/// The text that the model gets for a denied call.
fn denied_text(actions: &[DriverAction]) -> String {
    let Some(DriverAction::End { done: Done::Tool { text, cause, .. }, .. }) = actions.last() else {
        panic!("{actions:?}")
    };
    assert_eq!(*cause, Some(EndCause::Denied));
    text.clone()
}

#[test]
fn a_call_stops_for_the_policy_the_fence_and_the_pipelines_own_files() {
    let with = |policy: Policy, repeats: Option<&str>, own_file: Option<&str>| {
        let (repeats, own_file) = (repeats.map(str::to_owned), own_file.map(str::to_owned));
        Question::Tool(ToolQuestion { repeats, own_file, ..tool(policy) })
    };
    let ask = || rules(&["deploy"], &[]);
    let runs = "; it runs deploy 1.2.0";
    for (question, expected) in [
        (with(rules(&[], &[]), None, None), launch()),
        (with(ask(), None, None), asks(&format!("ask rule \"deploy\"{runs}"))),
        (with(rules(&[], &[]), Some("already done"), None), asks(&format!("already done{runs}"))),
        (with(ask(), Some("already done"), None), asks(&format!("ask rule \"deploy\"; already done{runs}"))),
        (with(rules(&[], &[]), None, Some("f is its own")), asks(&format!("f is its own{runs}"))),
        // What is denied does not stop: it ends when it is launched.
        (with(rules(&[], &["deploy"]), None, None), launch()),
    ] {
        assert_eq!(debug().open(&at(Gate::BeforeTool), Some(&question)), expected, "{question:?}");
    }
    let without_a_command = Question::Tool(ToolQuestion { command: None, ..tool(ask()) });
    assert_eq!(debug().open(&at(Gate::BeforeTool), Some(&without_a_command)), asks("ask rule \"deploy\""));
}

#[test]
fn a_command_beside_open_files_needs_an_approval_and_headless_a_rule() {
    const OPEN: &str = "dev.db is open in sqlite3 (4711): it runs directly in the workspace";
    let with = |policy: Policy| ToolQuestion { open: Some(OPEN.into()), ..tool(policy) };
    let without_rules = || Policy::default();
    for policy in [rules(&[], &[]), without_rules()] {
        let stopped = debug().open(&at(Gate::BeforeTool), Some(&Question::Tool(with(policy))));
        assert_eq!(stopped, asks(&format!("{OPEN}; it runs deploy 1.2.0")), "whatever the policy allows");
    }
    let stopped = debug().open(&at(Gate::BeforeTool), Some(&Question::Tool(with(rules(&["deploy"], &[])))));
    assert_eq!(stopped, asks(&format!("ask rule \"deploy\"; {OPEN}; it runs deploy 1.2.0")));
    let run = |keeper: &mut Gatekeeper, policy| keeper.launch(PATH, Some(&Question::Tool(with(policy))));
    assert_eq!(run(&mut headless(&[]), rules(&[], &[])), [start()], "a rule of the policy allows it");
    assert_eq!(run(&mut headless(&["deploy"]), without_rules()), [start()], "so does the command line");
    let text = denied_text(&run(&mut headless(&[]), without_rules()));
    assert!(text.contains("dev.db is open in sqlite3 (4711)") && text.contains("nobody is there"), "{text}");
}

#[test]
fn a_stop_comes_before_the_question_and_is_no_answer_to_it() {
    let mut keeper = debug();
    keeper.step("", Until::Next);
    let question = Question::Tool(tool(rules(&["deploy"], &[])));
    let stopped = keeper.open(&at(Gate::BeforeTool), Some(&question));
    assert_eq!(stopped, pause(&at(Gate::BeforeTool), PauseReason::Step));
    let asked = keeper.approve(&at(Gate::BeforeTool), Some(&question));
    assert_eq!(asked, asks("ask rule \"deploy\"; it runs deploy 1.2.0"));
}

#[test]
fn an_approval_for_the_run_ends_with_the_generation_and_is_for_exactly_these_arguments() {
    let mut keeper = debug();
    let asked = tool(rules(&["deploy"], &[]));
    keeper.allow_always(Generation(1), &asked.call);
    let open = |keeper: &mut Gatekeeper, asked: ToolQuestion| {
        matches!(keeper.open(&at(Gate::BeforeTool), Some(&Question::Tool(asked))), DriverAction::Launch { .. })
    };
    assert!(open(&mut keeper, asked.clone()));
    let other = ToolCall { name: "deploy".into(), args: json!({ "tag": "1.3.0" }) };
    assert!(!open(&mut keeper, ToolQuestion { call: other, ..asked.clone() }));
    assert!(!open(&mut keeper, ToolQuestion { generation: Generation(2), ..asked.clone() }));
    let denied = ToolQuestion { pipeline: tool(rules(&[], &["deploy"])).pipeline, ..asked };
    assert!(denied_text(&keeper.launch(PATH, Some(&Question::Tool(denied)))).contains("denies"));
}

#[test]
fn what_is_denied_ends_with_the_reason_and_is_noted_where_somebody_looks() {
    let denied = Question::Tool(tool(rules(&[], &["deploy"])));
    let mut keeper = debug();
    let actions = keeper.launch(PATH, Some(&denied));
    assert_eq!(denied_text(&actions), "[error: denied: policy denies \"deploy\"]");
    assert!(matches!(&actions[0], DriverAction::Append(events) if events.len() == 1), "{actions:?}");
    let mut keeper = headless(&[]);
    assert_eq!(keeper.launch(PATH, Some(&denied)).len(), 1);
    assert_eq!(keeper.into_end().denials.len(), 1);
}

#[test]
fn headless_a_question_is_a_denial_unless_it_is_allowed() {
    let ask = || Question::Tool(tool(rules(&["deploy"], &[])));
    for (allow, is_started) in [(&[][..], false), (&["deploy"], true), (&["other"], false)] {
        let mut keeper = headless(allow);
        assert_eq!(keeper.open(&at(Gate::BeforeTool), Some(&ask())), launch(), "it never stops");
        let actions = keeper.launch(PATH, Some(&ask()));
        assert_eq!(actions == [start()], is_started, "{allow:?}");
    }
    let gaps = ToolQuestion {
        effect: EffectClass::Irreversible,
        gaps: vec!["no namespaces".into()],
        pipeline: Arc::default(),
        ..tool(Policy::default())
    };
    let text = denied_text(&headless(&[]).launch(PATH, Some(&Question::Tool(gaps))));
    assert!(text.contains("commands are not fully confined here (no namespaces): deploy has no undo"), "{text}");
}

#[test]
fn a_limit_stops_with_somebody_there_and_halts_without() {
    let limit = || "10 tokens are used, and limits.max_tokens is 10".to_owned();
    let before = || at(Gate::BeforeLlm);
    let mut keeper = debug();
    assert_eq!(keeper.open(&before(), Some(&model(9))), launch());
    let reason = || PauseReason::Limit { limit: limit(), name: "max_tokens".into() };
    let stopped = pause(&before(), reason());
    assert_eq!(keeper.open(&before(), Some(&model(10))), stopped);
    assert_eq!(keeper.launch(PATH, Some(&model(10))), [start()], "the user let it go");
    keeper.waive_limit(&reason());
    assert_eq!(keeper.open(&before(), Some(&model(10))), launch());
    keeper.restore_limits();
    assert_eq!(keeper.open(&before(), Some(&model(10))), stopped);

    let mut keeper = headless(&[]);
    let halted = end(PATH, SpanId(7), Done::no_answer(Halt::Limit(limit()).into()));
    assert_eq!(keeper.launch(PATH, Some(&model(9))), [start()]);
    assert_eq!(keeper.launch(PATH, Some(&model(10))), [halted]);
    assert!(keeper.into_end().limited);
}

#[test]
fn a_limit_that_was_let_go_leaves_the_others() {
    let both = |used| model_with(used, Limits { max_tokens: Some(10), max_cost_usd: Some(20.0), ..Limits::default() });
    let mut keeper = debug();
    let before = at(Gate::BeforeLlm);
    let stopped_by = |action: DriverAction| {
        let DriverAction::Pause { reason, .. } = action else { panic!("{action:?}") };
        let PauseReason::Limit { name, .. } = &reason else { panic!("{reason:?}") };
        (name.clone(), reason)
    };
    let (name, tokens) = stopped_by(keeper.open(&before, Some(&both(10))));
    assert_eq!(name, "max_tokens");
    keeper.waive_limit(&tokens);
    assert_eq!(keeper.open(&before, Some(&both(19))), launch());
    let (name, cost) = stopped_by(keeper.open(&before, Some(&both(20))));
    assert_eq!(name, "max_cost_usd");
    keeper.waive_limit(&cost);
    assert_eq!(keeper.open(&before, Some(&both(21))), launch());
}

#[test]
fn after_an_effect_an_error_stops_and_a_fault_only_where_a_stop_waits() {
    let success = || at(Gate::AfterTool);
    let reply = || DriverAction::Reply { path: PATH.into() };
    let error = || Ended { error: Some("HTTP 529".into()), ..Ended::default() };
    let faulty = || Ended { faulty: true, ..Ended::default() };
    let reason = PauseReason::Error { error: "HTTP 529".into() };
    assert_eq!(debug().after(success(), error()), pause(&at(Gate::Error), reason));
    assert_eq!(headless(&[]).after(success(), error()), reply());
    assert_eq!(debug().after(success(), faulty()), reply());
    assert_eq!(debug().after(success(), Ended::default()), reply());
    let mut keeper = debug();
    keeper.pause(&[]);
    assert_eq!(keeper.after(success(), faulty()), pause(&at(Gate::Error), PauseReason::Asked));
    keeper.pause(&[]);
    assert_eq!(keeper.after(success(), Ended { passed: true, ..Ended::default() }), reply(), "it stopped there");
    assert_eq!(keeper.after(success(), Ended::default()), pause(&success(), PauseReason::Asked));
}

#[test]
fn changes_are_held_for_a_conflict_a_stop_or_a_wish() {
    let after = || at(Gate::AfterTool);
    let none = ChangesFacts::default;
    let apply = ChangesDecision::Apply { only: Vec::new() };
    assert_eq!(debug().decide_on_changes(&after(), none(), false, false), apply);
    assert_eq!(debug().decide_on_changes(&after(), none(), true, false), ChangesDecision::Hold(PauseReason::Asked));
    let conflict = || ChangesFacts { conflict: Some("#3 changed f".into()), ..none() };
    let held = ChangesDecision::Hold(PauseReason::Conflict { conflict: "#3 changed f".into() });
    assert_eq!(debug().decide_on_changes(&after(), conflict(), false, false), held);
    let discarded = ChangesDecision::discard_all("#3 changed f; run it again");
    assert_eq!(headless(&[]).decide_on_changes(&after(), conflict(), false, true), discarded);
    assert_eq!(headless(&[]).decide_on_changes(&after(), none(), false, false), apply);
}

#[test]
fn changes_of_the_pipelines_own_files_wait_for_somebody() {
    let after = || at(Gate::AfterTool);
    let own = || ChangesFacts { own_file: Some("prompts/lead.md".into()), ..ChangesFacts::default() };
    let why = "it changes prompts/lead.md, a file of the pipeline itself";
    let held = ChangesDecision::Hold(PauseReason::Conflict { conflict: why.into() });
    assert_eq!(debug().decide_on_changes(&after(), own(), false, false), held);
    let hint = "nobody is there to approve it; allow it with --allow deploy";
    let discarded = ChangesDecision::discard_all(format!("{why}; {hint}"));
    assert_eq!(headless(&[]).decide_on_changes(&after(), own(), false, false), discarded);
    let apply = ChangesDecision::Apply { only: Vec::new() };
    let mut allowed = headless(&["deploy"]);
    let call = ToolCall { name: "deploy".into(), args: json!({}) };
    let is_allowed = allowed.is_allowed_by_flag(&call, std::path::Path::new("/work"));
    assert_eq!(allowed.decide_on_changes(&after(), own(), false, is_allowed), apply);
}
