//! Reads an agent and every agent that it leads to.

use std::collections::VecDeque;

use indexmap::IndexMap;

use super::super::faults::Doc;
use super::super::graph::Graph;
use super::super::markdown::read_text;
use super::super::names::suggest;
use super::super::reader::Text;
use super::super::spec::Agent;
use super::Reader;
use super::agents::ReadAgent;
use super::folder::{Folder, is_agent_name};

/// The agents that were found so far.
pub(super) struct Walk<'r, 'c> {
    reader: &'r Reader<'r>,
    /// Agents that others have read.
    known: Option<&'r IndexMap<String, Agent>>,
    found: IndexMap<String, Found<'c>>,
}

/// An agent and its file.
struct Found<'c> {
    doc: Doc<'c>,
    read: ReadAgent,
}

impl<'r, 'c> Walk<'r, 'c> {
    pub(super) fn new(reader: &'r Reader<'r>) -> Self {
        Self { reader, known: None, found: IndexMap::new() }
    }

    /// One that reads none of these agents again.
    pub(super) fn beside(reader: &'r Reader<'r>, known: &'r IndexMap<String, Agent>) -> Self {
        Self { known: Some(known), ..Self::new(reader) }
    }

    /// Reads the agent that a file names, and all that it leads to.
    pub(super) fn from(&mut self, doc: &Doc<'c>, name: &Text) {
        let mut open = VecDeque::from([(doc.clone(), name.clone())]);
        while let Some((doc, name)) = open.pop_front() {
            let agent = name.get_ref();
            if self.found.contains_key(agent) || self.known.is_some_and(|known| known.contains_key(agent)) {
                continue;
            }
            let Some(own) = self.open(&doc, &name) else {
                self.found.insert(agent.clone(), Found { doc, read: ReadAgent::default() });
                continue;
            };
            let read = self.reader.agent(agent, own.clone());
            open.extend(read.runs.iter().map(|next| (own.clone(), next.clone())));
            self.found.insert(agent.clone(), Found { doc: own, read });
        }
    }

    /// Reads the file of an agent; a fault where it is named when it can't be read.
    fn open(&self, doc: &Doc<'c>, name: &Text) -> Option<Doc<'c>> {
        let agent = name.get_ref();
        if !is_agent_name(agent) {
            let message = format!("`{agent}` can't be the name of an agent");
            doc.fault_help(name.span(), message, "it is the name of its folder, without `/ \\ . # ~`");
            return None;
        }
        let inside = Folder::agent_file(agent);
        let path = self.reader.folder.path(&inside);
        match read_text(&path) {
            Ok(text) => Some(doc.beside(&path.display().to_string(), text)),
            Err(error) => {
                let agents = self.reader.folder.agents();
                let message = format!("unknown agent `{agent}`: failed to read {inside}: {error}");
                doc.fault_help(name.span(), message, suggest(agent, agents.iter().map(String::as_str)));
                None
            }
        }
    }

    /// Faults agents that would run themselves.
    pub(super) fn check_cycles(&self) {
        let mut graph = Graph::new(self.found.keys().cloned().collect());
        for (name, found) in &self.found {
            for next in found.read.runs.iter().filter(|next| self.found.contains_key(next.get_ref())) {
                graph.add(name, next);
            }
        }
        graph.check_cycles(&|name| self.found.get(name).map(|found| &found.doc));
    }

    /// The files of the project, relative to the pipeline's folder: also of agents that would run if they were there.
    pub(super) fn sources(&self, folder: &Folder) -> Vec<String> {
        let absent = self.found.values().flat_map(|found| &found.read.absent);
        let agents = self.found.keys().chain(absent).map(|name| Folder::agent_file(name));
        agents.chain([super::FILE.to_owned()]).map(|file| folder.stored(&file)).collect()
    }

    /// The agents without faults.
    pub(super) fn into_agents(self) -> IndexMap<String, Agent> {
        self.found.into_iter().filter_map(|(name, found)| Some((name, found.read.agent?))).collect()
    }
}
