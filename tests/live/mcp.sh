#!/bin/bash
# Runs two real MCP servers from npm (everything, filesystem): an undone file change, a compensated call, a killed
# server, and verify without any server. Needs the network, npm and node, and the built program:
#   tests/live/mcp.sh path/to/tama-tui
set -eu
tama=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir work bin
npm install --silent --no-audit --no-fund --prefix bin \
  @modelcontextprotocol/server-everything @modelcontextprotocol/server-filesystem
files=$folder/bin/node_modules/.bin/mcp-server-filesystem
every=$folder/bin/node_modules/.bin/mcp-server-everything
printf 'old text\n' > work/notes.txt

pipeline() { # ENTRYPOINTS' TOOLS
  cat > pipeline.toml <<TOML
[pipeline]
name = "live"
entrypoint = "lead"
task = "go"
workspace = "work"
[models]
default = "script:replies.toml"
[agents.lead]
pattern = "react"
prompt = "x"
tools = [$1]
[mcp.files]
command = ["$files", "$folder/work"]
timeout_seconds = 30
[mcp.files.undo]
create_directory = { tool = "write_file", args = { path = "$folder/work/undone.txt", content = "undone {path}" } }
[mcp.every]
command = ["$every", "stdio"]
timeout_seconds = ${TIMEOUT:-30}
[policy]
allow = ["files__*", "every__*"]
TOML
}

replies() { # CALLS
  cat > replies.toml <<TOML
[[reply]]
agent = "lead"
call = 1
calls = [$1]
[[reply]]
agent = "lead"
calls = [{ name = "finish", args = { key = "done", value = "v" } }]
TOML
}

fail() { echo "FAILED: $1" >&2; exit 1; }
newest() { ls -t .tama/runs | head -1; }
servers() { pgrep -f "$folder/bin" || true; }

pipeline '"files__write_file", "files__create_directory", "every__echo"'
replies "{ name = \"files__write_file\", args = { path = \"$folder/work/notes.txt\", content = \"new text\" } },
  { name = \"files__create_directory\", args = { path = \"$folder/work/made\" } },
  { name = \"every__echo\", args = { message = \"hello\" } }"
sed -i ':a;N;$!ba;s/,\n  {/, {/g' replies.toml
"$tama" run pipeline.toml
[ "$(cat work/notes.txt)" = "new text" ] || fail "the server wrote nothing"
[ -z "$(servers)" ] || fail "a server is left"
run=$(newest)
mv bin gone
"$tama" verify "$run"
mv gone bin
echo "ok: verified without the servers"
"$tama" undo "$run"
[ "$(cat work/notes.txt)" = "old text" ] || fail "the file was not undone"
[ ! -e work/made ] || fail "the folder was not undone"
grep -q "^undone $folder/work/made$" work/undone.txt || fail "the undo call was not made"
[ -z "$(servers)" ] || fail "a server is left after undo"
echo "ok: a file change was undone, and a call was compensated"

# The first call takes longer than the server lives; the second finds it started anew.
TIMEOUT=20 pipeline '"every__trigger-long-running-operation", "every__echo"'
replies '{ name = "every__trigger-long-running-operation", args = { duration = 15, steps = 3 } }, { name = "every__echo", args = { message = "again" } }'
(for _ in $(seq 200); do
  pid=$(pgrep -f "^node .*mcp-server-everything" | head -1) && [ -n "$pid" ] && sleep 3 && kill -9 "$pid" && break
  sleep 0.1
done) &
"$tama" run pipeline.toml --json > out.json || true
wait
"$tama" runs show "$(newest)"
[ -z "$(servers)" ] || fail "a server is left after the kill"
echo "ok: a killed server"
