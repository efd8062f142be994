#!/bin/bash
# Runs agents of other programs under `tama-tui wrap`: Claude Code, Codex, opencode and gemini-cli from npm, and one small
# program each on the OpenAI Agents SDK, Pydantic AI and LangGraph. Their models are scripted, and they run in a network
# namespace that has loopback only. Prints a row for each: its model calls, its tools with their changes, a tool that a
# rule denies, undo byte for byte, and the same with --review. Needs Linux, npm and node, python3, and the built program:
#   tests/live/agents.sh path/to/tama-tui [claude|codex|opencode|gemini|openai-agents|pydantic-ai|langgraph …]
# What is missing is installed into ${XDG_CACHE_HOME:-~/.cache}/tama-tui-agents.
set -u
tama=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- claude codex opencode gemini openai-agents pydantic-ai langgraph
here=$(realpath "$(dirname "$0")")/agents
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tama-tui-agents
mkdir -p "$cache"
base=$(mktemp -d "$cache/run.XXXXXX")
trap 'rm -rf "$base"' EXIT
# The agents see neither the user's state nor the clone.
cp -r "$here" "$base/programs"

npm_agent() { # PACKAGE PROGRAM
  [ -x "$cache/node_modules/.bin/$2" ] && return 0
  npm install --silent --no-audit --no-fund --prefix "$cache" "$1" > "$base/install.log" 2>&1 || return 1
  if [ "$2" = opencode ]; then node "$cache/node_modules/opencode-ai/postinstall.mjs" >> "$base/install.log" 2>&1; fi
  [ -x "$cache/node_modules/.bin/$2" ]
}

python_agent() { # NAME PACKAGES…
  local venv=$cache/$1
  shift
  [ -e "$venv/installed" ] && return 0
  python3 -m venv "$venv" && "$venv/bin/pip" install -q "$@" > "$base/install.log" 2>&1 && touch "$venv/installed"
}

install_agent() {
  case $1 in
    claude) npm_agent @anthropic-ai/claude-code@2.1.197 claude ;;
    codex) npm_agent @openai/codex@0.171.0 codex ;;
    opencode) npm_agent opencode-ai@1.18.33 opencode ;;
    gemini) npm_agent @google/gemini-cli@0.61.0 gemini ;;
    openai-agents) python_agent openai-agents openai-agents ;;
    pydantic-ai) python_agent pydantic-ai 'pydantic-ai-slim[openai]' ;;
    langgraph) python_agent langgraph langgraph langchain-openai ;;
    *) echo "no such agent" > "$base/install.log"; return 1 ;;
  esac
}

for name in "$@"; do
  install_agent "$name" || { echo "$name: skipped: it can't be installed: $(tail -1 "$base/install.log")" >&2; continue; }
  echo "$name" >> "$base/names"
done
[ -s "$base/names" ] || { echo "skipped: there is no agent to run" >&2; exit 1; }

# Nothing may reach another machine.
unshare=(unshare -n)
[ "$(id -u)" = 0 ] || unshare=(unshare -rn)
export tama cache base
"${unshare[@]}" bash -c 'ip link set lo up; exec python3 -B "$base/programs/play.py" "$@"' play $(cat "$base/names")
