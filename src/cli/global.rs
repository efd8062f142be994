//! Options that every command has.

use std::path::PathBuf;

use super::colour::Colour;
use super::settings::Settings;

/// Options of every command.
#[derive(Debug, clap::Args)]
pub(super) struct Global {
    /// When to use colour [default: auto] (`auto`: on a terminal, unless `NO_COLOR` is set)
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub color: Option<Colour>,
    /// The folder that keeps the runs [default: .tama beside the pipeline]
    #[arg(long, global = true, env = "TAMA_TUI_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// The settings file [default: tama-tui/config.toml in the folder of your settings; `tama-tui config` prints one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The settings of that file.
    #[arg(skip)]
    pub settings: Settings,
}

impl Global {
    /// When to use colour: as the command line says, else as the settings do.
    pub fn color(&self) -> Colour {
        self.color.or(self.settings.color).unwrap_or_default()
    }
}
