//! The outcome of an effect as it is recorded: texts masked, tokens and cost.

use super::super::ask::Payload;
use super::super::failure::Failure;
use super::super::request::json;
use super::Dispatcher;
use super::ended::cause_of;
use super::exec::{Done, NoAnswer};
use crate::model::{Finish, LlmResponse, SpanEnd, SpanId, SpanStatus, Usage};
use crate::pipeline::Price;

/// The end to record, the outcome for the pattern, and true for a fault.
type Recorded = (SpanEnd, Result<Payload, Failure>, bool);

impl Dispatcher {
    /// The outcome of an effect. `price`: of its model.
    pub(super) fn outcome(&self, span: SpanId, done: Done, price: Option<&Price>) -> Recorded {
        let end = SpanEnd::new(span, SpanStatus::Ok);
        match done {
            Done::Llm(answered) => self.answered(end, *answered, price),
            Done::Tool { text, fault, cause } => {
                let text = self.services.masker.mask(&text).into_owned();
                let status = if fault { SpanStatus::Error } else { SpanStatus::Ok };
                let finish = fault.then(|| Finish { key: "fault".into(), synthetic: true });
                let output = Some(self.log.text(&text));
                (SpanEnd { status, finish, output, cause, ..end }, Ok(Payload::Tool(text)), fault)
            }
            Done::NotRecorded(failure) => {
                let (end, failure) = self.failed(end, failure);
                // What can't be recorded can't come up as an event either.
                self.refuse(&failure);
                (end, Err(failure), true)
            }
        }
    }

    fn answered(&self, end: SpanEnd, answered: Result<LlmResponse, NoAnswer>, price: Option<&Price>) -> Recorded {
        let paid = |response: &LlmResponse| {
            let cost = response.usage.zip(price).map(|(usage, price)| cost(usage, response.cached_tokens, price));
            (response.usage, cost)
        };
        match answered {
            Ok(response) => {
                let response = self.mask(response);
                let (usage, cost) = paid(&response);
                let output = Some(self.log.text(&json(&response)));
                (SpanEnd { output, usage, cost, ..end }, Ok(Payload::Llm(response)), false)
            }
            Err(NoAnswer { failure, so_far }) => {
                // What came has to be paid for too.
                let (usage, cost) = so_far.as_deref().map(paid).unwrap_or_default();
                let so_far = so_far.map(|response| self.log.text(&json(&self.mask(*response))));
                let (end, failure) = self.failed(SpanEnd { so_far, usage, cost, ..end }, failure);
                (end, Err(failure), true)
            }
        }
    }

    fn failed(&self, end: SpanEnd, failure: Failure) -> (SpanEnd, Failure) {
        let failure = failure.map_text(|text| self.services.masker.mask(&text).into_owned());
        let output = Some(self.log.text(&failure.to_string()));
        (SpanEnd { status: SpanStatus::Error, output, cause: cause_of(&failure), ..end }, failure)
    }

    fn mask(&self, mut response: LlmResponse) -> LlmResponse {
        for text in [&mut response.text, &mut response.reasoning] {
            *text = self.services.masker.mask(text).into_owned();
        }
        for call in &mut response.calls {
            call.args = self.services.masker.mask_json(call.args.take());
        }
        response.state = response.state.map(|state| self.services.masker.mask_json(state));
        response
    }
}

/// Tells of the calls of a response that are never run, because they stand after a `finish`.
pub(super) fn after_finish(outcome: &Payload) -> Option<String> {
    let Payload::Llm(response) = outcome else { return None };
    let finish = response.calls.iter().position(|call| call.name == "finish" && call.args.is_object())?;
    let unrun: Vec<&str> = response.calls[finish + 1..].iter().map(|call| call.name.as_str()).collect();
    (!unrun.is_empty()).then(|| format!("not run: after finish: {}", unrun.join(", ")))
}

/// Millionths of a US dollar.
fn cost(usage: Usage, cached: u64, price: &Price) -> u64 {
    let cached = cached.min(usage.input);
    let of_cached = price.cached.unwrap_or(price.input);
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
    let dollars_per_million =
        (usage.input - cached) as f64 * price.input + cached as f64 * of_cached + usage.output as f64 * price.output;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and prices are not negative")]
    let cost = dollars_per_million.round().max(0.0) as u64;
    cost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_have_a_price_of_their_own() {
        let own = Price { input: 2.0, output: 8.0, cached: Some(0.5), public: None };
        let usage = Usage { input: 1000, output: 100 };
        assert_eq!(cost(usage, 0, &own), 2800);
        assert_eq!(cost(usage, 800, &own), 400 + 400 + 800);
        assert_eq!(cost(usage, 5000, &own), 500 + 800, "no more than there are");
        assert_eq!(cost(usage, 800, &Price { cached: None, ..own }), 2800);
    }
}
