//! Permits as tables of states and events.

use std::time::Duration;

use tokio::time::Instant;

use super::turns::wait_of;
use super::{Permit, Permits, TurnStep, Turns, wait_over};
use crate::model::SpanId;

fn turns(limit: usize) -> Turns {
    Turns::new(Permits::new(limit))
}

fn ask(turns: &mut Turns, span: u32) -> Option<Permit> {
    turns.ask(&format!("p{span}"), SpanId(span), Instant::now())
}

fn next(turns: &mut Turns) -> Option<(u32, Permit)> {
    turns.next_turn().map(|turn| (turn.span.0, turn.permit))
}

#[test]
fn a_limit_of_nothing_is_one() {
    let permits = Permits::new(0);
    let one = permits.try_take().unwrap();
    assert!(permits.try_take().is_none());
    drop(one);
    assert_eq!(permits.taken(), 0);
}

#[tokio::test(start_paused = true)]
async fn calls_start_in_their_order_as_permits_come_back() {
    let mut turns = turns(2);
    let (one, two) = (ask(&mut turns, 1).unwrap(), ask(&mut turns, 2).unwrap());
    assert!(ask(&mut turns, 3).is_none() && ask(&mut turns, 4).is_none());
    assert!(next(&mut turns).is_none(), "none is free");
    drop(two);
    assert!(ask(&mut turns, 5).is_none(), "nobody jumps the queue");
    let (span, three) = next(&mut turns).unwrap();
    assert_eq!((span, turns.permits().taken()), (3, 2));
    drop((one, three));
    assert_eq!(next(&mut turns).map(|(span, _)| span), Some(4));
    assert_eq!(next(&mut turns).map(|(span, _)| span), Some(5), "its permit was dropped");
    assert!(next(&mut turns).is_none());
    assert!(ask(&mut turns, 6).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_goes_on_comes_first() {
    let mut turns = turns(1);
    let one = ask(&mut turns, 1).unwrap();
    assert!(ask(&mut turns, 2).is_none());
    let permits = turns.permits().clone();
    let Err(gone) = permits.take_or_wait() else { panic!("none is free") };
    let Err(mut coming) = permits.take_or_wait() else { panic!("none is free") };
    drop(gone);
    drop(one);
    let resumed = coming.try_recv().unwrap();
    assert!(next(&mut turns).is_none());
    assert_eq!(permits.taken(), 1);
    drop(resumed);
    assert_eq!(next(&mut turns).map(|(span, _)| span), Some(2));
    // A permit that came too late is not lost.
    let one = ask(&mut turns, 3).unwrap();
    let Err(coming) = permits.take_or_wait() else { panic!("none is free") };
    drop(one);
    drop(coming);
    assert_eq!(permits.taken(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_limit_can_change() {
    let mut turns = turns(2);
    let held = [ask(&mut turns, 1).unwrap(), ask(&mut turns, 2).unwrap()];
    assert!(ask(&mut turns, 3).is_none());
    turns.permits().set_limit(1);
    let [one, two] = held;
    drop(one);
    assert!(next(&mut turns).is_none(), "one is still taken");
    drop(two);
    let three = next(&mut turns).unwrap();
    assert!(ask(&mut turns, 4).is_none());
    turns.permits().set_limit(2);
    assert_eq!(turns.next().await, TurnStep::Free);
    assert_eq!(next(&mut turns).map(|(span, _)| span), Some(4));
    drop(three);
}

#[tokio::test(start_paused = true)]
async fn only_a_long_wait_is_shown() {
    let mut turns = turns(1);
    let one = ask(&mut turns, 1).unwrap();
    for span in 2..=4 {
        assert!(ask(&mut turns, span).is_none());
    }
    let all = |_: &str, _| true;
    assert_eq!(turns.due(Instant::now(), all), []);
    assert_eq!(turns.next().await, TurnStep::Due);
    let but_three = |_: &str, span| span != SpanId(3);
    let shown = turns.due(Instant::now(), but_three);
    assert_eq!(shown, [wait_of(SpanId(2)), wait_of(SpanId(4))]);
    assert_eq!(turns.due(Instant::now() + Duration::from_secs(1), all), [], "each is shown once");
    assert_eq!(turns.leave(SpanId(2)), Some(wait_over(SpanId(2))));
    assert_eq!(turns.leave(SpanId(3)), None, "it had gone");
    drop(one);
    assert_eq!(turns.next().await, TurnStep::Free);
    let turn = turns.next_turn().unwrap();
    assert_eq!((turn.span, turn.shown), (SpanId(4), true));
}
