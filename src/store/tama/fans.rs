//! Fan-outs: which agents ran at once.

use std::collections::HashMap;

use super::tree::Tree;
use crate::model::Fan;

/// The places of workers in their fan-outs.
pub(super) fn fans(tree: &Tree) -> HashMap<usize, Fan> {
    let mut fans = HashMap::new();
    for parent in tree.order.iter().copied().filter(|at| tree.nodes[*at].is_agent()) {
        let mut groups = tree.concurrent(parent);
        if tree.nodes[parent].pattern == "best-of-n" {
            groups = vec![tree.agents_below(parent).collect()];
        }
        for group in groups {
            let debates = tree.nodes[parent].pattern == "debate";
            let judge = group.last().copied().filter(|_| debates && tree.nodes[parent].end.is_some());
            let mut rounds: HashMap<&str, u32> = HashMap::new();
            let mut places: HashMap<u32, u32> = HashMap::new();
            for worker in group.into_iter().filter(|worker| Some(*worker) != judge) {
                let round = rounds.entry(&tree.nodes[worker].name).or_default();
                let number = if debates { *round } else { 0 };
                *round += 1;
                let place = places.entry(number).or_default();
                fans.insert(worker, Fan { group: number, index: *place });
                *place += 1;
            }
        }
    }
    fans
}
