//! A user's own tools: a command with the arguments filled in, never read by a shell.

use serde_json::{Map, Value as Json};

use super::args::{Args, Param, ParamType, schema};
use super::tool::{Prepared, Program, ShellCall, Tool, ToolError};
use crate::model::{Compensation, EffectClass, ToolDecl, argument, fill};
use crate::pipeline::{ArgType, CustomTool};

/// A tool that the pipeline declares.
pub(super) struct Custom {
    decl: ToolDecl,
    tool: CustomTool,
}

impl Custom {
    pub(super) fn new(tool: CustomTool) -> Self {
        let schema = schema(&params(&tool));
        let decl = ToolDecl { name: tool.name.clone(), description: tool.description.clone(), schema };
        Self { decl, tool }
    }
}

impl Tool for Custom {
    fn decl(&self) -> &ToolDecl {
        &self.decl
    }

    fn effect(&self) -> EffectClass {
        self.tool.effect
    }

    fn prepare(&self, args: &Json) -> Result<Prepared, ToolError> {
        let tool = &self.tool;
        let args = Args::check(args, &params(tool), None)?.into_map();
        if let Some((name, _)) = args.iter().find(|(_, value)| value.as_str().is_some_and(|text| text.contains('\0'))) {
            return Err(ToolError(format!("{name:?} must not contain a NUL character")));
        }
        let program = Program::Argv(fill_command(&tool.command, &args)?);
        let (timeout_seconds, network, local_sockets) = (tool.timeout_seconds, tool.network, tool.local_sockets);
        let before = tool.before.as_ref().map(|before| fill_command(before, &args)).transpose()?;
        let undo = tool.undo.clone();
        let compensation =
            undo.map(|undo| Compensation { before, undo, args, network, local_sockets, timeout_seconds, tool: None });
        Ok(Prepared::Shell(ShellCall { program, timeout_seconds, network, local_sockets, compensation }))
    }
}

fn fill_command(command: &[String], args: &Map<String, Json>) -> Result<Vec<String>, ToolError> {
    fill(command, |name| Ok(argument(args, name))).map_err(ToolError)
}

fn params(tool: &CustomTool) -> Vec<Param<'_>> {
    tool.args
        .iter()
        .map(|(name, arg)| Param {
            name,
            holds: param_type(arg.holds),
            about: &arg.description,
            required: arg.required,
            or: None,
        })
        .collect()
}

fn param_type(of: ArgType) -> ParamType {
    match of {
        ArgType::String => ParamType::Text,
        ArgType::Integer => ParamType::Whole,
        ArgType::Number => ParamType::Number,
        ArgType::Boolean => ParamType::Flag,
    }
}
