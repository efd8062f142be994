//! Plans of retries over traces built by hand.

use super::fixture::Tree;
use super::{PlanError, plan_retry};
use crate::model::{
    ActionChange, ActionEvent, ActionOp, ActionRecord, Generation, Key, KeyState, RetryPlan, Seq, SpanId, TraceBody,
    Undoability,
};

impl Tree {
    fn plan(&self, span: SpanId, readers: bool) -> RetryPlan {
        self.log.with(|state| plan_retry(state, span, readers)).unwrap()
    }

    fn act(&self, agent: SpanId, tool: SpanId, key: &str) -> Seq {
        self.apply(agent, tool, Key::memory(key), ActionOp::Set)
    }

    fn append(&self, agent: SpanId, tool: SpanId, key: &str) -> Seq {
        self.apply(agent, tool, Key::memory(key), ActionOp::Append)
    }

    fn make_file(&self, agent: SpanId, tool: SpanId, path: &str) -> Seq {
        self.apply(agent, tool, Key::file(path), ActionOp::Set)
    }

    fn apply(&self, agent: SpanId, tool: SpanId, key: Key, op: ActionOp) -> Seq {
        let action = self.log.append(vec![TraceBody::Action(ActionRecord {
            span: agent,
            tool_span: tool,
            tool_name: "tool".into(),
            key,
            op,
            old: KeyState::Absent,
            intended: KeyState::Text { text: "x".into() },
            undo: Undoability::Undo,
        })]);
        let change = ActionChange::Applied { after: KeyState::Text { text: "x".into() }, kept: false };
        self.log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change })]);
        action
    }
}

fn sorted(mut spans: Vec<SpanId>) -> Vec<SpanId> {
    spans.sort();
    spans
}

#[test]
fn a_middle_state_takes_what_came_after_it() {
    let tree = Tree::new();
    let editor = tree.agent(SpanId::RUN, "editor");
    let [a, b, c] = ["writer", "reviewer", "writer"].map(|name| {
        let agent = tree.agent(editor, name);
        let calls = tree.turn(agent);
        tree.end(&[agent]);
        (agent, calls)
    });
    tree.end(&[editor]);
    let kept = tree.act(a.0, a.1[1], "a");
    let first = tree.act(b.0, b.1[1], "b");
    let second = tree.act(c.0, c.1[1], "c");
    let plan = tree.plan(b.0, false);
    assert_eq!(plan.reruns, sorted(vec![b.0, b.1[0], b.1[1], c.0, c.1[0], c.1[1]]));
    assert_eq!(plan.undoes, [second, first]);
    assert!(!plan.undoes.contains(&kept));
    assert_eq!(plan.reopens, [editor]);
    assert_eq!(plan.rerun_names, ["reviewer", "writer#2"]);
    assert_eq!((plan.from_journal, plan.tokens, plan.cancels), (2, 14, 0));
}

#[test]
fn a_worker_leaves_its_siblings_and_takes_the_reduce() {
    let tree = Tree::new();
    let main = tree.agent(SpanId::RUN, "main");
    let map = tree.llm(main);
    tree.end(&[map]);
    let one = tree.branch(main, "worker", 0, 0);
    let calls = tree.turn(one);
    tree.end(&[one]);
    // A bound on parallelism let this one start only after the first ended.
    let two = tree.branch(main, "worker", 0, 1);
    let others = tree.turn(two);
    tree.end(&[two]);
    let reduce = tree.llm(main);
    tree.end(&[reduce]);
    let next_round = tree.branch(main, "worker", 1, 0);
    tree.end(&[next_round, main]);
    let plan = tree.plan(one, true);
    assert_eq!(plan.reruns, sorted(vec![one, calls[0], calls[1], reduce, next_round]));
    assert_eq!(plan.from_journal, 3);
    assert!(!plan.reruns.contains(&others[0]));
}

#[test]
fn a_call_in_the_middle_takes_the_calls_after_it_and_its_ancestors_followers() {
    let tree = Tree::new();
    let outer = tree.agent(SpanId::RUN, "outer");
    let inner = tree.agent(outer, "inner");
    let first = tree.turn(inner);
    let second = tree.turn(inner);
    tree.end(&[inner]);
    let after = tree.agent(outer, "after");
    tree.end(&[after, outer]);
    let plan = tree.plan(first[1], false);
    assert_eq!(plan.reruns, sorted(vec![first[1], second[0], second[1], after]));
    assert_eq!(plan.reopens, [outer, inner]);
    assert_eq!(plan.rerun_names, ["tool", "after"]);
    assert_eq!(plan.from_journal, 1);
}

#[test]
fn a_running_span_is_cancelled_and_has_no_followers() {
    let tree = Tree::new();
    let main = tree.agent(SpanId::RUN, "main");
    let turn = tree.turn(main);
    let live = tree.llm(main);
    let plan = tree.plan(live, false);
    assert_eq!((plan.reruns, plan.cancels), (vec![live], 1));
    let plan = tree.plan(main, false);
    assert_eq!((plan.reruns, plan.cancels), (vec![main, turn[0], turn[1], live], 1));
}

#[test]
fn readers_of_what_is_undone_are_listed_or_taken_with_their_followers() {
    let tree = Tree::new();
    let main = tree.agent(SpanId::RUN, "main");
    let writer = tree.branch(main, "writer", 0, 0);
    let reader = tree.branch(main, "reader", 0, 1);
    let third = tree.branch(main, "third", 0, 2);
    let wrote = tree.turn(writer);
    let action = tree.act(writer, wrote[1], "k");
    let before = tree.turn(reader);
    let read = tree.tool(reader);
    let key = Key::memory("k");
    tree.log.append(vec![TraceBody::Read { span: read, key: key.clone(), action: Some(action) }]);
    tree.end(&[read]);
    let then = tree.turn(reader);
    let passed_on = tree.act(reader, then[1], "l");
    let late = tree.tool(third);
    tree.log.append(vec![TraceBody::Read { span: late, key, action: Some(passed_on) }]);
    let plan = tree.plan(writer, false);
    assert_eq!((plan.readers, plan.reruns.clone()), (vec![read], sorted(vec![writer, wrote[0], wrote[1]])));
    let plan = tree.plan(writer, true);
    assert_eq!(plan.readers, [read, late]);
    assert_eq!(plan.undoes, [passed_on, action]);
    assert_eq!(plan.reruns, sorted(vec![writer, wrote[0], wrote[1], read, then[0], then[1], late]));
    assert!(!plan.reruns.contains(&before[0]));
}

#[test]
fn replaced_tries_stay_out_and_cannot_be_retried() {
    let tree = Tree::new();
    let main = tree.agent(SpanId::RUN, "main");
    let old = tree.turn(main);
    tree.log.append(vec![TraceBody::Invalidated {
        generation: Generation(2),
        cause: old[0],
        spans: old.to_vec(),
        paths: Vec::new(),
        reopened: vec![main],
        stale: Vec::new(),
    }]);
    let new = tree.turn(main);
    let plan = tree.plan(main, false);
    assert_eq!(plan.reruns, [main, new[0], new[1]]);
    let refused = |span| tree.log.with(|state| plan_retry(state, span, false)).unwrap_err();
    assert!(matches!(refused(old[0]), PlanError::Replaced { .. }));
    assert_eq!(refused(SpanId::RUN), PlanError::WholeRun(SpanId::RUN));
    assert_eq!(refused(SpanId(99)), PlanError::Unknown(SpanId(99)));
}

#[test]
fn what_cannot_be_undone_is_left_and_named() {
    let tree = Tree::new();
    let main = tree.agent(SpanId::RUN, "main");
    let turn = tree.turn(main);
    let action = tree.log.append(vec![TraceBody::Action(ActionRecord {
        span: main,
        tool_span: turn[1],
        tool_name: "tama_bash".into(),
        key: Key { kind: crate::model::KeyKind::External, name: "make".into() },
        op: ActionOp::External,
        old: KeyState::Unknown,
        intended: KeyState::Unknown,
        undo: Undoability::NoUndo { why: "may have reached outside".into() },
    })]);
    let plan = tree.plan(main, false);
    assert!(plan.undoes.is_empty());
    assert_eq!((plan.leaves[0].action, plan.leaves[0].why.as_str()), (action, "may have reached outside"));
}

#[test]
fn what_was_undone_of_spans_that_stay_is_named() {
    let tree = Tree::new();
    let main = tree.agent(SpanId::RUN, "main");
    let [first, second] = ["a", "b"].map(|name| {
        let agent = tree.agent(main, name);
        let turn = tree.turn(agent);
        tree.end(&[agent]);
        let action = tree.act(agent, turn[1], name);
        let change = ActionChange::Undone { forced: false };
        tree.log.append(vec![TraceBody::ActionEvent(ActionEvent { action, change })]);
        (agent, action)
    });
    assert_eq!(tree.plan(second.0, true).undone_outside, [first.1]);
    assert_eq!(tree.plan(first.0, true).undone_outside, []);
}

#[test]
fn a_list_was_read_with_the_elements_of_older_appends() {
    let tree = Tree::new();
    let main = tree.agent(SpanId::RUN, "main");
    let [one, two, reader, late] =
        [0, 1, 2, 3].map(|index| tree.branch(main, ["one", "two", "reader", "late"][index as usize], 0, index));
    let [wrote, wrote_too, read, read_late] = [one, two, reader, late].map(|agent| tree.turn(agent)[1]);
    let element = tree.append(one, wrote, "l");
    let newest = tree.append(two, wrote_too, "l");
    let key = Key::memory("l");
    tree.log.append(vec![TraceBody::Read { span: read, key: key.clone(), action: Some(newest) }]);
    assert!(element < newest);
    assert_eq!(tree.plan(one, true).readers, [read]);
    // A text in the list's place has none of its elements.
    let replaced = tree.act(two, wrote_too, "l");
    tree.log.append(vec![TraceBody::Read { span: read_late, key, action: Some(replaced) }]);
    assert_eq!(tree.plan(one, true).readers, [read]);
}

#[test]
fn a_folder_was_listed_with_the_names_that_were_made_before() {
    let tree = Tree::new();
    let main = tree.agent(SpanId::RUN, "main");
    let writer = tree.branch(main, "writer", 0, 0);
    let reader = tree.branch(main, "reader", 0, 1);
    let (wrote, listed) = (tree.turn(writer)[1], tree.turn(reader)[1]);
    tree.make_file(writer, wrote, "d/f");
    tree.log.append(vec![TraceBody::Read { span: listed, key: Key::directory("d"), action: None }]);
    assert!(tree.plan(writer, true).readers.is_empty(), "it ended before");
    let again = tree.turn(reader)[1];
    tree.log.append(vec![TraceBody::Read { span: again, key: Key::directory("d"), action: None }]);
    assert_eq!(tree.plan(writer, true).readers, [again]);
}
