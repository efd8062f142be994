"""Says before and after each tool what it does, to the program that watches: at $TAMA_TUI_HOOK, in Claude Code's form."""

import functools
import inspect
import json
import os
import urllib.request
import uuid


def ask(event, tool, call, arguments, **more):
    url = os.environ.get("TAMA_TUI_HOOK")
    if not url:
        return {}
    body = {"session_id": str(os.getpid()), "hook_event_name": event, "tool_name": tool, "tool_use_id": call}
    body |= {"tool_input": arguments} | more
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer).get("hookSpecificOutput", {})


def hooked(tool):
    """A tool whose calls can be seen, stopped, edited and denied."""

    @functools.wraps(tool)
    def call(*given, **named):
        arguments = dict(inspect.signature(tool).bind(*given, **named).arguments)
        name, use = tool.__name__, uuid.uuid4().hex
        said = ask("PreToolUse", name, use, arguments)
        if said.get("permissionDecision") == "deny":
            return said.get("permissionDecisionReason", "denied")
        arguments = said.get("updatedInput", arguments)
        result = tool(**arguments)
        return ask("PostToolUse", name, use, arguments, tool_response=result).get("updatedToolOutput", result)

    return call
