//! The tools of a run that watches an agent of another program: the agent's program itself, and the agent's own tools,
//! which this program lets run or not.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::tool::{Prepared, Tool, ToolError};
use crate::model::{EffectClass, ToolDecl};
use crate::pipeline::Wrapped;

/// The name of the call that is the agent's program.
pub const PROGRAM: &str = "program";

/// The program of a wrapped agent, as a call: it lasts as long as the program does.
pub(super) fn program(wrapped: &Wrapped) -> Arc<dyn Tool> {
    let decl = ToolDecl {
        name: PROGRAM.to_owned(),
        description: "the agent's program".to_owned(),
        schema: json!({ "type": "object" }),
    };
    Arc::new(ProgramTool { decl, wrapped: wrapped.clone() })
}

struct ProgramTool {
    decl: ToolDecl,
    wrapped: Wrapped,
}

impl Tool for ProgramTool {
    fn decl(&self) -> &ToolDecl {
        &self.decl
    }

    fn effect(&self) -> EffectClass {
        EffectClass::Reversible
    }

    fn prepare(&self, _: &Json) -> Result<Prepared, ToolError> {
        Ok(Prepared::Program(self.wrapped.clone()))
    }
}
