//! Public prices of models, from `assets/prices.toml`.

use std::sync::OnceLock;

use serde::Deserialize;

use super::glob::Glob;
use super::spec::{Agent, Pipeline, Price};
use crate::model::ModelName;

/// The provider of scripted models, which cost nothing.
const SCRIPT: &str = "script";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    price: Vec<Row>,
}

/// Prices of the models that a glob matches.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    models: Vec<String>,
    input: f64,
    cached: Option<f64>,
    output: f64,
    date: String,
    /// The page that says so, to bring the table up to date.
    #[serde(rename = "source")]
    _source: String,
}

/// Prices by the globs of their models.
type Rows = Vec<(Vec<Glob>, Price)>;

/// The public price of a model, if it is sure.
pub(super) fn public_price(model: &ModelName) -> Option<Price> {
    static PRICES: OnceLock<Rows> = OnceLock::new();
    let prices = PRICES.get_or_init(|| read(include_str!("../../assets/prices.toml")).unwrap_or_default());
    let name = model.to_string();
    let found = prices.iter().find(|(globs, _)| globs.iter().any(|glob| glob.matches(&name)));
    found.map(|(_, price)| price.clone())
}

fn read(text: &str) -> Result<Rows, Box<dyn std::error::Error>> {
    let table: Table = toml::from_str(text)?;
    let rows = table.price.into_iter().map(|row| {
        let globs = row.models.iter().map(|glob| Glob::new(glob)).collect::<Result<_, _>>()?;
        let price = Price { input: row.input, output: row.output, cached: row.cached, public: Some(row.date) };
        Ok((globs, price))
    });
    rows.collect()
}

impl Pipeline {
    /// The models of all agents and of their steps, sorted, but scripts.
    fn paid_models(&self) -> Vec<&ModelName> {
        let mut models: Vec<&ModelName> =
            self.agents.values().flat_map(Agent::every_model).map(|model| &model.name).collect();
        models.retain(|model| model.provider != SCRIPT);
        models.sort();
        models.dedup();
        models
    }

    /// Gives each model that has no price of the pipeline's own its public one. A provider at another address than its
    /// own has none.
    pub(super) fn add_public_prices(&mut self) {
        let moved = |model: &ModelName| self.providers.get(&model.provider).is_some_and(|own| own.base_url.is_some());
        let models = self.paid_models().into_iter().filter(|model| !moved(model));
        let prices = models.filter_map(|model| Some((model.to_string(), public_price(model)?)));
        for (model, price) in prices.collect::<Vec<_>>() {
            self.prices.entry(model).or_insert(price);
        }
    }

    /// The models that have no price.
    #[must_use]
    pub fn unpriced(&self) -> Vec<String> {
        let names = self.paid_models().into_iter().map(ToString::to_string);
        names.filter(|name| !self.prices.contains_key(name)).collect()
    }

    /// The models that have a price, with it: a line each.
    #[must_use]
    pub fn price_lines(&self) -> Vec<String> {
        let names = self.paid_models().into_iter().map(ToString::to_string);
        names.filter_map(|name| Some(format!("{name}: {}", self.prices.get(&name)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(name: &str) -> Option<Price> {
        let (provider, model) = name.split_once(':').unwrap();
        public_price(&ModelName { provider: provider.into(), model: model.into() })
    }

    #[test]
    fn the_table_can_be_read_and_each_price_has_its_day() {
        let rows = read(include_str!("../../assets/prices.toml")).unwrap();
        assert!(rows.len() > 10);
        for (_, price) in &rows {
            let day = price.public.as_deref().unwrap();
            let whole = if day.len() == 7 { format!("{day}-01") } else { day.to_owned() };
            assert!(whole.parse::<jiff::civil::Date>().is_ok(), "{day}");
            assert!(price.input > 0.0 && price.output > price.input, "{price:?}");
            assert!(price.cached.is_none_or(|cached| cached > 0.0 && cached < price.input), "{price:?}");
        }
    }

    #[test]
    fn models_are_found_by_name_and_snapshot_alone() {
        let input = |name: &str| price(name).map(|price| price.input.to_string());
        let cases = [
            ("anthropic:claude-opus-4-5-20251101", "5"),
            ("anthropic:claude-opus-4-1", "15"),
            ("anthropic:claude-opus-4-20250514", "15"),
            ("anthropic:claude-sonnet-4-5-20250929", "3"),
            ("anthropic:claude-haiku-4-5", "1"),
            ("openai:gpt-5-mini-2025-08-07", "0.25"),
            ("openai:gpt-4.1", "2"),
            ("google:gemini-2.5-flash", "0.3"),
        ];
        for (name, expected) in cases {
            assert_eq!(input(name).as_deref(), Some(expected), "{name}");
        }
        for unknown in ["openai:gpt-5-pro", "openai:gpt-4o-2024-05-13", "groq:gpt-5", "anthropic:claude-opus-4-9"] {
            assert_eq!(price(unknown), None, "{unknown}");
        }
    }
}
