//! The servers that an agent is led to, and how its program is started so that it comes to them.

use std::env;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use super::event::AgentEvent;
use super::start::WrapError;
use crate::effects::Masker;
use crate::effects::agents::{AgentPlace, KnownAgent, known_agent};
use crate::effects::gateway::{self, Arrived, Gateway, Service, Upstreams};
use crate::effects::hooks::{HOOK_VARIABLE, HookDialect, HookServer};
use crate::model::quoted;
use crate::pipeline::Wrapped;

/// The small program that starts in a millisecond.
const SMALL_PROGRAM: &str = "tama-tui-sandbox";
/// The kind of terminal that a panel of the screen is.
const DRAWN: &str = "xterm-256color";

/// How the program of an agent is started: with the addresses and secrets that are stored nowhere.
#[derive(Default)]
pub(in super::super) struct AgentLaunch {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Variables of its environment beside those of every command.
    pub variables: Vec<(OsString, OsString)>,
    /// A file of settings, which is removed with this.
    _settings: Option<NamedTempFile>,
}

/// The gateway and the server of hooks, and what comes from both.
pub(super) struct Servers {
    pub gateway: Gateway,
    pub hooks: HookServer,
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

impl Servers {
    /// Opens both; what comes goes into `events`. `upstreams`: the addresses that model calls go to, where they are not
    /// those of the environment.
    pub async fn start(
        upstreams: &[(Service, String)],
        events: mpsc::UnboundedSender<AgentEvent>,
    ) -> Result<Self, WrapError> {
        let mut to = Upstreams::from_env(&variable)?;
        for (service, url) in upstreams {
            to = to.with(*service, url, &variable)?;
        }
        let (gateway, mut arrived) = Gateway::start(gateway::Setup::new(to, Masker::from_env())).await?;
        let (hooks, mut hooked) = HookServer::start().await?;
        let calls = events.clone();
        tokio::spawn(async move {
            while let Some(arrived) = arrived.recv().await {
                let event = match arrived {
                    Arrived::Call(call) => AgentEvent::Model(call),
                    // They are counted.
                    _ => continue,
                };
                if calls.send(event).is_err() {
                    break;
                }
            }
        });
        tokio::spawn(async move {
            while let Some(hooked) = hooked.recv().await {
                if events.send(AgentEvent::Hook(Box::new(hooked))).is_err() {
                    break;
                }
            }
        });
        Ok(Self { gateway, hooks })
    }
}

/// How the program of an agent is started. `is_drawn`: its terminal is a panel of the screen.
pub(super) fn launch(
    wrapped: &Wrapped,
    workspace: &Path,
    is_drawn: bool,
    servers: &Servers,
) -> Result<AgentLaunch, WrapError> {
    let text = |(name, value): (String, String)| (OsString::from(name), OsString::from(value));
    let mut variables = passed(wrapped, is_drawn);
    variables.extend(servers.gateway.environment(&variable).into_iter().map(text));
    let mut command: Vec<OsString> = wrapped.command.iter().map(OsString::from).collect();
    let known = wrapped.preset.as_deref().and_then(known_agent);
    // An agent of the user's own may call hooks too, in Claude Code's form.
    let dialect = known.map_or(Some(HookDialect::Claude), KnownAgent::hooks);
    let hooks = dialect.map(|dialect| servers.hooks.address(dialect));
    variables.extend(hooks.as_ref().map(|address| (HOOK_VARIABLE.into(), address.into())));
    let Some(known) = known else {
        return Ok(AgentLaunch { command, variables, _settings: None });
    };
    let led = known.launch(&AgentPlace {
        gateway: servers.gateway.root(),
        hooks: hooks.as_deref().unwrap_or_default(),
        hook_command: &hook_command(),
        workspace,
        env: &variable,
    });
    variables.extend(led.environment.into_iter().map(text));
    let settings = led.settings_file;
    let file = settings.map(|(name, settings)| settings_file(name, &settings, &mut variables)).transpose()?;
    command.splice(1..1, led.arguments.into_iter().map(OsString::from));
    Ok(AgentLaunch { command, variables, _settings: file })
}

/// The variables that it gets beside those of every command: secrets that the user named, and the kind of its terminal.
fn passed(wrapped: &Wrapped, is_drawn: bool) -> Vec<(OsString, OsString)> {
    let secrets = wrapped.passed.iter().filter_map(|name| Some((OsString::from(name), env::var_os(name)?)));
    let term = if is_drawn { Some(DRAWN.into()) } else { env::var_os("TERM") };
    secrets.chain(term.map(|term| ("TERM".into(), term))).collect()
}

/// The program by which an agent passes a hook on.
pub(in super::super) fn hook_program() -> PathBuf {
    let own = env::current_exe().unwrap_or_else(|_| PathBuf::from("tama-tui"));
    let small = own.with_file_name(SMALL_PROGRAM);
    if small.is_file() { small } else { own }
}

/// The command by which an agent passes a hook on.
fn hook_command() -> String {
    format!("{} hook", quoted(&hook_program().display().to_string()))
}

/// Writes settings into a file that the agent can read, and names it in a variable.
fn settings_file(
    name: &str,
    settings: &Json,
    variables: &mut Vec<(OsString, OsString)>,
) -> Result<NamedTempFile, WrapError> {
    use etcetera::BaseStrategy as _;
    // Not the folder for temporary files: the agent has one of its own.
    let cache = etcetera::choose_base_strategy().map(|base| base.cache_dir().join("tama-tui"));
    let folder = cache.unwrap_or_else(|_| Path::new(".").to_owned());
    std::fs::create_dir_all(&folder).map_err(WrapError::Settings)?;
    let mut file =
        tempfile::Builder::new().prefix("agent-").suffix(".json").tempfile_in(folder).map_err(WrapError::Settings)?;
    file.write_all(settings.to_string().as_bytes()).map_err(WrapError::Settings)?;
    variables.push((name.into(), file.path().into()));
    Ok(file)
}
