//! The command line: wires the floors together, one file per subcommand.

mod agent_output;
mod answers;
mod breakpoints;
mod by_hand;
mod call_text;
mod changeable;
mod changes;
mod check;
mod colour;
mod config;
mod data;
mod debug;
mod diff_text;
mod doctor;
mod event_lines;
mod event_words;
mod examples;
mod exit;
mod expect;
mod export;
mod fork;
mod forking;
mod global;
mod graph;
mod headless;
mod held;
mod held_list;
mod html_page;
mod init;
mod keys;
mod limits;
mod made_elsewhere;
mod outcome;
mod plan;
mod programs;
mod progress;
mod recover;
mod replay;
mod resume;
mod retry;
mod run;
mod run_list;
mod run_name;
mod run_result;
mod run_texts;
mod runs;
mod runs_diff;
mod runs_html;
mod runs_pack;
mod runs_remove;
mod schema;
mod screen;
mod settings;
mod shells;
mod show;
mod show_events;
mod span_texts;
mod span_words;
mod stored;
mod summary;
mod table;
mod tama_db;
mod terminal;
mod text;
mod tries;
mod undo;
mod undo_text;
mod unfinished;
mod verify;
mod wrap;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use color_eyre::eyre::Report;

use exit::Exit;
use global::Global;
use made_elsewhere::NeedsWorkspace;

use crate::effects::confine;
use crate::model::HeldChoice;
use crate::pipeline::nearest;

/// A full-screen debugger for multi-agent LLM pipelines that can take things back.
///
/// `tama-tui PIPELINE` runs a pipeline in the debugger. `tama-tui` alone shows the runs of this folder, and starts a new
/// one.
#[derive(Debug, Parser)]
#[command(name = "tama-tui", version, subcommand_precedence_over_arg = true)]
#[command(override_usage = "tama-tui [OPTIONS] PIPELINE\n       tama-tui [OPTIONS] COMMAND")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    debug: debug::Args,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a small pipeline to start with; it runs offline
    Init(init::Args),
    /// Run a pipeline without a screen: progress on stderr, the result on stdout
    Run(run::Args),
    /// Run an agent of another program (Claude Code, Codex, any), with its changes captured: each can be undone
    Wrap(wrap::Args),
    /// Open a past run in the debugger
    #[command(visible_alias = "open")]
    Replay(replay::Args),
    /// Undo the changes of a stored run, newest first
    Undo(undo::Args),
    /// Apply held changes of an agent that ran with `wrap --review`
    Apply(held::Args),
    /// Discard held changes of an agent that ran with `wrap --review`
    Discard(held::Args),
    /// Continue a run whose process died: what is recorded is reused, nothing is done twice unasked
    Resume(resume::Args),
    /// Continue from a span of a stored run in a new run; the stored one stays as it is
    Fork(fork::Args),
    /// Undo a span of a stored run, and rerun it
    Retry(retry::Args),
    /// Execute a stored run again from its record, and compare; nothing is sent, run or written
    Verify(verify::Args),
    /// List the stored runs, or show one
    Runs(runs::Args),
    /// Check a pipeline: show every fault with its place
    Check(check::Args),
    /// Say what this machine enforces for commands, what not, and how to get it
    Doctor(doctor::Args),
    /// Show the agents of a pipeline, their tools and skills, and which runs which
    Graph(graph::Args),
    /// Print the JSON Schema of pipeline.toml, for editors
    Schema(schema::Args),
    /// Print the table of keys
    Keys(keys::Args),
    /// Print the settings file with every setting
    Config(config::Args),
    /// Print the completions of a shell
    Completions(shells::Completions),
    /// Print a page for man
    Man(shells::Man),
}

/// Runs the program; a failure is one paragraph on stderr.
pub fn main() -> ExitCode {
    if let Some(exit) = confine::enter() {
        return exit;
    }
    if let Some(exit) = wrap::run_hidden_hook() {
        return exit;
    }
    if let Some(exit) = recover::run_hidden_inspect().or_else(tama_db::run_hidden_read) {
        return exit;
    }
    confine::set_own_helper();
    let cli = Cli::parse();
    if cli.command.is_some() && cli.debug.pipeline.is_some() {
        let why = "name either a pipeline to debug or a command, not both";
        Cli::command().error(clap::error::ErrorKind::ArgumentConflict, why).exit();
    }
    match run_command(cli) {
        Ok(exit) => exit.into(),
        Err(report) => {
            text::eprint_line(&format!("error: {}", error_paragraph(&report)));
            let exit = if report.is::<NeedsWorkspace>() { Exit::Denied } else { Exit::Failed };
            exit.into()
        }
    }
}

fn run_command(cli: Cli) -> color_eyre::Result<Exit> {
    color_eyre::install()?;
    crate::term::install_panic_hook();
    let mut global = cli.global;
    let needs_settings = !matches!(
        cli.command,
        Some(Command::Config(_) | Command::Schema(_) | Command::Completions(_) | Command::Man(_))
    );
    if needs_settings && !config::load(&mut global)? {
        return Ok(Exit::Usage);
    }
    match cli.command {
        Some(Command::Init(args)) => init::run(&args),
        Some(Command::Run(args)) => block_on(run::run(args, &global)),
        Some(Command::Wrap(args)) => block_on(wrap::run(args, &global)),
        Some(Command::Replay(replay::Args { run, tama })) => match (tama.open()?, run) {
            (Some(database), run) => block_on(tama_db::replay(database, run, &global)),
            (None, Some(named)) => block_on(replay::run(&named, &global)),
            (None, None) => block_on(run_list::choose(&global)),
        },
        Some(Command::Resume(args)) => block_on(resume::run(args, &global)),
        Some(Command::Fork(args)) => block_on(fork::run(args, &global)),
        Some(Command::Retry(args)) => block_on(retry::run(args, &global)),
        Some(Command::Undo(args)) => block_on(undo::run(args, &global)),
        Some(Command::Apply(args)) => block_on(held::run(args, HeldChoice::Apply, &global)),
        Some(Command::Discard(args)) => block_on(held::run(args, HeldChoice::Discard, &global)),
        Some(Command::Verify(args)) => verify::run(&args, &global),
        Some(Command::Runs(args)) => runs::run(args, &global),
        Some(Command::Check(args)) => check::run(&args, &global),
        Some(Command::Doctor(args)) => doctor::run(&args, &global),
        Some(Command::Graph(args)) => graph::run(&args, &global),
        Some(Command::Schema(args)) => schema::run(&args),
        Some(Command::Keys(args)) => keys::run(&args),
        Some(Command::Config(args)) => config::run(&args, &global),
        Some(Command::Completions(args)) => shells::completions(&args, Cli::command()),
        Some(Command::Man(args)) => shells::man(&args, Cli::command()),
        None => match cli.debug.pipeline.clone() {
            Some(name) if !name.exists() => {
                text::eprint_line(&unknown_name(&name));
                Ok(Exit::Usage)
            }
            Some(pipeline) => block_on(debug::run(cli.debug, &pipeline, &global)),
            None => block_on(run_list::welcome(&global)),
        },
    }
}

/// Names the command that is most like a name that is neither a command nor a file.
fn unknown_name(name: &Path) -> String {
    let name = name.display().to_string();
    let commands: Vec<String> = Cli::command().get_subcommands().map(|known| known.get_name().to_owned()).collect();
    let near = nearest(&name, commands.iter().map(String::as_str));
    let near = near.map(|near| format!(" Did you mean `tama-tui {near}`?")).unwrap_or_default();
    format!("error: {name} is neither a command nor a pipeline.toml or a folder.{near}")
}

/// The longest wait at the very end for work on files that hangs: nothing depends on it any more.
const END_BOUND: Duration = Duration::from_secs(1);

/// Runs a future to its end.
fn block_on<T>(future: impl Future<Output = color_eyre::Result<T>>) -> color_eyre::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(future);
    runtime.shutdown_timeout(END_BOUND);
    result
}

/// Joins an error and its causes into one sentence. Errors of the library follow "failed to …".
fn error_paragraph(report: &Report) -> String {
    let causes: Vec<String> = report.chain().map(ToString::to_string).collect();
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_hangs_does_not_keep_the_shell_waiting() {
        let (_hold, hangs) = std::sync::mpsc::channel::<()>();
        let result = block_on(async move {
            tokio::task::spawn_blocking(move || hangs.recv());
            Ok(1)
        });
        assert_eq!(result.ok(), Some(1));
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
