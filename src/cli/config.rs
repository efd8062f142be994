//! `config`: prints the settings file; and the reading of it at the program's start.

use std::io;

use color_eyre::eyre::eyre;

use super::check::print_faults;
use super::exit::Exit;
use super::global::Global;
use super::settings::{place, read, read_file, sample};
use super::text::print;
use crate::app::keys;

/// `tama-tui config`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print where the settings are read from, and nothing else
    #[arg(long)]
    path: bool,
}

/// Prints the settings file with every setting, or its place.
pub(super) fn run(args: &Args, global: &Global) -> color_eyre::Result<Exit> {
    let place = place(global.config.as_deref())?;
    if args.path {
        print(&format!("{}\n", place.display()))?;
    } else {
        print(&sample(&place))?;
    }
    Ok(Exit::Done)
}

/// Reads the settings into the options, and installs the keys; prints the faults and returns false when there are any.
///
/// # Errors
/// When the file can't be read.
pub(super) fn load(global: &mut Global) -> color_eyre::Result<bool> {
    let path = place(global.config.as_deref())?;
    let text = match read_file(&path) {
        Ok(text) => text,
        // Only a file that was named has to be there.
        Err(error) if error.kind() == io::ErrorKind::NotFound && global.config.is_none() => return Ok(true),
        Err(error) => {
            let help = "`tama-tui config` prints a file to start with";
            return Err(eyre!("failed to read the settings in {}: {error}; {help}", path.display()));
        }
    };
    match read(&path, text) {
        Ok((settings, verbs)) => {
            keys::use_verbs(verbs);
            global.data_dir = global.data_dir.take().or_else(|| settings.data_dir.clone());
            global.settings = settings;
            Ok(true)
        }
        Err(faults) => {
            print_faults(&faults, global);
            Ok(false)
        }
    }
}
