//! The primitive `loop_until`: the same again with what came of it, until it is enough.

use std::ops::ControlFlow;

use super::super::super::failure::Failure;

/// Takes a turn after the other, at most `bound`, each with the state that the one before left. Ends with the value of the
/// turn that breaks; else with the last state.
///
/// # Errors
/// With the failure of a turn.
pub(in super::super) async fn loop_until<T, S, F>(
    bound: u32,
    mut state: S,
    mut turn: impl FnMut(S) -> F,
) -> Result<ControlFlow<T, S>, Failure>
where
    F: Future<Output = Result<ControlFlow<T, S>, Failure>>,
{
    for _ in 0..bound {
        match turn(state).await? {
            ControlFlow::Continue(next) => state = next,
            ended @ ControlFlow::Break(_) => return Ok(ended),
        }
    }
    Ok(ControlFlow::Continue(state))
}

/// The value of a loop whose end does not matter.
pub(in super::super) fn value_of<T>(ended: ControlFlow<T, T>) -> T {
    match ended {
        ControlFlow::Continue(value) | ControlFlow::Break(value) => value,
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn until(bound: u32, stop: u32) -> ControlFlow<u32, u32> {
        let turn = |at: u32| async move {
            Ok(if at == stop { ControlFlow::Break(at) } else { ControlFlow::Continue(at + 1) })
        };
        block_on(loop_until(bound, 0, turn)).unwrap()
    }

    #[test]
    fn it_ends_by_itself_or_at_its_bound() {
        assert_eq!(until(9, 3), ControlFlow::Break(3));
        assert_eq!(until(3, 3), ControlFlow::Continue(3));
        assert_eq!(until(0, 0), ControlFlow::Continue(0));
        assert_eq!(value_of(until(9, 3)), value_of(until(3, 9)));
        let fails = |()| async { Err::<ControlFlow<(), ()>, _>(Failure::new("no")) };
        assert_eq!(block_on(loop_until(9, (), fails)), Err(Failure::new("no")));
    }
}
