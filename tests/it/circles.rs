//! The files and subfolders of one folder import each other in one direction only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Folders of `src/` without circles, their subfolders included.
const FOLDERS: [&str; 4] = ["cli", "effects/confine", "effects/tools", "rollback"];
/// Those of them that still have circles; a folder that lost its last one is removed from here.
const NOT_YET: [&str; 3] = ["cli", "effects/confine", "effects/tools"];
/// The node of a folder's own `mod.rs`.
const OWN: &str = "mod.rs";

type Names = Vec<String>;

/// The nodes that each node imports.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// Files by their module path, such as `rollback`, `undo`.
type Sources = BTreeMap<Names, String>;

/// One imported path.
struct Import {
    path: Names,
    /// Its name in the importing module.
    name: String,
    /// True in `pub use`: `mod.rs` re-exports it without using it.
    reexported: bool,
}

/// Lists the circles of a folder and its subfolders, each with the imports that close it.
fn circles(sources: &Sources, folder: &[String]) -> Vec<String> {
    let modules: BTreeSet<Names> =
        sources.keys().flat_map(|path| (1..=path.len()).map(|len| path[..len].to_vec())).collect();
    let inside = modules.iter().filter(|path| path.starts_with(folder));
    let folders = inside.filter(|at| modules.iter().any(|path| path.len() > at.len() && path.starts_with(at)));
    folders.flat_map(|at| circles_of(&edges(sources, &modules, at), at)).collect()
}

/// Maps each file or subfolder of a folder to those that it imports.
fn edges(sources: &Sources, modules: &BTreeSet<Names>, folder: &[String]) -> Edges {
    let node = |path: &[String]| path.get(folder.len()).cloned().unwrap_or_else(|| OWN.to_owned());
    let child = |path: &[String]| {
        let at = path.get(..=folder.len()).filter(|at| at.starts_with(folder) && modules.contains(*at))?;
        at.last().cloned()
    };
    let own = sources.get(folder).map(|text| imports(text, folder, modules)).unwrap_or_default();
    let known = own.iter().filter_map(|import| Some((import.name.as_str(), child(&import.path)?)));
    let known: BTreeMap<&str, String> = known.collect();
    let mut edges: Edges = BTreeMap::new();
    for (path, text) in sources.iter().filter(|(path, _)| path.starts_with(folder)) {
        let from = node(path);
        for import in imports(text, path, modules) {
            if !import.path.starts_with(folder) || (import.reexported && path.as_slice() == folder) {
                continue;
            }
            let to = match (child(&import.path), import.path.get(folder.len())) {
                (Some(child), _) => vec![child],
                (None, Some(name)) if name == "*" => known.values().cloned().collect(),
                (None, name) => vec![name.and_then(|name| known.get(name.as_str())).cloned().unwrap_or(OWN.to_owned())],
            };
            edges.entry(from.clone()).or_default().extend(to.into_iter().filter(|to| *to != from));
        }
    }
    edges
}

/// Lists the groups that import each other, each with its imports.
fn circles_of(edges: &Edges, folder: &[String]) -> Vec<String> {
    let closure: BTreeMap<&str, BTreeSet<&str>> =
        edges.keys().map(|from| (from.as_str(), reached_from(edges, from))).collect();
    let reaches = |from: &str, to: &str| closure.get(from).is_some_and(|all| all.contains(to));
    let group = |node: &&str| -> Vec<&str> {
        let nodes = closure.keys().copied();
        nodes.filter(|other| reaches(node, other) && reaches(other, node)).collect()
    };
    let groups: BTreeSet<Vec<&str>> = closure.keys().map(group).filter(|group| !group.is_empty()).collect();
    let line = |group: &Vec<&str>| {
        let imports = group.iter().flat_map(|from| edges[*from].iter().map(move |to| (from, to)));
        let inside = imports.filter(|(_, to)| group.contains(&to.as_str()));
        let inside: Vec<String> = inside.map(|(from, to)| format!("{from} imports {to}")).collect();
        format!("{}: {}", folder.join("/"), inside.join(", "))
    };
    groups.iter().map(line).collect()
}

fn reached_from<'a>(edges: &'a Edges, from: &'a str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        let to = edges.get(at).into_iter().flatten();
        open.extend(to.map(String::as_str).filter(|to| seen.insert(*to)));
    }
    seen
}

/// Lists the paths of this crate that a file names, those of its tests left out.
fn imports(text: &str, file: &[String], modules: &BTreeSet<Names>) -> Vec<Import> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut module = file.to_vec();
    // The brace depths at which inline modules end.
    let mut ends = Vec::new();
    let (mut at, mut depth) = (0, 0);
    while let Some(token) = tokens.get(at) {
        let next = |by: usize| tokens.get(at + by).map_or("", String::as_str);
        match token.as_str() {
            "#" if (1..=6).map(next).eq(["[", "cfg", "(", "test", ")", "]"]) => {
                at = end_of_item(&tokens, at + 7);
                continue;
            }
            "mod" if next(2) == "{" => {
                module.push(next(1).to_owned());
                ends.push(depth);
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if ends.last() == Some(&depth) {
                    ends.pop();
                    module.pop();
                }
            }
            "use" => {
                let reexported = at > 0 && ["pub", ")"].contains(&tokens[at - 1].as_str());
                let mut leaves = Vec::new();
                at = use_tree(&tokens, at + 1, &[], &mut leaves);
                let resolved =
                    leaves.into_iter().filter_map(|(path, name)| Some((resolve(&path, &module, modules)?, name)));
                found.extend(resolved.map(|(path, name)| Import { path, name, reexported }));
                continue;
            }
            name if is_name(name)
                && next(1) == "::"
                && (at == 0 || !["::", "."].contains(&tokens[at - 1].as_str())) =>
            {
                let mut path = vec![name.to_owned()];
                while tokens.get(at + 1).is_some_and(|token| token == "::")
                    && tokens.get(at + 2).is_some_and(|name| is_name(name))
                {
                    path.push(tokens[at + 2].clone());
                    at += 2;
                }
                let name = path[path.len() - 1].clone();
                found.extend(resolve(&path, &module, modules).map(|path| Import { path, name, reexported: false }));
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Returns the index behind an item, at its `;` or its closing brace.
fn end_of_item(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return at,
            "}" => depth -= 1,
            ";" if depth == 0 => return at,
            _ => {}
        }
    }
    at
}

/// Reads a `use` tree; gives its paths with the names that they get, and returns the index behind it.
fn use_tree(tokens: &[String], mut at: usize, before: &[String], leaves: &mut Vec<(Names, String)>) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens.get(at).map_or(";", String::as_str) {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = use_tree(tokens, at, &path, leaves);
                    at += usize::from(tokens.get(at).is_some_and(|token| token == ","));
                }
                return at + 1;
            }
            "as" => {
                let name = tokens.get(at + 1).cloned().unwrap_or_default();
                leaves.push((path, name));
                return at + 2;
            }
            "self" if !path.is_empty() => at += 1,
            name if is_name(name) || name == "*" => {
                path.push(name.to_owned());
                at += 1;
            }
            _ => {
                leaves.extend(path.last().cloned().map(|name| (path.clone(), name)));
                return at;
            }
        }
    }
}

/// Turns a path in a module into one from the crate's root; `None` for a path of another crate, or a local name.
fn resolve(path: &[String], module: &[String], modules: &BTreeSet<Names>) -> Option<Names> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([module, rest].concat()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            Some([&module[..module.len().checked_sub(ups)?], &path[ups..]].concat())
        }
        _ => {
            let child = [module, path].concat();
            modules.contains(&child[..=module.len()]).then_some(child)
        }
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Splits code into names, `::` and single characters; leaves out comments and texts.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => text_length(rest),
            'r' if rest.starts_with("r\"") || rest.starts_with("r#\"") => {
                let end = if rest.starts_with("r#") { "\"#" } else { "\"" };
                rest[3..].find(end).map_or(rest.len(), |at| 3 + at + end.len())
            }
            '\'' if rest.starts_with("'\\") => 2 + rest[3..].find('\'').map_or(0, |at| at + 2),
            '\'' if rest.chars().nth(2) == Some('\'') => rest.char_indices().nth(3).map_or(rest.len(), |(at, _)| at),
            ':' if rest.starts_with("::") => {
                tokens.push("::".to_owned());
                2
            }
            c if c.is_alphanumeric() || c == '_' => {
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                tokens.push(name.clone());
                name.len()
            }
            c => {
                tokens.extend((!c.is_whitespace()).then(|| c.to_string()));
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

/// Returns the length of the text literal that code begins with.
fn text_length(code: &str) -> usize {
    let mut escaped = false;
    for (at, c) in code.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    code.len()
}

fn names(path: &str) -> Names {
    path.split('/').map(str::to_owned).collect()
}

fn read(folder: &Path, path: &[String], sources: &mut Sources) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap().path();
        let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
        let at = if name == "mod" { path.to_vec() } else { [path, &[name]].concat() };
        if entry.is_dir() {
            read(&entry, &at, sources);
        } else if entry.extension().is_some_and(|end| end == "rs") {
            sources.insert(at, fs::read_to_string(&entry).unwrap());
        }
    }
}

#[test]
fn no_folder_has_a_circle() {
    let mut sources = Sources::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut sources);
    let checked = FOLDERS.iter().filter(|folder| !NOT_YET.contains(folder));
    let found: Vec<String> = checked.flat_map(|folder| circles(&sources, &names(folder))).collect();
    assert!(sources.len() > 20, "only {} files were read", sources.len());
    assert_eq!(found, Vec::<String>::new());
}

/// Lists the circles of a small crate with the folder `f`.
fn circles_in(files: &[(&str, &str)]) -> Vec<String> {
    let sources = files.iter().map(|(path, text)| (names(path), (*text).to_owned())).collect();
    circles(&sources, &names("f"))
}

#[test]
fn a_planted_circle_is_found_however_it_is_written() {
    let circle = ["f: a imports b, b imports a"];
    let mods = ("f", "mod a;\nmod b;\npub use a::A;\npub(crate) use b::{B as C, D};");
    for (a, b) in [
        ("use super::b::B;", "use super::a::A;"),
        ("use super::{b::B};", "fn f() -> super::a::A { todo!() }"),
        ("use crate::f::b;", "use crate::{f::a::{self, A}, g};"),
        ("use super::C;", "let x = super::A::new();"),
        ("use super::{\n    D,\n};", "use crate::f::A;"),
        ("mod inner { use super::super::b::B; }", "use super::a as x;"),
    ] {
        assert_eq!(circles_in(&[mods, ("f/a", a), ("f/b", b)]), circle, "{a} {b}");
    }
    let own = [("f", "mod a;\nuse a::A;\nstruct Base(A);"), ("f/a", "use super::Base;")];
    assert_eq!(circles_in(&own), ["f: a imports mod.rs, mod.rs imports a"]);
    let long = [("f", ""), ("f/a", "use super::b;"), ("f/b", "use super::c::X;"), ("f/c/d", "use crate::f::a::A;")];
    assert_eq!(circles_in(&long), ["f: a imports b, b imports c, c imports a"]);
    let below = [("f/g", "mod a;\nmod b;"), ("f/g/a", "use super::b::B;"), ("f/g/b", "use super::a::A;")];
    assert_eq!(circles_in(&below), ["f/g: a imports b, b imports a"]);
}

#[test]
fn one_direction_is_no_circle() {
    let mods = ("f", "//! See [`super::f::a`].\nmod a;\nmod b;\npub use a::A;");
    for (a, b) in [
        ("use super::b::B;", "use crate::g::a::A;\nuse std::f::a;"),
        ("use super::b::B;", "// use super::a::A;\nconst X: &str = \"super::a::A\";"),
        ("use super::b::B;", "#[cfg(test)]\nmod tests {\n    use super::super::a::A;\n    fn f() {}\n}"),
        ("mod tests { use super::*; }\nuse super::b;", "fn f(x: &str) { x.a::<A>(); }"),
        ("use super::b::B;", "fn f<'a>(c: char) { c == '\"' || c == '\\'' }"),
    ] {
        assert_eq!(circles_in(&[mods, ("f/a", a), ("f/b", b)]), Vec::<String>::new(), "{a} {b}");
    }
}
