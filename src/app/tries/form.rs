//! The form that asks for tries: how often, and with which models.

use super::row::{TryRow, TryTone};
use crate::app::text::plural;
use crate::app::{Command, Confirmed, Key, cost_text, plan};
use crate::model::{self, RetryPlan, RunState, TrySettings};

/// How often a span is tried unless the user says otherwise.
const USUAL_TIMES: u32 = 5;
/// Rows of the screen beside the text.
const EDGE: usize = 4;
/// Lines beside the models.
const FIXED: usize = 8;

/// The tries to make, not confirmed.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct TriesForm {
    plan: RetryPlan,
    times: u32,
    /// A role or model by its name, the model that it stands for, and whether it is tried.
    models: Vec<(String, String, bool)>,
    /// 0: how often; then the models.
    cursor: usize,
}

impl TriesForm {
    /// Offers to try a plan with some of these models (a name, and the model that it stands for).
    pub(in crate::app) fn new(plan: RetryPlan, models: &[(String, String)]) -> Self {
        let models = models.iter().map(|(name, model)| (name.clone(), model.clone(), false)).collect();
        Self { plan, times: USUAL_TIMES, models, cursor: 0 }
    }

    /// The span that is tried.
    #[must_use]
    pub fn span(&self) -> model::SpanId {
        self.plan.span
    }

    /// The line under the cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The key that begins the tries: `y` where the run may do other things than it could.
    #[must_use]
    pub fn key(&self) -> Key {
        if self.plan.authority.is_empty() { Key::Enter } else { Key::Char('y') }
    }

    /// The tries that it asks for.
    #[must_use]
    pub fn settings(&self) -> TrySettings {
        let chosen = self.models.iter().filter(|(.., is_tried)| *is_tried);
        TrySettings { models: chosen.map(|(name, ..)| name.clone()).collect(), times: self.times }
    }

    /// Begins the tries, as they are shown.
    ///
    /// # Errors
    /// The form itself and why, when there would be too many.
    pub(in crate::app) fn confirm(self) -> Result<Confirmed, (Box<Self>, String)> {
        let settings = self.settings();
        if settings.total() > TrySettings::MOST {
            let why = format!("these are {} tries; at most {} at once", settings.total(), TrySettings::MOST);
            return Err((Box::new(self), why));
        }
        let command = model::Command::Try { plan: Box::new(self.plan), settings };
        Ok(Confirmed::new(vec![Command::Run(command)]))
    }

    /// Takes a key that changes it; false when it is another one.
    pub(in crate::app) fn key_pressed(&mut self, key: Key) -> bool {
        match key {
            Key::Char('j') | Key::Down => self.cursor = (self.cursor + 1).min(self.models.len()),
            Key::Char('k') | Key::Up => self.cursor = self.cursor.saturating_sub(1),
            Key::Char('+' | 'l') | Key::Right => self.times = (self.times + 1).min(TrySettings::MOST),
            Key::Char('-' | 'h') | Key::Left => self.times = self.times.saturating_sub(1).max(1),
            Key::Char(digit @ '1'..='9') => self.times = digit.to_digit(10).unwrap_or(1),
            Key::Char(' ') if self.cursor > 0 => {
                if let Some((.., is_tried)) = self.models.get_mut(self.cursor - 1) {
                    *is_tried ^= true;
                }
            }
            _ => return false,
        }
        true
    }

    /// Its lines, for a screen of that size.
    #[must_use]
    pub fn lines(&self, run: &RunState, (_, height): (u16, u16)) -> Vec<TryRow> {
        let mut lines = vec![TryRow::at_cursor(&format!("times   {}", self.times), TryTone::Plain, self.cursor == 0)];
        let room = usize::from(height).saturating_sub(EDGE + FIXED).max(1);
        let from = self.cursor.saturating_sub(room);
        for (at, (name, model, is_tried)) in self.models.iter().enumerate().skip(from).take(room) {
            let mark = if *is_tried { 'x' } else { ' ' };
            let stands_for = if name == model { String::new() } else { format!("  {model}") };
            lines.push(TryRow::at_cursor(
                &format!("[{mark}] {name}{stands_for}"),
                TryTone::Plain,
                self.cursor == at + 1,
            ));
        }
        let hidden = self.models.len().saturating_sub(from + room);
        if hidden > 0 {
            lines.push(TryRow::new(&format!("  … {hidden} more"), TryTone::Quiet));
        }
        lines.push(TryRow::new("", TryTone::Plain));
        lines.extend(self.summary(run));
        lines
    }

    fn summary(&self, run: &RunState) -> Vec<TryRow> {
        let settings = self.settings();
        let total = settings.total();
        let with = match &settings.models[..] {
            [] => "with the models as they are".to_owned(),
            [one] => format!("with {one}"),
            many => format!("{} with each of {}", plural(self.times as usize, "time"), plural(many.len(), "model")),
        };
        let times = |n: u64| n.saturating_mul(u64::from(total));
        let all = RetryPlan { tokens: times(self.plan.tokens), cost: times(self.plan.cost), ..RetryPlan::default() };
        let tries = if total == 1 { "1 try".to_owned() } else { format!("{total} tries") };
        let mut lines = vec![
            TryRow::new(&plan::line(run, &self.plan), TryTone::Plain),
            TryRow::new(&format!("{tries}, {with}: {}", cost_text(&all).replace("  ", " ")), TryTone::Plain),
            TryRow::new("each is undone before the next; then you keep one, or none", TryTone::Quiet),
        ];
        let left = self.plan.leaves.iter().take(1);
        lines.extend(left.map(|left| {
            TryRow::new(&format!("will be refused: {} can't be undone: {}", left.action, left.why), TryTone::Fail)
        }));
        let rights = self.plan.authority.iter().take(2);
        lines.extend(rights.map(|right| TryRow::new(&format!("rights: {right}"), TryTone::Fail)));
        lines
    }
}
