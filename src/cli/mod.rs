//! The command line: wires the floors together, one file per subcommand.

mod check;
mod data;
mod debug;
mod exit;
mod replay;
mod runs;
mod screen;
mod show;
mod stored;
mod text;
mod undo;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use color_eyre::eyre::{Report, eyre};

use exit::Exit;

/// Runs the pipeline of a folder under a debugger that can take its side effects back.
#[derive(Debug, Parser)]
#[command(name = "tama-tui", version, subcommand_precedence_over_arg = true, subcommand_negates_reqs = true)]
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
    /// Open a past run in the debugger
    #[command(visible_alias = "open")]
    Replay(replay::Args),
    /// Undo what a stored run did to the world, newest first
    Undo(undo::Args),
    /// List the stored runs, or show one
    Runs(runs::Args),
    /// Check a pipeline: every fault with its place
    Check(check::Args),
}

/// Runs the program; everything it has to say on failure is one paragraph on stderr.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(exit) => exit,
        Err(report) => {
            text::say(&format!("error: {}", paragraph(&report)));
            Exit::Failed.into()
        }
    }
}

fn run(cli: Cli) -> color_eyre::Result<ExitCode> {
    color_eyre::install()?;
    crate::term::install_panic_hook();
    let global = cli.global;
    match cli.command {
        Some(Command::Replay(args)) => wait(replay::run(&args, &global)).map(ExitCode::from),
        Some(Command::Undo(args)) => wait(undo::run(args, &global)).map(ExitCode::from),
        Some(Command::Runs(args)) => runs::run(args, &global).map(ExitCode::from),
        Some(Command::Check(args)) => Ok(check::run(&args, &global).into()),
        None => match cli.debug.pipeline.clone() {
            Some(pipeline) => wait(debug::run(&cli.debug, &pipeline, &global)).map(ExitCode::from),
            None => runs::welcome(&global).map(ExitCode::from),
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
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
