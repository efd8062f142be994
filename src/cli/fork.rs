//! `fork`: a new run that continues from a span of a stored one, without a screen.

use std::fs;
use std::path::{Path, PathBuf};

use color_eyre::eyre::eyre;
use serde_json::{Map, Value as Json, json};

use super::answers::Answers;
use super::by_hand::ByHand;
use super::data;
use super::exit::Exit;
use super::global::Global;
use super::made_elsewhere::NeedsWorkspace;
use super::plan::fork_lines;
use super::resume;
use super::run_name::RunName;
use super::stored::{confirmed_workspace, find_span, open_log};
use super::text::{eprint_line, print, print_json, to_lines};
use crate::model::{RetryEdits, RunState, quoted};
use crate::rollback::Moved;
use crate::runtime::{self, ForkPlan, ForkWorkspace, Mode, Parent, plan_fork};
use crate::store::{DataDir, RunFolder, RunLog};
use crate::world::World;

/// `tama-tui fork`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run: any unique part of its id
    run: String,
    /// The span to continue from: s12, or a path such as editor/writer#2
    #[arg(long, value_name = "SPAN")]
    at: String,
    /// A file with another prompt for the span's agent
    #[arg(long, value_name = "FILE")]
    prompt: Option<PathBuf>,
    /// Another model for what runs anew: a role of the pipeline, or provider:model
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Another temperature for what runs anew
    #[arg(long, value_name = "NUMBER")]
    temperature: Option<f64>,
    #[command(flatten)]
    by_hand: ByHand,
    #[command(flatten)]
    place: Place,
    /// The run's workspace, or where it is now: forks a run that was made elsewhere too
    #[arg(long, value_name = "PATH")]
    workspace: Option<PathBuf>,
    /// Allow this tool where the policy would ask (a glob; may be given more than once)
    #[arg(long, value_name = "TOOL")]
    allow: Vec<String>,
    #[command(flatten)]
    answers: Answers,
    /// Take what the pipeline's file says today about policy, tools, network, limits and providers, where the run had it
    /// otherwise
    #[arg(long)]
    accept_changes: bool,
    /// Print the plan; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The choice where the workspace is not as it was there.
#[derive(Debug, Default, clap::Args)]
#[group(multiple = false)]
struct Place {
    /// Continue in the workspace as it is, where it is not as it was there
    #[arg(long)]
    as_is: bool,
    /// Put the workspace back to that moment first; that can be undone in the new run
    #[arg(long)]
    restore: bool,
    /// Continue in a copy of the workspace, in this new folder, put back to that moment
    #[arg(long, value_name = "DIR")]
    copy: Option<PathBuf>,
}

impl Place {
    fn choice(&self) -> ForkWorkspace {
        match self {
            Self { as_is: true, .. } => ForkWorkspace::AsItIs,
            Self { restore: true, .. } => ForkWorkspace::Restore,
            Self { copy: Some(to), .. } => ForkWorkspace::Copy(to.clone()),
            _ => ForkWorkspace::AsItWas,
        }
    }
}

/// Prints the plan, or makes the new run and follows it to its end.
pub(super) async fn run(args: Args, global: &Global) -> color_eyre::Result<Exit> {
    let data = data::open_existing(global)?;
    let edits = RetryEdits {
        prompt: args.prompt.as_deref().map(read_prompt).transpose()?,
        model: args.model.clone(),
        temperature: args.temperature,
        ..args.by_hand.edits()?
    };
    let found = Found::open(&args, &data)?;
    let span = find_span(&found.log, &args.at)?;
    let parent = found.parent();
    let plan = plan_fork(&parent, span, &edits).map_err(|why| eyre!("{why}"))?;
    let lines = found.log.with(|state| fork_lines(state, &plan));
    if args.dry_run {
        return found.print_plan(&plan, &lines, args.json);
    }
    for line in &lines {
        eprint_line(line);
    }
    if let Some(why) = found.refusal(&args, &plan) {
        eprint_line(&why);
        return Ok(Exit::Denied);
    }
    let forked = runtime::fork(&data, &parent, &plan, &args.place.choice()).await.map_err(|why| eyre!("{why}"))?;
    let mode =
        Mode::Headless(runtime::Headless { allow: args.allow.clone(), answers: args.answers.clone().into_texts() });
    let session = runtime::open(forked, &data, mode).await.map_err(|error| eyre!("failed to {error}"))?;
    resume::go_on(session, args.json, found.lineage_json(&plan)).await
}

/// The run that is forked.
struct Found {
    folder: RunFolder,
    log: RunLog,
    events: Vec<crate::model::TraceEvent>,
    world: World,
    source: Option<PathBuf>,
    is_live: bool,
}

impl Found {
    fn open(args: &Args, data: &DataDir) -> color_eyre::Result<Self> {
        let confirmed = args.workspace.as_deref().map(|named| confirmed_workspace(data, named)).transpose()?;
        let is_live = data.find(&args.run).map_err(|error| eyre!("failed to {error}"))?.is_held();
        let (folder, log, events) = open_log(data, &args.run)?;
        let recorded = folder.workspace(&log).map_err(|error| eyre!("failed to {error}"))?;
        let foreign = folder.foreign();
        if let (Some(why), None) = (&foreign, &confirmed) {
            let more = format!(" --at {}", quoted(&args.at));
            return Err(NeedsWorkspace::new(&folder, why, &recorded, "fork", &more).into());
        }
        let workspace = confirmed.unwrap_or_else(|| recorded.into());
        let world = World::open(&workspace, Some(data.path())).map_err(|error| eyre!("failed to {error}"))?;
        let manifest = folder.manifest().map_err(|error| eyre!("failed to {error}"))?;
        // A file that somebody else names is not read.
        let source = manifest.pipeline_file.filter(|_| foreign.is_none()).map(PathBuf::from);
        Ok(Self { folder, log, events, world, source, is_live })
    }

    fn parent(&self) -> Parent<'_> {
        let source = self.source.as_deref();
        Parent { folder: &self.folder, log: &self.log, events: &self.events, world: &self.world, source }
    }

    /// The reason why nothing is forked before its user has decided.
    fn refusal(&self, args: &Args, plan: &ForkPlan) -> Option<String> {
        if !plan.retry.authority.is_empty() && !args.accept_changes {
            return Some(
                "not forked: the pipeline's file lets the run do other things than it could (\"may now\" above); \
                 --accept-changes takes them"
                    .to_owned(),
            );
        }
        let name = RunName::of(&self.folder);
        let command = format!("{} --at {}", name.command("fork"), quoted(&args.at));
        let choice = args.place.choice();
        if self.is_live && !matches!(choice, ForkWorkspace::Copy(_)) {
            return Some(format!(
                "not forked: the run is under way in this workspace. Fork it into a copy: {command} --copy DIR"
            ));
        }
        (!plan.moved.is_empty() && choice == ForkWorkspace::AsItWas).then(|| {
            format!(
                "not forked: the workspace is not as it was there. Continue as it is: {command} --as-is. Put it back \
                 first: {command} --restore. Keep it, and continue in a copy that is put back: {command} --copy DIR"
            )
        })
    }

    fn print_plan(&self, plan: &ForkPlan, lines: &[String], as_json: bool) -> color_eyre::Result<Exit> {
        let exit = if plan.moved.is_empty() { Exit::Done } else { Exit::Denied };
        if !as_json {
            print(&to_lines(lines))?;
            return Ok(exit);
        }
        let mut shown = serde_json::to_value(&plan.retry)?;
        if let Some(shown) = shown.as_object_mut() {
            shown.extend(self.lineage_json(plan));
            shown.insert("moved".to_owned(), plan.moved.iter().map(moved_json).collect());
            shown.insert("notes".to_owned(), json!(plan.notes));
            shown.insert("exit".to_owned(), json!(exit.code()));
        }
        print_json(&shown)?;
        Ok(exit)
    }

    fn lineage_json(&self, plan: &ForkPlan) -> Map<String, Json> {
        let (at, cut) = self.log.with(|state: &RunState| (state.trace.path(plan.retry.span), state.last));
        let lineage = json!({
            "parent": self.folder.id().0,
            "cut": cut,
            "at": at,
            "reused": plan.retry.from_journal,
            "saved_tokens": plan.retry.saved_tokens,
            "saved_cost_microusd": plan.retry.saved_cost,
        });
        Map::from_iter([("forked".to_owned(), lineage)])
    }
}

fn moved_json(moved: &Moved) -> Json {
    json!({
        "path": moved.key.name,
        "then": moved.then.summary(),
        "now": moved.now.summary(),
        "by_others": !moved.is_own,
    })
}

fn read_prompt(file: &Path) -> color_eyre::Result<String> {
    fs::read_to_string(file).map_err(|error| eyre!("failed to read the prompt {}: {error}", file.display()))
}
