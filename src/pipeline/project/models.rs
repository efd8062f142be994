//! The models of agents and steps: named directly, by role, or by the role that their pattern stands for.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;

use super::super::faults::Doc;
use super::super::markdown::Keys;
use super::super::models::check_script;
use super::super::names::suggest;
use super::super::reader::{Table, Text};
use super::super::spec::{Model, Roles};
use super::environment::Environment;
use super::folder::Folder;
use super::providers::{Providers, SCRIPT};
use super::roles::{Role, parse_model, read_roles};
use crate::model::{ModelName, ModelOptions};

/// The role that stands in for one that does not exist.
const DEFAULT_ROLE: &str = "default";

/// The role of an agent or step that names no model.
pub(super) fn pattern_role(pattern: &str) -> &'static str {
    match pattern {
        "react" => "thinker",
        "oneshot" => "worker",
        _ => DEFAULT_ROLE,
    }
}

/// The models of a project.
pub(super) struct Models<'p> {
    roles: Vec<(Role, Option<ModelName>)>,
    providers: RefCell<Providers>,
    /// Scripts that were checked.
    scripts: RefCell<Vec<String>>,
    env: &'p Environment,
    folder: &'p Folder,
}

impl<'p> Models<'p> {
    /// Reads `[models]` and `[providers]` of tama.toml.
    pub(super) fn read(root: &Table<'_>, mut providers: Providers, env: &'p Environment, folder: &'p Folder) -> Self {
        let roles = read_roles(root, env, &providers);
        providers.settle_names(&roles);
        let named: Vec<_> = roles.iter().map(|role| providers.name_of_role(role)).collect();
        let models =
            Self { roles: vec![], providers: RefCell::new(providers), scripts: RefCell::default(), env, folder };
        let known = roles.into_iter().zip(named).map(|(role, named)| {
            let is_known = role
                .model
                .as_ref()
                .is_some_and(|model| models.providers.borrow().check(root.doc, &role.span, model, &role.address));
            let named = named.filter(|_| is_known).map(|model| models.script(root.doc, &role.span, model));
            (role, named)
        });
        let roles = known.collect();
        Self { roles, ..models }
    }

    /// The roles whose models can be used.
    pub(super) fn roles(&self) -> Roles {
        let named = self.roles.iter().filter_map(|(role, named)| {
            let model = Model { name: named.clone()?, options: role.options };
            Some((role.name.clone(), model))
        });
        named.collect()
    }

    /// The providers that the models use.
    pub(super) fn into_providers(self) -> Providers {
        self.providers.into_inner()
    }

    /// The model of an agent or step: the table `model` of its `call`, else the role of its pattern. `at`: the bytes that
    /// are underlined when there is none.
    pub(super) fn resolve(
        &self,
        call: Option<&Keys<'_>>,
        doc: &Doc<'_>,
        pattern: &str,
        at: &Range<usize>,
    ) -> Option<Model> {
        let Some(table) = call.and_then(|call| call.table("model")) else {
            return self.by_role(doc, &Spanned::new(at.clone(), pattern_role(pattern).to_owned()), false);
        };
        let (role, name) = (table.string("role"), table.string("name"));
        let (temperature, max_tokens) = (table.amount("temperature"), table.count("max_tokens"));
        table.finish();
        if let (Some(_), Some(role)) = (&name, &role) {
            doc.warn(role.span(), "`model` has a `name`, so that its `role` is ignored", "keep one of them");
        }
        let model = match (name, role) {
            (Some(name), _) => {
                let parsed = parse_model(doc, &name.span(), name.get_ref(), None)?;
                let named = self.providers.borrow_mut().name_direct(doc, &name, parsed, self.env)?;
                Model { name: self.script(doc, &name.span(), named), options: ModelOptions::default() }
            }
            (None, Some(role)) => self.by_role(doc, &role, true)?,
            (None, None) => {
                if temperature.is_some() || max_tokens.is_some() {
                    let message = "`model` has no `role` and no `name`, so that its options are ignored";
                    doc.warn(table.span.clone(), message, format!("add `role: {}`", pattern_role(pattern)));
                }
                return self.by_role(doc, &Spanned::new(table.span.clone(), pattern_role(pattern).to_owned()), false);
            }
        };
        let options = ModelOptions {
            temperature: temperature.or(model.options.temperature),
            max_tokens: max_tokens.or(model.options.max_tokens),
            ..model.options
        };
        Some(Model { options, ..model })
    }

    /// The model of a role; `default` for one that does not exist. `is_named`: the agent or step names it.
    fn by_role(&self, doc: &Doc<'_>, role: &Text, is_named: bool) -> Option<Model> {
        let find = |name: &str| self.roles.iter().find(|(role, _)| role.name == name);
        let name = role.get_ref();
        let known = || self.roles.iter().map(|(role, _)| role.name.as_str()).collect::<Vec<_>>();
        let found = match (find(name), find(DEFAULT_ROLE)) {
            (Some(found), _) => found,
            (None, Some(default)) => {
                if is_named {
                    let message = format!("no role `{name}` in [models]: the role `{DEFAULT_ROLE}` stands in for it");
                    doc.warn(role.span(), message, suggest(name, known()));
                }
                default
            }
            (None, None) => {
                let message = format!("no role `{name}` in [models] of tama.toml, and no role `{DEFAULT_ROLE}`");
                doc.fault_help(role.span(), message, format!("{name} = \"provider:model\" under [models]"));
                return None;
            }
        };
        Some(Model { name: found.1.clone()?, options: found.0.options })
    }

    /// A scripted model's file as the pipeline names it: relative to the pipeline's folder.
    fn script(&self, doc: &Doc<'_>, at: &Range<usize>, model: ModelName) -> ModelName {
        if model.provider != SCRIPT {
            return model;
        }
        let file = self.folder.stored(&model.model);
        if !self.scripts.borrow().contains(&file) {
            check_script(doc, at, self.folder.base(), &file);
            self.scripts.borrow_mut().push(file.clone());
        }
        ModelName { model: file, ..model }
    }
}
