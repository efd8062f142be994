//! Runs with everything odd that tama's databases have.

use crate::support::tama_db::Rows;

/// When the first run started, in milliseconds since the epoch.
pub const BEGAN: i64 = 1_770_000_000_000;

pub const DONE: &str = "11111111-aaaa-4000-8000-000000000001";
pub const KILLED: &str = "22222222-bbbb-4000-8000-000000000002";
pub const FAILED: &str = "33333333-cccc-4000-8000-000000000003";

/// Moments in milliseconds after the first run's start.
fn at(from: i64, to: i64) -> (i64, i64) {
    (BEGAN + from, BEGAN + to)
}

fn finish(rows: &mut Rows, place: (&str, &str), (key, value): (&str, &str), when: i64) {
    let args = serde_json::json!({ "key": key, "value": value }).to_string();
    rows.tool(place, "finish", (&args, value), at(when, when));
}

/// One call without a tool loop, as tama records it.
fn oneshot(
    rows: &mut Rows,
    (id, agent): (&str, &str),
    step: &str,
    system: Option<&str>,
    (input, said): (&str, &str),
    times: (i64, i64),
) {
    let [start, llm, end] = ["start", "llm", "finish"].map(|what| format!("{id}-{what}"));
    rows.synthetic((&start, agent), "start", ("{}", input), BEGAN + times.0);
    rows.llm((&llm, agent), step, at(times.0, times.1), system, (said, 5, 5));
    let args = serde_json::json!({ "key": "done", "value": said }).to_string();
    rows.synthetic((&end, agent), "finish", (&args, said), BEGAN + times.1);
}

/// The three runs.
pub fn rows() -> Rows {
    let mut rows = Rows::default();
    rows.run(DONE, BEGAN, ("flow", "Write it"), ("ok", "All done", 60_000));
    // The parent of the outermost agent is in no row.
    rows.agent(("root", "gone-0"), None, "n0", "flow:fsm", at(10, 59_900));
    writer(&mut rows);
    checks(&mut rows);
    best(&mut rows);
    spread(&mut rows);
    law(&mut rows);
    rows.run(KILLED, BEGAN + 100_000, ("solo", "Never ends"), ("running", "", 0));
    rows.agent(("k", "gone-k"), None, "n0", "solo:react", (BEGAN + 100_010, 0));
    rows.llm(("k-1", "k"), "react_1", at(100_020, 101_020), Some("You wait."), ("", 7, 3));
    rows.tool(("k-2", "k"), "start", ("{}", "Never ends"), at(101_020, 101_021));
    rows.run(FAILED, BEGAN + 200_000, ("solo", "Fails"), ("error", "HTTP 401", 500));
    rows.agent(("f", "gone-f"), None, "n0", "solo:oneshot", at(200_010, 200_490));
    rows.synthetic(("f-1", "f"), "start", ("{}", "Fails"), BEGAN + 200_011);
    rows
}

/// An agent that was retried: two spans with one node.
fn writer(rows: &mut Rows) {
    rows.agent(("w1", "root"), Some("root"), "n1", "writer:react", at(20, 5_020));
    rows.llm(("w1-1", "w1"), "react_1", at(30, 1_030), Some("You write."), ("", 100, 10));
    rows.tool(("w1-2", "w1"), "start", ("{}", "Write it"), at(1_030, 1_031));
    rows.tool(("w1-3", "w1"), "tama_mem_set", (r#"{"key":"title","value":"First"}"#, "ok"), at(1_031, 1_032));
    rows.llm(("w1-4", "w1"), "react_2", at(1_032, 5_000), None, ("", 120, 20));
    finish(rows, ("w1-5", "w1"), ("revise", "bad draft"), 5_000);
    rows.agent(("w2", "root"), Some("w1"), "n1", "writer:react", at(6_000, 12_000));
    rows.llm(("w2-1", "w2"), "react_1", at(6_010, 7_010), Some("You write better."), ("thinking", 100, 10));
    rows.tool(("w2-2", "w2"), "start", ("{}", "Write it"), at(7_010, 7_011));
    rows.tool(("w2-3", "w2"), "tama_mem_set", (r#"{"key":"title","value":"Second"}"#, "ok"), at(7_011, 7_012));
    let failed = "\n[stderr]\nno\n[exit exit status: 3]";
    rows.tool(("w2-4", "w2"), "tama_bash", (r#"{"command":"false"}"#, failed), at(7_012, 7_100));
    rows.llm(("w2-5", "w2"), "react_2", at(7_100, 11_900), None, ("a fine draft", 130, 30));
    let args = r#"{"key":"done","value":"a fine draft"}"#;
    rows.synthetic(("w2-6", "w2"), "finish", (args, "a fine draft"), BEGAN + 11_900);
}

/// Workers that were written when both were done, and one of them failed.
fn checks(rows: &mut Rows) {
    rows.agent(("p", "root"), Some("w2"), "n2", "checks:parallel", at(12_100, 20_100));
    rows.agent(("pa", "p"), Some("p"), "n3", "alpha:oneshot", at(20_050, 26_050));
    oneshot(rows, ("pa", "pa"), "alpha", Some("You check."), ("a fine draft", "good"), (14_050, 20_050));
    rows.agent(("pb", "p"), Some("p"), "n4", "beta:react", at(20_060, 24_060));
    rows.llm(("pb-1", "pb"), "react_1", at(16_060, 20_060), Some("You check too."), ("[error: HTTP 529]", 0, 0));
}

/// Variants, which have no row of their own.
fn best(rows: &mut Rows) {
    rows.agent(("b", "root"), Some("p"), "n5", "best:best_of_n", at(21_000, 40_000));
    for (number, took) in [("1", 10_000), ("2", 8_000)] {
        let gone = format!("gone-v{number}");
        let [llm, start, end] = [1, 2, 3].map(|part| format!("v{number}-{part}"));
        rows.llm((&llm, &gone), "react_1", at(35_000 - took, 35_000), Some("You vary."), ("", 10, 1));
        rows.tool((&start, &gone), "start", ("{}", "good"), at(35_000, 35_000));
        finish(rows, (&end, &gone), ("done", &format!("variant {number} says so")), 35_000);
    }
    oneshot(rows, ("b", "b"), "judge", Some("You judge."), ("Task and variants", "the second"), (35_100, 39_000));
}

fn spread(rows: &mut Rows) {
    rows.agent(("s", "root"), Some("b"), "n6", "spread:scatter", at(41_000, 55_000));
    rows.agent(("sm", "s"), Some("s"), "n7", "map:react", at(41_010, 43_010));
    rows.llm(("sm-1", "sm"), "react_1", at(41_020, 43_000), Some("You map."), ("", 20, 2));
    rows.tool(("sm-2", "sm"), "start", ("{}", "the second"), at(43_000, 43_000));
    finish(rows, ("sm-3", "sm"), ("parallel", r#"["x"]"#), 43_000);
    rows.agent(("sx", "s"), Some("sm"), "n8", "worker:react", at(50_000, 56_000));
    rows.llm(("sx-1", "sx"), "react_1", at(47_000, 50_000), Some("You work."), ("", 20, 2));
    rows.tool(("sx-2", "sx"), "start", ("{}", "x"), at(50_000, 50_000));
    finish(rows, ("sx-3", "sx"), ("done", "x is done"), 50_000);
    rows.agent(("sr", "s"), Some("sx"), "n9", "reduce:oneshot", at(50_100, 54_100));
    oneshot(rows, ("sr", "sr"), "reduce", Some("You reduce."), ("Original task: …", "all of x"), (50_110, 54_000));
}

/// Steps without agents of their own, of which only the first has its system prompt.
fn law(rows: &mut Rows) {
    rows.agent(("c", "root"), Some("s"), "n10", "law:constitutional", at(55_100, 59_000));
    oneshot(rows, ("c1", "c"), "generate", Some("You generate."), ("all of x", "a law"), (55_110, 56_000));
    oneshot(rows, ("c2", "c"), "critique", None, ("a law", "too long"), (56_010, 57_000));
    oneshot(rows, ("c3", "c"), "revise", None, ("Request and critique", "a short law"), (57_010, 58_900));
}

/// The rollback database. What the first attempt did was undone, so its rows were deleted; the seq restarts with each
/// run.
pub fn actions() -> Rows {
    let mut rows = Rows::default();
    rows.action(0, "w2", "title", None);
    rows.action(0, "k", "note", Some("old"));
    rows.action(1, "k", "note", Some("newer"));
    rows.action(5, "of-no-run", "x", None);
    rows
}
