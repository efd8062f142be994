//! Plays a story in a real terminal of the size that README names.

use super::parse::{Part, Story, stories};
use crate::support::project::Project;
use crate::support::pty::{Pty, Start};

/// The sentence that is typed where a step asks for one.
pub const SENTENCE: &str = "Mind the readers: facts matter. ";
/// The line that is added to a file where a step asks for one.
pub const LINE: &str = "Mara is back on Monday.";

/// A look at the files, made when this text, or one that begins so, is first seen.
pub type Check<'a> = (&'a str, &'a dyn Fn());

/// A story with a copy of its demo.
pub struct Player {
    story: Story,
    project: Project,
}

impl Player {
    /// The story of the demo in a folder of the repository.
    pub fn new(readme: &str, folder: &str) -> Result<Self, String> {
        let story = stories(readme)?.into_iter().find(|story| story.folder == folder);
        let story = story.ok_or(format!("no story starts {folder}/pipeline.toml"))?;
        Ok(Self { story, project: Project::quick(folder, "") })
    }

    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Does every step; an error names the one that differs. Every check must come up.
    pub fn play(&self, checks: &[Check]) -> Result<(), String> {
        let mut pty = Start::tama(self.project.folder(), &["."]).at(140, 42);
        let mut checks: Vec<&Check> = checks.iter().collect();
        for step in &self.story.steps {
            for part in &step.parts {
                self.part(&mut pty, part).map_err(|why| format!("step {}: {why}", step.number))?;
                let Part::Shows(text) = part else { continue };
                if let Some(at) = checks.iter().position(|(when, _)| text.starts_with(when)) {
                    checks.remove(at).1();
                }
            }
        }
        if let Some((text, _)) = checks.first() {
            return Err(format!("no step shows {text:?}"));
        }
        match pty.end() {
            0 => pty.assert_restored(),
            code => return Err(format!("it ends with {code}")),
        }
        Ok(())
    }

    fn part(&self, pty: &mut Pty, part: &Part) -> Result<(), String> {
        match part {
            Part::Key(key) => pty.tap(key),
            Part::Shows(text) => {
                return pty.try_wait_for(&format!("{text:?}"), |screen| screen.contents().contains(text));
            }
            Part::Sentence => pty.send(SENTENCE),
            Part::Line(path) => {
                let own = path.strip_prefix(&format!("{}/", self.story.folder));
                let own = own.ok_or(format!("{path} is not a file of {}", self.story.folder))?;
                let text = self.project.read(own).unwrap_or_default();
                self.project.write(own, &format!("{text}{LINE}\n"));
            }
        }
        Ok(())
    }
}
