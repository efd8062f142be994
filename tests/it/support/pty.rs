//! The program in a terminal that a test holds: keys go in, what is drawn comes out, and is read as a person would.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::{MouseProtocolMode, Parser, Screen};

/// The longest that anything may take: far longer than it needs, so that a loaded machine passes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a frame begins and ends: synchronized output, DEC mode 2026.
const FRAME_BEGINS: &[u8] = b"\x1b[?2026h";
const FRAME_ENDS: &[u8] = b"\x1b[?2026l";

/// A program in a terminal of its own.
pub struct Pty {
    parser: Parser,
    /// The beginning of a frame, or of a letter, whose other bytes have not come yet.
    begun: Vec<u8>,
    events: Receiver<Event>,
    /// Every byte the program wrote.
    pub bytes: Vec<u8>,
    /// Before its end: where keys go, and the terminal itself.
    input: Option<Box<dyn Write + Send>>,
    master: Option<Box<dyn MasterPty + Send>>,
    /// The reader ends with what it reads next.
    hang_up: Arc<AtomicBool>,
    pid: Pid,
    code: Option<u32>,
}

enum Event {
    Output(Vec<u8>),
    Exit(u32),
}

/// A program to start, with its arguments and environment.
pub struct Start<'a> {
    program: &'a str,
    args: Vec<&'a str>,
    folder: &'a Path,
    env: Vec<(&'a str, String)>,
}

impl<'a> Start<'a> {
    /// The debugger, in a folder.
    pub fn tama(folder: &'a Path, args: &[&'a str]) -> Self {
        Self::program(env!("CARGO_BIN_EXE_tama-tui"), folder, args)
    }

    /// Any program.
    pub fn program(program: &'a str, folder: &'a Path, args: &[&'a str]) -> Self {
        Self { program, args: args.to_vec(), folder, env: Vec::new() }
    }

    /// Sets a variable.
    pub fn env(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Starts it in a terminal of this size.
    pub fn at(self, width: u16, height: u16) -> Pty {
        let mut command = CommandBuilder::new(self.program);
        command.args(&self.args);
        command.cwd(self.folder);
        let unset = ["NO_COLOR", "COLORTERM", "CLICOLOR_FORCE", "VISUAL", "EDITOR"];
        for name in unset.into_iter().chain(["TAMA_TUI_DATA_DIR", "TAMA_TUI_NOTIFY"]) {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        command.env("XDG_CONFIG_HOME", super::program::no_settings());
        for (name, value) in &self.env {
            command.env(name, value);
        }
        Pty::spawn(command, size(width, height))
    }
}

impl Pty {
    fn spawn(command: CommandBuilder, size: PtySize) -> Self {
        let pair = native_pty_system().openpty(size).unwrap();
        let mut child = pair.slave.spawn_command(command).unwrap();
        let pid = Pid::from_raw(i32::try_from(child.process_id().unwrap()).unwrap());
        let (send, events) = channel();
        let hang_up = Arc::new(AtomicBool::new(false));
        let reader = pair.master.try_clone_reader().unwrap();
        let (out, stop) = (send.clone(), hang_up.clone());
        let reading = thread::spawn(move || read(reader, &out, &stop));
        thread::spawn(move || {
            let status = child.wait().unwrap();
            // What it wrote last comes before its end, unless something else still has the terminal open.
            drop(pair.slave);
            drop(reading.join());
            drop(send.send(Event::Exit(status.exit_code())));
        });
        let (rows, cols) = cells(size.cols, size.rows);
        Self {
            parser: Parser::new(rows, cols, 0),
            begun: Vec::new(),
            events,
            bytes: Vec::new(),
            input: Some(pair.master.take_writer().unwrap()),
            master: Some(pair.master),
            hang_up,
            pid,
            code: None,
        }
    }

    /// The text on the screen.
    pub fn text(&self) -> String {
        self.screen().contents()
    }

    pub fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    /// Types.
    pub fn send(&mut self, keys: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(keys.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// Types, and waits until the screen shows a text.
    pub fn press(&mut self, keys: &str, shows: &str) {
        self.send(keys);
        self.wait(shows);
    }

    /// Waits until the screen shows a text.
    pub fn wait(&mut self, shows: &str) {
        self.wait_for(shows, |screen| screen.contents().contains(shows));
    }

    /// Waits until the screen shows a text no more.
    pub fn wait_gone(&mut self, shown: &str) {
        self.wait_for(&format!("{shown:?} to go"), |screen| !screen.contents().contains(shown));
    }

    /// Waits until the screen is as it should be.
    pub fn wait_for(&mut self, what: &str, is_there: impl Fn(&Screen) -> bool) {
        self.try_wait_for(what, is_there).unwrap_or_else(|failure| panic!("{failure}"));
    }

    /// Waits until the screen is as it should be; an error says what was waited for in vain.
    pub fn try_wait_for(&mut self, what: &str, is_there: impl Fn(&Screen) -> bool) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        while !is_there(self.screen()) {
            let left = end.saturating_duration_since(Instant::now());
            let failure = match self.take_in(left) {
                Ok(true) => continue,
                Ok(false) => format!("waited in vain for {what}"),
                Err(code) => format!("ended with {code} before {what}"),
            };
            return Err(format!("{failure}; the screen shows\n{}", self.text()));
        }
        Ok(())
    }

    /// Types one key at the pace of a person, who looks at what it did before the next: until the program has drawn
    /// something and is done with it, at most two seconds.
    pub fn tap(&mut self, key: &str) {
        const LOOK: Duration = Duration::from_secs(2);
        const STILL: Duration = Duration::from_millis(100);
        self.send(key);
        let end = Instant::now() + LOOK;
        let mut time = LOOK;
        while let Ok(true) = self.take_in(time) {
            time = STILL.min(end.saturating_duration_since(Instant::now()));
        }
    }

    /// Ends the program with `q` when its run is over, and asserts that it ends well.
    pub fn quit(&mut self) {
        self.send("q");
        assert_eq!(self.end(), 0);
        self.assert_restored();
    }

    /// Hands bytes to the parser: frames as a whole, as a terminal shows them. It would leave out each `\u{fffd}`, where
    /// a terminal shows something one column wide.
    fn process(&mut self, bytes: &[u8]) {
        self.begun.extend(bytes);
        let framed = match (last(&self.begun, FRAME_BEGINS), last(&self.begun, FRAME_ENDS)) {
            (Some(begin), end) if end.is_none_or(|end| end < begin) => begin,
            _ => self.begun.len(),
        };
        let whole = match std::str::from_utf8(&self.begun[..framed]) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => framed,
        };
        let rest = self.begun.split_off(whole);
        self.parser.process(String::from_utf8_lossy(&self.begun).replace('\u{fffd}', "?").as_bytes());
        self.begun = rest;
    }

    /// Takes in what comes next; false when nothing came in that time, the exit code when the program ended.
    fn take_in(&mut self, time: Duration) -> Result<bool, u32> {
        match self.events.recv_timeout(time) {
            Ok(Event::Output(bytes)) => {
                self.process(&bytes);
                self.bytes.extend(bytes);
                Ok(true)
            }
            Ok(Event::Exit(code)) => {
                self.code = Some(code);
                Err(code)
            }
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => Err(self.code.unwrap()),
        }
    }

    /// Waits until the program has written some text, after the first `from` bytes; for texts that no screen shows.
    pub fn wait_written(&mut self, from: usize, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&self.bytes[from..]).contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            let more = !left.is_zero() && self.take_in(left).unwrap();
            assert!(more, "{text:?} was not written: {:?}", String::from_utf8_lossy(&self.bytes[from..]));
        }
    }

    /// Counts the bytes that are written within a time.
    pub fn bytes_within(&mut self, time: Duration) -> usize {
        let (end, before) = (Instant::now() + time, self.bytes.len());
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.take_in(left).unwrap() {
                return self.bytes.len() - before;
            }
        }
    }

    /// Waits for the program's end; returns its exit code.
    pub fn end(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.take_in(left) {
                Ok(true) => {}
                Ok(false) => panic!("it does not end; the screen shows\n{}", self.text()),
                Err(code) => return code,
            }
        }
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, width: u16, height: u16) {
        let (rows, cols) = cells(width, height);
        self.parser.set_size(rows, cols);
        self.master.as_ref().unwrap().resize(size(width, height)).unwrap();
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap();
    }

    /// Waits until the program is stopped, as by Ctrl-Z.
    pub fn wait_stopped(&mut self) {
        let (send, stopped) = channel();
        let pid = self.pid;
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        thread::spawn(move || send.send(waitid(Id::Pid(pid), flags)));
        let status = stopped.recv_timeout(PATIENCE).expect("it does not stop").unwrap();
        assert!(matches!(status, WaitStatus::Stopped(..)), "{status:?}");
        // All is written, and comes through the reader's thread.
        while !self.is_restored() && self.take_in(PATIENCE) == Ok(true) {}
    }

    /// Closes the terminal under the program.
    pub fn close(&mut self) {
        self.hang_up.store(true, Ordering::SeqCst);
        // A redraw wakes the reader, which then lets go of the terminal.
        let master = self.master.take().unwrap();
        let size = master.get_size().unwrap();
        master.resize(PtySize { cols: size.cols - 1, ..size }).unwrap();
        self.input = None;
    }

    /// True when all that came so far leaves the terminal as a shell wants it.
    fn is_restored(&self) -> bool {
        let screen = self.screen();
        let is_left = !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste();
        is_left && screen.mouse_protocol_mode() == MouseProtocolMode::None
    }

    /// Asserts that the terminal is as a shell wants it.
    pub fn assert_restored(&self) {
        let modes = format!("after\n{}", self.text());
        let screen = self.screen();
        assert!(!screen.alternate_screen(), "on the alternate screen {modes}");
        assert!(!screen.hide_cursor(), "no cursor {modes}");
        assert!(!screen.bracketed_paste(), "bracketed paste is on {modes}");
        assert_eq!(screen.mouse_protocol_mode(), MouseProtocolMode::None, "{modes}");
        assert!(!self.is_raw(), "raw mode {modes}");
    }

    /// Asserts that the program has the terminal for itself.
    pub fn assert_taken(&self) {
        let screen = self.screen();
        assert!(screen.alternate_screen() && screen.hide_cursor() && screen.bracketed_paste());
        assert_ne!(screen.mouse_protocol_mode(), MouseProtocolMode::None);
        assert!(self.is_raw());
    }

    /// True when keys come one by one and unseen.
    fn is_raw(&self) -> bool {
        let termios = self.master.as_ref().unwrap().get_termios().unwrap();
        let shell = nix::libc::ICANON | nix::libc::ECHO | nix::libc::ISIG;
        termios.local_flags.bits() & shell != shell
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if self.code.is_none() {
            let _ = kill(self.pid, Signal::SIGKILL);
        }
    }
}

/// Reads until the end, or until the test hangs up.
fn read(mut from: Box<dyn Read + Send>, to: &Sender<Event>, hang_up: &AtomicBool) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        drop(to.send(Event::Output(bytes[..count].to_vec())));
        if hang_up.load(Ordering::SeqCst) {
            return;
        }
    }
}

/// The place of the last of some bytes.
fn last(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    bytes.windows(sought.len()).rposition(|window| window == sought)
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn cells(cols: u16, rows: u16) -> (NonZeroU16, NonZeroU16) {
    (NonZeroU16::new(rows).unwrap(), NonZeroU16::new(cols).unwrap())
}
