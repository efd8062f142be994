//! Reads `[capture]`: how the changes that commands make in the workspace are found, and which paths are left out.

use toml::Spanned;

use super::glob::Glob;
use super::names::suggest;
use super::reader::Table;
use super::spec::Capture;

/// The capture modes, as a pipeline names them.
pub(super) const MODES: [&str; 2] = [AUTO, SNAPSHOT];
/// The default: overlay where the system supports it, else snapshot.
const AUTO: &str = "auto";
/// The capture mode that compares the workspace with a snapshot taken before the command.
const SNAPSHOT: &str = "snapshot";
/// The former name of [`SNAPSHOT`]; still accepted.
pub(super) const PORTABLE: &str = "portable";

pub(super) fn read_capture(root: &Table<'_>) -> Capture {
    let Some(table) = root.table("capture") else { return Capture::default() };
    let mode = table.string("lane");
    let name = mode.as_ref().map_or(AUTO, |mode| mode.get_ref().as_str());
    if let Some(mode) = mode.as_ref().filter(|_| !MODES.contains(&name) && name != PORTABLE) {
        table.doc.fault_help(mode.span(), format!("unknown capture mode `{name}`"), suggest(name, MODES));
    }
    let exclude = table.strings("exclude");
    for glob in &exclude {
        if let Err(error) = Glob::new(glob.get_ref()) {
            table.doc.fault(glob.span(), format!("failed to {error}"));
        }
    }
    let capture = Capture {
        snapshot: [SNAPSHOT, PORTABLE].contains(&name),
        exclude: exclude.into_iter().map(Spanned::into_inner).collect(),
        max_file_mb: table.count("max_file_mb"),
        after: table.flag("after").unwrap_or(true),
    };
    table.finish();
    capture
}
