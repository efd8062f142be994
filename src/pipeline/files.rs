//! The files that a pipeline is made of.

use std::path::{Path, PathBuf};

use super::spec::Pipeline;
use crate::model::McpPlace;

impl Pipeline {
    /// Lists the files that this pipeline was loaded from or runs by: its own, those of prompts, skills and scripts, and
    /// the programs of its tools that are named by their path. `file`: its own.
    #[must_use]
    pub fn files(&self, file: &Path) -> Vec<PathBuf> {
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut files = vec![file.to_owned()];
        for agent in self.agents.values() {
            let steps = agent.steps.values().map(|step| &step.prompt);
            let prompts = agent.prompt.iter().chain(steps).filter_map(|prompt| prompt.file.as_ref());
            files.extend(prompts.map(|prompt| folder.join(prompt)));
            files.extend(agent.every_skill().map(|skill| match &skill.file {
                Some(file) => folder.join(file),
                None => folder.join("skills").join(&skill.name).join("SKILL.md"),
            }));
            files.extend(
                agent.every_model().filter(|model| model.name.provider == "script").map(|m| folder.join(&m.name.model)),
            );
        }
        for tool in self.tools.values() {
            let undo = tool.undo.iter().chain(&tool.before).filter_map(|command| command.first());
            let programs = tool.command.first().into_iter().chain(undo);
            // Others are looked up by the system.
            files.extend(programs.filter(|program| program.contains('/')).map(|program| folder.join(program)));
        }
        let verify = self.verify.iter().filter_map(|verify| verify.command.first());
        files.extend(verify.filter(|program| program.contains('/')).map(|program| folder.join(program)));
        let servers = self.mcp.values().filter_map(|server| match &server.place {
            McpPlace::Stdio { command, .. } => command.first(),
            McpPlace::Http { .. } => None,
        });
        files.extend(servers.filter(|program| program.contains('/')).map(|program| folder.join(program)));
        files.extend(self.sources.iter().map(|source| folder.join(source)));
        files.sort();
        files.dedup();
        files
    }
}
