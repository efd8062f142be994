//! The `tama-tui` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    tama_tui::cli::main()
}
