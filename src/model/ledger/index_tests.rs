//! The index of places, and what an earlier state takes from a later one.

use super::*;

fn record(name: &str) -> ActionRecord {
    ActionRecord {
        span: SpanId(1),
        tool_span: SpanId(2),
        tool_name: "tool".into(),
        key: name.strip_prefix('/').map_or_else(|| Key::memory(name), Key::file),
        op: ActionOp::Set,
        old: KeyState::Absent,
        intended: KeyState::Text { text: "new".into() },
        undo: Undoability::Undo,
    }
}

fn grown(ledger: &mut Ledger, from: u64, names: &[&str]) {
    (from..).zip(names).for_each(|(seq, name)| ledger.record(Seq(seq), &record(name)));
}

fn at(ledger: &Ledger, key: &Key) -> Vec<u64> {
    ledger.all_at(key).map(|entry| entry.seq.0).collect()
}

#[test]
fn an_earlier_state_finds_its_own_actions_by_the_index_of_a_later_one() {
    let (keys, folder) =
        ([Key::memory("a"), Key::memory("b"), Key::file("d/f"), Key::file("d/g")], Key::directory("d"));
    let mut later = Ledger::default();
    grown(&mut later, 1, &["a", "/d/f", "b", "a"]);
    let mut earlier = later.clone();
    grown(&mut later, 5, &["a", "/d/g", "b", "/d/f"]);
    assert_eq!(at(&later, &keys[0]), [1, 4, 5]);
    let alone = earlier.clone();
    earlier.share_index(&later);
    for key in &keys {
        assert_eq!(at(&earlier, key), at(&alone, key), "{key}");
    }
    let inside = |ledger: &Ledger| ledger.inside(&folder).map(|entry| entry.seq.0).collect::<Vec<_>>();
    assert_eq!((inside(&earlier), inside(&later)), (vec![2], vec![2, 8, 6]));
    // It goes on in another way, and so does the later one.
    grown(&mut earlier, 5, &["b", "b"]);
    grown(&mut later, 9, &["a"]);
    assert_eq!((at(&earlier, &keys[0]), at(&earlier, &keys[1])), (vec![1, 4], vec![3, 5, 6]));
    assert_eq!((at(&later, &keys[0]), at(&later, &keys[1])), (vec![1, 4, 5, 9], vec![3, 7]));
}
