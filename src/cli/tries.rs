//! `retry` with several models or several times: makes the tries, prints the table, and keeps one if that was asked for.

use color_eyre::eyre::eyre;
use serde_json::{Value as Json, json};

use super::changes::change_json;
use super::exit::Exit;
use super::headless::Headless;
use super::table::table;
use super::text::{eprint_line, print, print_json, shorten_reason};
use crate::app::{failure_line, pass_rate_line, try_cells};
use crate::model::{Command, NetChange, NetKind, RetryPlan, TriesReport, TriesStep, TryReport, TrySettings, Update};

/// The try to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The one with this number.
    Number(u32),
    /// The first that passed.
    FirstPass,
    /// The cheapest that passed.
    CheapestPass,
}

impl Keep {
    /// Reads `2`, `first-pass` or `cheapest-pass`.
    pub fn parse(written: &str) -> Result<Self, String> {
        match written {
            "first-pass" => Ok(Self::FirstPass),
            "cheapest-pass" => Ok(Self::CheapestPass),
            number => match number.parse() {
                Ok(number) if number > 0 => Ok(Self::Number(number)),
                _ => Err("expected the number of a try, first-pass or cheapest-pass".to_owned()),
            },
        }
    }

    /// The number of the try that it means.
    fn of(self, report: &TriesReport) -> Option<u32> {
        match self {
            Self::Number(number) => Some(number),
            Self::FirstPass => report.first_pass(),
            Self::CheapestPass => report.cheapest_pass(),
        }
    }
}

/// A line for the plan: how many tries of what.
pub(super) fn settings_line(settings: &TrySettings, plan: &RetryPlan) -> String {
    let total = settings.total();
    let each = match &settings.models[..] {
        [] => "with the models as they are".to_owned(),
        models => format!("{} with each of {}", settings.times, models.join(", ")),
    };
    let tokens = plan.tokens.saturating_mul(u64::from(total));
    let cost = plan.cost.saturating_mul(u64::from(total));
    let all = RetryPlan { tokens, cost, ..RetryPlan::default() };
    let spent = crate::app::cost_text(&all).replace("  ", " ");
    format!("  try {total} times, {each}: {spent}; each is undone before the next")
}

/// Makes the tries and follows them to their end.
pub(super) async fn run(
    mut headless: Headless,
    plan: RetryPlan,
    settings: TrySettings,
    keep: Option<Keep>,
    as_json: bool,
) -> color_eyre::Result<Exit> {
    headless.send(Command::Try { plan: Box::new(plan), settings });
    let ended = follow(&mut headless, keep).await;
    let end_line = headless.end_line();
    let run = headless.run_id().to_owned();
    headless.abort().await?;
    let (report, not_kept) = ended?;
    let exit = exit(&report, not_kept.is_some());
    if as_json {
        print_json(&to_json(&run, &report, not_kept.as_deref(), exit))?;
    } else {
        print(&to_text(&report))?;
    }
    for line in not_kept.iter().chain(&report.stopped) {
        eprint_line(&format!("error: {}", shorten_reason(line)));
    }
    eprint_line(&state_line(&report));
    eprint_line(&end_line);
    Ok(exit)
}

/// Follows the tries; returns them, and why the one that was asked for is not kept.
async fn follow(headless: &mut Headless, keep: Option<Keep>) -> color_eyre::Result<(TriesReport, Option<String>)> {
    let (mut told, mut refused, mut asked, mut left) = (0, None, false, false);
    loop {
        match headless.next().await {
            None | Some(Update::Closed) => return Err(eyre!("the run's engine stopped")),
            Some(Update::Refused(why)) => {
                refused = Some(why);
                if asked && !std::mem::replace(&mut left, true) {
                    headless.send(Command::KeepTry { number: None });
                }
            }
            Some(Update::Tries(report)) => {
                for made in report.tries.iter().skip(told) {
                    eprint_line(&try_line(made, report.total));
                }
                told = report.tries.len();
                match report.step {
                    TriesStep::Over if report.tries.is_empty() => {
                        let why = refused.or(report.stopped).unwrap_or_else(|| "no try was made".to_owned());
                        return Err(eyre!("{why}"));
                    }
                    TriesStep::Over => return Ok((*report, refused.filter(|_| asked))),
                    TriesStep::Choosing if !asked => {
                        let number = keep.filter(|_| !report.cancelled).and_then(|keep| keep.of(&report));
                        // The refusal of a retry is told with the report.
                        refused = (keep.is_some() && number.is_none() && !report.cancelled)
                            .then(|| "no try passed, so none is kept".to_owned());
                        (asked, left) = (true, number.is_none());
                        headless.send(Command::KeepTry { number });
                    }
                    _ => {}
                }
            }
            // The program may have been asked to end meanwhile.
            Some(_) => {}
        }
    }
}

/// The result for scripts: a failed `--keep`, a series that could not be made or undone, or no pass is no success.
fn exit(report: &TriesReport, not_kept: bool) -> Exit {
    let passed = report.tries.iter().any(TryReport::has_passed);
    match report {
        _ if report.cancelled => Exit::Cancelled,
        _ if report.is_left || not_kept || !passed || report.stopped.is_some() => Exit::Failed,
        _ => Exit::Done,
    }
}

fn try_line(made: &TryReport, total: u32) -> String {
    let [number, model, finish, verdict, tokens, cost, time, changes] = try_cells(made);
    let cost = if cost.is_empty() { cost } else { format!(" {cost}") };
    let why = made.verdict.line().or(made.failure.as_deref()).map(|line| format!(" · {line}")).unwrap_or_default();
    let line = format!(
        "try {number} of {total} · {model} · {finish} · {verdict} · {tokens} tok{cost} · {time} · {changes}{why}"
    );
    shorten_reason(&line)
}

fn state_line(report: &TriesReport) -> String {
    match report.kept {
        Some(number) => format!("try {number} is kept; the others left nothing in the workspace"),
        None if report.is_left => "the run stays as the last try left it".to_owned(),
        None => "none is kept: the run and its workspace are as they were before".to_owned(),
    }
}

fn to_text(report: &TriesReport) -> String {
    let rows: Vec<Vec<String>> = report.tries.iter().map(|made| try_cells(made).to_vec()).collect();
    let head = ["try", "model", "finish", "verdict", "tokens", "cost", "time", "changes"];
    let mut text = table(&head, &["try", "tokens", "cost", "time"], &rows);
    text.push('\n');
    for rate in report.pass_rates() {
        text.push_str(&line(&pass_rate_line(&rate, report.verify.is_some())));
    }
    for mode in report.failure_modes() {
        text.push_str(&line(&format!("  {}", failure_line(&mode))));
    }
    text
}

fn line(text: &str) -> String {
    format!("{}\n", crate::app::safe::line(text))
}

fn to_json(run: &str, report: &TriesReport, not_kept: Option<&str>, exit: Exit) -> Json {
    let rates = report.pass_rates().into_iter();
    let rates: Vec<Json> =
        rates.map(|rate| json!({ "model": rate.model, "passed": rate.passed, "made": rate.made })).collect();
    let modes = report.failure_modes().into_iter();
    let modes: Vec<Json> = modes.map(|(line, tries)| json!({ "line": line, "tries": tries })).collect();
    json!({
        "run": run,
        "span": report.path,
        "asked": report.total,
        "verify": report.verify,
        "tries": report.tries.iter().map(try_json).collect::<Vec<_>>(),
        "pass_rates": rates,
        "failure_modes": modes,
        "kept": report.kept,
        "not_kept": not_kept,
        "stopped": report.stopped,
        "cancelled": report.cancelled,
        "as_before": report.kept.is_none() && !report.is_left,
        "exit": exit.code(),
    })
}

fn try_json(made: &TryReport) -> Json {
    let count = |kind: NetKind| made.changes.iter().filter(|change: &&NetChange| change.kind == kind).count();
    json!({
        "try": made.number,
        "span": made.span.map(|span| span.to_string()),
        "model": made.model,
        "status": made.status.name(),
        "finish": made.finish,
        "failure": made.failure,
        "verdict": made.verdict.word(),
        "verdict_line": made.verdict.line(),
        "tokens": made.tokens,
        "cost_microusd": made.cost,
        "ms": made.ms,
        "added": count(NetKind::Added),
        "modified": count(NetKind::Modified),
        "deleted": count(NetKind::Deleted),
        "changes": made.changes.iter().map(change_json).collect::<Vec<_>>(),
        "not_keepable": made.not_keepable,
    })
}
