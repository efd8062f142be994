//! Options that every command has.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::ui::ColorChoice;

/// Options of every command.
#[derive(Debug, clap::Args)]
pub(super) struct Global {
    /// When to use colour (`auto`: on a terminal, unless `NO_COLOR` is set)
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Colour,
    /// The folder that keeps the runs [default: .tama beside the pipeline]
    #[arg(long, global = true, env = "TAMA_TUI_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl From<Colour> for ColorChoice {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Auto => Self::Auto,
            Colour::Always => Self::Always,
            Colour::Never => Self::Never,
        }
    }
}
