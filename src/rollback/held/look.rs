//! A look at a layer: what is new in it is recorded as held.

use super::super::act::{ActError, Origin};
use super::super::apply::read_before_image;
use super::super::capture::{Changed, Rules};
use super::super::record::record_pending;
use super::HeldLayer;
use super::clock::{last_look, mark_look};
use super::find::find;
use crate::model::KeyState;
use crate::store::{RunLog, crash_point, hash_blob};
use crate::world::World;

/// Bytes of after-images in memory at once.
const BATCH: usize = 64 << 20;

/// Records what a layer shows and the log has not, as held actions of `origin`; returns how many. Blocks, and
/// waits for the disk.
///
/// The caller holds the lock, and no other look is under way.
///
/// # Errors
/// When the layer can't be read, or the changes can't be recorded.
pub async fn look(
    log: &RunLog,
    world: &World,
    layer: &HeldLayer,
    rules: &Rules,
    origin: &Origin,
) -> Result<usize, ActError> {
    let failed = |error: &dyn std::fmt::Display| ActError::NotFound(format!("failed to {error}"));
    let since = last_look(&layer.looked);
    mark_look(&layer.looked).map_err(|error| failed(&format!("note the time of a look: {error}")))?;
    let mut shown = find(log, world, layer, rules, since).map_err(|error| failed(&error))?;
    // A file that changed while it was read is read again by the next look.
    shown.new.retain(|changed| !changed.is_unsteady() && !is_of_the_agent_alone(changed));
    if shown.new.is_empty() {
        return Ok(0);
    }
    let content = |path: &str| shown.layer.content(path).ok();
    shown.new = keep_steady(log, shown.new, content)?;
    crash_point("after-images-kept");
    let before = |changed: &Changed| match &changed.old {
        KeyState::File { blob, .. } if log.recorder().blob_on_disk(*blob).is_some() => {
            log.recorder().blob(*blob).map_err(|error| format!("its before-image is lost: failed to {error}"))
        }
        _ => read_before_image(world, changed),
    };
    let recorded = record_pending(log, origin, shown.new.clone(), &before, true).await?;
    Ok(recorded.len())
}

/// Keeps the after-images of changes. A file that has changed since it was looked at is left to the next look: with other
/// bytes than its own, the change after it would have no before-image.
fn keep_steady(
    log: &RunLog,
    found: Vec<Changed>,
    content: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<Vec<Changed>, ActError> {
    let (mut steady, mut batch, mut held) = (Vec::with_capacity(found.len()), Vec::new(), 0);
    let put = |batch: &mut Vec<Vec<u8>>| {
        let bytes: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        let done = log.recorder().put_blobs(&bytes).map(drop);
        batch.clear();
        done
    };
    for changed in found {
        if let (KeyState::File { blob, .. }, None, None) = (&changed.new, &changed.left_out, &changed.moved) {
            let Some(bytes) = content(&changed.path).filter(|bytes| hash_blob(bytes) == *blob) else { continue };
            held += bytes.len();
            batch.push(bytes);
        }
        steady.push(changed);
        if held > BATCH {
            put(&mut batch)?;
            held = 0;
        }
    }
    put(&mut batch)?;
    Ok(steady)
}

/// True for a pipe, a socket or a device that was made where nothing was: it stays with the agent.
fn is_of_the_agent_alone(changed: &Changed) -> bool {
    changed.stays() && changed.old == KeyState::Absent
}
