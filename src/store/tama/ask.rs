//! The process that reads a copied database: with limits on memory and time, so that a damaged one can't take this
//! process with it.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::copy::Copy;
use super::kind::{Kind, refusal};
use super::read::{Answer, Question, read};
use crate::store::StoreError;
use crate::store::inspect::{ask_process, limit_to};

/// The hidden subcommand that reads a copied database of tama.
pub const READ_TAMA: &str = "__read-tama";

/// The words of the reading process.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Answer(Box<Answer>),
    Failed(String),
}

/// Asks a copied database of tama, and the copied rollback database beside it. `original`: for messages.
pub(super) fn ask(
    original: &Path,
    main: &Copy,
    rollback: Option<&Copy>,
    asked: &Question,
) -> Result<Answer, StoreError> {
    let place = |copy: &Copy| (copy.path(), copy.kind);
    let (path, kind) = place(main);
    let beside = rollback.map(place);
    let trace = match asked {
        Question::Runs => OsString::new(),
        Question::Run(trace) => trace.into(),
    };
    let second = beside.as_ref().map_or_else(OsString::new, |(path, _)| path.into());
    let args: [&OsStr; 4] = [READ_TAMA.as_ref(), path.as_ref(), &second, &trace];
    let bytes = main.bytes.saturating_add(rollback.map_or(0, |copy| copy.bytes));
    let Some(said) = ask_process(&args, bytes >> 20)? else {
        let beside = beside.as_ref().map(|(path, kind)| (path.as_path(), *kind));
        return read((&path, kind), beside, asked).map_err(|why| refusal(original, &why));
    };
    match serde_json::from_slice(&said) {
        Ok(Said::Answer(answer)) => Ok(*answer),
        Ok(Said::Failed(why)) => Err(refusal(original, &why)),
        Err(_) => Err(refusal(original, "it holds more than can be read here")),
    }
}

/// Reads a copied database for another process, which asked with [`READ_TAMA`] and `args`; returns the JSON to print.
/// Limits what this process may take.
#[must_use]
pub fn answer_tama(args: &[OsString]) -> String {
    let said = match args {
        [main, rollback, trace] => {
            let length = |path: &OsString| Path::new(path).metadata().map_or(0, |found| found.len());
            limit_to(length(main).saturating_add(length(rollback)) >> 20);
            let asked = match trace.to_string_lossy().into_owned() {
                trace if trace.is_empty() => Question::Runs,
                trace => Question::Run(trace),
            };
            answer(Path::new(main), Some(Path::new(rollback)).filter(|path| !path.as_os_str().is_empty()), &asked)
        }
        _ => Err("it was asked in another way than this version knows".to_owned()),
    };
    let said = said.map_or_else(Said::Failed, |answer| Said::Answer(Box::new(answer)));
    serde_json::to_string(&said).unwrap_or_default()
}

fn answer(main: &Path, rollback: Option<&Path>, asked: &Question) -> Result<Answer, String> {
    let kind = |path: &Path| Kind::of(path).map_err(|error| format!("failed to {error}"));
    let beside = rollback.map(|path| kind(path).map(|kind| (path, kind))).transpose()?;
    read((main, kind(main)?), beside, asked)
}
