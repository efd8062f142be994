//! An edited text that is shown as one and stands in several places.

/// Stands between the texts of several places.
pub(super) const BETWEEN: &str = "\n\n";

/// The texts as they are shown: as one.
pub(super) fn joined<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(BETWEEN)
}

/// The texts of the places after an edit of the whole; `None` in a place: it is not needed any more. Texts at the
/// beginning and at the end that are still there keep their places.
pub(super) fn distribute(old: &[&str], edited: &str) -> Vec<Option<String>> {
    let (mut first, mut rest) = (0, edited);
    while first + 1 < old.len() {
        let after = rest.strip_prefix(old[first]).and_then(|after| after.strip_prefix(BETWEEN));
        let Some(after) = after else { break };
        (first, rest) = (first + 1, after);
    }
    let mut last = old.len();
    while last > first + 1 {
        let before = rest.strip_suffix(old[last - 1]).and_then(|before| before.strip_suffix(BETWEEN));
        let Some(before) = before else { break };
        (last, rest) = (last - 1, before);
    }
    let text = |at: usize| match at {
        _ if at < first || at >= last => Some(old[at].to_owned()),
        _ if at == first && !rest.is_empty() => Some(rest.to_owned()),
        _ => None,
    };
    (0..old.len()).map(text).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edited(old: &[&str], edited: &str) -> Vec<Option<String>> {
        distribute(old, edited)
    }

    #[test]
    fn texts_that_stay_keep_their_places() {
        let some = |text: &str| Some(text.to_owned());
        let old = ["a", "b", "c"];
        assert_eq!(edited(&old, "a\n\nB\n\nc"), [some("a"), some("B"), some("c")]);
        assert_eq!(edited(&old, "A\n\nb\n\nc"), [some("A"), some("b"), some("c")]);
        assert_eq!(edited(&old, "a\n\nb\n\nC!"), [some("a"), some("b"), some("C!")]);
        assert_eq!(edited(&old, "all new"), [some("all new"), None, None]);
        assert_eq!(edited(&old, "a\n\nc"), [some("a"), some("c"), None]);
        assert_eq!(edited(&["a"], ""), [None]);
    }

    proptest! {
        #[test]
        fn the_whole_reads_as_it_was_edited(
            old in prop::collection::vec("[ab\n]{0,4}", 1..5),
            new in "[ab\n]{1,12}",
        ) {
            let old: Vec<&str> = old.iter().map(String::as_str).collect();
            let texts: Vec<String> = distribute(&old, &new).into_iter().flatten().collect();
            // A place without text is no place.
            let plain = |text: &str| text.replace('\n', "");
            prop_assert_eq!(plain(&joined(texts.iter().map(String::as_str))), plain(&new));
            let same = distribute(&old, &joined(old.iter().copied()));
            let texts: Vec<String> = same.into_iter().flatten().collect();
            prop_assert_eq!(plain(&texts.concat()), plain(&old.concat()));
        }
    }
}
