"""The two tools of the agents in this folder."""

import pathlib
import subprocess

from hooks import hooked

TASK = "Tidy this folder."


@hooked
def run_command(command: str) -> str:
    """Run a shell command in the folder, and return its output."""
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    return ran.stdout + ran.stderr if ran.returncode == 0 else f"exit {ran.returncode}\n{ran.stdout}{ran.stderr}"


@hooked
def write_file(path: str, content: str) -> str:
    """Write a file in the folder."""
    pathlib.Path(path).write_text(content)
    return f"wrote {len(content)} characters"
