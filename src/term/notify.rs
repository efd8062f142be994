//! Tells a person who is not looking that the run stopped: a bell, a notification of the terminal (OSC 9), and the
//! terminal's title.
//!
//! `app` says which stop deserves it and how it is named. Nothing is written while nothing changes.

use std::io::Write;
use std::time::{Duration, Instant};

use crossterm::event::Event;

use super::error::TermError;
use super::guard::keep_title;
use super::output::Output;
use crate::app::{Notice, safe};

/// After so long without a key nobody looks.
const QUIET: Duration = Duration::from_secs(5);

/// The ways to tell of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notify {
    bell: bool,
    osc9: bool,
    title: bool,
}

impl Notify {
    /// Every way.
    pub const ALL: Self = Self { bell: true, osc9: true, title: true };
    /// No way.
    pub const NONE: Self = Self { bell: false, osc9: false, title: false };

    /// Reads `none`, or a list of `bell`, `osc9`, `title` with commas between.
    ///
    /// # Errors
    /// When a part is none of these; returns it.
    pub fn parse(written: &str) -> Result<Self, String> {
        let mut ways = Self::NONE;
        if written.trim() == "none" {
            return Ok(ways);
        }
        for part in written.split(',').map(str::trim) {
            match part {
                "bell" => ways.bell = true,
                "osc9" => ways.osc9 = true,
                "title" => ways.title = true,
                other => return Err(other.to_owned()),
            }
        }
        Ok(ways)
    }
}

/// Follows the run, and writes to the terminal when it stops.
pub(super) struct Notifier {
    ways: Notify,
    last_input: Instant,
    /// True after the terminal reported that another window has the keys.
    is_away: bool,
    shown: String,
}

impl Notifier {
    pub(super) fn new(ways: Notify) -> Self {
        Self { ways, last_input: Instant::now(), is_away: false, shown: String::new() }
    }

    /// Takes an event of the terminal: a key says that somebody looks, a lost focus that nobody does.
    pub(super) fn input(&mut self, event: &Event) {
        match event {
            Event::FocusLost => self.is_away = true,
            Event::Resize(..) => {}
            Event::FocusGained | Event::Key(_) | Event::Mouse(_) | Event::Paste(_) => {
                self.is_away = false;
                self.last_input = Instant::now();
            }
        }
    }

    /// Writes what is new.
    ///
    /// # Errors
    /// When the terminal can't be written to.
    pub(super) fn follow(&mut self, notice: &Notice) -> Result<(), TermError> {
        let text = self.sequences(notice, Instant::now(), keep_title);
        if text.is_empty() {
            return Ok(());
        }
        let mut out = Output::new();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(TermError::io("write to the terminal"))
    }

    /// Forgets the title: another program may have set its own.
    pub(super) fn forget(&mut self) {
        self.shown.clear();
    }

    /// The sequences for a notice; none while it stays the same. `keep` returns those that keep the old title.
    fn sequences(&mut self, notice: &Notice, now: Instant, keep: impl FnOnce() -> &'static str) -> String {
        let name = safe::line(&notice.text);
        if name == self.shown {
            return String::new();
        }
        let mut out = String::new();
        // A title that was forgotten is set again, which is no news.
        let is_news = notice.calls && !self.shown.is_empty();
        if self.ways.title {
            out.push_str(keep());
            out.extend(["\x1b]2;", &*name, "\x1b\\"]);
        }
        if is_news && (self.is_away || now.duration_since(self.last_input) >= QUIET) {
            if self.ways.osc9 {
                out.extend(["\x1b]9;", &*name, "\x1b\\"]);
            }
            if self.ways.bell {
                out.push('\x07');
            }
        }
        self.shown = name.into_owned();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(text: &str, calls: bool) -> Notice {
        Notice { text: text.into(), calls }
    }

    /// The sequences of two notices, the second so many seconds after the last key.
    fn second(ways: Notify, second: &Notice, seconds: u64) -> String {
        let mut notifier = Notifier::new(ways);
        let now = notifier.last_input;
        notifier.sequences(&notice("running", false), now, || "");
        notifier.sequences(second, now + Duration::from_secs(seconds), || "")
    }

    #[test]
    fn a_stop_calls_only_when_nobody_looks() {
        let stop = notice("needs approval", true);
        let title = "\x1b]2;needs approval\x1b\\";
        assert_eq!(second(Notify::ALL, &stop, 1), title);
        assert_eq!(second(Notify::ALL, &stop, 9), format!("{title}\x1b]9;needs approval\x1b\\\x07"));
        assert_eq!(second(Notify::ALL, &notice("step", false), 9), "\x1b]2;step\x1b\\");
    }

    #[test]
    fn each_way_can_be_chosen() {
        let stop = notice("failed", true);
        assert_eq!(second(Notify::NONE, &stop, 9), "");
        assert_eq!(second(Notify::parse("bell").unwrap(), &stop, 9), "\x07");
        assert_eq!(second(Notify::parse("osc9, bell").unwrap(), &stop, 9), "\x1b]9;failed\x1b\\\x07");
        assert_eq!(Notify::parse("none"), Ok(Notify::NONE));
        assert_eq!(Notify::parse("bell,osc9,title"), Ok(Notify::ALL));
        assert_eq!(Notify::parse("bell,beep"), Err("beep".into()));
        assert_eq!(Notify::parse(""), Err(String::new()));
    }

    #[test]
    fn a_lost_focus_means_that_nobody_looks() {
        let mut notifier = Notifier::new(Notify::parse("bell").unwrap());
        let now = notifier.last_input;
        assert_eq!(notifier.sequences(&notice("running", false), now, || ""), "");
        notifier.input(&Event::FocusLost);
        assert_eq!(notifier.sequences(&notice("finished", true), now, || ""), "\x07");
        assert_eq!(notifier.sequences(&notice("finished", true), now, || ""), "", "once");
        notifier.input(&Event::FocusGained);
        assert_eq!(notifier.sequences(&notice("failed", true), now, || ""), "");
    }

    #[test]
    fn the_old_title_is_kept_and_a_forgotten_one_set_again_in_silence() {
        let mut notifier = Notifier::new(Notify::ALL);
        let later = notifier.last_input + QUIET;
        assert_eq!(notifier.sequences(&notice("a", true), later, || "KEEP"), "KEEP\x1b]2;a\x1b\\");
        notifier.forget();
        assert_eq!(notifier.sequences(&notice("a", true), later, || "KEEP"), "KEEP\x1b]2;a\x1b\\");
    }

    #[test]
    fn no_control_character_comes_from_a_name() {
        let sent = second(Notify::ALL, &notice("x\x07\x1b]0;y\x1b\\\u{9d}z", true), 9);
        assert_eq!(sent.matches('\x07').count(), 1, "{sent:?}");
        assert_eq!(sent.matches("\x1b]").count(), 2, "{sent:?}");
        assert!(!sent.contains('\u{9d}'));
    }
}
