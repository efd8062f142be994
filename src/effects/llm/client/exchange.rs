//! Exchanges: a call, tried again where that is safe, and its whole answer.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use serde_json::Value as Json;

use super::call::{Again, Call, Failure};
use super::error::ExchangeError;
use super::heard::{Exchange, Heard};
use super::setup::Client;
use super::wait::{GivingUp, Schedule};

impl Client {
    /// Sends a call and reads its answer. A refused call is sent again as the waits allow, never after any of an answer
    /// came. Dropping the future cancels the call.
    ///
    /// # Errors
    /// When the server refuses the call or can't be reached, and when its answer has an error or does not come to its
    /// end.
    pub async fn exchange(
        &self,
        model: &str,
        body: &Json,
        stream: bool,
        heard: &mut (dyn FnMut(Heard) + Send),
    ) -> Result<Exchange, ExchangeError> {
        let call = Call::new(self, model, body, stream);
        let mut schedule = Schedule::new(self.limits().1);
        loop {
            schedule.begin_try();
            let failure = match call.attempt(heard).await {
                Ok(exchange) => return Ok(exchange),
                Err(failure) => failure,
            };
            let next = match failure.again {
                Again::No => return Err(describe(failure, None, schedule.tries())),
                Again::Refused(asked) => schedule.next(asked, false, jitter()),
                Again::Unreached => schedule.next(None, true, jitter()),
            };
            match next {
                Ok(time) => {
                    heard(Heard::Waiting { why: failure.why, time });
                    tokio::time::sleep(time).await;
                    heard(Heard::TryingAgain);
                    // Whoever drives the call may hold it here.
                    tokio::task::yield_now().await;
                }
                Err(end) => return Err(describe(failure, Some(end), schedule.tries())),
            }
        }
    }
}

/// Describes the failure of a call's last try.
fn describe(failure: Failure, end: Option<GivingUp>, tries: u32) -> ExchangeError {
    let Failure { why, hint, so_far, raw, .. } = failure;
    // Advice follows a semicolon.
    let mut why = why.trim_end_matches('.').to_owned();
    match end {
        Some(GivingUp::Asked(asked)) => {
            let seconds = asked.as_secs_f64().ceil();
            why = format!("{why}; the server asks for {seconds} s, which is longer than a call may wait");
        }
        Some(GivingUp::Waited(waited)) => {
            why = format!("{why} (after {tries} tries and {:.1} s of waiting)", waited.as_secs_f64());
        }
        Some(GivingUp::Tries(_)) | None if tries > 1 => why = format!("{why} (after {tries} tries)"),
        Some(GivingUp::Tries(_)) | None => {}
    }
    let message = hint.map_or_else(|| why.clone(), |hint| format!("{why}; {hint}"));
    ExchangeError { message, so_far, raw }
}

/// A number between 0 and 1.
fn jitter() -> f64 {
    // The hasher's keys are random, and differ each time.
    let random = u16::try_from(RandomState::new().hash_one(0_u8) & 0xffff).unwrap_or_default();
    f64::from(random) / f64::from(u16::MAX)
}
