//! Another program that has a file open, until it is dropped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub struct Program(Child);

impl Program {
    /// A `bash` that has opened a file as the redirection says: `<`, `<>`, `>>`.
    pub fn with(redirection: &str, file: &Path) -> Self {
        let script = format!("exec 3{redirection}\"$0\"; echo ready; read -r _");
        Self::ready(Command::new("bash").arg("-c").arg(script).arg(file))
    }

    /// A program that prints a line once it is ready, and ends with its input.
    pub fn ready(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits for its end, once its input is closed.
    pub fn finish(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
