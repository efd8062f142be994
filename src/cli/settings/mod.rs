//! The settings file: how the program looks and which keys it takes. What a run does is the pipeline's matter.
//!
//! `$XDG_CONFIG_HOME/tama-tui/config.toml`, or the file of `--config`. The command line and the environment beat it.

mod read;
mod sample;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;
use etcetera::BaseStrategy;

use super::check::print_faults;
use super::exit::Exit;
use super::global::{Colour, Global};
use super::text::print;
use crate::app::keys;
use crate::term::Notify;
use crate::ui::{Colours, Ground};

/// Bytes that a settings file may have.
const MOST_BYTES: u64 = 1 << 20;

/// The settings that a file holds; `None` where it leaves one out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// When to use colour.
    pub color: Option<Colour>,
    /// The background that the colours are made for.
    pub background: Option<Ground>,
    /// The folder that keeps the runs.
    pub data_dir: Option<PathBuf>,
    /// The ways to tell of a stop.
    pub notify: Option<Notify>,
    /// The colours that the user chose.
    pub colours: Colours,
    /// The keys that the user chose.
    pub keys: Vec<keys::Binding>,
}

/// `tama-tui config`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print where the settings are read from, and nothing else
    #[arg(long)]
    path: bool,
}

/// Prints the settings file with every setting, or its place.
pub(super) fn run(args: &Args, global: &Global) -> color_eyre::Result<Exit> {
    let place = place(global)?;
    if args.path {
        print(&format!("{}\n", place.display()))?;
    } else {
        print(&sample::sample(&place))?;
    }
    Ok(Exit::Done)
}

/// Reads the settings into the options, and installs the keys; prints the faults and returns false when there are any.
///
/// # Errors
/// When the file can't be read.
pub(super) fn load(global: &mut Global) -> color_eyre::Result<bool> {
    let path = place(global)?;
    let text = match read_file(&path) {
        Ok(text) => text,
        // Only a file that was named has to be there.
        Err(error) if error.kind() == io::ErrorKind::NotFound && global.config.is_none() => return Ok(true),
        Err(error) => {
            let help = "`tama-tui config` prints a file to start with";
            return Err(eyre!("failed to read the settings in {}: {error}; {help}", path.display()));
        }
    };
    match read::read(&path, text) {
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

fn read_file(path: &Path) -> io::Result<String> {
    if std::fs::metadata(path)?.len() > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MB"));
    }
    std::fs::read_to_string(path)
}

/// The file that the settings are read from.
fn place(global: &Global) -> color_eyre::Result<PathBuf> {
    if let Some(named) = &global.config {
        return Ok(named.clone());
    }
    let base = etcetera::choose_base_strategy().map_err(|error| eyre!("failed to find the home folder: {error}"))?;
    Ok(base.config_dir().join("tama-tui").join("config.toml"))
}
