//! The popup of a fork: what runs anew, and the choice about the workspace.

use super::ask::Buttons;
use super::plan::reuse_text;
use super::text::plural;
use super::{Ask, Choice, Command, Item, Key, Menu, Popup, safe};
use crate::model::{self, ForkHow, ForkOutlook, RunState};

const FORK: Buttons = Buttons { confirm: "Fork", close: "Cancel" };

/// Paths that are named.
const NAMED: usize = 8;

/// Shows the plan of a fork: it wants Enter, or a choice where the workspace is not as it was there.
pub(super) fn popup(run: &RunState, outlook: &ForkOutlook) -> Popup {
    let title = format!("Fork at {}", safe::line(&run.trace.path(outlook.span)));
    let command = |how| model::Command::Fork { span: outlook.span, how };
    let mut lines = vec![
        "A new run continues from here; this one stays as it is.".to_owned(),
        format!("rerun  {}", safe::line(&outlook.plan.rerun_names.join(", "))),
        format!("reuse  {}", reuse_text(&outlook.plan)),
    ];
    lines.extend(outlook.plan.authority.iter().map(|right| format!("may now  {}", safe::line(right))));
    lines.extend(outlook.notes.iter().map(|note| safe::line(note).into_owned()));
    if outlook.moved.is_empty() {
        return Popup::Ask(Ask::enter(title, FORK, lines, vec![Command::Run(command(ForkHow::AsItWas))]));
    }
    let count = plural(outlook.moved.len(), "path");
    lines.push(format!("The workspace is not as it was there: {count}"));
    lines.extend(outlook.moved.iter().take(NAMED).map(|moved| format!("  {}", safe::line(moved))));
    if outlook.moved.len() > NAMED {
        lines.push(format!("  and {} more", outlook.moved.len() - NAMED));
    }
    let items = vec![
        Item::new(
            Key::Char('r'),
            "restore it to that moment first (can be undone in the fork)",
            Choice::Send(command(ForkHow::Restore)),
        ),
        Item::new(
            Key::Char('c'),
            "keep it as it is, and continue in a copy that is restored",
            Choice::Send(command(ForkHow::Copy)),
        ),
        Item::new(Key::Char('a'), "continue in it as it is", Choice::Send(command(ForkHow::AsItIs))),
    ];
    Popup::Menu(Menu::new(title, lines, items))
}
