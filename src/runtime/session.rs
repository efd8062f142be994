//! A session: one run with everything it needs, started from a loaded pipeline or opened from its folder.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinError;

use super::dispatcher::command::{Commands, SnapshotFolders};
use super::engine::{Engine, Mode, NewRun, Setup};
use super::feed::{PastEvents, Sink, channel};
use super::look_only::LookOnly;
use super::review::Review;
use super::wrap::{AgentLine, AgentScreen, agent_models};
use crate::effects::confine::{Isolation, Shell, ShellPaths};
use crate::effects::llm::{LlmError, LlmProvider, Providers};
use crate::model::{Checking, Provenance, RunId, RunState, Seq, TraceBody, TraceEvent, Update};
use crate::pipeline::{Capture, Loaded, Pipeline, Wrapped};
use crate::rollback;
use crate::rollback::capture::Rules;
use crate::store::{self, Access, DataDir, Opened, Opening, RunFolder, RunLog, StoreError, Volatile};
use crate::world::{World, WorldError};

/// A run under way, and its folder.
pub struct Session {
    /// The run.
    pub run: RunId,
    /// Its folder; `None` when nothing is recorded.
    pub folder: Option<RunFolder>,
    /// Its engine.
    pub engine: Engine,
    /// Its log, to look at the folded state and stored texts.
    pub log: RunLog,
    /// What the user should know from the start (damage, what an interrupted run left).
    pub notices: Vec<String>,
    /// The reason why the run is only looked at.
    pub look_only: Option<LookOnly>,
    /// The output of an agent of another program, once a retry starts it; `None`: it goes elsewhere, or there is none.
    pub agent: Option<AgentScreen>,
}

/// Why a session could not begin; phrased to follow "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The workspace.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The models.
    #[error("prepare the models: {0}")]
    Models(#[from] LlmError),
    /// The layer for held changes.
    #[error("hold the agent's changes: {0}")]
    Review(String),
    /// The program failed while the run was started.
    #[error("start the run: {0}")]
    Failed(#[from] JoinError),
}

/// Makes whoever answers model calls for a pipeline; called at the start and before each retry.
pub type ModelSource = Box<dyn Fn(&Pipeline) -> Result<Arc<dyn LlmProvider>, LlmError> + Send + Sync>;

/// The models that a pipeline names, with scripts relative to its folder.
#[must_use]
pub fn providers(base: PathBuf) -> ModelSource {
    Box::new(move |pipeline| Ok(Arc::new(Providers::build(pipeline, &base)?)))
}

/// Says whether a pipeline can run here, before anything is made.
///
/// # Errors
/// When its workspace or its models are not usable.
pub fn prepare(loaded: &Loaded) -> Result<(), SessionError> {
    World::open(&loaded.workspace, None)?;
    Ok(providers(loaded.base.clone())(&loaded.pipeline).map(drop)?)
}

/// Starts a new run, recorded in the data folder. Must be called within a tokio runtime; blocks for the time that
/// creating the database takes (about 75 ms).
///
/// # Errors
/// When the workspace, the models or the store are not usable.
pub fn start(loaded: Loaded, data: &DataDir, task: String, mode: Mode) -> Result<Session, SessionError> {
    let models = providers(loaded.base.clone());
    start_with(loaded, data, task, mode, models)
}

/// Starts a new run as [`start`] does, with other models.
///
/// # Errors
/// When the workspace, the models or the store are not usable.
pub fn start_with(
    loaded: Loaded,
    data: &DataDir,
    task: String,
    mode: Mode,
    models: ModelSource,
) -> Result<Session, SessionError> {
    start_as(loaded, data, task, mode, models, StartAs::default())
}

/// The differences of a new run from that of a pipeline.
#[derive(Default)]
pub(super) struct StartAs {
    /// Where it comes from.
    pub provenance: Provenance,
    /// The line to the agent of another program that it watches; it has no pipeline file then.
    pub agent: Option<Arc<AgentLine>>,
}

/// Starts a new run as [`start_with`] does.
///
/// # Errors
/// As it.
pub(super) fn start_as(
    loaded: Loaded,
    data: &DataDir,
    task: String,
    mode: Mode,
    models: ModelSource,
    wishes: StartAs,
) -> Result<Session, SessionError> {
    let StartAs { provenance, agent } = wishes;
    let world = World::open(&loaded.workspace, Some(data.path()))?;
    let (sink, receiver) = channel();
    let source = agent.is_none().then(|| loaded.file.clone());
    let new = store::NewRun {
        name: loaded.pipeline.name.clone(),
        task: task.clone(),
        entrypoint: loaded.pipeline.entrypoint.clone(),
        workspace: world.root().display().to_string(),
        pipeline_file: source.as_ref().map(|file| file.display().to_string()),
        provenance: provenance.clone(),
    };
    // Before the folder is made: a pipeline that can't run leaves none behind.
    models(&loaded.pipeline)?;
    let (log, folder) = data.create_run(new, sink.publish())?;
    let mut notices = loaded.warnings;
    notices.extend(neighbours(data, folder.id(), &world));
    notices.extend(folder.foreign().map(|why| unsigned_notice(&why)));
    let mut commands = commands(&world, &loaded.pipeline.capture, Some((data, &folder)));
    if loaded.pipeline.wrapped.as_ref().is_some_and(|wrapped| wrapped.review) {
        commands.review = Some(Arc::new(Review::start(&commands.shell, &folder).map_err(SessionError::Review)?));
    }
    let log = log.keeping_after_images(largest_after_image(&loaded.pipeline.capture, &commands));
    let setup = Setup {
        log: log.clone(),
        channel: (sink, receiver),
        commands,
        world,
        models,
        mode,
        source,
        on_status: follow(folder.clone()),
        agent,
        look_only: None,
    };
    let run = folder.id().clone();
    let engine = Engine::start(setup, NewRun { run: run.clone(), pipeline: loaded.pipeline, task, provenance })?;
    Ok(Session { run, folder: Some(folder), engine, log, notices, look_only: None, agent: None })
}

/// The warning that a new run will not be known as this user's own.
fn unsigned_notice(why: &store::Foreign) -> String {
    format!("this run can't be signed, and will count as made elsewhere when it is opened again: {why}")
}

/// Starts a run that records nothing; nothing of it can be undone.
///
/// # Errors
/// When the workspace or the models are not usable.
pub fn start_unrecorded(loaded: Loaded, task: String, mode: Mode) -> Result<Session, SessionError> {
    let world = World::open(&loaded.workspace, None)?;
    let (sink, receiver) = channel();
    let recorder = Arc::new(Volatile::new(sink.publish()));
    let log = RunLog::new(recorder, RunState::default(), Seq(0), std::collections::HashSet::new());
    let setup = Setup {
        log: log.clone(),
        channel: (sink, receiver),
        commands: commands(&world, &loaded.pipeline.capture, None),
        world,
        models: providers(loaded.base),
        mode,
        source: Some(loaded.file),
        on_status: Box::new(|_| ()),
        agent: None,
        look_only: None,
    };
    let (run, provenance) = (RunId("unrecorded".into()), Provenance::default());
    let engine = Engine::start(setup, NewRun { run: run.clone(), pipeline: loaded.pipeline, task, provenance })?;
    Ok(Session { run, folder: None, engine, log, notices: loaded.warnings, look_only: None, agent: None })
}

/// Opens a past run. What a killed process left half-done is finished, or reported. A run that was made elsewhere, is in
/// use or can't be written is only looked at. Its updates begin with all of its events.
///
/// # Errors
/// When the run can't be opened, or its workspace is gone.
pub async fn open(folder: RunFolder, data: &DataDir, mode: Mode) -> Result<Session, SessionError> {
    open_at(folder, data, mode, OpenAs::default()).await
}

/// Opens a past run as [`open`] does, and tells `watch` its state before its log is checked, and how far the check is.
/// Its updates then begin with those of its events that are reported besides the state. It ends early when `watch`
/// answers false: nobody waits for it any more. `confirmed`: as [`open_in`] has it. `agent`: the line to the agent of
/// another program that a retry starts.
///
/// # Errors
/// As [`open`].
pub async fn open_watched(
    folder: RunFolder,
    data: &DataDir,
    mode: Mode,
    confirmed: Option<PathBuf>,
    agent: Option<Arc<AgentLine>>,
    watch: impl FnMut(Update) -> bool + Send + 'static,
) -> Result<Session, SessionError> {
    let watch: Option<Watch> = Some(Box::new(watch));
    open_at(folder, data, mode, OpenAs { confirmed, watch, models: None, agent }).await
}

/// Opens a past run as [`open`] does, with other models.
///
/// # Errors
/// When the run can't be opened, or its workspace is gone.
pub async fn open_with(
    folder: RunFolder,
    data: &DataDir,
    mode: Mode,
    models: ModelSource,
) -> Result<Session, SessionError> {
    open_at(folder, data, mode, OpenAs { models: Some(models), ..OpenAs::default() }).await
}

/// Opens a past run as [`open`] does, also to change it if it was made elsewhere. `workspace`: the one that the user has
/// confirmed, or where it is now.
///
/// # Errors
/// As those of [`open`], and when the run is in use or can't be written.
pub async fn open_in(folder: RunFolder, data: &DataDir, mode: Mode, workspace: &Path) -> Result<Session, SessionError> {
    let confirmed = Some(workspace.to_owned());
    open_at(folder, data, mode, OpenAs { confirmed, ..OpenAs::default() }).await
}

/// The wishes of one who opens a run.
#[derive(Default)]
struct OpenAs {
    /// The models; the pipeline's own without.
    models: Option<ModelSource>,
    /// The workspace that the user has confirmed.
    confirmed: Option<PathBuf>,
    watch: Option<Watch>,
    /// The line to the agent of another program that a retry starts.
    agent: Option<Arc<AgentLine>>,
}

/// The file that a run's pipeline was read from; a damaged manifest is reported elsewhere.
fn source_of(folder: &RunFolder) -> Option<PathBuf> {
    folder.manifest().ok().and_then(|manifest| manifest.pipeline_file).map(PathBuf::from)
}

/// The models that a run's pipeline names, with scripts relative to the folder of its file.
fn models_of(folder: &RunFolder) -> ModelSource {
    providers(source_of(folder).as_ref().and_then(|file| file.parent()).unwrap_or(Path::new(".")).to_owned())
}

async fn open_at(folder: RunFolder, data: &DataDir, mode: Mode, wishes: OpenAs) -> Result<Session, SessionError> {
    let OpenAs { models, confirmed, watch, agent } = wishes;
    let (sink, receiver) = channel();
    let is_whole = watch.is_none();
    // Before anything is written: the folder may be gone.
    let confirmed = confirmed.map(|workspace| World::open(&workspace, Some(data.path()))).transpose()?;
    let workspace = confirmed.as_ref().map(|world| world.root().to_owned());
    let (mut opened, look_only) = open_log(folder.clone(), sink.clone(), workspace, watch).await?;
    let mut notices: Vec<String> = opened.damage.iter().map(|damage| format!("damaged: {damage}")).collect();
    notices.extend(look_only.as_ref().map(LookOnly::notice));
    let world = match confirmed {
        Some(world) => world,
        None => open_world(&folder, &opened.log, data, look_only.is_some(), &mut notices)?,
    };
    let last = opened.log.with(|state| {
        world.load_memory(state.ledger.clone());
        state.last
    });
    let pipeline = first_pipeline(&opened.log, &opened.events);
    let capture = pipeline.capture.clone();
    let mut commands = match look_only {
        Some(_) => no_commands(&world, &capture, data),
        None => commands(&world, &capture, Some((data, &folder))),
    };
    opened.log = opened.log.keeping_after_images(largest_after_image(&capture, &commands));
    notices.extend(neighbours(data, folder.id(), &world));
    if opened.damage.is_empty() && look_only.is_none() {
        notices.extend(rollback::resolve_interrupted_actions(&opened.log, &world).await);
        commands.review = Review::of_run(&folder).map(Arc::new);
        if let Some(review) = &commands.review {
            let layer = review.layer();
            let found =
                rollback::recover_held(&opened.log, &world, layer.as_ref(), folder.path(), &commands.rules).await;
            notices.extend(found);
            opened.log.with(|state| review.clean(state));
        }
        notices
            .extend(rollback::resolve_interrupted_commands(&opened.log, &world, folder.path(), &commands.rules).await);
    }
    let (source, on_status): (_, super::engine::StatusHook) = match look_only {
        // A file that somebody else names is not read.
        Some(_) => (None, Box::new(|_| ())),
        None => (source_of(&folder), follow(folder.clone())),
    };
    let (agent, screen) = match pipeline.wrapped.filter(|_| look_only.is_none()) {
        Some(wrapped) => {
            let (line, screen) = line_to(&pipeline.name, wrapped, &world, agent);
            (Some(line), screen)
        }
        None => (None, None),
    };
    let models = match (models, &agent) {
        (Some(models), _) => models,
        (None, Some(line)) => agent_models(line),
        (None, None) => models_of(&folder),
    };
    let setup = Setup {
        log: opened.log.clone(),
        channel: (sink, receiver),
        commands,
        world,
        models,
        mode,
        source,
        on_status,
        agent,
        look_only: look_only.clone(),
    };
    let engine = Engine::open(setup, PastEvents { events: opened.events, last, is_whole })?;
    let (run, folder) = (folder.id().clone(), Some(folder));
    Ok(Session { run, folder, engine, log: opened.log, notices, look_only, agent: screen })
}

/// The line to an agent of another program that a retry would start; `known`: one that is open already.
fn line_to(
    name: &str,
    wrapped: Wrapped,
    world: &World,
    known: Option<Arc<AgentLine>>,
) -> (Arc<AgentLine>, Option<AgentScreen>) {
    let (line, screen) = known.map_or_else(
        || {
            let (line, screen) = AgentLine::new(name, None);
            (Arc::new(line), Some(screen))
        },
        |line| (line, None),
    );
    line.set_up(wrapped, world.root().to_owned());
    (line, screen)
}

/// Opens the workspace of a past run; one that is only looked at can do without.
fn open_world(
    folder: &RunFolder,
    log: &RunLog,
    data: &DataDir,
    looks: bool,
    notices: &mut Vec<String>,
) -> Result<World, SessionError> {
    let recorded = PathBuf::from(folder.workspace(log)?);
    match World::open(&recorded, Some(data.path())) {
        Err(error) if looks => {
            notices.push(format!("failed to {error}; the run is shown without it"));
            Ok(World::gone(&recorded)?)
        }
        opened => Ok(opened?),
    }
}

/// Hears how far an opening is.
type Watch = Box<dyn FnMut(Update) -> bool + Send>;

/// Opens the log beside the loop: reading and checking it can take seconds. One that can't be changed is only read.
async fn open_log(
    folder: RunFolder,
    sink: Sink,
    confirmed: Option<PathBuf>,
    watch: Option<Watch>,
) -> Result<(Opened, Option<LookOnly>), SessionError> {
    let work = move || {
        let Some(mut watch) = watch else { return open_or_look(&folder, &sink, confirmed.as_deref(), None) };
        watch(Update::Checking(Checking::default()));
        let mut news = |news| {
            watch(match news {
                Opening::State(state) => indexed(state),
                Opening::Checking { rows, of } => Update::Checking(Checking { rows, of }),
            })
        };
        let (opened, look_only) = open_or_look(&folder, &sink, confirmed.as_deref(), Some(&mut news))?;
        // The log's own copy: the two share what neither changes.
        watch(indexed(Box::new(opened.log.with(Clone::clone))));
        watch(Update::Checked(opened.damage.clone()));
        Ok((opened, look_only))
    };
    Ok(tokio::task::spawn_blocking(work).await??)
}

/// A state to look at, with its index: the screen would make it while it draws.
fn indexed(state: Box<RunState>) -> Update {
    state.ledger.make_index();
    Update::State(state)
}

fn open_or_look(
    folder: &RunFolder,
    sink: &Sink,
    confirmed: Option<&Path>,
    mut watch: Option<store::Watch<'_>>,
) -> Result<(Opened, Option<LookOnly>), StoreError> {
    if let Some(workspace) = confirmed {
        return Ok((folder.open_confirmed(sink.publish(), workspace, watch)?, None));
    }
    let mut open = |access| match &mut watch {
        Some(watch) => folder.open_watched(sink.publish(), access, *watch),
        None => folder.open(sink.publish(), access),
    };
    match open(Access::ReadWrite) {
        Ok(opened) => {
            let foreign = opened.foreign.clone().map(LookOnly::Foreign);
            Ok((opened, foreign))
        }
        Err(error) => match LookOnly::of(&error) {
            Some(why) => Ok((open(Access::ReadOnly)?, Some(why))),
            None => Err(error),
        },
    }
}

/// Says which other runs are live in the workspace.
#[must_use]
pub fn neighbours(data: &DataDir, own: &RunId, world: &World) -> Option<String> {
    let beside = data.live_beside(own, &world.root().display().to_string());
    (!beside.is_empty()).then(|| {
        format!(
            "{}. Its changes count as those of another program here; in capture mode snapshot, those made while a \
             command runs count as the command's",
            name_neighbours(&beside)
        )
    })
}

/// Names other runs that are live in the workspace.
#[must_use]
pub fn name_neighbours(beside: &[RunId]) -> String {
    match beside {
        [one] => format!("another run is live in this workspace: {one}"),
        many => {
            let ids: Vec<&str> = many.iter().map(|run| run.0.as_str()).collect();
            format!("{} other runs are live in this workspace: {}", many.len(), ids.join(", "))
        }
    }
}

/// How the commands of a run go: what the system allows here is found out by trying.
fn commands(world: &World, capture: &Capture, recorded: Option<(&DataDir, &RunFolder)>) -> Commands {
    let data = recorded.map(|(data, _)| data.path());
    let folders = recorded.map(|(data, run)| SnapshotFolders { store: data.store_path(), run: run.path().to_owned() });
    let hidden = data.map(hidden_folders).unwrap_or_default();
    let paths = ShellPaths { workspace: world.root().to_owned(), hidden, scratch: None };
    let most = if capture.snapshot { Isolation::Namespaces } else { Isolation::Overlay };
    let shell = Shell::probe_up_to(paths, most);
    let snapshots = tokio::sync::Mutex::default();
    Commands { shell, rules: rules(capture, data), folders, snapshots, review: None }
}

/// The commands of a run that is only looked at: none run, so nothing is tried and nothing is made for them.
pub(super) fn no_commands(world: &World, capture: &Capture, data: &DataDir) -> Commands {
    let (shell, rules) = (Shell::unconfined(world.root()), rules(capture, Some(data.path())));
    Commands { shell, rules, folders: None, snapshots: tokio::sync::Mutex::default(), review: None }
}

/// The folders that commands must not see: the data folder, and that of the user's secret.
#[must_use]
pub fn hidden_folders(data: &Path) -> Vec<PathBuf> {
    std::iter::once(data.to_owned()).chain(store::secret_folder()).collect()
}

/// The largest file whose after-image is kept; `None`: none is.
fn largest_after_image(capture: &Capture, commands: &Commands) -> Option<u64> {
    capture.after.then(|| commands.rules.max_bytes())
}

/// What is left out of capture, as the pipeline says; the data folder always is.
#[must_use]
pub fn rules(capture: &Capture, data: Option<&Path>) -> Rules {
    // The globs were checked when the pipeline was loaded.
    let mut rules = Rules::excluding(capture.exclude.iter().map(String::as_str)).unwrap_or_default();
    if let Some(megabytes) = capture.max_file_mb {
        rules = rules.with_max_bytes(megabytes.saturating_mul(1_000_000));
    }
    match data.and_then(|data| data.metadata().ok()) {
        Some(found) => rules.skipping(found.dev(), found.ino()),
        None => rules,
    }
}

/// What the pipeline that a run began with says about capture.
#[must_use]
pub fn capture_of(log: &RunLog, events: &[TraceEvent]) -> Capture {
    first_pipeline(log, events).capture
}

/// The pipeline that a run began with; an empty one if it is lost.
fn first_pipeline(log: &RunLog, events: &[TraceEvent]) -> Pipeline {
    let stored = events.iter().find_map(|event| match &event.body {
        TraceBody::RunStarted { pipeline, .. } => Some(*pipeline),
        _ => None,
    });
    let text = stored.and_then(|hash| log.recorder().text(hash).ok()).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Keeps the manifest up with the run, so that listing runs opens no database. It says nothing that is not on disk.
fn follow(folder: RunFolder) -> super::engine::StatusHook {
    let last = Mutex::new(None);
    Box::new(move |log: &RunLog| {
        // That it can't be recorded, the log says itself.
        let Ok(state) = futures::executor::block_on(log.durable_state()) else { return };
        let written = folder.update_manifest(|manifest| manifest.follow(&state));
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = written {
            let text = format!("failed to {error}; the list of runs is behind");
            // Said once, not at every change.
            if last.replace(text.clone()).as_ref() != Some(&text) {
                log.append(vec![TraceBody::Note { span: None, error: true, text }]);
            }
        }
    })
}
