//! The loop of the run list: keys and the screen, no run.

use super::error::TermError;
use super::guard;
use super::input::{Input, is_hung_up};
use super::keys;
use super::screen::Screen;
use super::signals::{SignalEvent, stop_here};
use crate::app::{ListCommand, Msg, RunList, RunRow};
use crate::model::Millis;
use crate::ui::{self, ColorDepth, Theme};

/// The exit code for a terminal that was closed, as of SIGHUP.
const HANGUP: i32 = 129;

/// The choice of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked {
    /// Open the run with this id.
    Open(String),
    /// Open the run with this id, and show how it would continue.
    Resume(String),
    /// Start a new run of the pipeline here.
    New,
    /// Leave with this exit code.
    Exit(i32),
}

/// Shows the list until a person chooses; `load` reads the runs and the time anew.
///
/// # Errors
/// When there is no terminal, or it fails.
pub async fn pick_run(
    list: RunList,
    load: impl Fn() -> (Vec<RunRow>, Millis),
    theme: Theme,
) -> Result<Picked, TermError> {
    crossterm::style::force_color_output(theme.depth() != ColorDepth::None);
    match drive(list, load, theme).await {
        // A closed terminal fails in many ways, often before the system says that it was closed.
        Err(_) if is_hung_up() => Ok(Picked::Exit(HANGUP)),
        picked => picked,
    }
}

async fn drive(mut list: RunList, load: impl Fn() -> (Vec<RunRow>, Millis), theme: Theme) -> Result<Picked, TermError> {
    let mut screen = Screen::open()?;
    resize(&mut list, &screen)?;
    loop {
        if !guard::is_held() {
            return Err(TermError::Panicked);
        }
        screen.draw(|frame| ui::draw_run_list(frame, &list, theme))?;
        let command = tokio::select! {
            input = screen.inputs.recv() => match input {
                Some(Input::Event(event)) => keys::message(event).and_then(|msg| list.update(msg)),
                Some(Input::Closed) | None => return Ok(Picked::Exit(HANGUP)),
            },
            signal = screen.signals.next() => match signal {
                SignalEvent::End(code) => return Ok(Picked::Exit(code)),
                SignalEvent::Stop => Some(ListCommand::Suspend),
            },
        };
        match command {
            None => {}
            Some(ListCommand::Quit) => return Ok(Picked::Exit(0)),
            Some(ListCommand::Reload) => {
                let (rows, now) = load();
                list.fill(rows, now);
            }
            Some(ListCommand::Suspend) => {
                screen.release();
                stop_here();
                screen.reclaim()?;
                resize(&mut list, &screen)?;
            }
            // Keys typed from now on are for the next screen.
            Some(ListCommand::Open(run)) => {
                screen.release();
                return Ok(Picked::Open(run));
            }
            Some(ListCommand::Resume(run)) => {
                screen.release();
                return Ok(Picked::Resume(run));
            }
            Some(ListCommand::New) => {
                screen.release();
                return Ok(Picked::New);
            }
        }
    }
}

fn resize(list: &mut RunList, screen: &Screen) -> Result<(), TermError> {
    let (width, height) = screen.size()?;
    list.update(Msg::Resize { width, height });
    Ok(())
}
