//! The keys that every AGENT.md has, in the form of today and in the one that `tama init` writes.

use super::super::markdown::Keys;
use super::super::reader::Text;
use super::environment::Environment;

/// The head of an AGENT.md.
pub(super) struct Head<'f> {
    pub keys: &'f Keys<'f>,
    pub description: String,
    pub pattern: Text,
    /// `call`, or what stands for it in the old form.
    pub call: Option<Keys<'f>>,
    /// `tama` of the old form.
    nested: Option<Keys<'f>>,
}

/// Reads the keys of every AGENT.md; `None` after a fault. `folder`: the agent's name.
pub(super) fn read_head<'f>(keys: &'f Keys<'f>, folder: &str, env: &Environment) -> Option<Head<'f>> {
    let nested = nested(keys);
    let name = keys.required("name", "the name of its folder");
    if let Some(name) = name.as_ref().filter(|name| name.get_ref() != folder) {
        let message = format!("the agent in the folder `{folder}` calls itself `{}`", name.get_ref());
        keys.doc.warn(name.span(), message, "agents are found by the name of their folder");
    }
    let description = keys.required("description", "one line about its purpose; \"\" is enough");
    let within = |key: &'static str, help: &str| match &nested {
        Some(nested) if keys.value(key).is_none() && nested.value(key).is_some() => nested.string(key),
        _ => keys.required(key, help),
    };
    let version = within("version", "e.g. version: \"1.0.0\"");
    let pattern = within("pattern", "how the agent works, e.g. pattern: react");
    for name in keys.strings("env").iter().filter(|name| env.get(name.get_ref()).is_none()) {
        let message = format!("the environment variable {} is not set", name.get_ref());
        keys.doc.warn(name.span(), message, "the agent says that it needs it");
    }
    // Of the old form, `model` and `uses` stand where `call` would.
    let call = keys.table("call").or_else(|| old_call(nested.as_ref()?));
    name?;
    version?;
    Some(Head { keys, description: description?.into_inner(), pattern: pattern?, call, nested })
}

/// The table `tama` that `tama init` wrote: with keys, or, as its indent was lost, without.
fn nested<'f>(keys: &'f Keys<'f>) -> Option<Keys<'f>> {
    let nested = keys.table("tama");
    let message = "`tama` is the form that `tama init` writes, and that tama itself refuses; it is read here";
    let help = "write `version` and `pattern` beside `name`, and `model` and `uses` under `call`";
    if nested.is_some() {
        keys.warn_of("tama", message, help);
    } else {
        keys.warn_of("tama", "`tama` has no value, and is ignored", "remove it");
    }
    nested
}

fn old_call<'f>(nested: &Keys<'f>) -> Option<Keys<'f>> {
    let has = |key| nested.value(key).is_some();
    (has("model") || has("uses")).then(|| nested.again())
}

impl Head<'_> {
    /// Warns of the keys that nobody read.
    pub(super) fn finish(&self) {
        let keys = self.keys;
        for (key, place) in [("uses", "under `call`"), ("model", "under `call`"), ("role", "under `call: model`")] {
            keys.warn_of(key, &format!("`{key}` is ignored here: it belongs {place}"), &format!("move it {place}"));
        }
        if let Some(call) = &self.call {
            let message = "`max_iter` is ignored here: in an AGENT.md it stands beside `call`";
            call.warn_of("max_iter", message, "move it out of `call`");
            call.table("model");
            call.get("uses");
            // The old form has keys of the agent in the same table.
            if keys.value("call").is_some() {
                call.finish();
            }
        }
        if let Some(nested) = &self.nested {
            for key in ["version", "pattern"] {
                nested.get(key);
            }
            // `call` beside it is read instead.
            for key in ["model", "uses"].into_iter().filter(|_| keys.value("call").is_none()) {
                nested.get(key);
            }
            nested.finish();
        }
        keys.finish();
    }
}
