//! The states of an fsm, as an AGENT.md has them.

use indexmap::IndexMap;

use super::super::fsm::{Routes, lost_states};
use super::super::markdown::{Keys, Node, string, wrong_type};
use super::super::names::suggest;
use super::super::reader::Text;
use super::super::spec::{Pattern, Target};
use super::folder::Folder;

/// The finish key that stands for all others.
const ANY: &str = "*";

/// The states with what is known of each.
struct States<'a> {
    keys: &'a Keys<'a>,
    folder: &'a Folder,
    /// The names with their values.
    entries: Vec<(Text, &'a Node)>,
    /// Names of agents that the fsm runs, with the place that names them.
    agents: Vec<Text>,
    /// Names of agents that are not there, and would run if they were.
    absent: Vec<String>,
}

/// An fsm that was read.
pub(super) struct ReadStates {
    /// `None` after a fault.
    pub pattern: Option<Pattern>,
    /// The agents that it runs, with the place that names them.
    pub agents: Vec<Text>,
    /// Names of agents that are not there, and would run if they were.
    pub absent: Vec<String>,
}

/// Reads `initial` and `states`.
pub(super) fn read_states(keys: &Keys<'_>, folder: &Folder) -> ReadStates {
    let initial = keys.required("initial", "the state it starts in");
    let table = keys.value("states");
    if table.is_none() {
        keys.missing("states", "a table of `state: next state`, or a list of `- finish-key: next state` for a state");
    }
    let Some(entries) = table.and_then(Node::entries) else {
        if let Some(table) = table {
            wrong_type(keys.doc, "states", "a table", table);
        }
        return ReadStates { pattern: None, agents: vec![], absent: vec![] };
    };
    // Faults a state that is listed twice.
    drop(Keys::new(keys.doc, entries, "`states`", keys.span.clone()));
    let entries = entries.iter().filter_map(|(name, value)| Some((string(keys.doc, "state", name)?, value))).collect();
    let mut states = States { keys, folder, entries, agents: vec![], absent: vec![] };
    let read = states.read();
    let initial = initial.filter(|initial| states.check_initial(initial));
    let pattern = initial.zip(read).map(|(initial, states)| {
        warn_of_lost(keys, &initial, &states);
        Pattern::Fsm { initial: initial.into_inner(), states }
    });
    ReadStates { pattern, agents: states.agents, absent: states.absent }
}

impl<'a> States<'a> {
    /// The routes of each state that has some; `None` after a fault.
    fn read(&mut self) -> Option<IndexMap<String, Routes>> {
        let mut read = IndexMap::new();
        let mut is_whole = true;
        for (state, value) in self.entries.clone() {
            if value.is_nothing() {
                self.end_of(&state);
                continue;
            }
            self.agents.push(state.clone());
            let routes = self.routes(&state, value);
            is_whole &= routes.is_some();
            read.insert(state.into_inner(), routes.unwrap_or_default());
        }
        is_whole.then_some(read)
    }

    fn routes(&mut self, state: &Text, value: &'a Node) -> Option<Routes> {
        if value.text().is_some() {
            let next = string(self.keys.doc, state.get_ref(), value)?;
            return Some(Routes::from([(ANY.to_owned(), self.target(&next)?)]));
        }
        let Some(items) = value.items() else {
            wrong_type(self.keys.doc, state.get_ref(), "a state, or a list of `- finish-key: next state`", value);
            return None;
        };
        let mut routes = Routes::new();
        let mut is_whole = true;
        for item in items {
            let Some(words) = item.entries() else {
                wrong_type(self.keys.doc, state.get_ref(), "a list of `- finish-key: next state`", item);
                is_whole = false;
                continue;
            };
            for (word, next) in words {
                is_whole &= self.route(&mut routes, word, next).is_some();
            }
        }
        if items.is_empty() {
            let help = "a state without a value is an end";
            self.keys.doc.warn(value.span.clone(), "no finish key leads on from here: the fsm fails", help);
        }
        is_whole.then_some(routes)
    }

    fn route(&mut self, routes: &mut Routes, word: &Node, next: &Node) -> Option<()> {
        let doc = self.keys.doc;
        let word = string(doc, "finish key", word)?;
        let target = if next.is_nothing() { Target::End } else { self.target(&string(doc, word.get_ref(), next)?)? };
        let text = word.get_ref();
        if *text != text.to_lowercase() {
            let message = format!("the finish key `{text}` never matches: keys of models are compared in lower case");
            doc.warn(word.span(), message, format!("write `{}`", text.to_lowercase()));
        }
        // Of two `*` the last one counts, of two equal words the first one.
        if text != ANY && routes.contains_key(text) {
            let message = format!("the finish key `{text}` is listed twice: the first one counts");
            doc.warn(word.span(), message, "keep one of them");
        } else {
            routes.insert(word.into_inner(), target);
        }
        Some(())
    }

    /// A state that another one leads to.
    fn target(&mut self, next: &Text) -> Option<Target> {
        let name = next.get_ref();
        let listed = self.entries.iter().find(|(state, _)| state.get_ref() == name).map(|(_, value)| *value);
        let is_agent = self.folder.has_agent(name);
        match listed {
            Some(value) if value.is_nothing() && !is_agent => Some(Target::End),
            Some(_) => Some(Target::Agent(name.clone())),
            None if is_agent => {
                let message = format!("`{name}` is not one of the states, where tama fails: it runs, and the fsm ends");
                self.keys.doc.warn(next.span(), message, format!("add `{name}:` to the states"));
                self.agents.push(next.clone());
                Some(Target::Agent(name.clone()))
            }
            None => {
                let names: Vec<&str> = self.entries.iter().map(|(state, _)| state.get_ref().as_str()).collect();
                let help = format!("{} (`~` ends the fsm)", suggest(name, names));
                self.keys.doc.fault_help(next.span(), format!("unknown state `{name}`"), help);
                None
            }
        }
    }

    /// A state without a way on: the agent of its name runs last, if there is one.
    fn end_of(&mut self, state: &Text) {
        if self.folder.has_agent(state.get_ref()) {
            self.agents.push(state.clone());
        } else {
            self.absent.push(state.get_ref().clone());
        }
    }

    fn check_initial(&self, initial: &Text) -> bool {
        let name = initial.get_ref();
        let listed = self.entries.iter().find(|(state, _)| state.get_ref() == name);
        let doc = self.keys.doc;
        match listed {
            None => {
                let names: Vec<&str> = self.entries.iter().map(|(state, _)| state.get_ref().as_str()).collect();
                doc.fault_help(initial.span(), format!("`initial` names no state: `{name}`"), suggest(name, names));
                false
            }
            Some((_, value)) if value.is_nothing() && !self.folder.has_agent(name) => {
                let message = format!("the fsm starts in `{name}`, which has no agent and no way on");
                doc.fault_help(initial.span(), message, format!("write {}", Folder::agent_file(name)));
                false
            }
            Some(_) => true,
        }
    }
}

fn warn_of_lost(keys: &Keys<'_>, initial: &Text, states: &IndexMap<String, Routes>) {
    let Some(entries) = keys.value("states").and_then(Node::entries) else { return };
    for (state, lost) in lost_states(initial.get_ref(), states) {
        let span = entries.iter().find(|(name, _)| name.text() == Some(state)).map(|(name, _)| name.span.clone());
        let (message, help) = lost.describe(state, initial.get_ref());
        keys.doc.warn(span.unwrap_or_default(), message, help.replace("\"$end\"", "a state without a value"));
    }
}
