//! `--max-cost` and `--max-tokens`: bounds of a run on the command line.

use crate::pipeline::Loaded;

/// The bounds of the command line.
#[derive(Debug, Default, Clone, Copy, clap::Args)]
pub(super) struct Limits {
    /// Stop before the next model call when the run has cost so many US dollars; beats `max_cost_usd` in [limits]
    #[arg(long, value_name = "DOLLARS", value_parser = dollars, requires = "pipeline")]
    max_cost: Option<f64>,
    /// Stop before the next model call when the run has used so many tokens, input and output together; beats
    /// `max_tokens` in [limits]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..), requires = "pipeline")]
    max_tokens: Option<u64>,
}

impl Limits {
    /// Puts them in the place of the pipeline's own.
    ///
    /// # Errors
    /// When the cost can't be known, because a model has no price.
    pub fn apply(self, loaded: &mut Loaded) -> Result<(), String> {
        let limits = &mut loaded.pipeline.limits;
        limits.max_tokens = self.max_tokens.or(limits.max_tokens);
        limits.max_cost_usd = self.max_cost.or(limits.max_cost_usd);
        let Some(_) = self.max_cost else { return Ok(()) };
        match loaded.pipeline.unpriced().first() {
            Some(model) => Err(format!(
                "--max-cost can't be kept: there is no price for `{model}`; add [prices.\"{model}\"] with `input` and \
                 `output` to {}",
                loaded.file.display()
            )),
            None => Ok(()),
        }
    }
}

fn dollars(text: &str) -> Result<f64, String> {
    match text.trim_start_matches('$').parse::<f64>() {
        Ok(dollars) if dollars.is_finite() && dollars > 0.0 => Ok(dollars),
        _ => Err("write an amount in US dollars, e.g. 1.50".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_more_than_nothing() {
        assert_eq!(dollars("1.5"), Ok(1.5));
        assert_eq!(dollars("$2"), Ok(2.0));
        for wrong in ["0", "-1", "inf", "NaN", "much", ""] {
            assert!(dollars(wrong).is_err(), "{wrong}");
        }
    }
}
