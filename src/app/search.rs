//! Searching: one model for every panel and every popup.
//!
//! `/` begins a text that takes all input until Enter keeps it or Esc ends it, so no letter of it is ever a key of the
//! panel. Matches are marked, and `n` and `N` go to the next and to the last one. In Spans the text is a filter: it
//! leaves the matching spans and those above them.

use super::text::plural;
use super::{Key, Pane, Popup, State, help, safe};

/// The list that a search looks through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A panel.
    Pane(Pane),
    /// The popup over the panels.
    Popup,
}

/// A text being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The list it looks through.
    pub place: Place,
    /// The text typed so far.
    pub text: String,
    /// The line under the cursor when it began: there it looks from, and there it goes back to.
    origin: usize,
}

/// The texts looked for, typed or kept; that of Spans is the tree's filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finds {
    panels: [String; Pane::COUNT],
    popup: String,
    /// The line of the popup that was found last.
    hit: usize,
}

impl Finds {
    /// The text looked for in a place; empty: none.
    fn of(&self, place: Place) -> &str {
        match place {
            Place::Pane(pane) => &self.panels[pane as usize],
            Place::Popup => &self.popup,
        }
    }

    fn set(&mut self, place: Place, text: &str) {
        let find = match place {
            Place::Pane(pane) => &mut self.panels[pane as usize],
            Place::Popup => &mut self.popup,
        };
        text.clone_into(find);
    }
}

impl State {
    /// The text looked for in a place, to be marked there; empty: none.
    #[must_use]
    pub fn find(&self, place: Place) -> &str {
        if place == Place::Pane(Pane::Tree) { self.tree.filter() } else { self.finds.of(place) }
    }
}

/// The search as the footer shows it while it is typed.
#[must_use]
pub(super) fn prompt(search: &Search) -> String {
    let what = if search.place == Place::Pane(Pane::Tree) { "filter" } else { "find" };
    format!("{what}: {}", search.text)
}

/// Says that nothing matches the text in a place.
pub(super) fn nothing_found(state: &State, place: Place) -> Option<String> {
    let find = state.find(place);
    if find.is_empty() {
        return None;
    }
    let find = safe::line(find);
    if place == Place::Pane(Pane::Tree) {
        let none = state.tree.is_empty();
        return none.then(|| format!("no span matches \u{201c}{find}\u{201d}: Esc shows all"));
    }
    matches(state, place).is_empty().then(|| format!("\u{201c}{find}\u{201d} is not in {}", name(state, place)))
}

fn name(state: &State, place: Place) -> &'static str {
    match (place, &state.popup) {
        (Place::Pane(pane), _) => pane.row().lines,
        (Place::Popup, Some(Popup::Help(_))) => "the help",
        (Place::Popup, Some(Popup::Plan(_))) => "the plan",
        (Place::Popup, _) => "these lines",
    }
}

/// Begins a search with an empty text: the last one is dropped.
pub(super) fn start(state: &mut State, place: Place) {
    look_for(state, place, "");
    if place == Place::Popup {
        state.finds.hit = popup_top(state);
    }
    let origin = cursor(state, place);
    state.search = Some(Search { place, text: String::new(), origin });
}

/// A key while a search is typed.
pub(super) fn key(state: &mut State, key: Key) {
    let Some(mut search) = state.search.take() else { return };
    match key {
        Key::Enter => return keep(state, &search),
        Key::Esc => {
            search.text.clear();
            return show(state, &search);
        }
        Key::Char(letter) => search.text.push(letter),
        Key::Backspace => drop(search.text.pop()),
        Key::Ctrl('u') => search.text.clear(),
        key => state.refuse(format!("{key}: not in a search; Enter keeps it, Esc ends it")),
    }
    show(state, &search);
    state.search = Some(search);
}

/// Pasted text is typed.
pub(super) fn paste(state: &mut State, text: &str) {
    let Some(mut search) = state.search.take() else { return };
    search.text.push_str(text.lines().next().unwrap_or_default());
    show(state, &search);
    state.search = Some(search);
}

/// The next (or the last) match of the text that was kept.
pub(super) fn next(state: &mut State, place: Place, forward: bool) {
    if place == Place::Pane(Pane::Tree) {
        return next_span(state, forward);
    }
    let found = matches(state, place);
    let at = cursor(state, place);
    let next = if forward {
        found.iter().position(|line| *line > at).or_else(|| (!found.is_empty()).then_some(0))
    } else {
        found.iter().rposition(|line| *line < at).or_else(|| found.len().checked_sub(1))
    };
    if let Some(nth) = next {
        go(state, place, found[nth]);
        state.say(format!("match {} of {}", nth + 1, found.len()));
    } else {
        let none = nothing_found(state, place).unwrap_or_else(|| "nothing to look for: / first".into());
        state.refuse(none);
    }
}

/// Drops what is looked for in a panel; returns false when there is nothing.
pub(super) fn forget(state: &mut State, pane: Pane) -> bool {
    let place = Place::Pane(pane);
    let any = !state.find(place).is_empty();
    if any {
        look_for(state, place, "");
    }
    any
}

/// A search in a popup ends with the popup.
pub(super) fn follow_popup(state: &mut State) {
    if state.popup.is_none() {
        state.finds.popup.clear();
        state.search.take_if(|search| search.place == Place::Popup);
    }
}

/// Enter: the text stays marked, and `n` goes on from here.
fn keep(state: &mut State, search: &Search) {
    let place = search.place;
    match nothing_found(state, place) {
        // The filter of an empty tree stands in the footer until Esc.
        Some(none) if place != Place::Pane(Pane::Tree) => {
            look_for(state, place, "");
            state.refuse(none);
        }
        _ if search.text.is_empty() => {}
        _ if place == Place::Pane(Pane::Tree) => {
            let on_match = state.tree.is_match(state.selected(), &state.run);
            if !on_match && !state.tree.is_empty() {
                next_span(state, true);
            }
        }
        _ => {
            let found = matches(state, place).len();
            state.say(format!("{}: n next, N last, Esc ends the search", plural(found, "line")));
        }
    }
}

/// Brings what is shown up to the text as it is typed.
fn show(state: &mut State, search: &Search) {
    let place = search.place;
    look_for(state, place, &search.text);
    if place == Place::Pane(Pane::Tree) {
        return;
    }
    let found = matches(state, place);
    let first = found.iter().find(|line| **line >= search.origin).or(found.first());
    go(state, place, first.copied().unwrap_or(search.origin));
}

fn look_for(state: &mut State, place: Place, text: &str) {
    if place != Place::Pane(Pane::Tree) {
        state.finds.set(place, text);
    } else if state.tree.filter() != text.to_lowercase() {
        state.tree.set_filter(text, &state.run);
    }
}

fn next_span(state: &mut State, forward: bool) {
    let (tree, run) = (&state.tree, &state.run);
    match tree.find_from(state.selected(), forward, |span| tree.is_match(span, run)) {
        Some(span) => state.go_to(span),
        None => state.refuse("no span matches"),
    }
}

/// The numbers of the lines that have the text, in any case.
fn matches(state: &State, place: Place) -> Vec<usize> {
    let find = state.find(place).to_lowercase();
    if find.is_empty() {
        return Vec::new();
    }
    let has = |text: &str| text.to_lowercase().contains(&find);
    match place {
        Place::Pane(pane) => {
            let (model, run) = (state.model(pane), &state.run);
            (0..model.line_count()).filter(|line| has(&model.line_text(*line, run))).collect()
        }
        Place::Popup => (0..).zip(popup_lines(state)).filter(|(_, line)| has(line)).map(|(at, _)| at).collect(),
    }
}

/// The line under the cursor of a list.
fn cursor(state: &State, place: Place) -> usize {
    match (place, &state.popup) {
        (Place::Pane(pane), _) => state.model(pane).cursor_line(),
        (Place::Popup, Some(Popup::Menu(menu))) => menu.cursor,
        (Place::Popup, Some(Popup::Breakpoints(list))) => list.cursor,
        (Place::Popup, _) => state.finds.hit,
    }
}

/// Puts the cursor of a list on a line, or the line into view where there is no cursor.
fn go(state: &mut State, place: Place, at: usize) {
    let (size, pane) = (state.size, state.focus);
    match place {
        Place::Pane(pane) => {
            let (model, scene) = state.panel(pane);
            model.go_to_line(at, scene.height);
        }
        Place::Popup => {
            state.finds.hit = at;
            match &mut state.popup {
                Some(Popup::Help(help)) => help.top = help::top_for(size, pane, at),
                Some(Popup::Plan(plan)) => plan.reading_mut().show(at),
                Some(Popup::Ask(ask)) => ask.reading_mut().show(at),
                Some(Popup::Entry(entry)) => entry.top = entry.top_for(at, size),
                Some(Popup::Diff(view)) => view.show(at),
                Some(Popup::Menu(menu)) => menu.cursor = at.min(menu.items.len().saturating_sub(1)),
                Some(Popup::Breakpoints(list)) => list.cursor = at,
                _ => {}
            }
        }
    }
}

fn popup_top(state: &State) -> usize {
    match &state.popup {
        Some(Popup::Help(help)) => help.top,
        Some(Popup::Plan(plan)) => plan.reading().above(),
        Some(Popup::Ask(ask)) => ask.reading().above(),
        Some(Popup::Entry(entry)) => entry.top,
        Some(Popup::Diff(view)) => view.top,
        _ => 0,
    }
}

/// The lines of the popup as text; none of a popup that has nothing to search.
fn popup_lines(state: &State) -> Vec<String> {
    match &state.popup {
        Some(Popup::Help(_)) => help::texts(state.size, state.focus),
        Some(Popup::Plan(plan)) => plan.texts(),
        Some(Popup::Entry(entry)) => entry.texts(state.size),
        Some(Popup::Diff(view)) => view.texts().map(str::to_owned).collect(),
        Some(Popup::Ask(ask)) => ask.fitted().to_vec(),
        Some(Popup::Menu(menu)) => menu.items.iter().map(|item| item.label.clone()).collect(),
        Some(Popup::Breakpoints(_)) => state.breakpoints.iter().map(crate::model::Breakpoint::label).collect(),
        _ => Vec::new(),
    }
}
