//! The table `[mcp]` of pipeline.toml.

use serde_json::{Value as Json, json};

use super::super::custom::{EFFECTS, LONGEST_TIMEOUT};
use super::super::mcp::PROTOCOLS;
use super::parts::{Keys, count, flag, list, map_of, one_of, text, texts};

/// A table of `[mcp]`.
pub(super) fn server() -> Json {
    let names: Vec<&str> = EFFECTS.iter().map(|(name, _)| *name).collect();
    let mut timeout = count("seconds that its start, a listing or a call may take; 120 when it is left out");
    timeout["maximum"] = json!(LONGEST_TIMEOUT);
    let command = json!({
        "description": "its program and arguments",
        "anyOf": [text("the program; `args` has its arguments"), list("the program and its arguments", text("an argument"))],
    });
    let filled = || text("`${VAR}` is filled in when it is sent");
    Keys::new("a server of tools: a program (`command`) or an address (`url`)")
        .key("command", command)
        .key("args", texts("more arguments of the program"))
        .key("env", map_of("variables of the program's environment", filled()))
        .key("network", flag("the program may use the network", false))
        .key("local_sockets", flag("the program may use Unix sockets without the network", false))
        .key("url", text("its address; `${VAR}` is filled in when it is used"))
        .key("headers", map_of("headers of every request", filled()))
        .key("effects", map_of("what its tools do to the world, by tool", one_of("what it does", names)))
        .key("undo", map_of("the calls that undo its tools' calls, by tool", undo()))
        .key("timeout_seconds", timeout)
        .key("protocol", one_of("the only revision of the protocol to speak", PROTOCOLS))
        .build()
}

fn undo() -> Json {
    Keys::new("the call that undoes a call")
        .required("tool", text("the tool of the same server"))
        .key(
            "args",
            json!({ "type": "object", "description": "its arguments; `{ARGUMENT}` and `{result}` are filled in" }),
        )
        .build()
}
