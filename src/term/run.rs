//! The loop between keys, the run and the screen.
//!
//! Waiting only yields a [`Happened`]; [`Session::handle`] decides, without waiting; what it returns is then done.
//! Nothing is drawn unless something happened, and at most 60 times a second.

use std::collections::VecDeque;
use std::io::{BufWriter, stdout};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossterm::clipboard::CopyToClipboard;
use crossterm::execute;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::editor::{self, Edited};
use super::guard::{self, Guard};
use super::input::{Input, Reader, is_hung_up, watch_hangup};
use super::output::Output;
use super::signals::{Caught, Signals, stop_here};
use super::{Link, TermError, keys};
use crate::app::{self, Command, Msg, State};
use crate::model::{self, Millis, Update};
use crate::ui::{self, ColorDepth, Theme, View};

/// Between two frames.
const FRAME: Duration = Duration::from_millis(16);
/// Between two ticks of the clock, while something runs.
const TICK: Duration = Duration::from_millis(250);
/// Updates taken in before the screen is drawn at the latest.
const BURST: usize = 256;
/// The exit code for a terminal that was closed, as of SIGHUP.
const HANGUP: i32 = 129;
/// How long the engine may take to record the end.
const FAREWELL: Duration = Duration::from_secs(10);

/// Runs the screen until the user (or the system) ends it; returns the exit code.
///
/// # Errors
/// When there is no terminal, or it fails.
pub async fn run(state: State, link: impl Link, theme: Theme) -> Result<i32, TermError> {
    crossterm::style::force_color_output(theme.depth() != ColorDepth::None);
    let mut session = Session::new(state, link, theme);
    let shown = show(&mut session).await;
    // The terminal is the shell's again, or gone; what was asked for is still recorded.
    session.end().await;
    match shown {
        // A closed terminal fails in many ways, often before the system says that it was closed.
        Err(_) if is_hung_up() => Ok(HANGUP),
        shown => shown,
    }
}

async fn show(session: &mut Session<impl Link>) -> Result<i32, TermError> {
    let mut screen = Screen::open()?;
    session.resize(&screen)?;
    session.drive(&mut screen).await
}

/// What the loop was woken by.
enum Happened {
    Input(Input),
    Update(Option<Update>),
    Caught(Caught),
    FrameDue,
    Tick,
}

/// What must be done with the terminal, after a decision.
enum Act {
    Edit { text: String, extension: &'static str },
    Copy(String),
    Suspend,
    Exit(i32),
}

/// The terminal with everything that reads it.
struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Output>>>,
    inputs: mpsc::UnboundedReceiver<Input>,
    to_inputs: mpsc::UnboundedSender<Input>,
    reader: Option<Reader>,
    signals: Signals,
    _guard: Guard,
}

impl Screen {
    fn open() -> Result<Self, TermError> {
        let signals = Signals::listen()?;
        let guard = Guard::enter()?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 16, Output::new()));
        let terminal = Terminal::new(backend).map_err(TermError::io("ask the terminal for its size"))?;
        let (to_inputs, inputs) = mpsc::unbounded_channel();
        watch_hangup(to_inputs.clone());
        let reader = Some(Reader::start(to_inputs.clone()));
        Ok(Self { terminal, inputs, to_inputs, reader, signals, _guard: guard })
    }

    fn size(&self) -> Result<(u16, u16), TermError> {
        let size = self.terminal.size().map_err(TermError::io("ask the terminal for its size"))?;
        Ok((size.width, size.height))
    }

    fn lend(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.stop();
        }
        guard::give_back();
    }

    fn take_back(&mut self) -> Result<(), TermError> {
        guard::take()?;
        self.reader = Some(Reader::start(self.to_inputs.clone()));
        // Not `Terminal::clear`: it asks the terminal where its cursor is, and the answer gets lost among the keys.
        self.terminal.swap_buffers();
        Ok(())
    }
}

/// The screen's state and the run that it shows.
struct Session<L> {
    state: State,
    view: View,
    link: L,
    /// Nothing follows from the run.
    closed: bool,
    quit_sent: bool,
    next_frame: Instant,
    next_tick: Instant,
}

impl<L: Link> Session<L> {
    fn new(state: State, link: L, theme: Theme) -> Self {
        let now = Instant::now();
        Self { state, view: View::new(theme), link, closed: false, quit_sent: false, next_frame: now, next_tick: now }
    }

    async fn drive(&mut self, screen: &mut Screen) -> Result<i32, TermError> {
        loop {
            if !guard::is_held() {
                return Err(TermError::Panicked);
            }
            self.draw(screen)?;
            let happened = self.next(screen).await;
            let mut acts = VecDeque::from(self.handle(happened));
            while let Some(act) = acts.pop_front() {
                match act {
                    Act::Exit(code) => return Ok(code),
                    Act::Copy(text) => copy(&text)?,
                    Act::Suspend => acts.extend(self.suspend(screen)?),
                    Act::Edit { text, extension } => acts.extend(self.edit(&text, extension, screen).await?),
                }
            }
        }
    }

    fn draw(&mut self, screen: &mut Screen) -> Result<(), TermError> {
        let now = Instant::now();
        if !self.state.dirty || now < self.next_frame {
            return Ok(());
        }
        self.state.dirty = false;
        self.next_frame = now + FRAME;
        let draw = screen.terminal.draw(|frame| ui::draw(frame, &self.state, &mut self.view));
        draw.map(drop).map_err(TermError::io("draw"))
    }

    async fn next(&mut self, screen: &mut Screen) -> Happened {
        tokio::select! {
            input = screen.inputs.recv() => Happened::Input(input.unwrap_or(Input::Gone)),
            update = self.link.next(), if !self.closed => Happened::Update(update),
            caught = screen.signals.next() => Happened::Caught(caught),
            () = sleep_until(self.next_frame), if self.state.dirty => Happened::FrameDue,
            () = sleep_until(self.next_tick), if self.state.wants_tick() => Happened::Tick,
        }
    }

    fn handle(&mut self, happened: Happened) -> Vec<Act> {
        match happened {
            Happened::Input(Input::Event(event)) => keys::message(event).map_or_else(Vec::new, |msg| self.tell(msg)),
            Happened::Input(Input::Gone) => vec![Act::Exit(HANGUP)],
            Happened::Caught(Caught::End(code)) => vec![Act::Exit(code)],
            Happened::Caught(Caught::Stop) => vec![Act::Suspend],
            Happened::FrameDue => Vec::new(),
            Happened::Tick => {
                self.next_tick = Instant::now() + TICK;
                self.tell(Msg::Tick(now()))
            }
            Happened::Update(first) => self.fold(first),
        }
    }

    /// Takes in an update and those that are there already, so that they share a frame.
    fn fold(&mut self, first: Option<Update>) -> Vec<Act> {
        let mut acts = Vec::new();
        let mut next = first.or(Some(Update::Closed));
        for _ in 0..BURST {
            let Some(update) = next else { break };
            self.closed |= update == Update::Closed;
            acts.extend(self.tell(Msg::Update(update)));
            next = self.link.ready();
        }
        acts
    }

    /// Changes the state, and carries out what needs no terminal.
    fn tell(&mut self, msg: Msg) -> Vec<Act> {
        let mut acts = Vec::new();
        let commands = app::update(&mut self.state, msg);
        self.view.sync(&self.state);
        for command in commands {
            match command {
                Command::Run(command) => self.send(command),
                Command::EditorInput(input) => self.view.edit(&input),
                Command::EditorTake => {
                    let text = self.view.edited_text();
                    acts.extend(self.tell(Msg::EditorDone { text }));
                }
                Command::OpenEditor { text, extension } => acts.push(Act::Edit { text, extension }),
                Command::Copy(text) => acts.push(Act::Copy(text)),
                Command::Suspend => acts.push(Act::Suspend),
                Command::Exit(code) => acts.push(Act::Exit(i32::from(code))),
            }
        }
        acts
    }

    fn send(&mut self, command: model::Command) {
        self.quit_sent |= command == model::Command::Quit;
        self.link.send(command);
    }

    fn suspend(&mut self, screen: &mut Screen) -> Result<Vec<Act>, TermError> {
        screen.lend();
        stop_here();
        screen.take_back()?;
        self.resize(screen)
    }

    async fn edit(&mut self, text: &str, extension: &str, screen: &mut Screen) -> Result<Vec<Act>, TermError> {
        screen.lend();
        let edited = editor::edit(text, extension, &mut screen.signals).await;
        screen.take_back()?;
        let result = match edited {
            Edited::Text(text) => Ok(text),
            Edited::Failed(why) => Err(why),
            Edited::End(code) => return Ok(vec![Act::Exit(code)]),
        };
        let mut acts = self.resize(screen)?;
        acts.extend(self.tell(Msg::ExternalDone(result)));
        Ok(acts)
    }

    fn resize(&mut self, screen: &Screen) -> Result<Vec<Act>, TermError> {
        let (width, height) = screen.size()?;
        Ok(self.tell(Msg::Resize { width, height }))
    }

    /// Has the engine stop, and waits until it has recorded everything.
    async fn end(&mut self) {
        if !self.quit_sent {
            self.send(model::Command::Quit);
        }
        let last = async {
            while !self.closed {
                self.closed = self.link.next().await.is_none_or(|update| update == Update::Closed);
            }
        };
        // An engine that hangs must not keep the shell waiting for ever.
        let _ = timeout(FAREWELL, last).await;
    }
}

fn copy(text: &str) -> Result<(), TermError> {
    execute!(stdout(), CopyToClipboard::to_clipboard_from(text.as_bytes()))
        .map_err(TermError::io("write to the terminal"))
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
