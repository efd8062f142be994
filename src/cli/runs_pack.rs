//! `runs pack` and `runs open`: a run as one file, to take it along.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::global::Global;
use super::run_name::RunName;
use super::text::{eprint_line, print, print_json, size};
use super::{data, made_elsewhere, stored};
use crate::app::text::plural;
use crate::effects::Masker;
use crate::model::{ActionStatus, BlobHash, KeyState, RunState, first_names};
use crate::store::{DataDir, Format, LARGEST_PACK, Look, Packing, RunLog, StoreError, Unpacked};

const GIGABYTE: u64 = 1_000_000_000;

/// Names that a warning lists.
const NAMED: usize = 8;

/// Contents up to this size are searched for secrets.
const SEARCHED: u64 = 4 << 20;

/// Parts of names of files that mostly have secrets in them.
const SECRET_NAMES: [&str; 16] = [
    ".env",
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".kdbx",
    "id_rsa",
    "id_ed25519",
    "id_ecdsa",
    "credential",
    "secret",
    ".netrc",
    ".npmrc",
    ".pypirc",
    "password",
    "token",
];

/// `tama-tui runs pack`.
#[derive(Debug, clap::Args)]
pub(super) struct Pack {
    /// The run: any unique part of its id
    run: String,
    /// The file to write [default: tama-run-ID.tar.gz here]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Leave out the contents of files and the models' answers as they came
    #[arg(long)]
    no_blobs: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `tama-tui runs open`.
#[derive(Debug, clap::Args)]
pub(super) struct Open {
    /// A file that `runs pack` wrote
    file: PathBuf,
    /// Gigabytes that it may unpack to
    #[arg(long, value_name = "GB", default_value_t = LARGEST_PACK / GIGABYTE)]
    most: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Packs a run.
pub(super) fn pack(args: &Pack, data: &DataDir) -> color_eyre::Result<Exit> {
    let folder = data.find(&args.run).map_err(|error| eyre!("failed to {error}"))?;
    let (run, failed) = (folder.id().clone(), |error: StoreError| eyre!("failed to {error}"));
    // First, so that nobody writes to it between the look and the copy.
    let packing = Packing::new(&folder, !args.no_blobs).map_err(failed)?;
    let (_, Look { log, damage, .. }) = stored::look(data, &args.run)?;
    if !damage.is_empty() {
        return Err(eyre!(
            "failed to pack run {run}: its log is damaged. Recover it first, with `tama-tui runs recover {run}`."
        ));
    }
    let contents = UserContents::of(&log, !args.no_blobs);
    let to = args.to.clone().unwrap_or_else(|| PathBuf::from(format!("tama-run-{run}.tar.gz")));
    let done = packing.write(&to).map_err(failed)?;
    contents.warn();
    if done.format < Format::CURRENT {
        eprint_line(&format!("note: the run has format {}; it is packed as it is", done.format));
    }
    if args.json {
        print_json(&serde_json::json!({
            "run": run, "file": to, "files": done.files, "bytes": done.bytes, "packed": done.packed,
            "before_images": contents.before, "after_images": contents.after, "look_like_secrets": contents.secret,
            "held_left_out": contents.held,
        }))?;
    } else {
        print(&format!(
            "packed run {run}: {}, {} in {}\nopen it elsewhere: tama-tui runs open {}\n",
            plural(done.files, "file"),
            size(done.packed),
            to.display(),
            to.display()
        ))?;
    }
    Ok(Exit::Done)
}

/// Contents of the user's files that go along.
#[derive(Debug, Default)]
struct UserContents {
    before: usize,
    after: usize,
    /// Names of files that look like secrets, or have a key in them.
    secret: Vec<String>,
    /// Held changes, which are not in the run's folder.
    held: usize,
}

impl UserContents {
    fn of(log: &RunLog, with_blobs: bool) -> Self {
        let state = log.with(RunState::clone);
        let held = state.ledger.changes(&state.all_held()).count();
        let mut found = Self { held, ..Self::default() };
        if !with_blobs {
            return found;
        }
        let masker = Masker::from_env();
        let (mut seen, mut secret) = (BTreeSet::new(), BTreeSet::new());
        for entry in state.ledger.entries().iter() {
            let after = (entry.status != ActionStatus::Held).then_some(&entry.after);
            for (is_before, side) in [(true, Some(&entry.record.old)), (false, after)] {
                let Some(KeyState::File { blob, size, .. }) = side else { continue };
                if log.recorder().blob_on_disk(*blob).is_none() || !seen.insert(*blob) {
                    continue;
                }
                *(if is_before { &mut found.before } else { &mut found.after }) += 1;
                let name = &entry.record.key.name;
                if is_secret_name(name) || has_secret(log, *blob, *size, &masker) {
                    secret.insert(name.clone());
                }
            }
        }
        found.secret = secret.into_iter().collect();
        found
    }

    fn warn(&self) {
        if self.before + self.after > 0 {
            eprint_line(&format!(
                "warning: the pack has contents of your files, unmasked: {} from before a change, {} from after. \
                 --no-blobs leaves them out.",
                self.before, self.after
            ));
        }
        if !self.secret.is_empty() {
            eprint_line(&format!(
                "warning: {} of them look like secrets: {}",
                self.secret.len(),
                first_names(&self.secret, NAMED)
            ));
        }
        if self.held > 0 {
            eprint_line(&format!("warning: {} held, which the pack does not have", plural(self.held, "change")));
        }
    }
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

fn has_secret(log: &RunLog, blob: BlobHash, size: u64, masker: &Masker) -> bool {
    size <= SEARCHED
        && log.recorder().blob(blob).is_ok_and(|bytes| matches!(masker.mask_bytes(&bytes), std::borrow::Cow::Owned(_)))
}

/// Opens a pack.
pub(super) fn open(args: &Open, global: &Global) -> color_eyre::Result<Exit> {
    let path = data::path_of(global)?;
    let is_new = !path.exists();
    let opened = data::open_beside(global, Path::new("")).and_then(|data| {
        let most = args.most.saturating_mul(GIGABYTE);
        data.open_pack(&args.file, most).map_err(|error| eyre!("failed to {error}"))
    });
    if opened.is_err() && is_new {
        // Only what this command has just made: a refused pack leaves nothing behind.
        let _ = fs::remove_dir_all(&path);
    }
    let Unpacked { folder, is_known, has_blobs } = opened?;
    let foreign = folder.foreign();
    if args.json {
        print_json(&serde_json::json!({
            "run": folder.id(), "was_here": is_known, "blobs": has_blobs,
            "made_elsewhere": foreign.as_ref().map(ToString::to_string),
        }))?;
        return Ok(Exit::Done);
    }
    let run = folder.id();
    let mut lines = Vec::new();
    if is_known {
        lines.push(format!("run {run} is here already, with the same log: nothing was changed"));
    } else {
        lines.push(format!("opened run {run}"));
        lines.extend(foreign.as_ref().map(made_elsewhere::note));
        if !has_blobs {
            lines.push(
                "the pack has no contents of files: diffs of files are not shown, and undo can't restore them"
                    .to_owned(),
            );
        }
    }
    let name = RunName::of(&folder);
    lines.push(format!("look at it: {} · {}", name.command("runs show"), name.command("replay")));
    print(&format!("{}\n", lines.join("\n")))?;
    Ok(Exit::Done)
}
