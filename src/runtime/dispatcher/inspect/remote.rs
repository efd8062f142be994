//! A call that another program answers: the exact request, and what is known about it before it is sent.

use super::fields::{prose, section};
use crate::effects::remote::{RemoteCall, RemoteTarget};
use crate::model::{EffectClass, Section, SectionBody};
use crate::runtime::dispatcher::Services;

/// The request, and by which rules it is sent.
pub(super) fn sections(call: &RemoteCall, note: &str, effect: EffectClass, services: &Services) -> [Section; 2] {
    let line = services.masker.mask(&call.line()).into_owned();
    let mut facts = Vec::new();
    match &call.target {
        RemoteTarget::Http(request) if !request.headers.is_empty() => {
            let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
            facts.push(("headers", names.join(", ")));
        }
        RemoteTarget::Tool(asked) => {
            if let Some(hints) = services.remotes.hints(&asked.server, &asked.tool) {
                facts.push(("the server says", format!("{hints} (not checked)")));
            }
        }
        RemoteTarget::Http(_) | RemoteTarget::List(_) => {}
    }
    facts.push(("at most", format!("{} s", call.timeout_seconds)));
    facts.push(("undo", undo(call, effect)));
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    [prose("sends", note, line), section("how", "", SectionBody::Facts(facts))]
}

fn undo(call: &RemoteCall, effect: EffectClass) -> String {
    let undo = call.compensation.as_ref().and_then(|compensation| compensation.tool.as_ref());
    match (undo, effect) {
        (Some(undo), _) => format!("undo call {}", undo.call.tool),
        (None, EffectClass::Read) => "not needed: it only reads".to_owned(),
        (None, EffectClass::Reversible) => "changes in the workspace can be undone".to_owned(),
        (None, _) => "none: what was sent stays sent".to_owned(),
    }
}
