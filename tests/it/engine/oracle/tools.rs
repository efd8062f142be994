//! Random tool calls.

use serde_json::{Value as Json, json};

use super::case::{NEW, Place, RAN};
use super::rng::Rng;

/// The tools that every tool loop has.
pub const TOOLS: [&str; 10] = [
    "tama_mem_set",
    "tama_mem_append",
    "tama_mem_get",
    "tama_mem_delete",
    "tama_files_write",
    "tama_files_edit",
    "tama_files_read",
    "tama_files_delete",
    "tama_files_list",
    "tama_bash",
];

/// Makes calls for one case.
pub struct Calls {
    pub shares: bool,
    /// Commands made so far; each has a number of its own.
    pub commands: usize,
    /// Everything that the calls made so far write.
    pub written: Vec<Written>,
}

/// A key that a call writes.
#[derive(Clone)]
pub struct Written {
    /// The beginning that all keys of its place have.
    at: String,
    name: String,
    is_memory: bool,
}

impl Calls {
    /// Makes a call at a place. `new`: all that it writes has the text of changed outcomes.
    pub fn make(&mut self, rng: &mut Rng, place: &Place, tag: &str, new: bool) -> (String, Json) {
        let text = text(tag, new);
        let readable: Vec<String> = place.own.iter().chain(&place.read).cloned().collect();
        // Commands don't use shared keys: nobody knows what they read.
        if self.shares && rng.chance(if place.is_branch { 35 } else { 80 }) {
            return shared_call(rng, &text);
        }
        if !place.beside.is_empty() && rng.chance(75) {
            return if rng.chance(60) { self.read_beside(rng, place) } else { call_to_be_read(rng, place, &text) };
        }
        if rng.chance(20)
            && let Some(call) = self.read_written(rng, &readable)
        {
            return call;
        }
        let call = self.own_call(rng, place, &readable, &text);
        self.add_written(place, &call);
        call
    }

    /// A call at a place's own keys, or one that reads any of those that it may read.
    fn own_call(&mut self, rng: &mut Rng, place: &Place, readable: &[String], text: &str) -> (String, Json) {
        let (own, seen) = (rng.pick(&place.own).clone(), rng.pick(readable).clone());
        let (name, args) = match rng.below(27) {
            0..=3 => ("tama_mem_set", json!({ "key": key(rng, &own), "value": text })),
            4..=6 => ("tama_mem_append", json!({ "key": format!("{own}.l"), "value": text })),
            7..=9 => ("tama_mem_get", json!({ "key": key(rng, &seen) })),
            10 => ("tama_mem_delete", json!({ "key": key(rng, &own) })),
            11..=14 => ("tama_files_write", json!({ "path": path(rng, &own), "content": text })),
            15..=16 => {
                let (old, all) = (*rng.pick(&["v:", "v:", ";", "none"]), rng.chance(50));
                ("tama_files_edit", json!({ "path": path(rng, &own), "old": old, "new": text, "all": all }))
            }
            17..=18 => ("tama_files_read", json!({ "path": path(rng, &seen) })),
            19 => ("tama_files_delete", json!({ "path": path(rng, &own) })),
            20 => {
                let folder = rng.pick(&[seen.clone(), format!("{seen}/d")]).clone();
                ("tama_files_list", json!({ "path": folder }))
            }
            // A mistake of the model.
            21 => ("tama_mem_ste", json!({ "key": "k", "value": text })),
            _ => ("tama_bash", json!({ "command": self.command(rng, place, text) })),
        };
        (name.to_owned(), args)
    }

    /// A call that reads what a branch beside this one writes.
    fn read_beside(&self, rng: &mut Rng, place: &Place) -> (String, Json) {
        let at = rng.pick(&place.beside).key.clone();
        if rng.chance(50)
            && let Some(call) = self.read_written(rng, std::slice::from_ref(&at))
        {
            return call;
        }
        let (name, args) = match rng.below(8) {
            0..=1 => ("tama_mem_get", json!({ "key": format!("{at}.m") })),
            2..=3 => ("tama_mem_get", json!({ "key": format!("{at}.l") })),
            4..=5 => ("tama_files_read", json!({ "path": format!("{at}/a") })),
            6 => ("tama_files_read", json!({ "path": format!("{at}/d/b") })),
            _ => ("tama_files_list", json!({ "path": at })),
        };
        (name.to_owned(), args)
    }

    /// A call that reads, or lists, something that is written at one of these places.
    fn read_written(&self, rng: &mut Rng, places: &[String]) -> Option<(String, Json)> {
        let found: Vec<&Written> = self.written.iter().filter(|written| places.contains(&written.at)).collect();
        let Written { at, name, is_memory } = *found.get(rng.below(found.len()))?;
        if *is_memory {
            return Some(("tama_mem_get".into(), json!({ "key": name })));
        }
        match name.rsplit_once('/') {
            Some((folder, _)) if folder.starts_with(at) && rng.chance(30) => {
                Some(("tama_files_list".into(), json!({ "path": folder })))
            }
            _ => Some(("tama_files_read".into(), json!({ "path": name }))),
        }
    }

    fn add_written(&mut self, place: &Place, (tool, args): &(String, Json)) {
        let is_memory = match tool.as_str() {
            "tama_mem_set" | "tama_mem_append" => true,
            "tama_files_write" => false,
            _ => return,
        };
        let Some(name) = args[if is_memory { "key" } else { "path" }].as_str() else { return };
        let name = name.to_owned();
        let at = place.own.iter().find(|at| name.split(['/', '.']).any(|part| part == **at));
        self.written.extend(at.map(|at| Written { at: at.clone(), name, is_memory }));
    }

    /// A command that touches only the place's own keys. It leaves a file outside of capture, and prints what it
    /// finds there.
    fn command(&mut self, rng: &mut Rng, place: &Place, text: &str) -> String {
        self.commands += 1;
        let number = self.commands;
        let mut steps: Vec<String> = (0..=rng.below(3)).map(|_| step(rng, place, text)).collect();
        let files = self.written.iter().filter(|written| !written.is_memory && place.own.contains(&written.at));
        let files: Vec<&Written> = files.collect();
        if let (Some(file), true) = (files.get(rng.below(files.len())), rng.chance(30)) {
            steps.insert(0, format!("cat {} 2>/dev/null || echo failed", file.name));
        }
        let exit = if rng.chance(12) { "exit 3" } else { "true" };
        format!(
            "echo {number} >> {RAN}/t.{number}; {}; grep -q '\\.{number}\\.' {RAN}/flags && echo {NEW}; \
             [ \"$(cat {RAN}/hold)\" = {number} ] && exec sleep 3600; {exit}",
            steps.join("; ")
        )
    }
}

/// A call that writes where the branches beside this one look.
fn call_to_be_read(rng: &mut Rng, place: &Place, text: &str) -> (String, Json) {
    let own = rng.pick(&place.own);
    let path = format!("{own}/{}", rng.pick(&["a", "a", "d/b"]));
    let (name, args) = match rng.below(10) {
        0..=2 => ("tama_mem_set", json!({ "key": format!("{own}.m"), "value": text })),
        3..=5 => ("tama_mem_append", json!({ "key": format!("{own}.l"), "value": text })),
        6..=8 => ("tama_files_write", json!({ "path": path, "content": text })),
        _ => ("tama_files_delete", json!({ "path": path })),
    };
    (name.to_owned(), args)
}

/// A call at the few keys that every branch uses: more of them read and append than write over what is there.
fn shared_call(rng: &mut Rng, text: &str) -> (String, Json) {
    let path = *rng.pick(&["all/a", "all/a", "all/d/b"]);
    let (name, args) = match rng.below(20) {
        0 => ("tama_mem_set", json!({ "key": "all.m", "value": text })),
        1..=6 => ("tama_mem_append", json!({ "key": "all.l", "value": text })),
        7 => ("tama_mem_get", json!({ "key": "all.m" })),
        8..=10 => ("tama_mem_get", json!({ "key": "all.l" })),
        11..=12 => ("tama_files_write", json!({ "path": path, "content": text })),
        13..=14 => ("tama_files_edit", json!({ "path": path, "old": ";", "new": text, "all": rng.chance(50) })),
        15..=16 => ("tama_files_read", json!({ "path": path })),
        17..=18 => ("tama_files_list", json!({ "path": rng.pick(&["all", "all/d"]) })),
        _ => ("tama_files_delete", json!({ "path": path })),
    };
    (name.to_owned(), args)
}

/// The number of a command that a call runs, where it is one.
pub fn command_number(args: &Json) -> Option<usize> {
    args["command"].as_str()?.strip_prefix("echo ")?.split(' ').next()?.parse().ok()
}

/// A text that is written; `tag` says by whom.
pub fn text(tag: &str, new: bool) -> String {
    if new { format!("v:{tag} {NEW};") } else { format!("v:{tag};") }
}

/// The beginning of the texts that an agent writes.
pub fn text_of(path: &str) -> String {
    format!("v:{path}")
}

fn step(rng: &mut Rng, place: &Place, text: &str) -> String {
    let own = rng.pick(&place.own).clone();
    let (one, other) = (path(rng, &own), path(rng, &own));
    let make = |path: &str| match path.rsplit_once('/') {
        Some((folder, _)) => format!("mkdir -p {folder} 2>/dev/null; "),
        None => String::new(),
    };
    let first = make(&one);
    match rng.below(13) {
        0..=2 => format!("{first}printf '%s' '{text}' 2>/dev/null > {one} || echo failed"),
        3..=4 => format!("{first}printf '%s' '{text}' 2>/dev/null >> {one} || echo failed"),
        5 => format!("rm -f {one} 2>/dev/null || echo failed"),
        6 => format!("rm -rf {own}/d"),
        7 => format!("chmod {} {one} 2>/dev/null || echo failed", rng.pick(&["600", "755", "640"])),
        8 => format!("{first}ln -sfn target-{own} {one} 2>/dev/null || echo failed"),
        9 => format!("{}mv -T {one} {other} 2>/dev/null || echo failed", make(&other)),
        10 => format!("mkdir -p {own}/empty"),
        11 => format!("find {own} -mindepth 1 2>/dev/null | sort"),
        _ => format!("cat {one} 2>/dev/null || echo failed"),
    }
}

fn key(rng: &mut Rng, at: &str) -> String {
    format!("{at}.{}", rng.pick(&["m", "m", "n", "l"]))
}

/// A path: in a folder of its own, below that, at the top, or in the folder that all share.
fn path(rng: &mut Rng, at: &str) -> String {
    match rng.below(8) {
        0..=2 => format!("{at}/a"),
        3..=4 => format!("{at}/d/b"),
        5 => format!("{at}/d/e/c"),
        6 => format!("{at}.txt"),
        _ => format!("common/{at}"),
    }
}
