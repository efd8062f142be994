//! The children of one span with the rows each stands for, as a Fenwick tree (P. Fenwick, 1994): any prefix sum,
//! change, append or search takes time in the logarithm of their number, so that a fan-out of 100,000 costs no more
//! to draw than one of ten.

use crate::model::SpanId;

#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    spans: Vec<SpanId>,
    sums: Vec<u32>,
}

/// The lowest set bit.
fn low(at: usize) -> usize {
    at & at.wrapping_neg()
}

impl Group {
    pub(super) fn get(&self, nth: usize) -> Option<SpanId> {
        self.spans.get(nth).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn spans(&self) -> &[SpanId] {
        &self.spans
    }

    /// Appends a child that stands for so many rows.
    pub(super) fn push(&mut self, span: SpanId, rows: u32) {
        let at = self.spans.len() + 1;
        let inside = self.before(at - 1) - self.before(at - low(at));
        self.spans.push(span);
        self.sums.push(rows + inside);
    }

    /// Removes the last child, which stands for no row any more.
    pub(super) fn pop(&mut self) {
        self.spans.pop();
        self.sums.pop();
    }

    /// Keeps the children among the first spans of the run; their rows must be set anew.
    pub(super) fn truncate(&mut self, spans: usize) {
        let kept = self.spans.partition_point(|span| (span.0 as usize) < spans);
        self.spans.truncate(kept);
    }

    /// The rows of the first `count` children together.
    pub(super) fn before(&self, count: usize) -> u32 {
        let mut at = count;
        let mut sum = 0;
        while at > 0 {
            sum += self.sums[at - 1];
            at -= low(at);
        }
        sum
    }

    /// Changes the rows of one child.
    pub(super) fn add(&mut self, nth: u32, change: i64) {
        let mut at = nth as usize + 1;
        while at <= self.sums.len() {
            self.sums[at - 1] = shifted(self.sums[at - 1], change);
            at += low(at);
        }
    }

    /// The child that holds a row counted from the first child's, and the row's place within that child's rows.
    pub(super) fn find(&self, row: u32) -> Option<(SpanId, u32)> {
        let (mut at, mut rest) = (0, row);
        let mut stride = self.sums.len().checked_ilog2().map_or(0, |bits| 1 << bits);
        while stride > 0 {
            if at + stride <= self.sums.len() && self.sums[at + stride - 1] <= rest {
                at += stride;
                rest -= self.sums[at - 1];
            }
            stride /= 2;
        }
        self.get(at).map(|span| (span, rest))
    }

    /// Sets the rows of all children anew.
    pub(super) fn rebuild(&mut self, rows: impl Fn(SpanId) -> u32) {
        self.sums.clear();
        self.sums.extend(self.spans.iter().map(|span| rows(*span)));
        for at in 1..=self.sums.len() {
            let above = at + low(at);
            if above <= self.sums.len() {
                self.sums[above - 1] += self.sums[at - 1];
            }
        }
    }
}

/// A count after a change; counts never go below zero.
pub(super) fn shifted(count: u32, change: i64) -> u32 {
    u32::try_from(i64::from(count) + change).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_plain_list(mut rows in prop::collection::vec(0u32..4, 1..60), changes in prop::collection::vec((0usize..60, 0u32..4), 0..20)) {
            let mut group = Group::default();
            for (i, count) in rows.iter().enumerate() {
                group.push(SpanId(u32::try_from(i).unwrap()), *count);
            }
            for (at, to) in changes {
                let at = at % rows.len();
                group.add(u32::try_from(at).unwrap(), i64::from(to) - i64::from(rows[at]));
                rows[at] = to;
            }
            let flat: Vec<(usize, u32)> =
                rows.iter().enumerate().flat_map(|(i, count)| (0..*count).map(move |k| (i, k))).collect();
            for (row, (nth, inside)) in flat.iter().enumerate() {
                let found = group.find(u32::try_from(row).unwrap());
                prop_assert_eq!(found, Some((SpanId(u32::try_from(*nth).unwrap()), *inside)));
            }
            prop_assert_eq!(group.find(u32::try_from(flat.len()).unwrap()), None);
            let mut again = group.clone();
            again.rebuild(|span| rows[span.0 as usize]);
            for count in 0..=rows.len() {
                prop_assert_eq!(group.before(count), rows[..count].iter().sum::<u32>());
                prop_assert_eq!(again.before(count), group.before(count));
            }
        }
    }
}
