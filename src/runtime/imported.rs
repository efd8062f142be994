//! Opening a run that another program recorded: it is shown like any past run, and nothing of it is changed.

use std::path::PathBuf;

use super::engine::{Engine, Mode, Setup};
use super::feed::{PastEvents, channel};
use super::look_only::LookOnly;
use super::session::{Session, SessionError, no_commands, providers};
use crate::model::{TraceBody, Update};
use crate::pipeline::Capture;
use crate::store::{DataDir, Imported, Publish, StoreError};
use crate::world::World;

/// Opens an imported run, and tells `watch` its state first. `load` reads it; it may take long, and is done beside the
/// loop. Its workspace is never touched.
///
/// # Errors
/// When it can't be read.
pub async fn open_imported(
    load: impl FnOnce(Publish) -> Result<Imported, StoreError> + Send + 'static,
    mode: Mode,
    mut watch: impl FnMut(Update) -> bool + Send + 'static,
) -> Result<Session, SessionError> {
    let (sink, receiver) = channel();
    let publish = sink.publish();
    let work = move || {
        let imported = load(publish)?;
        // The log's own copy: the two share what neither changes.
        watch(Update::State(Box::new(imported.log.with(Clone::clone))));
        watch(Update::Checked(Vec::new()));
        Ok::<_, StoreError>(imported)
    };
    let Imported { run, log, mut events, notices } = tokio::task::spawn_blocking(work).await??;
    let (last, workspace) = log.with(|state| (state.last, PathBuf::from(&state.workspace)));
    events.retain(|event| TraceBody::is_reported(&event.body));
    let world = World::gone(&workspace)?;
    let commands = no_commands(&world, &Capture::default(), &DataDir::at(workspace));
    let setup = Setup {
        log: log.clone(),
        channel: (sink, receiver),
        commands,
        world,
        models: providers(PathBuf::new()),
        mode,
        source: None,
        on_status: Box::new(|_| ()),
        agent: None,
        look_only: Some(LookOnly::Imported),
    };
    let engine = Engine::open(setup, PastEvents { events, last, is_whole: false })?;
    Ok(Session { run, folder: None, engine, log, notices, look_only: Some(LookOnly::Imported), agent: None })
}
