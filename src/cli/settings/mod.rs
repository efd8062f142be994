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

pub(super) use read::read;
pub(super) use sample::sample;

use super::colour::Colour;
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

/// Reads a settings file's text.
pub(super) fn read_file(path: &Path) -> io::Result<String> {
    if std::fs::metadata(path)?.len() > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MB"));
    }
    std::fs::read_to_string(path)
}

/// The file that the settings are read from; `named`: by `--config`.
pub(super) fn place(named: Option<&Path>) -> color_eyre::Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let base = etcetera::choose_base_strategy().map_err(|error| eyre!("failed to find the home folder: {error}"))?;
    Ok(base.config_dir().join("tama-tui").join("config.toml"))
}
