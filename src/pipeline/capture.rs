//! Reads `[capture]`: how the changes of commands in the workspace are found, and which are left out.

use toml::Spanned;

use super::glob::Glob;
use super::names::suggest;
use super::reader::Table;
use super::spec::Capture;

/// The words for `lane`.
const LANES: [&str; 2] = ["auto", "portable"];

pub(super) fn read_capture(root: &Table<'_>) -> Capture {
    let Some(table) = root.table("capture") else { return Capture::default() };
    let lane = table.string("lane");
    if let Some(lane) = lane.as_ref().filter(|lane| !LANES.contains(&lane.get_ref().as_str())) {
        let help = suggest(lane.get_ref(), LANES);
        table.doc.fault_help(lane.span(), format!("unknown lane `{}`", lane.get_ref()), help);
    }
    let exclude = table.strings("exclude");
    for glob in &exclude {
        if let Err(error) = Glob::new(glob.get_ref()) {
            table.doc.fault(glob.span(), format!("failed to {error}"));
        }
    }
    let capture = Capture {
        portable: lane.is_some_and(|lane| lane.get_ref() == "portable"),
        exclude: exclude.into_iter().map(Spanned::into_inner).collect(),
        max_file_mb: table.count("max_file_mb"),
    };
    table.finish();
    capture
}
