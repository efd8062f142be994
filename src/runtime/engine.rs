//! The engine: starts a run, or opens a past one, and gives its user two ends: commands down, updates up.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::denial::{Denial, Unanswered};
use super::dispatcher::command::Commands;
use super::dispatcher::{Calls, Dispatcher, Edits, Gatekeeper, Incoming, Parts, Services, Versions, end_live};
use super::feed::{Feed, PastEvents, Receiver, Sink};
use super::look_only::LookOnly;
use super::past::{Past, PastRecord};
use super::recorded::surviving;
use super::request::{HashVersion, json};
use super::session::ModelSource;
use super::wrap::AgentLine;
use crate::effects::Masker;
use crate::effects::llm::{LlmError, LlmProvider};
use crate::effects::remote::Remotes;
use crate::effects::tools::{Compensator, Toolbox};
#[cfg(test)]
use crate::model::Update;
use crate::model::{Breakpoint, Command, EndCause, Generation, Provenance, RunId, RunStatus, TraceBody};
use crate::pipeline::Pipeline;
use crate::store::{RunLog, StoreError};
use crate::world::World;

/// How a run is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// By a person: it stops at gates, and holds at its end.
    Debug {
        /// Stop at the first gate.
        step: bool,
        /// Where it stops.
        breakpoints: Vec<Breakpoint>,
    },
    /// By nobody: it never stops, and ends when the pipeline does.
    Headless(Headless),
}

/// What a headless run may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headless {
    /// Tools that would ask, and are allowed (globs, as in the policy).
    pub allow: Vec<String>,
    /// Answers to questions, used in their order: `TEXT`, or `AGENT=TEXT` for those of one agent.
    pub answers: Vec<String>,
}

/// Called when the run's status or counts changed enough to be listed anew.
pub type StatusHook = Box<dyn Fn(&RunLog) + Send + Sync>;

/// What an engine works with.
pub struct Setup {
    /// The run's log.
    pub log: RunLog,
    /// The sink that the log's recorder publishes into, and its reader.
    pub channel: (Sink, Receiver),
    /// The world of the pipeline's workspace.
    pub world: World,
    /// Makes whoever answers model calls.
    pub models: ModelSource,
    /// How its commands run.
    pub commands: Commands,
    /// How it is driven.
    pub mode: Mode,
    /// The file (or folder) that today's pipeline is read from, for a retry.
    pub source: Option<PathBuf>,
    /// Told of the run's progress.
    pub on_status: StatusHook,
    /// The reason why a past run is only looked at.
    pub look_only: Option<LookOnly>,
    /// The line to the agent of another program that the run watches.
    pub agent: Option<Arc<AgentLine>>,
}

/// A new run.
pub struct NewRun {
    /// Its id.
    pub run: RunId,
    /// What it runs.
    pub pipeline: Pipeline,
    /// The task.
    pub task: String,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// A run under way (or opened), for whoever drives it.
pub struct Engine {
    /// Commands go in here.
    pub commands: mpsc::UnboundedSender<Command>,
    /// Updates come out here.
    pub feed: Feed,
    /// Ends after [`Command::Quit`] (headless: with the run).
    pub finish: JoinHandle<SessionEnd>,
}

/// The end of a session, as far as the run's status does not tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionEnd {
    /// The tool calls that were denied, oldest first.
    pub denials: Vec<Denial>,
    /// A limit was crossed.
    pub limited: bool,
    /// The run did something else than is recorded, and stopped there.
    pub diverged: bool,
    /// The questions that nobody was there to answer, oldest first.
    pub unanswered: Vec<Unanswered>,
    /// The answers that no question took.
    pub unused_answers: Vec<String>,
}

impl Engine {
    /// Starts a new run. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the pipeline's models are not usable; nothing ran then.
    pub fn start(setup: Setup, new: NewRun) -> Result<Self, LlmError> {
        let models = (setup.models)(&new.pipeline)?;
        let pipeline = setup.log.text(&json(&new.pipeline));
        setup.log.append(vec![TraceBody::RunStarted {
            run: new.run,
            name: new.pipeline.name.clone(),
            entrypoint: new.pipeline.entrypoint.clone(),
            task: setup.log.text(&new.task),
            pipeline,
            workspace: setup.world.root().display().to_string(),
            provenance: new.provenance,
            hash: HashVersion::CURRENT.number(),
        }]);
        let past = Past { versions: vec![(Generation(1), Arc::new(new.pipeline))], task: new.task, ..Past::default() };
        let (mut dispatcher, engine) = Self::build(setup, past, PastEvents::default(), Some(models));
        dispatcher.begin();
        Ok(engine.run(dispatcher))
    }

    /// Opens a past run from the events that are reported of it, and its state. A run whose process died is marked
    /// interrupted.
    ///
    /// # Errors
    /// When a stored text can't be read.
    pub fn open(setup: Setup, past_events: PastEvents) -> Result<Self, StoreError> {
        let past = Past::of_reported(&past_events.events, past_events.is_whole, &setup.log)?;
        setup.world.load_memory(setup.log.with(|state| state.ledger.clone()));
        let in_use = matches!(setup.look_only, Some(LookOnly::InUse { .. }));
        if setup.log.with(|state| state.status) == RunStatus::Running && !in_use {
            // Nothing of it is under way any more, so its effects can be undone.
            let ends = end_live(&setup.log, Some(EndCause::Interrupted));
            setup.log.append(ends);
            setup.log.append(vec![TraceBody::RunStatus { status: RunStatus::Interrupted, text: None }]);
        }
        let (dispatcher, engine) = Self::build(setup, past, past_events, None);
        dispatcher.send_abilities();
        dispatcher.send_past_subjects();
        Ok(engine.run(dispatcher))
    }

    /// Makes the dispatcher of a run, which does not run yet.
    pub(super) fn build(
        setup: Setup,
        past: Past,
        past_events: PastEvents,
        models: Option<Arc<dyn LlmProvider>>,
    ) -> (Dispatcher, Pending) {
        let (inbox, incoming) = mpsc::unbounded_channel();
        let (sink, receiver) = setup.channel;
        let calls = match past.record {
            PastRecord::Whole(journal) => Calls::new(*journal, setup.log.with(surviving)),
            PastRecord::Unread(hash, gathered) => Calls::unread(hash, *gathered),
        };
        let masker = Arc::new(Masker::from_env().with(provider_keys(&past.versions)));
        let shell = setup.commands.shell.masked_by(masker.clone());
        let remotes = Remotes::new(shell.clone(), masker.clone());
        let services = Services {
            tools: Arc::new(Toolbox::for_workspace(setup.world.root())),
            compensator: Compensator::new(shell.clone(), masker.clone()).with_remotes(remotes.clone()),
            world: Arc::new(setup.world),
            remotes,
            masker,
            commands: Commands { shell, ..setup.commands },
            agent: setup.agent,
        };
        let feed = Feed::new(receiver, setup.log.clone(), past_events);
        let dispatcher = Dispatcher::new(Parts {
            log: setup.log,
            services: Arc::new(services),
            models,
            model_source: setup.models,
            task: past.task,
            versions: Versions::new(past.versions, setup.source),
            gatekeeper: Gatekeeper::new(setup.mode),
            calls,
            edits: Edits::new(past.edits, past.agent_names),
            by_hand: past.by_hand,
            inbox: inbox.clone(),
            sink,
            on_status: setup.on_status,
            look_only: setup.look_only,
        });
        (dispatcher, Pending { inbox, incoming, feed })
    }
}

/// The values of the variables that providers take their keys from, whatever their names look like.
fn provider_keys(versions: &[(Generation, Arc<Pipeline>)]) -> Vec<(String, String)> {
    let providers = versions.iter().flat_map(|(_, pipeline)| pipeline.providers.values());
    let names = providers.filter_map(|provider| provider.api_key_env.clone());
    names.filter_map(|name| std::env::var(&name).ok().map(|value| (name, value))).collect()
}

/// The ends of an engine whose dispatcher does not run yet.
pub(super) struct Pending {
    inbox: mpsc::UnboundedSender<Incoming>,
    incoming: mpsc::UnboundedReceiver<Incoming>,
    feed: Feed,
}

impl Pending {
    /// Receives what a test then gives to the dispatcher.
    #[cfg(test)]
    pub(super) async fn receive(&mut self) -> Incoming {
        self.incoming.recv().await.unwrap()
    }

    /// Sends commands to a dispatcher, runs it to its end, and returns its answers.
    #[cfg(test)]
    pub(super) async fn run_to_end(self, dispatcher: Dispatcher, commands: Vec<Command>) -> Vec<Update> {
        for command in commands {
            assert!(self.inbox.send(Incoming::Command(command)).is_ok());
        }
        dispatcher.run(self.incoming).await;
        let mut feed = self.feed;
        let mut updates = Vec::new();
        while updates.last() != Some(&Update::Closed) {
            updates.extend(feed.next().await);
        }
        updates
    }

    fn run(self, dispatcher: Dispatcher) -> Engine {
        let (commands, mut asked) = mpsc::unbounded_channel();
        let inbox = self.inbox;
        tokio::spawn(async move {
            while let Some(command) = asked.recv().await {
                if inbox.send(Incoming::Command(command)).is_err() {
                    return;
                }
            }
            // Whoever drove the run is gone: end it in order.
            drop(inbox.send(Incoming::Command(Command::Quit)));
        });
        let finish = tokio::spawn(dispatcher.run(self.incoming));
        Engine { commands, feed: self.feed, finish }
    }
}
