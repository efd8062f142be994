//! The primitive `sequence`: one thing after the other.

use super::super::super::failure::Failure;

/// Takes a step for each item in its order, each with the state that the one before left; returns the last state.
///
/// # Errors
/// With the first failure; the steps after it are not taken.
pub(in super::super) async fn sequence<I, S, F>(
    items: impl IntoIterator<Item = I>,
    mut state: S,
    mut step: impl FnMut(S, I) -> F,
) -> Result<S, Failure>
where
    F: Future<Output = Result<S, Failure>>,
{
    for item in items {
        state = step(state, item).await?;
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_failure_ends_it() {
        let mut taken = 0;
        let steps = |upto: u32, taken: &mut u32| {
            block_on(sequence(1..=upto, 0, |sum, item| {
                *taken += 1;
                async move { if item < 3 { Ok(sum + item) } else { Err(Failure::new("three")) } }
            }))
        };
        assert_eq!(steps(2, &mut taken), Ok(3));
        assert_eq!(steps(9, &mut taken), Err(Failure::new("three")));
        assert_eq!(taken, 2 + 3);
    }
}
