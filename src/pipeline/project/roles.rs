//! The roles of a project: `[models]` of tama.toml, with the environment over it.

use std::ops::Range;

use super::super::faults::Doc;
use super::super::names::suggest;
use super::super::reader::{Table, Text, Value, text, wrong_type};
use super::environment::Environment;
use super::providers::{Address, Providers, address_in, provider_variable};
use crate::model::{ModelName, ModelOptions};

/// The ends of the variables that override a role.
const OVERRIDES: [&str; 5] = ["_NAME", "_TEMPERATURE", "_MAX_TOKENS", "_API_KEY", "_BASE_URL"];

/// The start of the variables that override roles.
const MODEL_VARIABLE: &str = "TAMA_MODEL_";

/// A role with everything that overrides it.
#[derive(Debug, Clone)]
pub(super) struct Role {
    /// Its name.
    pub name: String,
    /// Its model; `None` after a fault.
    pub model: Option<ModelName>,
    pub options: ModelOptions,
    /// Where its calls go.
    pub address: Address,
    /// The bytes in tama.toml that name the model.
    pub span: Range<usize>,
}

/// A role as tama.toml has it.
struct Entry {
    name: Option<Text>,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
    base_url: Option<Text>,
}

/// Reads `[models]`.
pub(super) fn read_roles(root: &Table<'_>, env: &Environment, providers: &Providers) -> Vec<Role> {
    let Some(table) = root.table("models") else { return vec![] };
    let entries = table.entries();
    let roles: Vec<Role> =
        entries.iter().filter_map(|(role, value)| read_role(table.doc, role, value, env, providers)).collect();
    warn_of_variables(table.doc, &entries, env);
    roles
}

fn read_role<'a>(
    doc: &'a Doc<'a>,
    role: &Text,
    value: &'a Value<'a>,
    env: &Environment,
    providers: &Providers,
) -> Option<Role> {
    let entry = read_entry(doc, role, value)?;
    let name = role.get_ref().clone();
    let start = variable(&name);
    let at = entry.name.as_ref().map_or(value.span(), Text::span);
    let of = |end: &str| env.get(&format!("{start}{end}"));
    let named = of("_NAME").map(|name| (format!("{start}_NAME"), name)).or_else(|| {
        let value = env.get(&start)?;
        let message = format!("{start} names the model of the role `{name}`; tama reads {start}_NAME alone");
        doc.warn(role.span(), message, format!("set {start}_NAME"));
        Some((start.clone(), value))
    });
    let model = match (named, &entry.name) {
        (Some((variable, value)), _) => parse_model(doc, &at, value, Some(&variable)),
        (None, Some(name)) => parse_model(doc, &at, name.get_ref(), None),
        (None, None) => None,
    };
    let parsed = |end: &str, wanted: &str, is_fit: &dyn Fn(&str) -> bool| {
        let value = of(end)?;
        if is_fit(value) {
            return Some(value);
        }
        doc.warn(
            role.span(),
            format!("{start}{end} is not {wanted}, and is ignored: {value}"),
            "correct it, or unset it",
        );
        None
    };
    let temperature = parsed("_TEMPERATURE", "a number from 0 up", &|value| {
        value.parse::<f64>().is_ok_and(|number| number.is_finite() && number >= 0.0)
    });
    let max_tokens =
        parsed("_MAX_TOKENS", "a whole number from 1 up", &|value| value.parse::<u32>().is_ok_and(|count| count > 0));
    let options = ModelOptions {
        temperature: temperature.and_then(|t| t.parse().ok()).or(entry.temperature).or(built_in_temperature(&name)),
        max_tokens: max_tokens.and_then(|count| count.parse().ok()).or(entry.max_tokens),
        ..ModelOptions::default()
    };
    let provider = model.as_ref().map_or("", |model| model.provider.as_str());
    let own = entry.base_url.and_then(|url| super::super::models::base_url(doc, &url));
    let of_role = of("_BASE_URL").map(|url| (format!("{start}_BASE_URL"), url));
    let of_provider = provider_variable(env, provider, "BASE_URL");
    let from_env = of_role.or(of_provider).and_then(|(variable, url)| address_in(doc, &role.span(), &variable, url));
    let base_url = from_env.or(own).or_else(|| providers.configured_url(provider));
    let key = of("_API_KEY").map(|_| format!("{start}_API_KEY"));
    Some(Role { name, model, options, address: Address { base_url, key }, span: at })
}

fn read_entry<'a>(doc: &'a Doc<'a>, role: &Text, value: &'a Value<'a>) -> Option<Entry> {
    if value.get_ref().is_str() {
        let name = text(doc, role.get_ref(), value);
        return Some(Entry { name, temperature: None, max_tokens: None, base_url: None });
    }
    let Some(table) = Table::inline(doc, role.get_ref(), value) else {
        wrong_type(doc, role.get_ref(), "`provider:model` or a table with `name`", value);
        return None;
    };
    let entry = Entry {
        name: table.required("name", "a role names its model: name = \"provider:model\""),
        temperature: table.amount("temperature"),
        max_tokens: table.count_u32("max_tokens"),
        base_url: table.string("base_url"),
    };
    table.warn_of_unknown();
    Some(entry)
}

/// The start of the variables that override a role.
fn variable(role: &str) -> String {
    format!("{MODEL_VARIABLE}{}", role.to_uppercase().replace('-', "_"))
}

/// The temperature of a role that nothing else gives one.
fn built_in_temperature(role: &str) -> Option<f64> {
    match role {
        "thinker" => Some(1.0),
        "worker" => Some(0.0),
        "default" => Some(0.8),
        _ => None,
    }
}

/// Reads `provider:model`; `variable`: the variable that it stands in.
pub(super) fn parse_model(doc: &Doc<'_>, at: &Range<usize>, text: &str, variable: Option<&str>) -> Option<ModelName> {
    let model = text.split_once(':').filter(|(provider, model)| !provider.is_empty() && !model.is_empty());
    let Some((provider, model)) = model else {
        let of = variable.map(|variable| format!(" (of {variable})")).unwrap_or_default();
        let message = format!("`{text}`{of} is not of the form `provider:model`");
        doc.fault_help(at.clone(), message, "e.g. `anthropic:claude-sonnet-4-6`");
        return None;
    };
    Some(ModelName { provider: provider.to_owned(), model: model.to_owned() })
}

/// Warns of variables that override nothing.
fn warn_of_variables(doc: &Doc<'_>, roles: &[(Text, &Value<'_>)], env: &Environment) {
    let starts: Vec<String> = roles.iter().map(|(role, _)| variable(role.get_ref())).collect();
    for name in env.names_from(MODEL_VARIABLE) {
        let known = starts.iter().any(|start| {
            name.strip_prefix(start.as_str()).is_some_and(|end| end.is_empty() || OVERRIDES.contains(&end))
        });
        if !known {
            let known =
                starts.iter().flat_map(|start| OVERRIDES.map(|end| format!("{start}{end}"))).collect::<Vec<_>>();
            let help = suggest(name, known.iter().map(String::as_str));
            doc.warn(0..0, format!("the environment variable {name} overrides no role of [models]"), help);
        }
    }
}
