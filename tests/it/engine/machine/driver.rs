//! The engine under test: steps are tool calls, undos and redos, and what comes of each is compared with the model.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value as Json, json};
use tama_tui::model::{
    ActionStatus, CaptureMode, Command, ConflictBy, Gate, KeyState, LedgerEntry, Release, Seen, Seq, SpanId,
    UndoReport, name_from_bytes, name_to_bytes,
};

use super::Seed;
use super::model::{self, Change, Memory, Op, Path};
use crate::engine::scenario::{Scenario, Stage};
use crate::support::manifest::{Manifest, Node, differences, manifest};

const WORKERS: [&str; 3] = ["one", "two", "three"];

/// Few paths, so that they meet; each branch also has a folder of its own.
const PATHS: [&[u8]; 12] =
    [b"a", b"b", b"c", b"d", b"d/a", b"d/b", b"d/e", b"d/e/a", b"d/e/b", b"f/a", b"w\xff", b"w\xff/n\nl"];
const OWN: [&[u8]; 4] = [b"a", b"b", b"s/a", b"s/b"];

/// True when this machine has the lane; where it lacks it, the test is skipped.
pub async fn has_lane(lane: CaptureMode) -> bool {
    let mut stage = Stage::set(&scenario(lane));
    let found = stage.has_lane(lane).await;
    stage.close().await;
    found
}

/// A run, and what should be there.
pub struct Driver {
    stage: Stage,
    tree: Manifest,
    start: Manifest,
    history: Vec<Change>,
    /// The change of each action at a path.
    of: BTreeMap<Seq, usize>,
    memory: Memory,
    appended: BTreeMap<Seq, (String, usize)>,
    number: usize,
    steps: u32,
    is_live: bool,
    told: Vec<String>,
}

impl Driver {
    pub async fn start(lane: CaptureMode) -> Result<Self, String> {
        let mut stage = Stage::set(&scenario(lane));
        stage.until("shell", |stage| stage.shell.is_some()).await?;
        stage.until("every branch stops", |stage| stage.state.trace.paused().count() == WORKERS.len()).await?;
        let mut driver = Self {
            stage,
            tree: Manifest::new(),
            start: Manifest::new(),
            history: Vec::new(),
            of: BTreeMap::new(),
            memory: Memory::new(),
            appended: BTreeMap::new(),
            number: 0,
            steps: 0,
            is_live: true,
            told: Vec::new(),
        };
        // What is there before the run is nobody's in it.
        for (path, text) in [("d/a", "first"), ("a", "first")] {
            model::write(&mut driver.tree, &path.as_bytes().to_vec(), text, false);
            let at = driver.work().join(path);
            fs::create_dir_all(at.parent().unwrap()).map_err(|error| error.to_string())?;
            fs::write(at, text).map_err(|error| error.to_string())?;
        }
        driver.tree = manifest(&driver.work());
        driver.start = driver.tree.clone();
        Ok(driver)
    }

    fn work(&self) -> std::path::PathBuf {
        self.stage.folder.path().join("work")
    }

    pub fn told(&self) -> String {
        self.told.join("\n")
    }

    /// One step; `late`: the run may be closed and opened again, and is a past one from then on.
    pub async fn step(&mut self, seed: Seed, late: bool) -> Result<(), String> {
        let (kind, one, two, three) = seed;
        let worker = usize::from(one) % WORKERS.len();
        self.steps += 1;
        if self.is_live {
            match kind % 32 {
                0..=5 => self.command(worker, two, three).await?,
                6 => self.both(one, two, three).await?,
                7..=10 => self.file(worker, two, three).await?,
                11..=14 => self.memory(worker, two, three).await?,
                15..=21 => self.undo(two, three).await?,
                22..=26 => self.redo(two).await?,
                27..=28 => self.outside(two)?,
                29..=30 => drop(self.undo_span(Some(worker)).await?),
                _ if late => self.reopen().await?,
                _ => self.undo(two, three).await?,
            }
        } else {
            match kind % 8 {
                0..=3 => self.undo(two, three).await?,
                4..=5 => self.redo(two).await?,
                6 => drop(self.undo_span(None).await?),
                _ if two.is_multiple_of(4) => self.reopen().await?,
                _ => self.redo(three).await?,
            }
        }
        self.check()
    }

    /// Undoes everything that was done, and closes; how many steps were made.
    pub async fn end(&mut self) -> Result<(), String> {
        for _ in 0..=self.history.len() {
            if !self.undo_span(None).await? {
                break;
            }
            self.check()?;
        }
        Ok(())
    }

    /// Closes the run; how many steps were made.
    pub async fn close(self) -> u32 {
        self.stage.close().await;
        self.steps
    }

    /// The folder and the memory are what the model says.
    fn check(&self) -> Result<(), String> {
        let found = manifest(&self.work());
        if found != self.tree {
            return Err(format!("found / expected: {}", differences(&found, &self.tree).join("\n  ")));
        }
        let memory = self.stage.session.log.with(|state| state.ledger.all_memory());
        let mine: BTreeMap<&String, Vec<&String>> = self
            .memory
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(key, list)| (key, list.iter().map(|(_, text)| text).collect()))
            .collect();
        let theirs: BTreeMap<&String, Vec<&String>> = memory
            .iter()
            .map(|(key, state)| match state {
                KeyState::List { elements } => (key, elements.iter().map(|element| &element.text).collect()),
                KeyState::Text { text } => (key, vec![text]),
                _ => (key, Vec::new()),
            })
            .collect();
        if mine == theirs { Ok(()) } else { Err(format!("memory is {theirs:?}, expected {mine:?}")) }
    }

    fn path(pick: u16) -> Path {
        PATHS[usize::from(pick) % PATHS.len()].to_vec()
    }

    fn text(&mut self) -> String {
        self.number += 1;
        format!("text {}.", self.number)
    }

    fn op(&mut self, pick: u16, more: u16, paths: &dyn Fn(u16) -> Path) -> Op {
        let (path, other) = (paths(more), paths(more / 16));
        let text = self.text();
        match pick % 12 {
            3 => Op::Append(path, text),
            4..=5 => Op::Remove(path),
            6 => Op::Folder(path),
            7..=8 if path != other && !model::is_inside(&path, &other) && !model::is_inside(&other, &path) => {
                Op::Move(path, other)
            }
            9 => Op::Mode(path, [0o644, 0o600, 0o755, 0o640, 0o711][usize::from(more) % 5]),
            10 => Op::Link(path, text),
            _ => Op::Write(path, text),
        }
    }

    async fn command(&mut self, worker: usize, pick: u16, more: u16) -> Result<(), String> {
        let count = 1 + pick / 16 % 3;
        let ops: Vec<Op> = (0..count)
            .map(|at| self.op(pick.rotate_left(u32::from(at) * 5), more.rotate_left(u32::from(at) * 7), &Self::path))
            .collect();
        self.told.push(format!("{} runs {ops:?}", WORKERS[worker]));
        let call = json!({ "name": "tama_bash", "args": { "command": model::script(&ops) } });
        let last = self.last();
        self.answer(worker, &call).await?;
        self.ready(&[worker]).await?;
        let before = self.tree.clone();
        for op in &ops {
            model::apply(&mut self.tree, op);
        }
        self.take_note(&before, last, None)
    }

    /// Two branches run commands at once, each in a folder of its own.
    async fn both(&mut self, one: u16, two: u16, more: u16) -> Result<(), String> {
        let last = self.last();
        let mut done = Vec::new();
        for (worker, pick) in [(0, one), (1, two)] {
            let own =
                move |pick: u16| [format!("own{worker}/").as_bytes(), OWN[usize::from(pick) % OWN.len()]].concat();
            let ops: Vec<Op> = (0..2_u16)
                .map(|at| self.op(pick.rotate_left(3 * u32::from(at)), more.rotate_left(u32::from(at)), &own))
                .collect();
            self.told.push(format!("{} at the same time runs {ops:?}", WORKERS[worker]));
            let call = json!({ "name": "tama_bash", "args": { "command": model::script(&ops) } });
            self.answer(worker, &call).await?;
            done.push(ops);
        }
        self.ready(&[0, 1]).await?;
        let before = self.tree.clone();
        let mut trees = Vec::new();
        for ops in &done {
            let mut tree = before.clone();
            for op in ops {
                model::apply(&mut tree, op);
            }
            trees.push(tree);
            for op in ops {
                model::apply(&mut self.tree, op);
            }
        }
        self.take_note(&before, last, Some(&trees))
    }

    async fn file(&mut self, worker: usize, pick: u16, more: u16) -> Result<(), String> {
        let path = Self::path(more);
        let above = model::parents(&path).all(|at| matches!(self.tree.get(&at), None | Some(Node::Folder { .. })));
        if !above || !matches!(self.tree.get(&path), None | Some(Node::File { .. })) {
            return Ok(());
        }
        let before = self.tree.clone();
        let name = name_from_bytes(&path);
        let call = if pick.is_multiple_of(3) && before.contains_key(&path) {
            model::remove(&mut self.tree, &path);
            json!({ "name": "tama_files_delete", "args": { "path": name } })
        } else {
            let text = self.text();
            model::write(&mut self.tree, &path, &text, false);
            json!({ "name": "tama_files_write", "args": { "path": name, "content": text } })
        };
        self.told.push(format!("{} calls {call}", WORKERS[worker]));
        let last = self.last();
        self.answer(worker, &call).await?;
        self.ready(&[worker]).await?;
        self.take_note(&before, last, None)
    }

    async fn memory(&mut self, worker: usize, pick: u16, more: u16) -> Result<(), String> {
        let (key, text) = (format!("list {}", more % 2), self.text());
        let call = json!({ "name": "tama_mem_append", "args": { "key": key, "value": text } });
        self.told.push(format!("{} calls {call} {pick}", WORKERS[worker]));
        let last = self.last();
        self.answer(worker, &call).await?;
        self.ready(&[worker]).await?;
        let added =
            self.stage.session.log.with(|state| {
                state.ledger.entries().iter().rev().find(|entry| entry.seq > last).map(|entry| entry.seq)
            });
        let number = self.number;
        self.appended.insert(added.ok_or("the append is not on record")?, (key.clone(), number));
        self.memory.entry(key).or_default().push((number, text));
        Ok(())
    }

    fn outside(&mut self, pick: u16) -> Result<(), String> {
        let path = Self::path(pick);
        let above = model::parents(&path).all(|at| matches!(self.tree.get(&at), Some(Node::Folder { .. })));
        if !above || !matches!(self.tree.get(&path), None | Some(Node::File { .. })) {
            return Ok(());
        }
        let text = self.text();
        let before = self.tree.clone();
        model::write(&mut self.tree, &path, &text, false);
        self.told.push(format!("someone outside writes {}", path.escape_ascii()));
        let at = self.work().join(std::ffi::OsStr::from_bytes(&path));
        fs::write(at, text).map_err(|error| error.to_string())?;
        // It is in the history, and no action's.
        self.history.extend(model::changes(&before, &self.tree));
        Ok(())
    }

    fn last(&self) -> Seq {
        self.stage.session.log.with(|state| state.last)
    }

    /// Takes the new actions into the history; they have to be exactly what changed.
    fn take_note(&mut self, before: &Manifest, last: Seq, apart: Option<&[Manifest]>) -> Result<(), String> {
        let entries: Vec<LedgerEntry> = self.stage.session.log.with(|state| {
            state
                .ledger
                .entries()
                .iter()
                .filter(|entry| entry.seq > last && entry.record.key.kind.is_path())
                .map(Seen::into_owned)
                .collect()
        });
        let mut expected: BTreeMap<Path, Change> = match apart {
            None => model::changes(before, &self.tree),
            Some(trees) => trees.iter().flat_map(|tree| model::changes(before, tree)).collect(),
        }
        .into_iter()
        .map(|change| (change.path.clone(), change))
        .collect();
        for entry in &entries {
            if entry.status != ActionStatus::Applied {
                return Err(format!("{entry:?} is not applied"));
            }
            let path = name_to_bytes(&entry.record.key.name);
            // A file tool records that it writes what is there already.
            let Some(change) = expected.remove(&path) else {
                return Err(format!("{} is on record and did not change", entry.record.key));
            };
            self.of.insert(entry.seq, self.history.len());
            self.history.push(change);
        }
        match expected.into_keys().next() {
            None => Ok(()),
            Some(path) => Err(format!("{} changed and is not on record", path.escape_ascii())),
        }
    }

    async fn undo(&mut self, pick: u16, how: u16) -> Result<(), String> {
        let Some(action) = self.pick(pick, true) else { return Ok(()) };
        let report = self.stage.reported(Command::Undo { action, force: false }).await?;
        self.told.push(format!("undo {action}: {}", short(&report)));
        if let Some(&at) = self.of.get(&action) {
            self.agrees(at, action, &report)?;
        } else if report.undone != [action] {
            return Err(format!("an append can always be undone: {report:?}"));
        }
        self.take_report(&report)?;
        self.check()?;
        // What is offered in place of a blocked undo has to work, in that order.
        if how.is_multiple_of(2)
            && let Some(ConflictBy::Actions { first }) = report.conflict.map(|conflict| conflict.by)
        {
            let actions: Vec<Seq> = first.iter().map(|(action, _)| *action).chain([action]).collect();
            let report = self.stage.reported(Command::UndoList { actions: actions.clone() }).await?;
            self.told.push(format!("undo {actions:?} in order: {}", short(&report)));
            self.take_report(&report)?;
        }
        Ok(())
    }

    /// Free and blocked are what trying it in the model gives.
    fn agrees(&self, at: usize, action: Seq, report: &UndoReport) -> Result<(), String> {
        let change = &self.history[at];
        let makes_folder = change.old.is_none() && matches!(change.new, Some(Node::Folder { .. }));
        let free = model::is_free(&self.start, &self.history, at) && self.tree.get(&change.path) == change.new.as_ref();
        let undone = report.undone.contains(&action);
        // A folder that others use stays, and is no conflict.
        let kept = makes_folder && report.conflict.is_none() && report.left.iter().any(|left| left.action == action);
        match (free, undone) {
            (true, true) | (false, false) => Ok(()),
            (true, false) if kept => Ok(()),
            (free, _) => Err(format!("{action} {change:?} is free: {free}, and its undo said {report:?}")),
        }
    }

    async fn undo_span(&mut self, worker: Option<usize>) -> Result<bool, String> {
        let span = match worker {
            Some(worker) => self.agent(worker)?,
            None => SpanId::RUN,
        };
        let applied = self.stage.session.log.with(|state| {
            let actions = state.actions(span, true);
            actions.into_iter().any(|action| state.ledger.get(action).is_some_and(LedgerEntry::is_applied))
        });
        if !applied {
            return Ok(false);
        }
        let report = self.stage.reported(Command::UndoSpan { span, deep: true, skip: Vec::new() }).await?;
        self.told.push(format!("undo {span} and below: {}", short(&report)));
        let outside = matches!(&report.conflict, Some(conflict) if matches!(conflict.by, ConflictBy::Outside { .. }));
        if worker.is_none() && report.conflict.is_some() && !outside {
            return Err(format!("nothing is in the way of undoing everything: {report:?}"));
        }
        self.take_report(&report)?;
        Ok(!report.undone.is_empty())
    }

    async fn redo(&mut self, pick: u16) -> Result<(), String> {
        let Some(action) = self.pick(pick, false) else { return Ok(()) };
        let report = self.stage.reported(Command::Redo { action }).await?;
        self.told.push(format!("redo {action}: {}", short(&report)));
        for action in &report.redone {
            if let Some((key, number)) = self.appended.get(action) {
                let text = format!("text {number}.");
                let list = self.memory.entry(key.clone()).or_default();
                list.push((*number, text));
                list.sort();
            }
            let Some(&at) = self.of.get(action) else { continue };
            let change = self.history[at].clone();
            if self.tree.get(&change.path) != change.old.as_ref() {
                return Err(format!("{action} was redone over something else"));
            }
            put(&mut self.tree, &change.path, change.new.as_ref());
            // It happens anew, on what is there by now.
            self.of.insert(*action, self.history.len());
            self.history.push(Change { applied: true, ..change });
        }
        check_read_back(&report)
    }

    /// Undoes in the model what the report names as undone, and nothing else.
    fn take_report(&mut self, report: &UndoReport) -> Result<(), String> {
        for action in &report.undone {
            if let Some((key, number)) = self.appended.get(action) {
                self.memory.entry(key.clone()).or_default().retain(|(at, _)| at != number);
            }
            let Some(&at) = self.of.get(action) else { continue };
            let change = &mut self.history[at];
            change.applied = false;
            put(&mut self.tree, &change.path, change.old.as_ref());
        }
        check_read_back(report)
    }

    /// An action that can be undone (or redone).
    fn pick(&self, pick: u16, applied: bool) -> Option<Seq> {
        let fits = |entry: &LedgerEntry| {
            if applied { entry.is_applied() && entry.is_undoable() } else { entry.status == ActionStatus::Undone }
        };
        let all: Vec<Seq> =
            self.stage.session.log.with(|state| {
                state.ledger.entries().iter().filter(|entry| fits(entry)).map(|entry| entry.seq).collect()
            });
        // The newer ones more often.
        let back = usize::from(pick) % all.len().max(1);
        let back = if pick.is_multiple_of(3) { back } else { back % 4 };
        all.len().checked_sub(1 + back).map(|at| all[at])
    }

    async fn reopen(&mut self) -> Result<(), String> {
        self.told.push("reopened".into());
        self.is_live = false;
        self.stage.play("reopen").await
    }

    fn agent(&self, worker: usize) -> Result<SpanId, String> {
        self.stage.state.trace.find(&format!("team/{}", WORKERS[worker])).ok_or_else(|| "no such branch".into())
    }

    /// Has a branch's model call tools.
    async fn answer(&mut self, worker: usize, call: &Json) -> Result<(), String> {
        loop {
            let (span, stale) = self.paused(worker).ok_or("the branch is not paused")?;
            if !stale {
                let how = Release::Answer { text: json!({ "calls": [call] }).to_string() };
                self.stage.order(Command::Release { span, how })?;
                return self.gone(span).await;
            }
            // Its model is told of the undo, and does nothing; then it is as any other.
            self.stage.order(Command::Release { span, how: Release::Continue { notify_model: true } })?;
            self.gone(span).await?;
            self.ready(&[worker]).await?;
        }
    }

    async fn gone(&mut self, span: SpanId) -> Result<(), String> {
        self.stage.until("it goes on", |stage| !stage.state.trace.paused().any(|at| at == span)).await
    }

    fn paused(&self, worker: usize) -> Option<(SpanId, bool)> {
        let trace = &self.stage.state.trace;
        let branch = format!("team/{}/llm", WORKERS[worker]);
        let span = trace.paused().find(|span| trace.path(*span).starts_with(&branch))?;
        let stale = self.stage.session.log.with(|state| state.trace.stale_above(span).is_some());
        (trace.pause(span)?.0 == Gate::BeforeLlm).then_some((span, stale))
    }

    /// Waits until the branches stop before their next model calls.
    async fn ready(&mut self, workers: &[usize]) -> Result<(), String> {
        for &worker in workers {
            let branch = format!("team/{}/", WORKERS[worker]);
            self.stage
                .until("the branch stops again", |stage| {
                    let trace = &stage.state.trace;
                    let newest = (0..trace.len()).rev().map(|at| SpanId(u32::try_from(at).unwrap()));
                    let mut of_branch = newest.filter(|span| trace.path(*span).starts_with(&branch));
                    of_branch
                        .next()
                        .is_some_and(|span| trace.pause(span).is_some_and(|pause| pause.0 == Gate::BeforeLlm))
                })
                .await?;
        }
        Ok(())
    }
}

fn put(tree: &mut Manifest, path: &Path, node: Option<&Node>) {
    match node {
        Some(node) => tree.insert(path.clone(), node.clone()),
        None => tree.remove(path),
    };
}

fn check_read_back(report: &UndoReport) -> Result<(), String> {
    let read_back = &report.read_back;
    if read_back.restored == read_back.total { Ok(()) } else { Err(format!("not restored: {read_back:?}")) }
}

fn short(report: &UndoReport) -> String {
    format!(
        "undone {:?}, redone {:?}, left {:?}, conflict {:?}",
        report.undone, report.redone, report.left, report.conflict
    )
}

fn scenario(lane: CaptureMode) -> Scenario {
    let lane = if lane == CaptureMode::Snapshot { "portable" } else { "auto" };
    let mut pipeline = format!(
        "[pipeline]\nname = \"machine\"\nentrypoint = \"team\"\ntask = \"go\"\nworkspace = \"work\"\n[models]\n\
         default = \"script:replies.toml\"\n[policy]\nallow = [\"tama_*\"]\n[capture]\nlane = \"{lane}\"\n\
         [[breakpoints]]\nat = \"before-llm\"\n[agents.team]\npattern = \"parallel\"\nworkers = [\"one\", \"two\", \"three\"]\n"
    );
    for worker in WORKERS {
        write!(
            pipeline,
            "[agents.{worker}]\npattern = \"react\"\nmax_iter = 100000\nprompt = \"work\"\ntools = [\"tama_bash\", \
             \"tama_files_write\", \"tama_files_delete\", \"tama_mem_append\", \"tama_mem_get\"]\n"
        )
        .unwrap();
    }
    Scenario {
        about: "a history made at random".into(),
        pipeline,
        replies: "[[reply]]\nagent = \"*\"\ncalls = [{ name = \"tama_mem_get\", args = { key = \"none\" } }]\n".into(),
        ..Scenario::default()
    }
}
