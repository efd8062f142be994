//! `tama-tui hook`: passes a hook that is a command on to the server, and its answer back.

use std::env;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;

/// The variable that holds the server's address.
pub const HOOK_VARIABLE: &str = "TAMA_TUI_HOOK";
/// Bytes of an answer that are read.
const LARGEST: u64 = 64 << 20;

/// Plays `tama-tui hook`, and returns its exit code: 1 when the hook was not heard, which agents take for "go on".
pub fn run_hook() -> ExitCode {
    match pass_on() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed to pass the hook on: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Sends what stands on the standard input to the server, and prints its answer. Waits for it as long as it takes.
///
/// # Errors
/// When the server can't be reached, or does not know the hook. The agent's tool then runs unseen.
fn pass_on() -> io::Result<()> {
    let address = env::var(HOOK_VARIABLE).map_err(|_| io::Error::other(format!("{HOOK_VARIABLE} is not set")))?;
    let mut said = Vec::new();
    io::stdin().take(LARGEST).read_to_end(&mut said)?;
    let answer = post(&address, &said)?;
    io::stdout().write_all(&answer)
}

/// Posts a body, and returns that of the answer.
fn post(address: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let bad = || io::Error::other(format!("{HOOK_VARIABLE} holds no address of a server"));
    let (host, path) = address.strip_prefix("http://").and_then(|rest| rest.split_once('/')).ok_or_else(bad)?;
    let mut stream = TcpStream::connect(host)?;
    write!(
        stream,
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.take(LARGEST).read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        let line = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        return Err(io::Error::other(format!("the debugger refused the hook: {line}")));
    }
    Ok(answer.split_off(end + 4))
}
