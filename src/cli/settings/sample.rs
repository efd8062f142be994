//! The settings file as `config` prints it: every setting with its default, each behind a `#`.

use std::fmt::Write as _;
use std::path::Path;

use super::read::WAYS;
use crate::app::keys::{Group, in_group, sequence};
use crate::ui::Colours;

/// Writes the file. `place`: where the program reads it.
pub(in crate::cli) fn sample(place: &Path) -> String {
    let mut out = format!(
        "# Settings of tama-tui. Save this file as {}\n\
         # and take away the # before a setting to change it. The values here are those without a file.\n\n\
         # When to use colour: auto (on a terminal, unless NO_COLOR is set), always, never. --color beats it.\n\
         # color = \"auto\"\n\n\
         # The background that colours are chosen for: auto (as COLORFGBG says), dark, light, or painted (the screen\n\
         # paints its own).\n\
         # background = \"auto\"\n\n\
         # The folder that keeps the runs of all pipelines. Without it: .tama beside each pipeline. --data-dir and\n\
         # TAMA_TUI_DATA_DIR beat it.\n\
         # data_dir = \"~/.local/share/tama-tui\"\n\n\
         # How to call you when a run stops and you don't look: any of bell, osc9 (a notification of the terminal) and\n\
         # title; [] for none. TAMA_TUI_NOTIFY beats it.\n",
        place.display()
    );
    let ways: Vec<String> = WAYS.iter().map(|way| format!("\"{way}\"")).collect();
    let _ = writeln!(out, "# notify = [{}]", ways.join(", "));
    out.push_str(
        "\n# Colours by their meaning, as \"#rrggbb\". The values here are those of a dark background. A terminal with 256\n\
         # colours shows the nearest; with 16 its own palette counts.\n[theme]\n",
    );
    for choice in Colours::choices() {
        let _ = writeln!(out, "# {}\n# {} = \"#{:06x}\"", choice.doc, choice.name, choice.usual);
    }
    out.push_str(
        "\n# Keys of the debugger. A list replaces all keys of its verb; each is one key, or two that are pressed one after\n\
         # the other. The keys of popups and of the run list stay as they are.\n[keys]\n",
    );
    for group in Group::ALL {
        let _ = writeln!(out, "\n# {}", group.name());
        for verb in in_group(group) {
            let keys: Vec<String> =
                verb.keys.iter().map(|keys| toml::Value::from(sequence(keys)).to_string()).collect();
            let _ = writeln!(out, "# {}\n# {} = [{}]", verb.doc, verb.action.id(), keys.join(", "));
        }
    }
    out
}
