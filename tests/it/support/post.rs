//! The part of an agent played by a shell script that speaks to the servers of this program.

/// Posts to an address, and prints the whole answer; bodies are ASCII. The server that an address belongs to; a hook; a
/// model call.
pub const POST: &str = r#"
post() {
  local rest=${1#http://}; local place=${rest%%/*} path=/${rest#*/}
  exec 3<>"/dev/tcp/${place%%:*}/${place##*:}" || return 1
  printf 'POST %s HTTP/1.0\r\nhost: %s\r\ncontent-type: application/json\r\ncontent-length: %s\r\n\r\n%s' \
    "$path" "$place" "${#2}" "$2" >&3
  cat <&3; exec 3>&-
}
root() { local rest=${1#http://}; echo "http://${rest%%/*}"; }
before='{"hook_event_name":"PreToolUse","session_id":"s","tool_name":"Forged","tool_use_id":"1","tool_input":{}}'
call='{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'
"#;
