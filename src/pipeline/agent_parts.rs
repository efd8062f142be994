//! The parts of an agent, those of its steps and skills among them.

use super::spec::{Agent, Model, Skill};

impl Agent {
    /// Names of the tools that it may call, those of its steps and those that its skills unlock too.
    pub fn every_tool(&self) -> impl Iterator<Item = &String> {
        let steps = self.steps.values().flat_map(|step| &step.tools);
        self.tools.iter().chain(steps).chain(self.every_skill().flat_map(|skill| &skill.tools))
    }

    /// Its skills and those of its steps.
    pub fn every_skill(&self) -> impl Iterator<Item = &Skill> {
        self.skills.iter().chain(self.steps.values().flat_map(|step| &step.skills))
    }

    /// Its model and those of its steps.
    pub fn every_model(&self) -> impl Iterator<Item = &Model> {
        self.model.iter().chain(self.steps.values().filter_map(|step| step.model.as_ref()))
    }
}
