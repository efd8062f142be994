//! The command line: wires the floors together, one file per subcommand.

mod check;
mod cut_off;
mod data;
mod debug;
mod exit;
mod headless;
mod plan;
mod progress;
mod replay;
mod retry;
mod run;
mod runs;
mod salvage;
mod screen;
mod show;
mod stored;
mod text;
mod undo;
mod undone;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use color_eyre::eyre::{Report, eyre};

use exit::Exit;

use crate::effects::confine;

/// A full-screen debugger for multi-agent LLM pipelines that can take things back.
///
/// `tama-tui PIPELINE` runs a pipeline in the debugger. Without anything, in a folder with a pipeline, it lists the
/// runs.
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

/// Options of every command.
#[derive(Debug, clap::Args)]
struct Global {
    /// When to use colour (never when `NO_COLOR` is set)
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Colour,
    /// The folder that keeps the runs [default: .tama beside the pipeline]
    #[arg(long, global = true, env = "TAMA_TUI_DATA_DIR", value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a pipeline without a screen: progress on stderr, the result on stdout
    Run(run::Args),
    /// Open a past run in the debugger
    #[command(visible_alias = "open")]
    Replay(replay::Args),
    /// Undo what a stored run did to the world, newest first
    Undo(undo::Args),
    /// Take a span of a stored run back, and run it again
    Retry(retry::Args),
    /// List the stored runs, or show one
    Runs(runs::Args),
    /// Check a pipeline: every fault with its place
    Check(check::Args),
}

/// Runs the program; everything it has to say on failure is one paragraph on stderr.
pub fn main() -> ExitCode {
    if let Some(exit) = confine::enter() {
        return exit;
    }
    if let Some(exit) = salvage::inspected() {
        return exit;
    }
    // The very file that runs, even when another has taken its path meanwhile; only Linux needs it.
    confine::set_helper("/proc/self/exe");
    let cli = Cli::parse();
    if cli.command.is_some() && cli.debug.pipeline.is_some() {
        let why = "name either a pipeline to debug or a command, not both";
        Cli::command().error(clap::error::ErrorKind::ArgumentConflict, why).exit();
    }
    match run_command(cli) {
        Ok(exit) => exit.into(),
        Err(report) => {
            text::say(&format!("error: {}", paragraph(&report)));
            Exit::Failed.into()
        }
    }
}

fn run_command(cli: Cli) -> color_eyre::Result<Exit> {
    color_eyre::install()?;
    crate::term::install_panic_hook();
    let global = cli.global;
    match cli.command {
        Some(Command::Run(args)) => wait(run::run(args, &global)),
        Some(Command::Replay(args)) => wait(replay::run(&args, &global)),
        Some(Command::Retry(args)) => wait(retry::run(args, &global)),
        Some(Command::Undo(args)) => wait(undo::run(args, &global)),
        Some(Command::Runs(args)) => runs::run(args, &global),
        Some(Command::Check(args)) => check::run(&args, &global),
        None => match cli.debug.pipeline.clone() {
            Some(pipeline) => wait(debug::run(cli.debug, &pipeline, &global)),
            None => runs::welcome(&global),
        },
    }
}

/// The screen wants a terminal on both ends; `instead` is the command for scripts.
fn need_terminal(instead: &str, what: &std::path::Path) -> color_eyre::Result<()> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(eyre!(
        "the debugger needs a terminal, and input or output is none here. For scripts there is \
         `tama-tui {instead} {}`.",
        what.display()
    ))
}

/// Runs a future to its end.
fn wait<T>(future: impl Future<Output = color_eyre::Result<T>>) -> color_eyre::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

/// An error and its causes as one sentence. Errors of the library are phrased to follow "failed to …".
fn paragraph(report: &Report) -> String {
    let causes: Vec<String> = report.chain().map(ToString::to_string).collect();
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
