//! Where the runs are: `--data-dir`, or `.tama` beside the pipeline.

use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;

use super::Global;
use crate::store::DataDir;

/// The data folder's usual name, beside the pipeline.
const FOLDER: &str = ".tama";

/// The data folder of a pipeline in the folder `base`; it is made when it isn't there.
pub(super) fn beside(global: &Global, base: &Path) -> color_eyre::Result<DataDir> {
    let path = global.data_dir.clone().unwrap_or_else(|| base.join(FOLDER));
    let path = std::path::absolute(&path).map_err(|error| eyre!("failed to find {}: {error}", path.display()))?;
    DataDir::open_or_create(path).map_err(|error| eyre!("failed to {error}"))
}

/// The data folder that is there: the one given, or that of the current folder.
pub(super) fn existing(global: &Global) -> color_eyre::Result<DataDir> {
    let named = global.data_dir.clone().unwrap_or_else(|| PathBuf::from(FOLDER));
    let path = std::path::absolute(&named).map_err(|error| eyre!("failed to find {}: {error}", named.display()))?;
    if !path.is_dir() {
        return Err(eyre!(
            "there are no runs here: {} does not exist. Go to the pipeline's folder, or name the folder of its runs \
             with --data-dir.",
            path.display()
        ));
    }
    DataDir::open_or_create(path).map_err(|error| eyre!("failed to {error}"))
}
