//! The reasons why an opened run can't be changed by a command.

use color_eyre::eyre::{Report, eyre};

use super::made_elsewhere::NeedsWorkspace;
use crate::runtime::{LookOnly, Session};
use crate::store::StoreError;

/// The reason why a run that is only looked at can't be changed. `verb` is the command; `more`: its arguments after the run.
pub(super) fn refusal_to_change(
    session: &Session,
    verb: &'static str,
    more: &str,
) -> color_eyre::Result<Option<Report>> {
    let (Some(why), Some(folder)) = (&session.look_only, &session.folder) else { return Ok(None) };
    Ok(Some(match why {
        LookOnly::Foreign(why) => {
            let workspace = folder.workspace(&session.log).map_err(|error| eyre!("failed to {error}"))?;
            NeedsWorkspace::new(folder, why, &workspace, verb, more).into()
        }
        LookOnly::InUse { pid } => eyre!("failed to {}", StoreError::Locked { pid: pid.clone() }),
        why @ LookOnly::Imported => eyre!("{}", why.notice()),
        LookOnly::NotWritable => {
            eyre!("failed to {}", StoreError::NotWritable { path: folder.path().display().to_string() })
        }
    }))
}
