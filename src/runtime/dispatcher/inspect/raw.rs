//! The answer of a model call as it came, before anything of it was understood.

use super::fields::{prose, section};
use crate::effects::tools::keep_both_ends;
use crate::model::{BlobHash, Section, SectionBody};
use crate::store::Recorder;

/// Characters that are shown; the blob has the rest.
const SHOWN: usize = 1 << 16;

/// The section of it, folded.
pub(super) fn raw_section(raw: BlobHash, store: &dyn Recorder) -> Section {
    let section = match store.blob(raw) {
        Ok(bytes) => {
            let text = keep_both_ends(&String::from_utf8_lossy(&bytes), SHOWN);
            prose("as it came", &format!("{} bytes · blob {}", bytes.len(), short(raw)), text)
        }
        Err(error) => section("as it came", "", SectionBody::Error(error.to_string())),
    };
    Section { folded: true, ..section }
}

/// The beginning of a blob's name, enough to find the file.
fn short(raw: BlobHash) -> String {
    raw.to_string().chars().take(12).collect()
}
