//! `init`: writes a small pipeline to start with.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use color_eyre::eyre::eyre;

use super::examples::{EXAMPLES, File};
use super::exit::Exit;
use super::text::{print, to_lines};

/// `tama-tui init`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The pipeline to begin with: two agents that stop before a file is written; a wreck that you undo; an example of a
    /// pattern; or, with wrap, an agent of another program that tidies a folder
    #[arg(long, default_value = "hello", value_name = "TEMPLATE", value_parser = templates())]
    from: String,
    /// The folder to write it to, created when it is missing [default: this folder]
    folder: Option<PathBuf>,
}

const HELLO: [File; 5] = [
    ("pipeline.toml", include_str!("../../assets/templates/hello/pipeline.toml")),
    ("replies.toml", include_str!("../../assets/templates/hello/replies.toml")),
    ("prompts/writer.md", include_str!("../../assets/templates/hello/prompts/writer.md")),
    ("prompts/reviewer.md", include_str!("../../assets/templates/hello/prompts/reviewer.md")),
    // Not in a folder `work` of this repository: there it would be a workspace, which git ignores.
    ("work/hello.md", include_str!("../../assets/templates/hello/hello.md")),
];
const WRECK: [File; 2] = [
    ("pipeline.toml", include_str!("../../assets/demo/wreck/pipeline.toml")),
    ("replies.toml", include_str!("../../assets/demo/wreck/replies.toml")),
];

const WRAP: [File; 8] = [
    ("tidy", include_str!("../../assets/demo/wrap/tidy")),
    ("replies.toml", include_str!("../../assets/demo/wrap/replies.toml")),
    ("folder/README.md", include_str!("../../assets/demo/wrap/folder/README.md")),
    ("folder/docs/notes.md", include_str!("../../assets/demo/wrap/folder/docs/notes.md")),
    ("folder/build/out.txt", include_str!("../../assets/demo/wrap/folder/build/out.txt")),
    ("folder/run.log", include_str!("../../assets/demo/wrap/folder/run.log")),
    // Git must not take these for its own here.
    ("folder/.env", include_str!("../../assets/demo/wrap/folder/env")),
    ("folder/.gitignore", include_str!("../../assets/demo/wrap/folder/gitignore")),
];

/// The names of the templates.
fn templates() -> PossibleValuesParser {
    let examples = EXAMPLES.iter().map(|(name, _)| *name);
    PossibleValuesParser::new(["hello", "wreck", "wrap"].into_iter().chain(examples))
}

/// The files of a template.
fn files(template: &str) -> &'static [File] {
    match EXAMPLES.iter().find(|(name, _)| *name == template) {
        Some((_, files)) => files,
        None if template == "wreck" => &WRECK,
        None if template == "wrap" => &WRAP,
        None => &HELLO,
    }
}

/// Writes the template's files; overwrites nothing.
pub(super) fn run(args: &Args) -> color_eyre::Result<Exit> {
    let folder = args.folder.as_deref().unwrap_or(Path::new("."));
    let files = files(&args.from);
    // All are looked at before the first is written: half a pipeline helps nobody.
    if let Some(taken) = files.iter().map(|(path, _)| folder.join(path)).find(|path| path.symlink_metadata().is_ok()) {
        return Err(eyre!(
            "failed to write the pipeline: {} exists already, and nothing is overwritten. Choose another folder: \
             `tama-tui init FOLDER`.",
            taken.display()
        ));
    }
    for (path, text) in files {
        let file = folder.join(path);
        write(&file, text).map_err(|error| eyre!("failed to write {}: {error}", file.display()))?;
    }
    print(&next_steps(args, files))?;
    Ok(Exit::Done)
}

/// Writes a new file, with the folders above it.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(above) = file.parent() {
        fs::create_dir_all(above)?;
    }
    // A script is there to be started.
    let mode = if text.starts_with("#!") { 0o777 } else { 0o666 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?.write_all(text.as_bytes())
}

/// The files, and the commands that come next.
fn next_steps(args: &Args, files: &[File]) -> String {
    let (place, go_there) = match &args.folder {
        None => ("this folder".to_owned(), None),
        Some(folder) => (folder.display().to_string(), Some(format!("    cd {}", quoted(folder)))),
    };
    let names: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let mut lines = vec![format!("Wrote {} to {place}.", names.join(", ")), String::new(), "Next:".to_owned()];
    lines.push(String::new());
    lines.extend(go_there);
    let steps: &[&str] = if args.from == "wrap" { &WRAP_STEPS } else { &STEPS };
    lines.extend(steps.iter().map(|step| (*step).to_owned()));
    to_lines(&lines)
}

const STEPS: [&str; 3] = [
    "    tama-tui          the runs of this folder: n starts one in the debugger",
    "    tama-tui check .  shows every fault of the pipeline",
    "    tama-tui run .    runs it without a screen",
];
const WRAP_STEPS: [&str; 2] = [
    "    cd folder",
    "    tama-tui wrap --upstream script:../replies.toml ../tidy   an agent tidies the folder; undo what it should not have",
];

/// The folder as a shell reads it.
fn quoted(folder: &Path) -> String {
    let text = folder.display().to_string();
    shell_words::quote(&text).into_owned()
}
