//! The settings file takes effect: keys and colours.

use crate::support::project::Project;
use crate::support::pty::Start;

#[test]
fn chosen_keys_work_and_are_shown_and_the_usual_ones_are_free() {
    let project = Project::writer();
    project.write("mine.toml", "[keys]\nquit = [\"Q\"]\nhelp = [\"M\", \"H h\"]\n");
    let mut pty = Start::tama(project.folder(), &["--config", "mine.toml", "."]).at(110, 30);
    pty.wait("PAUSED (before tool");
    pty.press("q", "q: no such key here, M shows all");
    pty.press("M", "j ↓         down");
    pty.send("\x1b");
    pty.wait_for("the closed help", |screen| !screen.contents().contains("down     "));
    pty.press("Q", "quitting cancels it");
    pty.send("\r");
    assert_eq!(pty.end(), 130);
    pty.assert_restored();
}

#[test]
fn chosen_colours_are_drawn() {
    let project = Project::writer();
    project.write("mine.toml", "background = \"dark\"\n[theme]\npaused = \"#123456\"\n");
    let mut pty =
        Start::tama(project.folder(), &["--config", "mine.toml", "."]).env("COLORTERM", "truecolor").at(110, 30);
    pty.wait("PAUSED (before tool");
    let wanted = vt100::Color::Rgb(0x12, 0x34, 0x56);
    pty.wait_for("the chosen colour", |screen| {
        let (rows, columns) = screen.size();
        let mut cells = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        cells.any(|(row, column)| screen.cell(row, column).is_some_and(|cell| cell.fgcolor() == wanted))
    });
    pty.send("\x03");
    pty.send("\x03");
    pty.end();
}

#[test]
fn a_fault_in_the_settings_is_told_before_the_screen_opens() {
    let project = Project::writer();
    project.write("mine.toml", "[theme]\npausd = \"#123456\"\n");
    let mut pty = Start::tama(project.folder(), &["--config", "mine.toml", "."]).at(110, 30);
    pty.wait("did you mean `paused`?");
    assert_eq!(pty.end(), 2);
}
