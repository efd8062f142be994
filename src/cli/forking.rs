//! A fork from the screen: planned and made beside it, and then shown in the place of the run that it goes on from.

use std::path::{Path, PathBuf};

use crate::model::{ForkHow, ForkOutlook, RetryEdits, RunId, Seq, SpanId, TraceEvent};
use crate::runtime::{self, ForkPlan, ForkWorkspace, Parent, plan_fork};
use crate::store::{DataDir, RunFolder, RunLog};
use crate::world::World;

/// The run that is shown, to fork it.
pub(super) struct Forking {
    folder: RunFolder,
    log: RunLog,
    events: Vec<TraceEvent>,
    world: World,
    source: Option<PathBuf>,
}

impl Forking {
    /// Reads the run. Blocks.
    ///
    /// # Errors
    /// When it can't be read, or its workspace is gone.
    pub fn read(folder: Option<RunFolder>, log: RunLog, data: &DataDir) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("failed to {error}");
        let folder = folder.ok_or("failed to fork: this run is not recorded")?;
        let workspace = folder.workspace(&log).map_err(|error| failed(&error))?;
        let world = World::open(Path::new(&workspace), Some(data.path())).map_err(|error| failed(&error))?;
        let events = log.recorder().events(Seq(0), usize::MAX).map_err(|error| failed(&error))?;
        let source = folder.manifest().map_err(|error| failed(&error))?.pipeline_file.map(PathBuf::from);
        Ok(Self { folder, log, events, world, source })
    }

    fn parent(&self) -> Parent<'_> {
        let source = self.source.as_deref();
        Parent { folder: &self.folder, log: &self.log, events: &self.events, world: &self.world, source }
    }

    /// Plans the fork at a span. Blocks.
    ///
    /// # Errors
    /// With the reason why it can't be forked there.
    pub fn plan(&self, span: SpanId, edits: &RetryEdits) -> Result<ForkPlan, String> {
        plan_fork(&self.parent(), span, edits).map_err(|why| why.to_string())
    }

    /// The plan as the screen shows it.
    pub fn outlook(plan: ForkPlan) -> ForkOutlook {
        let line = |moved: &crate::rollback::Moved| {
            let who = if moved.is_own { "as this run left it" } else { "changed since by another program or person" };
            format!("{} {}, {who}", moved.key.name, moved.then.change_to(&moved.now))
        };
        let moved = plan.moved.iter().map(line).collect();
        ForkOutlook { span: plan.retry.span, moved, notes: plan.notes.clone(), plan: plan.retry }
    }

    /// Makes the fork.
    ///
    /// # Errors
    /// With the reason why there is none.
    pub async fn carry_out(
        &self,
        (span, edits): (SpanId, &RetryEdits),
        how: ForkHow,
        data: &DataDir,
    ) -> Result<RunFolder, String> {
        let plan = self.plan(span, edits)?;
        let workspace = match how {
            ForkHow::AsItWas => ForkWorkspace::AsItWas,
            ForkHow::AsItIs => ForkWorkspace::AsItIs,
            ForkHow::Restore => ForkWorkspace::Restore,
            ForkHow::Copy => ForkWorkspace::Copy(free_beside(self.world.root())),
        };
        runtime::fork(data, &self.parent(), &plan, &workspace).await.map_err(|why| why.to_string())
    }

    /// The run that is forked.
    pub fn id(&self) -> &RunId {
        self.folder.id()
    }
}

/// A folder beside another one, whose name is not taken.
fn free_beside(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut beside = (1_u32..).map(|number| folder.with_file_name(format!("{name}-fork-{number}")));
    beside.find(|path| path.symlink_metadata().is_err()).unwrap_or_else(|| folder.with_extension("fork"))
}
