//! Providers, prices, and the models that roles and agents name.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::faults::Doc;
use super::names::{APIS, PROVIDERS, is_kebab, suggest};
use super::prices::public_price;
use super::reader::{Table, Text, Value, text, wrong_type};
use super::script::Script;
use super::spec::{Model, Price, Provider, Roles};
use crate::model::{ModelName, ModelOptions};

/// The role of an agent that names no model.
const DEFAULT_ROLE: &str = "default";

/// `[models]` and `[providers]`, read.
pub(super) struct Models<'a> {
    base: &'a Path,
    pub(super) providers: BTreeMap<String, Provider>,
    /// Roles in file order; `None` when the role itself has a fault.
    roles: Vec<(String, Option<Model>)>,
    scripts: RefCell<BTreeSet<String>>,
    used: RefCell<Vec<Spanned<ModelName>>>,
}

impl<'a> Models<'a> {
    /// Reads both tables.
    pub(super) fn read(root: &Table<'a>, base: &'a Path) -> Self {
        let providers = root.table("providers").map(|table| read_providers(&table)).unwrap_or_default();
        let (scripts, used) = (RefCell::default(), RefCell::default());
        let mut models = Self { base, providers, roles: vec![], scripts, used };
        if let Some(table) = root.table("models") {
            for (role, value) in table.entries() {
                let model = models.role(table.doc, &role, value);
                models.roles.push((role.into_inner(), model));
            }
        }
        models
    }

    /// The `model` of an agent or step: a role, `provider:model`, or a table.
    ///
    /// `None` when there is none and no role `default`; a fault has been recorded unless the key is missing.
    pub(super) fn of(&self, table: &Table<'a>) -> Named {
        match table.get("model") {
            None => match self.roles.iter().find(|(role, _)| role == DEFAULT_ROLE) {
                Some((_, Some(model))) => Named::Is(model.clone()),
                Some((_, None)) => Named::Faulty,
                None => Named::Missing,
            },
            Some((_, value)) => self.read_model(table.doc, value).map_or(Named::Faulty, Named::Is),
        }
    }

    /// True when a model has a public price, at its provider's own address.
    pub(super) fn has_public_price(&self, model: &ModelName) -> bool {
        let moved = self.providers.get(&model.provider).is_some_and(|own| own.base_url.is_some());
        !moved && public_price(model).is_some()
    }

    /// The roles without a fault.
    pub(super) fn roles(&self) -> Roles {
        self.roles.iter().filter_map(|(role, model)| Some((role.clone(), model.clone()?))).collect()
    }

    /// The models that can be called, with the place that names them.
    pub(super) fn used(&self) -> Vec<Spanned<ModelName>> {
        self.used.borrow().clone()
    }

    fn role(&self, doc: &'a Doc<'a>, role: &Text, value: &'a Value<'a>) -> Option<Model> {
        if role.get_ref().contains(':') {
            doc.fault(role.span(), format!("the role `{}` has a colon, as only `provider:model` may", role.get_ref()));
        }
        if value.get_ref().as_str().is_some() {
            let name = self.name(doc, &text(doc, role.get_ref(), value)?)?;
            return Some(Model { name, options: ModelOptions::default() });
        }
        let Some(table) = Table::inline(doc, role.get_ref(), value) else {
            wrong_type(doc, role.get_ref(), "`provider:model` or a table with `name`", value);
            return None;
        };
        let name = table.required("name", "a role names its model: name = \"provider:model\"");
        let options = options(&table);
        table.finish();
        Some(Model { name: self.name(doc, &name?)?, options })
    }

    fn read_model(&self, doc: &'a Doc<'a>, value: &'a Value<'a>) -> Option<Model> {
        if value.get_ref().as_str().is_some() {
            return self.reference(doc, &text(doc, "model", value)?);
        }
        let Some(table) = Table::inline(doc, "model", value) else {
            wrong_type(doc, "model", "a role, `provider:model`, or a table", value);
            return None;
        };
        let (role, name) = (table.string("role"), table.string("name"));
        let own = options(&table);
        table.finish();
        let model = match (role, name) {
            (Some(role), None) => self.by_role(doc, &role),
            (None, Some(name)) => self.name(doc, &name).map(|name| Model { name, options: ModelOptions::default() }),
            (Some(_), Some(name)) => {
                doc.fault_help(name.span(), "`model` has both `role` and `name`", "keep one of them");
                None
            }
            (None, None) => {
                table.missing("role", "name a role of [models], or a model: name = \"provider:model\"");
                None
            }
        }?;
        let base = model.options;
        let options = ModelOptions {
            temperature: own.temperature.or(base.temperature),
            max_tokens: own.max_tokens.or(base.max_tokens),
            accept_cut: own.accept_cut || base.accept_cut,
        };
        Some(Model { options, ..model })
    }

    fn reference(&self, doc: &Doc<'_>, text: &Text) -> Option<Model> {
        if text.get_ref().contains(':') {
            let name = self.name(doc, text)?;
            return Some(Model { name, options: ModelOptions::default() });
        }
        self.by_role(doc, text)
    }

    fn by_role(&self, doc: &Doc<'_>, text: &Text) -> Option<Model> {
        let name = text.get_ref();
        if let Some((_, model)) = self.roles.iter().find(|(role, _)| role == name) {
            return model.clone();
        }
        let roles: Vec<&str> = self.roles.iter().map(|(role, _)| role.as_str()).collect();
        let help = format!("{} (a model is written `provider:model`)", suggest(name, roles));
        doc.fault_help(text.span(), format!("no role `{name}` in [models]"), help);
        None
    }

    fn name(&self, doc: &Doc<'_>, text: &Text) -> Option<ModelName> {
        let name = split(doc, text)?;
        let known = || PROVIDERS.into_iter().chain(self.providers.keys().map(String::as_str));
        if !known().any(|provider| provider == name.provider) {
            let all: Vec<&str> = known().collect();
            let help = format!(
                "{} (an OpenAI-compatible server needs [providers.NAME] base_url)",
                suggest(&name.provider, all)
            );
            doc.fault_help(text.span(), format!("unknown model provider `{}`", name.provider), help);
            return None;
        }
        if name.provider == "script" {
            self.check_script(doc, text, &name.model);
        }
        self.used.borrow_mut().push(Spanned::new(text.span(), name.clone()));
        Some(name)
    }

    fn check_script(&self, doc: &Doc<'_>, at: &Text, file: &str) {
        if self.scripts.borrow_mut().insert(file.to_owned()) {
            check_script(doc, &at.span(), self.base, file);
        }
    }
}

/// Reads a script and faults its mistakes. `base`: the folder of the pipeline's file.
pub(super) fn check_script(doc: &Doc<'_>, at: &Range<usize>, base: &Path, file: &str) {
    let path = base.join(file);
    let script = match fs::read_to_string(&path) {
        Ok(script) => script,
        Err(error) => {
            let message = format!("failed to read the script `{file}`: {error}");
            doc.fault_help(
                at.clone(),
                message,
                "put the script beside the pipeline's file, e.g. `script:replies.toml`",
            );
            return;
        }
    };
    if let Err(error) = Script::parse(&script) {
        let doc = doc.beside(&path.display().to_string(), script);
        doc.fault(error.span.unwrap_or(0..0), error.message);
    }
}

/// The result of reading the key `model`.
pub(super) enum Named {
    /// A model.
    Is(Model),
    /// A fault, recorded already.
    Faulty,
    /// There is no key and no default.
    Missing,
}

impl Named {
    pub(super) fn model(self) -> Option<Model> {
        if let Self::Is(model) = self { Some(model) } else { None }
    }
}

/// Reads `[prices.*]`.
pub(super) fn read_prices(root: &Table<'_>) -> BTreeMap<String, Price> {
    let Some(table) = root.table("prices") else { return BTreeMap::new() };
    let mut prices = BTreeMap::new();
    for (name, table) in table.children() {
        let help = "US dollars per million tokens, e.g. 0.25";
        for key in ["input", "output"] {
            if table.get(key).is_none() {
                table.missing(key, help);
            }
        }
        let price = table.amount("input").zip(table.amount("output"));
        let cached = table.amount("cached");
        table.finish();
        if let Some(name) = split(table.doc, &name) {
            // A price with a fault is there all the same: no second fault for its lack.
            let (input, output) = price.unwrap_or_default();
            prices.insert(name.to_string(), Price { input, output, cached, public: None });
        }
    }
    prices
}

/// Reads `[providers.*]`.
pub(super) fn read_providers(table: &Table<'_>) -> BTreeMap<String, Provider> {
    let mut providers = BTreeMap::new();
    for (name, table) in table.children() {
        let provider = Provider {
            base_url: table.string("base_url").and_then(|url| base_url(table.doc, &url)),
            api_key_env: table.string("api_key_env").map(Spanned::into_inner),
            timeout_seconds: table.count("timeout_seconds"),
            api: table.string("api").and_then(|api| known_api(table.doc, &api)),
            tries: table.count_u32("tries"),
            wait_seconds: table.count("wait_seconds"),
        };
        let has_url = table.get("base_url").is_some();
        table.finish();
        if name.get_ref() == "script" {
            table.doc.fault(name.span(), "the provider `script` has no settings");
        } else if !PROVIDERS.contains(&name.get_ref().as_str()) && !has_url {
            let help = format!("{} (or give it a `base_url`)", suggest(name.get_ref(), PROVIDERS));
            table.doc.fault_help(name.span(), format!("unknown model provider `{}`", name.get_ref()), help);
        } else if !is_kebab(name.get_ref()) {
            table.doc.fault(name.span(), format!("the name `{}` is not kebab-case", name.get_ref()));
        }
        providers.insert(name.into_inner(), provider);
    }
    providers
}

fn known_api(doc: &Doc<'_>, api: &Text) -> Option<String> {
    if APIS.contains(&api.get_ref().as_str()) {
        return Some(api.get_ref().clone());
    }
    doc.fault_help(api.span(), format!("no API is named `{}`", api.get_ref()), suggest(api.get_ref(), APIS));
    None
}

/// Checks an address, and adds the `/` at its end that providers' paths are joined to.
pub(super) fn base_url(doc: &Doc<'_>, url: &Text) -> Option<String> {
    let text = url.get_ref().trim().to_owned();
    if !(text.starts_with("http://") || text.starts_with("https://")) {
        doc.fault(url.span(), "`base_url` must begin with http:// or https://");
        return None;
    }
    Some(if text.ends_with('/') || text.contains('?') { text.clone() } else { format!("{text}/") })
}

fn split(doc: &Doc<'_>, text: &Text) -> Option<ModelName> {
    match text.get_ref().split_once(':') {
        Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
            Some(ModelName { provider: provider.into(), model: model.into() })
        }
        _ => {
            let message = format!("`{}` is not of the form `provider:model`", text.get_ref());
            doc.fault_help(text.span(), message, "e.g. `openai:gpt-5-mini` or `script:replies.toml`");
            None
        }
    }
}

fn options(table: &Table<'_>) -> ModelOptions {
    ModelOptions {
        temperature: table.amount("temperature"),
        max_tokens: table.count_u32("max_tokens"),
        accept_cut: table.flag("accept_cut").unwrap_or_default(),
    }
}
