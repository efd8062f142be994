//! The parts of an agent, those of its steps and skills among them.

use super::patterns::{self, PromptPlace};
use super::spec::{Agent, Model, Pattern, Skill, Step};

impl Agent {
    /// The step whose prompt is the agent's own, and its name; `None`: no pattern of steps has one, or not this.
    pub(super) fn own_step(&self) -> Option<(&String, &Step)> {
        let row = patterns::find(self.pattern.name())?;
        let own = row.steps.iter().find(|step| step.prompt == PromptPlace::Agent)?;
        self.steps.get_key_value(own.name)
    }

    /// Says why its steps do something else when it is written into a pipeline.toml and read again; `None`: they don't.
    #[must_use]
    pub fn unwritable_steps(&self) -> Option<String> {
        let (own, step) = self.own_step()?;
        let others = self.steps.iter().filter(|(name, step)| *name != own && step.react);
        // The second step of this pattern has no skills of its agent.
        let others: Vec<&str> =
            others.map(|(name, _)| name.as_str()).filter(|_| self.pattern != Pattern::Human).collect();
        let is_shared = !step.skills.is_empty() && !others.is_empty();
        is_shared.then(|| {
            format!("skills of the step {own}: in a pipeline.toml its step {} has them too", others.join(", "))
        })
    }

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
