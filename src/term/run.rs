//! The loop between keys, the run and the screen.
//!
//! Waiting yields a [`LoopEvent`]; [`ScreenLoop::handle`] decides without waiting and returns [`TerminalTask`]s.
//! A frame is drawn only after a change, at most 60 times a second.

use std::collections::VecDeque;
use std::io::{Write as _, stderr, stdout};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossterm::clipboard::CopyToClipboard;
use crossterm::execute;
use tokio::time::{Instant, sleep_until, timeout};

use super::agent::{Agent, AgentNews};
use super::agent_input;
use super::editor::{self, EditOutcome};
use super::error::TermError;
use super::guard;
use super::input::{Input, is_hung_up};
use super::keys;
use super::link::Link;
use super::notify::{Notifier, Notify};
use super::screen::Screen;
use super::signals::{SignalEvent, stop_here};
use crate::app::{self, AgentEnd, Command, Msg, State};
use crate::effects::confine::{LastingEnd, OutputPart};
use crate::model::{self, Millis, Update};
use crate::runtime::AgentScreen;
use crate::ui::{self, ColorDepth, Theme, View};

/// Time between two frames.
const FRAME: Duration = Duration::from_millis(16);
/// Time between two ticks of the clock, while something runs.
const TICK: Duration = Duration::from_millis(250);
/// Updates that may share a frame.
const BURST: usize = 256;
/// The exit code for a terminal that was closed, as of SIGHUP.
const HANGUP: i32 = 129;
/// Time that the engine may take to stop what is under way and to record the end: more than its own bounds.
const END_TIMEOUT: Duration = Duration::from_secs(25);
/// The time after which somebody who waits is shown why.
const SILENT: Duration = Duration::from_secs(1);

/// Runs the screen until the user (or the system) ends it; returns the exit code. `agent`: the line to the agent of
/// another program that the run watches.
///
/// # Errors
/// When there is no terminal, or it fails.
pub async fn run(
    state: State,
    link: impl Link,
    agent: Option<AgentScreen>,
    theme: Theme,
    notify: Notify,
) -> Result<i32, TermError> {
    crossterm::style::force_color_output(theme.depth() != ColorDepth::None);
    let mut session = ScreenLoop::new(state, link, agent, theme, notify);
    let shown = show(&mut session).await;
    // The terminal is restored or closed by now; commands sent before are still recorded.
    session.end().await;
    match shown {
        // A closed terminal fails in many ways, often before the system says that it was closed.
        Err(_) if is_hung_up() => Ok(HANGUP),
        shown => shown,
    }
}

async fn show(session: &mut ScreenLoop<impl Link>) -> Result<i32, TermError> {
    let mut screen = Screen::open()?;
    session.resize(&screen)?;
    session.drive(&mut screen).await
}

/// An event that wakes the loop.
#[expect(clippy::large_enum_variant, reason = "an event is moved once, and most are updates")]
enum LoopEvent {
    Input(Input),
    Update(Option<Update>),
    Agent(AgentNews),
    Signal(SignalEvent),
    FrameDue,
    Tick,
}

/// A task for the terminal, after a decision.
enum TerminalTask {
    Edit { text: String, extension: &'static str },
    Copy(String),
    Suspend,
    Exit(i32),
}

/// The loop: the screen's state and the run that it shows.
struct ScreenLoop<L> {
    state: State,
    view: View,
    link: L,
    agent: Option<Agent>,
    notifier: Notifier,
    /// True after the run's last update.
    closed: bool,
    quit_sent: bool,
    next_frame: Instant,
    next_tick: Instant,
}

impl<L: Link> ScreenLoop<L> {
    fn new(state: State, link: L, agent: Option<AgentScreen>, theme: Theme, notify: Notify) -> Self {
        let (mut view, notifier) = (View::new(theme), Notifier::new(notify));
        let agent = agent.map(Agent::new);
        if let Some(size) = agent.as_ref().and_then(Agent::size) {
            view.open_agent(size);
        }
        let now = Instant::now();
        Self { state, view, link, agent, notifier, closed: false, quit_sent: false, next_frame: now, next_tick: now }
    }

    async fn drive(&mut self, screen: &mut Screen) -> Result<i32, TermError> {
        loop {
            if !guard::is_held() {
                return Err(TermError::Panicked);
            }
            self.draw(screen)?;
            let event = self.next(screen).await;
            let mut tasks = VecDeque::from(self.handle(event));
            while let Some(task) = tasks.pop_front() {
                match task {
                    TerminalTask::Exit(code) => return Ok(code),
                    TerminalTask::Copy(text) => copy(&text)?,
                    TerminalTask::Suspend => tasks.extend(self.suspend(screen)?),
                    TerminalTask::Edit { text, extension } => tasks.extend(self.edit(&text, extension, screen).await?),
                }
            }
        }
    }

    fn draw(&mut self, screen: &mut Screen) -> Result<(), TermError> {
        if !self.state.dirty || Instant::now() < self.next_frame {
            return Ok(());
        }
        self.fit_agent();
        self.state.dirty = false;
        let draw = screen.draw(|frame| ui::draw(frame, &self.state, &mut self.view));
        // From its end on: drawing that takes long leaves time for everything else.
        self.next_frame = Instant::now() + FRAME;
        draw?;
        self.notifier.follow(&app::notice(&self.state))
    }

    async fn next(&mut self, screen: &mut Screen) -> LoopEvent {
        tokio::select! {
            // An agent can write all the time: everything else comes first.
            biased;
            input = screen.inputs.recv() => LoopEvent::Input(input.unwrap_or(Input::Closed)),
            signal = screen.signals.next() => LoopEvent::Signal(signal),
            update = self.link.next(), if !self.closed => LoopEvent::Update(update),
            () = sleep_until(self.next_frame), if self.state.dirty => LoopEvent::FrameDue,
            () = sleep_until(self.next_tick), if self.state.wants_tick() => LoopEvent::Tick,
            news = agent_news(self.agent.as_mut()) => LoopEvent::Agent(news),
        }
    }

    fn handle(&mut self, event: LoopEvent) -> Vec<TerminalTask> {
        match event {
            LoopEvent::Input(Input::Event(event)) => {
                self.notifier.input(&event);
                let is_agents = self.state.takes_agent_input() || agent_input::is_leave_key(&event);
                let agents = agent_input::input(&event).filter(|_| is_agents).map(Msg::Agent);
                agents.or_else(|| keys::message(event)).map_or_else(Vec::new, |msg| self.update(msg))
            }
            LoopEvent::Input(Input::Closed) => vec![TerminalTask::Exit(HANGUP)],
            LoopEvent::Signal(SignalEvent::End(code)) => vec![TerminalTask::Exit(code)],
            LoopEvent::Signal(SignalEvent::Stop) => vec![TerminalTask::Suspend],
            LoopEvent::FrameDue => Vec::new(),
            LoopEvent::Tick => {
                self.next_tick = Instant::now() + TICK;
                self.update(Msg::Tick(now()))
            }
            LoopEvent::Update(first) => self.fold(first),
            LoopEvent::Agent(AgentNews::Output(part)) => self.agent_output(&part),
            LoopEvent::Agent(AgentNews::Began) => self.begin_agent(),
            LoopEvent::Agent(AgentNews::End(end)) => self.update(Msg::AgentEnded(agent_end(&end))),
        }
    }

    /// Gives an agent that is started an empty terminal, unless it has one.
    fn begin_agent(&mut self) -> Vec<TerminalTask> {
        if self.state.agent.as_ref().is_some_and(|agent| agent.end().is_none()) {
            return Vec::new();
        }
        let Some((name, size)) = self.agent.as_ref().map(|agent| (agent.name().to_owned(), agent.size())) else {
            return Vec::new();
        };
        if let Some(size) = size {
            self.view.open_agent(size);
        }
        self.update(Msg::AgentBegan(name))
    }

    /// Takes in what the agent wrote, and some of what it wrote since, so that they share a frame.
    fn agent_output(&mut self, part: &OutputPart) -> Vec<TerminalTask> {
        let (Some(agent), Some(terminal)) = (&mut self.agent, self.view.agent()) else { return Vec::new() };
        let mut answers = terminal.take(&part.bytes);
        for part in agent.more(part) {
            answers.extend(terminal.take(&part.bytes));
        }
        // Who asks and does not read gets no answer.
        let _ = agent.write(answers);
        let picture = terminal.picture();
        self.update(Msg::AgentDrew(picture))
    }

    /// Gives the agent's terminal the size that it is drawn in.
    fn fit_agent(&mut self) {
        let (Some(size), Some(agent), Some(terminal)) = (self.state.agent_size(), &self.agent, self.view.agent())
        else {
            return;
        };
        if agent.size() != Some(size) {
            terminal.resize(size);
            agent.resize(size);
            let picture = terminal.picture();
            let _ = app::update(&mut self.state, Msg::AgentDrew(picture));
        }
    }

    /// Types for the agent.
    fn type_for_agent(&mut self, input: &app::AgentInput) -> Vec<TerminalTask> {
        let (Some(agent), Some(terminal)) = (&self.agent, self.view.agent()) else { return Vec::new() };
        if agent.write(terminal.encode(input)) {
            return Vec::new();
        }
        let why = "the agent does not read its keys: this one is lost".to_owned();
        self.update(Msg::Update(Update::Notice(why)))
    }

    /// Applies an update and those that wait already, so that they share a frame.
    fn fold(&mut self, first: Option<Update>) -> Vec<TerminalTask> {
        let mut tasks = Vec::new();
        let mut next = first.or(Some(Update::Closed));
        for _ in 0..BURST {
            let Some(update) = next else { break };
            self.closed |= update == Update::Closed;
            tasks.extend(self.update(Msg::Update(update)));
            next = self.link.ready();
        }
        tasks
    }

    /// Changes the state, and runs the commands that need no terminal.
    fn update(&mut self, msg: Msg) -> Vec<TerminalTask> {
        let mut tasks = Vec::new();
        let _ = app::update(&mut self.state, Msg::Clock(now()));
        let commands = app::update(&mut self.state, msg);
        self.view.sync(&self.state);
        for command in commands {
            match command {
                Command::Run(command) => self.send(command),
                Command::EditorInput(input) => self.view.edit(&input),
                Command::EditorTake => {
                    let text = self.view.edited_text();
                    tasks.extend(self.update(Msg::EditorDone { text }));
                }
                Command::OpenEditor { text, extension } => tasks.push(TerminalTask::Edit { text, extension }),
                Command::Agent(input) => tasks.extend(self.type_for_agent(&input)),
                Command::CopyAgent => {
                    tasks.extend(self.view.agent().map(|terminal| TerminalTask::Copy(terminal.text())));
                }
                Command::Copy(text) => tasks.push(TerminalTask::Copy(text)),
                Command::Suspend => tasks.push(TerminalTask::Suspend),
                Command::Exit(code) => tasks.push(TerminalTask::Exit(i32::from(code))),
            }
        }
        tasks
    }

    fn send(&mut self, command: model::Command) {
        self.quit_sent |= command == model::Command::Quit;
        self.link.send(command);
    }

    fn suspend(&mut self, screen: &mut Screen) -> Result<Vec<TerminalTask>, TermError> {
        self.release(screen);
        stop_here();
        screen.reclaim()?;
        self.resize(screen)
    }

    async fn edit(&mut self, text: &str, extension: &str, screen: &mut Screen) -> Result<Vec<TerminalTask>, TermError> {
        self.release(screen);
        let edited = editor::edit(text, extension, &mut screen.signals).await;
        screen.reclaim()?;
        let result = match edited {
            EditOutcome::Text(text) => Ok(text),
            EditOutcome::Failed(why) => Err(why),
            EditOutcome::End(code) => return Ok(vec![TerminalTask::Exit(code)]),
        };
        let mut tasks = self.resize(screen)?;
        tasks.extend(self.update(Msg::ExternalDone(result)));
        Ok(tasks)
    }

    fn release(&mut self, screen: &mut Screen) {
        screen.release();
        self.notifier.forget();
    }

    fn resize(&mut self, screen: &Screen) -> Result<Vec<TerminalTask>, TermError> {
        let (width, height) = screen.size()?;
        Ok(self.update(Msg::Resize { width, height }))
    }

    /// Stops the engine, and waits until it has recorded everything.
    async fn end(&mut self) {
        // An agent that still writes must not wait for a screen that is gone.
        self.agent = None;
        if !self.quit_sent {
            self.send(model::Command::Quit);
        }
        let last = async {
            while !self.closed {
                self.closed = self.link.next().await.is_none_or(|update| update == Update::Closed);
            }
        };
        let mut last = std::pin::pin!(last);
        if timeout(SILENT, &mut last).await.is_ok() {
            return;
        }
        tell("stopping what is under way, and recording it…");
        // An engine that hangs must not keep the shell waiting for ever.
        if timeout(END_TIMEOUT, last).await.is_err() {
            tell("the run did not end; open it again to have what was under way recorded");
        }
    }
}

/// Waits for news of the agent; for ever without one.
async fn agent_news(agent: Option<&mut Agent>) -> AgentNews {
    match agent {
        Some(agent) => agent.next().await,
        None => std::future::pending().await,
    }
}

/// The end of an agent, as its panel says it.
fn agent_end(end: &LastingEnd) -> AgentEnd {
    let text = end.text.strip_prefix("it ").unwrap_or(&end.text).to_owned();
    AgentEnd { exit: end.exit, text }
}

/// Tells something once the terminal is the shell's again. It may be gone by then.
fn tell(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

fn copy(text: &str) -> Result<(), TermError> {
    execute!(stdout(), CopyToClipboard::to_clipboard_from(text.as_bytes()))
        .map_err(TermError::io("write to the terminal"))
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
