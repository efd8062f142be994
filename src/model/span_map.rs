//! A map from spans to something that few of them have; a copy shares what neither has changed since.

use serde::{Deserialize, Serialize};

use super::{Pages, SpanId};

/// Spans whose entries lie together: a change copies those of so many spans.
const TOGETHER: u32 = 64;

/// A map from spans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de> + Clone"))]
pub(super) struct SpanMap<T>(Pages<Vec<(SpanId, T)>>);

impl<T> Default for SpanMap<T> {
    fn default() -> Self {
        Self(Pages::default())
    }
}

impl<T> SpanMap<T> {
    /// A span's entry.
    pub(super) fn get(&self, span: SpanId) -> Option<&T> {
        let near = self.0.get((span.0 / TOGETHER) as usize)?;
        near.iter().find(|(known, _)| *known == span).map(|(_, found)| found)
    }
}

impl<T: Clone> SpanMap<T> {
    /// Sets a span's entry.
    pub(super) fn insert(&mut self, span: SpanId, value: T) {
        let at = (span.0 / TOGETHER) as usize;
        while self.0.len() <= at {
            self.0.push(Vec::new());
        }
        self.0.change(at, |near| match near.iter_mut().find(|(known, _)| *known == span) {
            Some((_, known)) => *known = value,
            None => near.push((span, value)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_and_copies_stay() {
        let mut map = SpanMap::default();
        map.insert(SpanId(130), "a");
        let before = map.clone();
        map.insert(SpanId(130), "b");
        map.insert(SpanId(129), "c");
        let all = |map: &SpanMap<&'static str>| [1, 129, 130, 4_000].map(|span| map.get(SpanId(span)).copied());
        assert_eq!(all(&before), [None, None, Some("a"), None]);
        assert_eq!(all(&map), [None, Some("c"), Some("b"), None]);
    }
}
