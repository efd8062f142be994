"""Plays the agents under `tama-tui wrap`, and looks at what is recorded, at the folder, and at undo. See ../agents.sh."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

TAMA, CACHE, BASE = (os.environ[name] for name in ("tama", "cache", "base"))
PROGRAMS = f"{BASE}/programs"
NPM = f"{CACHE}/node_modules"
WORK = pathlib.Path(BASE, "work")
# Codex refuses `rm -f` by itself.
FIRST = "rm -r docs; echo more >> README.md; echo cleaned"
FORBIDDEN = "echo x > forbidden.txt"


def text(value):
    return json.dumps(value)


def shell(tool, **more):
    """A command as a call of a tool that takes a command."""
    return lambda command: (tool, {"command": command} | more)


def exec_command(command):
    """A command as Codex's model runs it: a piece of JavaScript."""
    return "exec", f"const r = await tools.exec_command({text({'cmd': command})}); text(r)"


def write(tool, key):
    """A new file as a call of a tool that writes files."""
    return lambda content="made": (tool, {key: str(WORK / "made.txt"), "content": f"{content}\n"})


def python(venv, program, package):
    """An agent of this folder; it says what its tools do."""
    return {
        "command": [f"{CACHE}/{venv}/bin/python", "-B", f"{PROGRAMS}/{program}"],
        "name": "python",
        "version": [f"{CACHE}/{venv}/bin/python", "-c", f"from importlib.metadata import version as v; print(v('{package}'))"],
        "shell": shell("run_command"),
        "write": write("write_file", "path"),
        "deny": "run_command:*forbidden*",
        "passes": ["--pass", "OPENAI_API_KEY"],
    }


# The tool's name in a run, and in a rule, is that of the agent's hooks.
AGENTS = {
    "claude": {
        "command": [f"{NPM}/.bin/claude", "-p", "Tidy this folder.", "--permission-mode", "acceptEdits"]
        + ["--allowedTools", "Bash,Write"],
        "version": [f"{NPM}/.bin/claude", "--version"],
        "shell": shell("Bash", description="tidies"),
        "write": write("Write", "file_path"),
        "deny": "Bash:*forbidden*",
    },
    "codex": {
        "command": [f"{NPM}/.bin/codex", "exec", "--skip-git-repo-check", "--sandbox", "danger-full-access"]
        + ["Tidy this folder."],
        "version": [f"{NPM}/.bin/codex", "--version"],
        "shell": exec_command,
        "write": lambda content="made": exec_command(f"echo {content} > made.txt"),
        "deny": "Bash:*forbidden*",
    },
    "opencode": {
        "command": [f"{NPM}/.bin/opencode", "run", "-m", "anthropic/claude-sonnet-4-5", "Tidy this folder."],
        "version": [f"{NPM}/.bin/opencode", "--version"],
        "shell": shell("bash", description="tidies"),
        "write": write("write", "filePath"),
        "deny": None,
    },
    "gemini": {
        "command": [f"{NPM}/.bin/gemini", "--yolo", "-p", "Tidy this folder."],
        "version": [f"{NPM}/.bin/gemini", "--version"],
        "shell": shell("run_shell_command", description="tidies"),
        "write": write("write_file", "file_path"),
        "deny": "run_shell_command:*forbidden*",
        # It asks first which model shall have the task.
        "side": [("complexity", text({"reasoning": "simple", "model_choice": "flash", "complexity_reasoning": "x",
                                      "complexity_score": 10}))],
    },
    "openai-agents": python("openai-agents", "openai_agents.py", "openai-agents"),
    "pydantic-ai": python("pydantic-ai", "pydantic_agent.py", "pydantic-ai-slim"),
    "langgraph": python("langgraph", "langgraph_agent.py", "langgraph"),
}

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LANG": "C.UTF-8",
    "HOME": f"{BASE}/home",
    "ANTHROPIC_API_KEY": "sk-ant-none",
    "OPENAI_API_KEY": "sk-none",
    "GEMINI_API_KEY": "none",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
} | {name: value for name, value in os.environ.items() if name in ("LD_LIBRARY_PATH",)}


def run(arguments, **more):
    return subprocess.run(arguments, cwd=WORK, env=ENVIRONMENT, capture_output=True, text=True, timeout=300,
                          stdin=subprocess.DEVNULL, **more)


def tama(*arguments):
    return run([TAMA, *arguments])


def fresh():
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "docs").mkdir(parents=True)
    for name, content in (("docs/a.md", "a\n"), (".env", "SECRET=1\n"), ("README.md", "Read me.\n")):
        (WORK / name).write_text(content)
    (WORK / "docs/a.md").chmod(0o600)
    return manifest()


def manifest():
    """Each path with its kind, permissions and bytes."""
    found = {}
    for path in sorted(WORK.rglob("*")):
        name = str(path.relative_to(WORK))
        if not name.startswith(".tama"):
            found[name] = (oct(path.lstat().st_mode), path.read_bytes() if path.is_file() else b"")
    return found


def script(agent, calls):
    """Writes the answers of the model."""
    replies = [f"[[reply]]\nagent = \"*\"\ncontains = {text(has)}\ntext = {text(said)}\n"
               for has, said in agent.get("side", [])]
    for at, (tool, arguments) in enumerate(calls, 1):
        given = text(arguments)
        if isinstance(arguments, dict):
            given = "{ " + ", ".join(f"{key} = {text(value)}" for key, value in arguments.items()) + " }"
        replies.append(f"[[reply]]\nagent = \"*\"\ncall = {at}\ncalls = [{{ name = {text(tool)}, args = {given} }}]\n")
    replies.append('[[reply]]\nagent = "*"\ntext = "All tidy now."\n')
    path = pathlib.Path(BASE, "replies.toml")
    path.write_text("\n".join(replies))
    return path


def wrap(agent, calls, *more):
    path = script(agent, calls)
    ran = tama("wrap", "--headless", "--json", *agent.get("passes", []), *more, "--upstream", f"script:{path}",
               "--", *agent["command"])
    try:
        return ran, json.loads(ran.stdout)
    except ValueError:
        return ran, None


class Broken(Exception):
    pass


def want(is_so, why, ran=None):
    if not is_so:
        raise Broken(why + (f"\n{ran.stdout}{ran.stderr}" if ran else ""))


def show(run_id):
    return json.loads(tama("runs", "show", run_id, "--json").stdout)


def spans(run_id):
    """The spans of a run below its agent, each with the paths that it changed."""
    shown = show(run_id)
    changed = {}
    for action in shown["actions"]:
        changed.setdefault(action["tool_span"], []).append(action["key"]["name"].rstrip("/"))
    return [(span["kind"], span["path"].split("/")[-1].split("#")[0], span["state"], sorted(changed.get(span["span"], [])))
            for span in shown["spans"]][2:]


WANTED = {"README.md": "modified", "docs": "deleted", "docs/a.md": "deleted", "made.txt": "added"}


def check_direct(agent):
    """The agent in the folder itself. Returns what its tree shows."""
    before = fresh()
    ran, told = wrap(agent, [agent["shell"](FIRST), agent["write"]()])
    want(ran.returncode == 0 and told, f"exit code {ran.returncode}", ran)
    changes = {change["path"].rstrip("/"): change["change"] for change in told["changes"]}
    want(changes == WANTED, f"its changes are {changes}", ran)
    want("All tidy now." in ran.stderr, "it does not print the answer", ran)
    want((WORK / "made.txt").read_text() == "made\n" and not (WORK / "docs").exists(), "the folder is wrong", ran)
    found = spans(told["run"])
    calls = [name for kind, name, _, _ in found if kind == "llm"]
    want(len(calls) >= 3, f"its model calls: {calls}", ran)
    tools = [(name, paths) for kind, name, _, paths in found if kind == "tool" and name != "program"]
    if agent["deny"]:
        want([paths for _, paths in tools] == [["README.md", "docs", "docs/a.md"], ["made.txt"]], f"its tools: {found}", ran)
    undone = tama("undo", told["run"])
    want(undone.returncode == 0 and manifest() == before, f"undo: exit {undone.returncode}, {manifest()}", undone)
    sides = len(calls) - 3
    return [f"{len(calls)}" + (f" ({sides} side)" if sides else ""), "each with its changes" if tools else "no: changes of the program"]


def check_denied(agent):
    fresh()
    ran, told = wrap(agent, [agent["shell"](FORBIDDEN), agent["write"]()], "--deny", agent["deny"])
    want(ran.returncode == 0 and told, f"denied: exit code {ran.returncode}", ran)
    want(not (WORK / "forbidden.txt").exists() and (WORK / "made.txt").exists(), "a rule is not kept", ran)
    states = [state for kind, name, state, _ in spans(told["run"]) if kind == "tool" and name != "program"]
    want(states == ["denied", "ok"], f"denied: its tools are {states}", ran)


def check_review(agent):
    before = fresh()
    ran, told = wrap(agent, [agent["shell"](FIRST), agent["write"]()], "--review")
    want(ran.returncode == 0 and told, f"review: exit code {ran.returncode}", ran)
    want(manifest() == before, "review: something reached the folder", ran)
    held = {change["path"].rstrip("/"): change["op"] for change in told["held"]}
    want({path: op.replace("changed", "modified") for path, op in held.items()} == WANTED, f"review: held is {held}", ran)
    kept = tama("discard", told["run"], "docs")
    want(kept.returncode == 0, "discard", kept)
    applied = tama("apply", told["run"])
    want(applied.returncode == 0 and (WORK / "docs/a.md").exists() and (WORK / "made.txt").exists(), "apply", applied)
    undone = tama("undo", told["run"])
    want(undone.returncode == 0 and manifest() == before, "review: undo", undone)


def check_retry(agent):
    """The second model call again. Its script answers otherwise by then, so that each call that is asked anew is seen."""
    before = fresh()
    ran, told = wrap(agent, [agent["shell"](FIRST), agent["write"]()])
    want(ran.returncode == 0 and told, f"retry: exit code {ran.returncode}", ran)
    script(agent, [agent["shell"](FORBIDDEN), agent["write"]("again")])
    second = [span for span in show(told["run"])["spans"] if span["kind"] == "llm" and "/llm" in span["path"]][1]
    retried = tama("retry", told["run"], "--span", second["path"])
    want(retried.returncode == 0, f"retry: exit code {retried.returncode}", retried)
    want(re.search("model calls? answered from the record", retried.stderr), "retry: no call is answered from the record", retried)
    want(not (WORK / "forbidden.txt").exists(), "retry: the first call was asked again", retried)
    want((WORK / "made.txt").read_text() == "again\n", "retry: the second call was not asked again", retried)
    want(not (WORK / "docs").exists() and (WORK / "README.md").read_text() == "Read me.\nmore\n", "retry: its tools", retried)
    undone = tama("undo", told["run"])
    want(undone.returncode == 0 and manifest() == before, f"retry: undo: exit {undone.returncode}, {manifest()}", undone)


def play(name):
    agent = AGENTS[name]
    version = run(agent["version"]).stdout.strip().split("\n")[-1]
    calls, tools = check_direct(agent)
    denied = "no hooks"
    if agent["deny"]:
        check_denied(agent)
        denied = "yes"
    check_review(agent)
    check_retry(agent)
    return [name, version, calls, tools, denied, "byte for byte", "held, applied, undone", "from its second call"]


def main():
    os.makedirs(ENVIRONMENT["HOME"], exist_ok=True)
    WORK.mkdir()
    head = ["agent", "version", "model calls", "tools", "denied by a rule", "undo", "--review", "retry"]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)
    broken = 0
    for name in sys.argv[1:]:
        try:
            print("| " + " | ".join(play(name)) + " |", flush=True)
        except (Broken, subprocess.TimeoutExpired) as why:
            broken += 1
            print(f"FAILED: {name}: {why}", file=sys.stderr, flush=True)
    sys.exit(1 if broken else 0)


main()
