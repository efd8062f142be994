//! The result of a headless run: as text, as JSON, and as an exit code.

use serde_json::{Value as Json, json};

use super::changes::changes_json;
use super::exit::Exit;
use super::held_list::held_json;
use super::progress::CommandEnd;
use super::summary::Summary;
use super::text::{eprint_line, print, safe, shorten};
use crate::model::{RunState, RunStatus, ShellMode, SpanId};
use crate::runtime::{Denial, SessionEnd, Unanswered};

/// Characters of an answer that a warning shows.
const ANSWER: usize = 40;

/// The result of a headless run.
pub(super) struct RunResult {
    /// The run's id.
    pub run: String,
    /// Its status.
    pub status: RunStatus,
    /// The output, or the error.
    pub text: Option<String>,
    /// The end of the session.
    pub finish: SessionEnd,
    /// The confinement of commands.
    pub shell: Option<ShellMode>,
    /// The commands that ended.
    pub commands: Vec<CommandEnd>,
    /// True when a model call failed, even if the run went on without its answer.
    pub failed_model_call: bool,
}

impl RunResult {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self.status {
            RunStatus::Cancelled => Exit::Cancelled,
            _ if self.finish.diverged => Exit::Diverged,
            _ if self.finish.limited => Exit::Limit,
            _ if !self.finish.denials.is_empty() || !self.finish.unanswered.is_empty() => Exit::Denied,
            RunStatus::Ok if !self.failed_model_call => Exit::Done,
            RunStatus::Ok | RunStatus::Failed | RunStatus::Running | RunStatus::Interrupted => Exit::Failed,
        }
    }

    /// Prints the output on stdout, or the error on stderr, and the denials.
    pub fn print(&self) -> color_eyre::Result<()> {
        let text = self.text.as_deref().unwrap_or_default();
        if self.status == RunStatus::Ok {
            print(&safe(text))?;
            print("\n")?;
        } else {
            let how = match self.status {
                RunStatus::Ok | RunStatus::Failed => "failed",
                RunStatus::Running => "did not end",
                RunStatus::Cancelled => "was cancelled",
                RunStatus::Interrupted => "was interrupted",
            };
            let why = match text.strip_prefix("failed ") {
                Some(what) if how == "failed" => format!(" {what}"),
                _ if text.is_empty() => String::new(),
                _ => format!(": {text}"),
            };
            eprint_line(&format!("error: the run {how}{why}"));
        }
        Ok(())
    }

    /// Prints each denial once on stderr: the tool, the cause, and the remedy; and the questions without an answer.
    pub fn print_denials(&self) {
        for line in denial_lines(&self.finish.denials) {
            eprint_line(&line);
        }
        for asked in &self.finish.unanswered {
            eprint_line(&format!("needs an answer: {}. {}", asked.path, capital(&asked.hint())));
        }
        for answer in &self.finish.unused_answers {
            eprint_line(&format!("warning: nobody asked for the answer \"{}\"", shorten(answer, ANSWER)));
        }
    }

    /// Formats the result as JSON.
    pub fn to_json(&self, state: &RunState) -> Json {
        let counts = state.trace.get(SpanId::RUN).map(|run| run.counts).unwrap_or_default();
        let (output, error) = if self.status == RunStatus::Ok { (&self.text, &None) } else { (&None, &self.text) };
        json!({
            "run": self.run,
            "status": self.status,
            "exit": self.exit().code(),
            "output": output,
            "error": error,
            "denied": !self.finish.denials.is_empty(),
            "denials": self.finish.denials.iter().map(denial_json).collect::<Vec<_>>(),
            "needs_answer": self.finish.unanswered.iter().map(unanswered_json).collect::<Vec<_>>(),
            "limited": self.finish.limited,
            "diverged": self.finish.diverged,
            "spans": state.trace.len().saturating_sub(1),
            "tokens": counts.usage,
            "cost_microusd": counts.cost,
            "changes": changes_json(state),
            "summary": Summary::of(state).to_json(),
            "held": held_json(state),
            "commands": self.commands.iter().map(CommandEnd::to_json).collect::<Vec<_>>(),
            "undoable": counts.undoable,
            "permanent": counts.permanent,
            "shell": self.shell,
        })
    }
}

fn denial_json(denial: &Denial) -> Json {
    let Denial { span, path, tool, why, hint } = denial;
    json!({ "tool": tool, "path": path, "span": span.to_string(), "why": why, "hint": hint })
}

fn unanswered_json(asked: &Unanswered) -> Json {
    json!({ "agent": asked.agent, "path": asked.path, "question": asked.question, "hint": asked.hint() })
}

/// A line for each tool and cause; many calls can be denied for one reason.
fn denial_lines(denials: &[Denial]) -> Vec<String> {
    let mut groups: Vec<(&Denial, usize)> = Vec::new();
    for denial in denials {
        match groups.iter_mut().find(|(first, _)| (&first.tool, &first.why) == (&denial.tool, &denial.why)) {
            Some((_, count)) => *count += 1,
            None => groups.push((denial, 1)),
        }
    }
    let line = |(denial, count): (&Denial, usize)| {
        let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        format!("denied: {} at {}{more}: {}. {}", denial.tool, denial.path, denial.why, capital(&denial.hint))
    };
    groups.into_iter().map(line).collect()
}

/// A sentence with its first letter in upper case.
fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(path: &str, why: &str) -> Denial {
        let (why, hint) = (why.to_owned(), "allow it with --allow tama_bash".to_owned());
        Denial { span: SpanId(3), path: path.into(), tool: "tama_bash".into(), why, hint }
    }

    fn result(status: RunStatus, denials: Vec<Denial>, limited: bool, failed_model_call: bool) -> RunResult {
        RunResult {
            run: "01k7qd".into(),
            status,
            text: None,
            finish: SessionEnd { denials, limited, ..SessionEnd::default() },
            shell: None,
            commands: Vec::new(),
            failed_model_call,
        }
    }

    #[test]
    fn the_exit_code_names_the_first_thing_to_look_at() {
        let denied = || vec![denial("main/tama_bash", "no")];
        let exit = |status, denials, limited, failed| result(status, denials, limited, failed).exit();
        assert_eq!(exit(RunStatus::Ok, vec![], false, false), Exit::Done);
        assert_eq!(exit(RunStatus::Ok, vec![], false, true), Exit::Failed);
        assert_eq!(exit(RunStatus::Failed, vec![], false, true), Exit::Failed);
        assert_eq!(exit(RunStatus::Ok, denied(), false, true), Exit::Denied);
        assert_eq!(exit(RunStatus::Failed, denied(), true, true), Exit::Limit);
        assert_eq!(exit(RunStatus::Cancelled, denied(), true, true), Exit::Cancelled);
        let asked = Unanswered { path: "a/human".into(), agent: "a".into(), question: "Which?".into() };
        let mut failed = result(RunStatus::Failed, vec![], false, false);
        failed.finish.unanswered.push(asked);
        assert_eq!(failed.exit(), Exit::Denied);
    }

    #[test]
    fn many_denials_for_one_reason_are_one_line() {
        let lines = denial_lines(&[denial("a/tama_bash", "no"), denial("b/tama_bash", "no"), denial("c", "never")]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], "denied: tama_bash at a/tama_bash and 1 more: no. Allow it with --allow tama_bash");
    }
}
