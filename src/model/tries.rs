//! Tries of one span with different models, compared: what is asked for, and what came of each.

use std::collections::BTreeMap;

use super::{NetChange, NetKind, RunStatus, SpanId};

/// The tries that a user asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrySettings {
    /// The models to try, each a role of the pipeline or `provider:model`; without any, the models stay as they are.
    pub models: Vec<String>,
    /// How often each is tried.
    pub times: u32,
}

impl TrySettings {
    /// The most tries at once.
    pub const MOST: u32 = 100;

    /// How many tries these are.
    #[must_use]
    pub fn total(&self) -> u32 {
        let models = u32::try_from(self.models.len().max(1)).unwrap_or(u32::MAX);
        self.times.saturating_mul(models)
    }

    /// The model of each try, in the order in which they are made; `None`: the models stay as they are.
    #[must_use]
    pub fn queue(&self) -> Vec<Option<String>> {
        let models: Vec<Option<String>> = match &self.models[..] {
            [] => vec![None],
            models => models.iter().cloned().map(Some).collect(),
        };
        models.into_iter().flat_map(|model| (0..self.times).map(move |_| model.clone())).collect()
    }
}

/// The step that a series of tries is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriesStep {
    /// It is checked whether they can be made.
    Preparing,
    /// A try runs.
    Trying,
    /// The `[verify]` command runs.
    Verifying,
    /// The try is undone.
    TakingBack,
    /// All are made and undone; the user has not chosen yet.
    Choosing,
    /// The chosen try is put in place.
    Keeping,
    /// It is over.
    Over,
}

/// A series of tries, as far as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct TriesReport {
    /// The span that is tried.
    pub span: SpanId,
    /// Its path.
    pub path: String,
    /// The step that it is at.
    pub step: TriesStep,
    /// How many tries were asked for.
    pub total: u32,
    /// The command that judges each try, if there is one.
    pub verify: Option<String>,
    /// The tries that ended, in their order.
    pub tries: Vec<TryReport>,
    /// The number of the try that is kept, from 1; `None`: the run is as it was before.
    pub kept: Option<u32>,
    /// The reason why it ended before all tries were made.
    pub stopped: Option<String>,
    /// True when the user cancelled it.
    pub cancelled: bool,
    /// True when the run is not as it was before, although no try was kept.
    pub is_left: bool,
}

/// One try.
#[derive(Debug, Clone, PartialEq)]
pub struct TryReport {
    /// Its number, from 1.
    pub number: u32,
    /// The span that it ran as; `None`: the run ended before that began.
    pub span: Option<SpanId>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// The status that the run came to with it.
    pub status: RunStatus,
    /// The finish key of the span, if it is an agent that finished.
    pub finish: Option<String>,
    /// The reason why it failed.
    pub failure: Option<String>,
    /// The verdict on it.
    pub verdict: TryVerdict,
    /// Tokens that it took.
    pub tokens: u64,
    /// Its cost in millionths of a US dollar.
    pub cost: u64,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// The changes that it made, in the order of their names.
    pub changes: Vec<NetChange>,
    /// The reason why it can't be kept.
    pub not_keepable: Option<String>,
}

/// The verdict on a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TryVerdict {
    /// The command ended with exit code 0.
    Pass,
    /// The command ended with another one, or the run failed; a line that says how.
    Fail(String),
    /// The command gave none: it took too long, or could not be run; a line that says why.
    Unknown(String),
    /// No command was asked.
    NotAsked,
}

impl TryVerdict {
    /// The word for lists and JSON.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Unknown(_) => "no verdict",
            Self::NotAsked => "not asked",
        }
    }

    /// The line that says how or why.
    #[must_use]
    pub fn line(&self) -> Option<&str> {
        match self {
            Self::Pass | Self::NotAsked => None,
            Self::Fail(line) | Self::Unknown(line) => Some(line),
        }
    }
}

impl TryReport {
    /// True for a try that the command passed; without a command, one that did not fail.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        match self.verdict {
            TryVerdict::Pass => true,
            TryVerdict::NotAsked => self.failure.is_none(),
            TryVerdict::Fail(_) | TryVerdict::Unknown(_) => false,
        }
    }

    /// How many things it added, modified (renamed ones too) and deleted.
    #[must_use]
    pub fn change_counts(&self) -> [usize; 3] {
        let count = |kinds: &[NetKind]| self.changes.iter().filter(|change| kinds.contains(&change.kind)).count();
        [count(&[NetKind::Added]), count(&[NetKind::Modified, NetKind::Renamed]), count(&[NetKind::Deleted])]
    }
}

/// The tries of one model that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassRate {
    /// The model; `None`: the models as they are.
    pub model: Option<String>,
    /// How many passed.
    pub passed: usize,
    /// How many were made.
    pub made: usize,
}

impl TriesReport {
    /// True while something goes on that a cancel would end.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !matches!(self.step, TriesStep::Choosing | TriesStep::Over)
    }

    /// The tries that passed, by model, in the order in which these were tried.
    #[must_use]
    pub fn pass_rates(&self) -> Vec<PassRate> {
        let mut rates: Vec<PassRate> = Vec::new();
        for made in &self.tries {
            let known = rates.iter().position(|rate| rate.model == made.model);
            let at = known.unwrap_or_else(|| {
                rates.push(PassRate { model: made.model.clone(), passed: 0, made: 0 });
                rates.len() - 1
            });
            rates[at].made += 1;
            rates[at].passed += usize::from(made.has_passed());
        }
        rates
    }

    /// The ways in which tries did not pass, with how many did so, the most frequent first.
    #[must_use]
    pub fn failure_modes(&self) -> Vec<(String, usize)> {
        let mut modes: BTreeMap<String, usize> = BTreeMap::new();
        for made in self.tries.iter().filter(|made| !made.has_passed()) {
            let line = made.verdict.line().or(made.failure.as_deref()).unwrap_or(made.status.name());
            *modes.entry(line.to_owned()).or_default() += 1;
        }
        let mut modes: Vec<(String, usize)> = modes.into_iter().collect();
        modes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        modes
    }

    /// The first try that passed and can be kept.
    #[must_use]
    pub fn first_pass(&self) -> Option<u32> {
        self.passes().next().map(|made| made.number)
    }

    /// The try that passed and can be kept that cost the least; of several the one with fewer tokens, then the first.
    #[must_use]
    pub fn cheapest_pass(&self) -> Option<u32> {
        self.passes().min_by_key(|made| (made.cost, made.tokens, made.number)).map(|made| made.number)
    }

    fn passes(&self) -> impl Iterator<Item = &TryReport> {
        self.tries.iter().filter(|made| made.has_passed() && made.not_keepable.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(number: u32, model: &str, verdict: TryVerdict, cost: u64) -> TryReport {
        TryReport {
            number,
            span: Some(SpanId(number)),
            model: Some(model.to_owned()),
            status: RunStatus::Ok,
            finish: Some("done".into()),
            failure: None,
            verdict,
            tokens: 10,
            cost,
            ms: 5,
            changes: Vec::new(),
            not_keepable: None,
        }
    }

    fn report(tries: Vec<TryReport>) -> TriesReport {
        TriesReport {
            span: SpanId(1),
            path: "writer".into(),
            step: TriesStep::Choosing,
            total: 5,
            verify: None,
            tries,
            kept: None,
            stopped: None,
            cancelled: false,
            is_left: false,
        }
    }

    #[test]
    fn each_model_is_tried_so_often_one_after_the_other() {
        let settings = TrySettings { models: vec!["a:x".into(), "b:y".into()], times: 2 };
        let queue: Vec<String> = settings.queue().into_iter().flatten().collect();
        assert_eq!((settings.total(), queue.join(" ")), (4, "a:x a:x b:y b:y".to_owned()));
        let plain = TrySettings { models: Vec::new(), times: 3 };
        assert_eq!((plain.total(), plain.queue()), (3, vec![None, None, None]));
    }

    #[test]
    fn passes_are_counted_by_model_and_failures_by_their_line() {
        let fail = |line: &str| TryVerdict::Fail(line.into());
        let tries = vec![
            made(1, "a", fail("2 tests failed"), 4),
            made(2, "a", TryVerdict::Pass, 9),
            made(3, "b", fail("no NOTES.md"), 2),
            made(4, "b", fail("2 tests failed"), 2),
            made(5, "b", TryVerdict::Pass, 3),
        ];
        let mut found = report(tries);
        let rate =
            |rate: &PassRate| format!("{} {}/{}", rate.model.as_deref().unwrap_or_default(), rate.passed, rate.made);
        assert_eq!(found.pass_rates().iter().map(rate).collect::<Vec<_>>(), ["a 1/2", "b 1/3"]);
        assert_eq!(found.failure_modes(), [("2 tests failed".to_owned(), 2), ("no NOTES.md".to_owned(), 1)]);
        assert_eq!((found.first_pass(), found.cheapest_pass()), (Some(2), Some(5)));
        found.tries[4].not_keepable = Some("it was paid for".into());
        assert_eq!(found.cheapest_pass(), Some(2));
    }

    #[test]
    fn without_a_command_a_try_passes_that_did_not_fail() {
        let failed = TryReport { failure: Some("HTTP 529".into()), ..made(2, "a", TryVerdict::NotAsked, 1) };
        let found = report(vec![made(1, "a", TryVerdict::NotAsked, 1), failed]);
        assert_eq!((found.pass_rates()[0].passed, found.failure_modes()), (1, vec![("HTTP 529".to_owned(), 1)]));
    }
}
