//! The popup of a fork: what runs anew, and the choice about the workspace.

use super::plan::{grouped_names, reuse_text};
use super::text::plural;
use super::{Choice, Item, Key, Menu, Popup, Then, edit_lines, safe};
use crate::model::{self, EditPart, ForkHow, ForkOutlook, RetryEdits, RunState};

/// Paths that are named.
const NAMED: usize = 8;

/// Why Enter does not choose.
const BY_LETTER: &str = "the fork may do other things than this run could (may now): choose by the letter";

/// Shows the plan of a fork, with the choice about the workspace where that is not as it was there.
pub(super) fn popup(run: &RunState, outlook: &ForkOutlook, edits: &RetryEdits) -> Popup {
    let span = outlook.span;
    let title = format!("Fork at {}", safe::line(&run.trace.path(span)));
    let mut lines = vec![
        "A new run continues from the start of this span; this run stays as it is.".to_owned(),
        format!("rerun  {}", safe::line(&grouped_names(&outlook.plan.rerun_names, usize::MAX))),
        format!("reuse  {}", reuse_text(&outlook.plan)),
    ];
    lines.extend(edit_lines(edits).into_iter().map(|edit| format!("edited {edit}")));
    lines.extend(outlook.plan.authority.iter().map(|right| format!("may now  {}", safe::line(right))));
    lines.extend(outlook.notes.iter().map(|note| safe::line(note).into_owned()));
    let send = |how| Choice::Send(model::Command::Fork { span, how, edits: Box::new(edits.clone()) });
    let mut items = if outlook.moved.is_empty() {
        vec![Item::new(Key::Char('f'), "fork: it stops right before the span", send(ForkHow::AsItWas))]
    } else {
        let count = plural(outlook.moved.len(), "path");
        lines.push(format!("The workspace is not as it was there: {count}"));
        lines.extend(outlook.moved.iter().take(NAMED).map(|moved| format!("  {}", safe::line(moved))));
        if outlook.moved.len() > NAMED {
            lines.push(format!("  and {} more", outlook.moved.len() - NAMED));
        }
        vec![
            Item::new(Key::Char('r'), "fork, and put it back to that moment first", send(ForkHow::Restore)),
            Item::new(Key::Char('c'), "fork into a copy of it that is put back", send(ForkHow::Copy)),
            Item::new(Key::Char('a'), "fork in it as it is", send(ForkHow::AsItIs)),
        ]
    };
    let kind = run.trace.get(span).map(|found| found.kind);
    if kind.is_some_and(|kind| !EditPart::of(kind).is_empty()) {
        items.push(Item::new(Key::Char('e'), "edit first", Choice::ByHand { span, then: Then::Fork }));
    }
    let by_letter = (!outlook.plan.authority.is_empty()).then_some(BY_LETTER);
    Popup::Menu(Menu { by_letter, ..Menu::new(title, lines, items) })
}
