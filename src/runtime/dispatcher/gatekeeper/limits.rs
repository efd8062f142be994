//! The limits on tokens and money: which is crossed, and which the user lets the run go past.

use std::collections::BTreeSet;

use super::Gatekeeper;
use super::question::ModelQuestion;
use crate::model::PauseReason;

/// A limit that was crossed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crossed {
    /// Its name in `[limits]`.
    name: &'static str,
    /// The tokens or the money used, and the limit.
    pub(super) text: String,
}

impl From<Crossed> for PauseReason {
    fn from(crossed: Crossed) -> Self {
        Self::Limit { limit: crossed.text, name: crossed.name.to_owned() }
    }
}

/// The limits that the run may go past, until a retry.
#[derive(Debug, Default)]
pub(super) struct Waived(BTreeSet<String>);

impl Gatekeeper {
    /// Lets the run go on past the limit that a span stopped at; the others stay.
    pub fn waive_limit(&mut self, reason: &PauseReason) {
        if let PauseReason::Limit { name, .. } = reason {
            self.waived.0.insert(name.clone());
        }
    }

    /// Has all limits count again: a retry asks anew.
    pub fn restore_limits(&mut self) {
        self.waived.0.clear();
    }

    /// The first limit that was crossed and still counts, before another model call.
    pub(super) fn crossed_limit(&self, asked: &ModelQuestion) -> Option<Crossed> {
        let limits = &asked.pipeline.limits;
        let tokens = asked.usage.input + asked.usage.output;
        #[expect(clippy::cast_precision_loss, reason = "a sum of money, compared with a limit")]
        let dollars = asked.cost as f64 / 1e6;
        let by_tokens = limits.max_tokens.filter(|max| tokens >= *max).map(|max| Crossed {
            name: "max_tokens",
            text: format!("{tokens} tokens are used, and limits.max_tokens is {max}"),
        });
        let by_cost = limits.max_cost_usd.filter(|max| dollars >= *max).map(|max| Crossed {
            name: "max_cost_usd",
            text: format!("${dollars:.3} is spent, and limits.max_cost_usd is {max}"),
        });
        by_tokens.into_iter().chain(by_cost).find(|crossed| !self.waived.0.contains(crossed.name))
    }
}
