//! Reads `[limits]`.

use super::models::Models;
use super::reader::Table;
use super::spec::Limits;

/// Reads `[limits]`. `models`: those that need a price when the cost is limited; `priced`: names of models with one of the
/// pipeline's own.
pub(super) fn read_limits(root: &Table<'_>, models: Option<&Models<'_>>, priced: &[&str]) -> Limits {
    let Some(table) = root.table("limits") else { return Limits::default() };
    let limits = Limits {
        max_tokens: table.count("max_tokens"),
        max_cost_usd: table.amount("max_cost_usd"),
        max_parallel: table.count("max_parallel").and_then(|count| usize::try_from(count).ok()),
    };
    table.finish();
    let Some(models) = models.filter(|_| limits.max_cost_usd.is_some()) else { return limits };
    for model in models.used() {
        let name = model.get_ref().to_string();
        let is_known = priced.contains(&name.as_str()) || models.has_public_price(model.get_ref());
        if model.get_ref().provider != "script" && !is_known {
            let (message, help) = no_price(&name);
            table.doc.fault_help(model.span(), message, help);
        }
    }
    limits
}

/// The fault of a model without a price, when the cost is limited, and its remedy.
pub(super) fn no_price(model: &str) -> (String, String) {
    let message = format!("`max_cost_usd` can't be kept: there is no price for `{model}`");
    (message, format!("add [prices.\"{model}\"] with `input` and `output`"))
}
