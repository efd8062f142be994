use std::path::Path;

use super::*;
use crate::app::keys::{UiAction, VERBS};

fn settings(text: &str) -> Settings {
    read(Path::new("config.toml"), text.to_owned()).unwrap().0
}

/// The faults: line, column, message and help.
fn faults(text: &str) -> Vec<String> {
    let faults = read(Path::new("config.toml"), text.to_owned()).unwrap_err();
    let line = |fault: &crate::pipeline::Fault| {
        let help = fault.help.as_deref().unwrap_or_default();
        format!("{}:{}: {} ({help})", fault.line, fault.column, fault.message)
    };
    faults.all().iter().map(line).collect()
}

/// The printed file with every setting switched on.
fn switched_on() -> String {
    let is_setting = |line: &str| {
        let name = line.strip_prefix("# ").and_then(|rest| rest.split_once(" = "));
        name.is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '_')))
    };
    let text = sample(Path::new("/x/config.toml"));
    let on = |line: &str| if is_setting(line) { line[2..].to_owned() } else { line.to_owned() };
    text.lines().map(on).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_printed_file_changes_nothing_and_has_every_setting() {
    assert_eq!(settings(&sample(Path::new("/x/config.toml"))), Settings::default());
    let (on, verbs) = read(Path::new("config.toml"), switched_on()).unwrap();
    assert_eq!((on.color, on.notify), (Some(Colour::Auto), Some(Notify::ALL)));
    assert!(on.data_dir.is_some());
    assert_eq!(on.keys.len(), UiAction::ALL.len());
    for (verb, usual) in verbs.iter().zip(VERBS) {
        assert_eq!((verb.action, verb.all_keys()), (usual.action, usual.all_keys()));
    }
    for choice in Colours::choices() {
        assert!(switched_on().contains(&format!("\n{} = \"#", choice.name)), "{}", choice.name);
    }
}

#[test]
fn every_setting_is_read() {
    let read = settings(
        "color = \"never\"\nbackground = \"light\"\ndata_dir = \"/runs\"\nnotify = []\n[theme]\ncall = \"#ff0000\"\n[keys]\ncancel = \"Ctrl-x\"\n",
    );
    let mut colours = Colours::default();
    colours.choose("call", 0x00ff_0000);
    assert_eq!((read.color, read.background), (Some(Colour::Never), Some(Ground::Light)));
    assert_eq!((read.data_dir.as_deref(), read.notify), (Some(Path::new("/runs")), Some(Notify::NONE)));
    assert_eq!((read.colours, read.keys.len()), (colours, 1));
    assert_eq!(settings("notify = [\"bell\"]\n").notify, Notify::parse("bell").ok());
    assert_eq!(settings("background = \"auto\"\n").background, None);
}

#[test]
fn faults_have_their_place_and_the_nearest_name() {
    for (text, wanted) in [
        ("colour = \"auto\"\n", "1:1: unknown key `colour` in the file (did you mean `color`?)"),
        ("\ncolor = \"nevr\"\n", "2:9: unknown choice of colour `nevr` (did you mean `never`?)"),
        ("background = 3\n", "1:14: `background` must be a string, this is of type integer ()"),
        ("background = \"drak\"\n", "1:14: unknown background `drak` (did you mean `dark`?)"),
        ("notify = [\"bel\"]\n", "1:11: unknown way to notify `bel` (did you mean `bell`?)"),
        ("[theme]\ncal = \"#ff0000\"\n", "2:1: unknown colour in [theme] `cal` (did you mean `call`?)"),
        ("[keys]\nretri = \"r\"\n", "2:1: unknown verb in [keys] `retri` (did you mean `retry`?)"),
        ("[keys]\nretry = []\n", "2:9: `retry` has no key (give it at least one)"),
    ] {
        assert_eq!(faults(text), [wanted], "{text}");
    }
    for (text, part) in [
        ("[theme]\ncall = \"red\"\n", "2:8: `red` is no colour"),
        ("[theme]\ncall = \"#+12345\"\n", "is no colour"),
        ("[keys]\nretry = [\"F1\"]\n", "2:10: `F1` is no key"),
        ("[keys]\nretry = \"X\"\n", "2:9: `X` is the key of `cancel`"),
        ("data_dir = \"runs\"\n", "1:12: `data_dir` must be the same folder"),
        ("color = \n", "1:"),
    ] {
        let found = faults(text);
        assert!(found.len() == 1 && found[0].contains(part), "{text}: {found:?}");
    }
}
