//! A text in the user's own editor: `$VISUAL`, `$EDITOR`, or vi, on a temporary file.

use std::io::Write;

use tokio::process::Command;

use super::signals::{SignalEvent, Signals, stop_here};

/// The outcome of editing.
pub(super) enum EditOutcome {
    /// The saved text.
    Text(String),
    /// Nothing changed; says why.
    Failed(String),
    /// A signal ends this program.
    End(i32),
}

/// Runs the editor on a text and waits for it. The terminal must be restored before.
pub(super) async fn edit(text: &str, extension: &str, signals: &mut Signals) -> EditOutcome {
    match run(text, extension, signals).await {
        Ok(edited) => edited,
        Err(why) => EditOutcome::Failed(why),
    }
}

async fn run(text: &str, extension: &str, signals: &mut Signals) -> Result<EditOutcome, String> {
    let words = command_line(|name| std::env::var(name).ok())?;
    let (program, args) = words.split_first().ok_or("the editor's name is empty")?;
    let mut file = tempfile::Builder::new()
        .prefix("tama-tui-")
        .suffix(&format!(".{extension}"))
        .tempfile()
        .and_then(|mut file| file.write_all(text.as_bytes()).map(|()| file))
        .map_err(|why| format!("failed to write a temporary file: {why}"))?;
    file.flush().map_err(|why| format!("failed to write a temporary file: {why}"))?;
    let mut child = Command::new(program)
        .args(args)
        .arg(file.path())
        .spawn()
        .map_err(|why| format!("failed to start {program} (set $EDITOR): {why}"))?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(|why| format!("failed to wait for {program}: {why}"))?,
            signal = signals.next() => match signal {
                SignalEvent::Stop => stop_here(),
                // An interrupt typed in the editor is the editor's.
                SignalEvent::End(130) => {}
                SignalEvent::End(code) => return Ok(EditOutcome::End(code)),
            },
        }
    };
    if !status.success() {
        return Err(format!("{program} ended with {status}; nothing was changed"));
    }
    std::fs::read_to_string(file.path())
        .map(EditOutcome::Text)
        .map_err(|why| format!("failed to read the edited text: {why}; nothing was changed"))
}

/// The editor's command line.
fn command_line(env: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, String> {
    let set = |name: &str| env(name).filter(|value| !value.trim().is_empty());
    let line = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".into());
    shell_words::split(&line).map_err(|why| format!("failed to read $EDITOR ({line}): {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visual_beats_editor_beats_vi() {
        let env = |vars: &'static [(&str, &str)]| {
            move |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(command_line(env(&[("VISUAL", "code --wait"), ("EDITOR", "ed")])).unwrap(), ["code", "--wait"]);
        assert_eq!(command_line(env(&[("VISUAL", " "), ("EDITOR", "'my ed' -x")])).unwrap(), ["my ed", "-x"]);
        assert_eq!(command_line(env(&[])).unwrap(), ["vi"]);
        assert!(command_line(env(&[("EDITOR", "'open")])).unwrap_err().contains("$EDITOR"));
    }
}
