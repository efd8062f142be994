//! The data folder: `--data-dir`, or `.tama` beside the pipeline.

use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;

use super::global::Global;
use crate::store::DataDir;

/// The data folder's usual name, beside the pipeline.
pub(super) const FOLDER: &str = ".tama";

/// Opens the data folder of `--data-dir`, else `.tama` in the pipeline's folder `base`; creates it when it is missing.
pub(super) fn open_beside(global: &Global, base: &Path) -> color_eyre::Result<DataDir> {
    let path = global.data_dir.clone().unwrap_or_else(|| base.join(FOLDER));
    let path = std::path::absolute(&path).map_err(|error| eyre!("failed to find {}: {error}", path.display()))?;
    DataDir::open_or_create(path).map_err(|error| eyre!("failed to {error}"))
}

/// The absolute path of the data folder of `--data-dir`, else of `.tama` in the current folder.
pub(super) fn path_of(global: &Global) -> color_eyre::Result<PathBuf> {
    let named = global.data_dir.clone().unwrap_or_else(|| PathBuf::from(FOLDER));
    std::path::absolute(&named).map_err(|error| eyre!("failed to find {}: {error}", named.display()))
}

/// Opens a data folder that exists already, to look at its runs; nothing in it is made: that of `--data-dir`, else `.tama` in the current folder.
pub(super) fn open_existing(global: &Global) -> color_eyre::Result<DataDir> {
    let path = path_of(global)?;
    if !path.is_dir() {
        return Err(eyre!(
            "failed to find runs: {} does not exist. Go to the pipeline's folder, or name the folder of its runs \
             with --data-dir.",
            path.display()
        ));
    }
    Ok(DataDir::at(path))
}
