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

    /// Changes a span's entry, which is made if it has none.
    pub(super) fn change(&mut self, span: SpanId, change: impl FnOnce(&mut T))
    where
        T: Default,
    {
        if self.get(span).is_none() {
            self.insert(span, T::default());
        }
        let at = (span.0 / TOGETHER) as usize;
        self.0.change(at, |near| {
            if let Some((_, found)) = near.iter_mut().find(|(known, _)| *known == span) {
                change(found);
            }
        });
    }

    /// Removes a span's entry.
    pub(super) fn remove(&mut self, span: SpanId) {
        // Without one nothing is copied.
        if self.get(span).is_some() {
            self.0.change((span.0 / TOGETHER) as usize, |near| near.retain(|(known, _)| *known != span));
        }
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

    #[test]
    fn entries_are_changed_and_removed() {
        let mut map = SpanMap::<Vec<u8>>::default();
        map.remove(SpanId(7));
        map.change(SpanId(7), |found| found.push(1));
        map.change(SpanId(7), |found| found.push(2));
        map.change(SpanId(8), |found| found.push(3));
        let before = map.clone();
        map.remove(SpanId(7));
        assert_eq!((map.get(SpanId(7)), map.get(SpanId(8))), (None, Some(&vec![3])));
        assert_eq!(before.get(SpanId(7)), Some(&vec![1, 2]));
    }
}
