//! How long to wait between tries.

use std::time::Duration;

/// The first wait when the server names none; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait when the server names none.
const LONGEST: Duration = Duration::from_secs(8);
/// Tries of a call whose connection does not come about, as the providers' own libraries make them.
const CONNECTING: u32 = 3;

/// Bounds on trying a call again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// How often a call is sent at most.
    pub tries: u32,
    /// How long it waits between tries at most, in all.
    pub total: Duration,
}

/// The waits of one call.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    waits: Waits,
    tries: u32,
    waited: Duration,
}

/// The reason why a call is not tried again although it could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivingUp {
    /// It was sent as often as it may be.
    Tries(u32),
    /// The server asks for a longer wait than is left.
    Asked(Duration),
    /// Waiting has taken as long as it may.
    Waited(Duration),
}

impl Default for Waits {
    fn default() -> Self {
        Self { tries: 5, total: Duration::from_secs(60) }
    }
}

impl Schedule {
    pub(super) fn new(waits: Waits) -> Self {
        Self { waits, tries: 0, waited: Duration::ZERO }
    }

    /// Counts a try.
    pub(super) fn begin_try(&mut self) {
        self.tries += 1;
    }

    /// Tries so far.
    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    /// The wait before the next try. `asked` is the server's own wish, `connecting` says that no connection came about,
    /// `jitter` lies between 0 and 1.
    pub(super) fn next(
        &mut self,
        asked: Option<Duration>,
        connecting: bool,
        jitter: f64,
    ) -> Result<Duration, GivingUp> {
        let most = if connecting { self.waits.tries.min(CONNECTING) } else { self.waits.tries };
        if self.tries >= most {
            return Err(GivingUp::Tries(self.tries));
        }
        let left = self.waits.total.saturating_sub(self.waited);
        let wait = match asked {
            Some(asked) if asked > left => return Err(GivingUp::Asked(asked)),
            // Calls that were refused together don't come back together.
            Some(asked) => asked.saturating_add((asked / 10).mul_f64(jitter)).min(left),
            None => backoff(self.tries, jitter),
        };
        if wait > left {
            return Err(GivingUp::Waited(self.waited));
        }
        self.waited += wait;
        Ok(wait)
    }
}

/// The wait after so many tries when the server names none: up to a quarter shorter, by the jitter.
fn backoff(tries: u32, jitter: f64) -> Duration {
    let doubled = 2_u32.saturating_pow(tries.saturating_sub(1).min(16));
    (FIRST * doubled).min(LONGEST).mul_f64(1.0 - jitter / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn waits(tries: u32, total: u64, asked: &[Option<u64>]) -> Vec<Result<u128, GivingUp>> {
        let mut schedule = Schedule::new(Waits { tries, total: SECOND * u32::try_from(total).unwrap() });
        let mut next = |asked: &Option<u64>| {
            schedule.begin_try();
            schedule.next(asked.map(Duration::from_secs), false, 0.0).map(|wait| wait.as_millis())
        };
        asked.iter().map(&mut next).collect()
    }

    #[test]
    fn waits_double_up_to_eight_seconds() {
        let nothing = [None; 8];
        let expected: Vec<_> = [500, 1000, 2000, 4000, 8000, 8000, 8000].map(Ok).to_vec();
        assert_eq!(waits(8, 60, &nothing)[..7], expected);
        assert_eq!(waits(5, 60, &nothing)[3..5], [Ok(4000), Err(GivingUp::Tries(5))]);
        assert_eq!(waits(5, 3, &nothing)[2], Err(GivingUp::Waited(SECOND * 3 / 2)));
    }

    #[test]
    fn the_server_s_own_wish_comes_first_while_it_fits() {
        assert_eq!(waits(5, 60, &[Some(20), Some(40), None])[..2], [Ok(20_000), Ok(40_000)]);
        assert_eq!(waits(5, 60, &[Some(20), Some(41)])[1], Err(GivingUp::Asked(SECOND * 41)));
        assert_eq!(waits(5, 60, &[Some(3600)])[0], Err(GivingUp::Asked(SECOND * 3600)));
        assert_eq!(waits(5, 60, &[Some(60)])[0], Ok(60_000));
    }

    #[test]
    fn jitter_shortens_own_waits_and_lengthens_the_server_s() {
        let mut schedule = Schedule::new(Waits::default());
        schedule.begin_try();
        assert_eq!(schedule.next(None, false, 1.0), Ok(Duration::from_millis(375)));
        assert_eq!(schedule.next(Some(SECOND * 10), false, 1.0), Ok(SECOND * 11));
        assert_eq!(schedule.next(Some(SECOND * 48), false, 1.0), Ok(Duration::from_millis(60_000 - 11_000 - 375)));
    }

    #[test]
    fn a_connection_is_tried_three_times() {
        let mut schedule = Schedule::new(Waits::default());
        for expected in [true, true, false] {
            schedule.begin_try();
            assert_eq!(schedule.next(None, true, 0.0).is_ok(), expected);
        }
    }
}
