//! A tool, and a checked call of one.

use serde_json::Value as Json;

use crate::effects::remote::RemoteCall;
use crate::model::{Compensation, EffectClass, Key, ToolDecl, command_line, quoted};
use crate::pipeline::Wrapped;
use crate::world::{Change, Value};

/// A tool the model can call.
pub trait Tool: Send + Sync {
    /// Returns its declaration for the model.
    fn decl(&self) -> &ToolDecl;

    /// Returns the class of its effect on the world.
    fn effect(&self) -> EffectClass;

    /// Returns the class of the effect of a call with these arguments.
    fn effect_of(&self, _args: &Json) -> EffectClass {
        self.effect()
    }

    /// True when it runs a command: its effect is then known only as far as commands are confined here.
    fn is_command(&self) -> bool {
        false
    }

    /// Checks the arguments and prepares the call.
    ///
    /// # Errors
    /// When an argument is missing or wrong; the text is for the model.
    fn prepare(&self, args: &Json) -> Result<Prepared, ToolError>;
}

/// A checked call.
pub enum Prepared {
    /// Reads and changes keys; the program does it.
    World(WorldCall),
    /// Runs a shell command.
    Shell(ShellCall),
    /// Asks another program, over the network or beside this one.
    Remote(RemoteCall),
    /// Runs the program of a wrapped agent to its end.
    Program(Wrapped),
    /// Lets a wrapped agent run a tool of its own; written on one line.
    Outside(String),
}

/// Decides a call's changes and answer, given the content of its keys.
pub type Decide = Box<dyn FnOnce(&[Value]) -> Result<Decision, ToolError> + Send>;

/// A call that reads and changes keys.
pub struct WorldCall {
    /// Every key that it reads; locked and read before `decide`.
    pub keys: Vec<Key>,
    /// Decides the changes and the answer from the content of those keys, in order. Pure.
    pub decide: Decide,
}

impl WorldCall {
    /// Prepares a call that reads and changes keys.
    pub(super) fn prepare(
        keys: Vec<Key>,
        decide: impl FnOnce(&[Value]) -> Result<Decision, ToolError> + Send + 'static,
    ) -> Prepared {
        Prepared::World(Self { keys, decide: Box::new(decide) })
    }
}

/// The changes and the answer of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Keys whose content went into the answer.
    pub reads: Vec<Key>,
    /// Changes, in order (a folder before the file in it).
    pub changes: Vec<Change>,
    /// The answer for the model.
    pub result: String,
}

/// The program of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A command for `bash -c` (or `sh -c`).
    Shell(String),
    /// A program with its arguments, without a shell.
    Argv(Vec<String>),
}

/// A command to run in the workspace; its changes there are found and recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellCall {
    /// The program of a command.
    pub program: Program,
    /// Seconds it may take.
    pub timeout_seconds: u64,
    /// True when it may use the network.
    pub network: bool,
    /// True when it may use Unix sockets, also without the network.
    pub local_sockets: bool,
    /// Its undo command (a user's own tool).
    pub compensation: Option<Compensation>,
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shell(command) => f.write_str(command),
            Self::Argv(argv) => f.write_str(&command_line(argv)),
        }
    }
}

impl Program {
    /// Returns the exact command line, with the program's whole path.
    #[must_use]
    pub fn exact(&self) -> String {
        match self {
            Self::Shell(command) => command.clone(),
            Self::Argv(argv) => argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
        }
    }
}

/// A tool's answer when it failed to do its work; the model gets it as the result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ToolError(pub String);
