//! `wrap`: runs an agent of another program, with its changes captured.

mod screen;

use std::env;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use color_eyre::eyre::eyre;

use super::agent_output;
use super::data;
use super::exit::Exit;
use super::global::Global;
use super::headless::Headless;
use super::text::eprint_line;
use crate::effects::agents::known_program;
use crate::effects::hooks;
use crate::model::{Breakpoint, Gate, RunState};
use crate::pipeline::{Policy, Wrapped};
use crate::runtime::{self, Mode, WrapSetup, start_wrapped};

/// The beginning of an `--upstream` that is a script.
const SCRIPT: &str = "script:";

/// `tama-tui wrap`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent's program and its arguments; claude, codex, opencode and gemini are known by name
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// Run without a screen: what the agent prints goes to stdout and stderr, and it has no terminal
    #[arg(long)]
    headless: bool,
    /// Hold its changes beside the folder until they are applied, one by one or all: `tama-tui apply`, `tama-tui discard`
    #[arg(long)]
    review: bool,
    /// The folder it works in [default: the current one]
    #[arg(long, value_name = "FOLDER")]
    workspace: Option<PathBuf>,
    /// Stop at each of these places: before-llm, after-llm, before-tool, after-tool, after-agent or error (on the screen; may
    /// be given more than once)
    #[arg(long = "break", value_name = "PLACE", conflicts_with = "headless", value_parser = gates())]
    breaks: Vec<String>,
    /// Ask before it uses this tool (a rule as in [policy] ask: a glob over tools, and over arguments after a colon); without
    /// a screen it is denied
    #[arg(long, value_name = "RULE")]
    ask: Vec<String>,
    /// Never let it use this tool (a rule as in [policy] deny)
    #[arg(long, value_name = "RULE")]
    deny: Vec<String>,
    /// Allow this tool where a rule would ask (a glob; may be given more than once)
    #[arg(long, value_name = "TOOL")]
    allow: Vec<String>,
    /// A file or folder outside of the workspace that it may write; changes there can't be undone (may be given more than
    /// once)
    #[arg(long, value_name = "PATH")]
    writable: Vec<PathBuf>,
    /// A variable that it gets although it looks like a secret (may be given more than once)
    #[arg(long, value_name = "NAME")]
    pass: Vec<String>,
    /// The address that its model calls go to, instead of the provider's own: URL, or anthropic=URL, openai=URL,
    /// google=URL (may be given more than once); script:FILE answers them from a file, offline
    #[arg(long, value_name = "URL")]
    upstream: Vec<String>,
    /// Print the result as JSON on stdout; what the agent prints goes to stderr
    #[arg(long, requires = "headless")]
    json: bool,
}

/// The names of the gates.
fn gates() -> PossibleValuesParser {
    PossibleValuesParser::new(Gate::ALL.map(Gate::name))
}

/// The breakpoints of `--break`.
fn breakpoints(names: &[String]) -> Vec<Breakpoint> {
    let is_meant = |gate: &Gate| names.iter().any(|written| written == gate.name());
    let point = Breakpoint::new;
    Gate::ALL.into_iter().filter(is_meant).map(point).collect()
}

/// Passes a hook of an agent on, when that is what the program was started for: `tama-tui hook`, an agent's own call.
pub(super) fn run_hidden_hook() -> Option<ExitCode> {
    (env::args_os().nth(1)? == "hook").then(hooks::run_hook)
}

/// Runs the agent to its end.
pub(super) async fn run(args: Args, global: &Global) -> color_eyre::Result<Exit> {
    if !args.headless {
        screen::require_screen(args.command.first().map(String::as_str).unwrap_or_default())?;
    }
    let workspace = workspace(args.workspace.as_deref())?;
    let setup = setup(&args, workspace)?;
    if !setup.wrapped.writable.is_empty() {
        let paths = setup.wrapped.writable.join(", ");
        eprint_line(&format!("no undo for changes in: {paths}"));
    }
    let data = data::open_beside(global, &setup.workspace)?;
    if !args.headless {
        return screen::run(setup, breakpoints(&args.breaks), data, global).await;
    }
    let mode = Mode::Headless(runtime::Headless { allow: args.allow.clone(), answers: Vec::new() });
    let (session, screen) = start_wrapped(setup, &data, mode).await.map_err(|error| eyre!("failed to {error}"))?;
    eprint_line(&format!("run {}", session.run));
    let end = screen.end.clone();
    let printing = tokio::spawn(agent_output::print(screen.output, args.json));
    let headless = Headless::new(session, RunState::default())?.say_gaps(true).without_result();
    let exit = headless.run_to_end(args.json, serde_json::Map::new()).await?;
    printing.await?;
    let agent = end.borrow().as_ref().and_then(|end| end.exit);
    Ok(match (exit, agent) {
        (Exit::Cancelled, _) => Exit::Cancelled,
        (_, Some(code)) => Exit::Code(u8::try_from(code).unwrap_or(1)),
        (exit, None) => exit,
    })
}

fn workspace(named: Option<&Path>) -> color_eyre::Result<PathBuf> {
    let folder = match named {
        Some(folder) => folder.to_owned(),
        None => env::current_dir().map_err(|error| eyre!("failed to find the current folder: {error}"))?,
    };
    folder.canonicalize().map_err(|error| eyre!("failed to open the workspace {}: {error}", folder.display()))
}

/// The addresses of `--upstream`, scripts by their whole path: a retry may be made from elsewhere.
fn upstreams(named: &[String]) -> color_eyre::Result<Vec<String>> {
    let whole = |one: &String| match one.strip_prefix(SCRIPT) {
        Some(script) => std::path::absolute(script)
            .map(|script| format!("{SCRIPT}{}", script.display()))
            .map_err(|error| eyre!("failed to find --upstream {one}: {error}")),
        None => Ok(one.clone()),
    };
    named.iter().map(whole).collect()
}

fn setup(args: &Args, workspace: PathBuf) -> color_eyre::Result<WrapSetup> {
    let mut command = args.command.clone();
    if let Some(option) = command.first().filter(|first| first.starts_with('-')) {
        return Err(eyre!(
            "failed to read the option {option}: `tama-tui wrap --help` lists them. Write ./ before a program \
             whose name begins with a dash."
        ));
    }
    if let Some(program) = command.first_mut().filter(|program| program.contains('/'))
        && let Ok(found) = std::path::absolute(&program)
    {
        // It is started in the workspace.
        *program = found.display().to_string();
    }
    let program = command.first().map(String::as_str).unwrap_or_default();
    let known = known_program(program);
    let file = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or("agent");
    let mut writable = Vec::new();
    if let (Some(known), Some(home)) = (known, env::home_dir()) {
        for state in known.state(&home) {
            if state.is_folder && !state.path.exists() {
                // It would make it itself, and can't in a home folder that it may not write.
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(&state.path)
                    .map_err(|error| eyre!("failed to make {}: {error}", state.path.display()))?;
            }
            writable.extend(state.path.canonicalize().ok());
        }
    }
    for path in &args.writable {
        let found = path.canonicalize();
        writable.push(found.map_err(|error| eyre!("failed to find --writable {}: {error}", path.display()))?);
    }
    let passed: Vec<String> =
        known.iter().flat_map(|known| known.secrets()).map(ToString::to_string).chain(args.pass.clone()).collect();
    Ok(WrapSetup {
        name: file.to_owned(),
        policy: Policy { ask: args.ask.clone(), deny: args.deny.clone(), ..Policy::default() },
        task: args.command.join(" "),
        wrapped: Wrapped {
            command: command.clone(),
            preset: known.map(|known| known.name().to_owned()),
            writable: writable.iter().map(|path| path.display().to_string()).collect(),
            passed,
            review: args.review,
            upstreams: upstreams(&args.upstream)?,
        },
        workspace,
        size: None,
    })
}
