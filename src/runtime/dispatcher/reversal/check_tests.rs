//! The check of a retry as a table: all that refuses it is found before anything is stopped or undone.

use std::path::Path;
use std::sync::Arc;

use super::super::fixture::{NoModel, PIPELINE};
use super::super::scene::{BESIDE, Scene, TOOL};
use super::super::versions::read_today;
use super::check::RunBy;
use super::{Check, Holder, Ready, Refused};
use crate::effects::llm::{LlmError, LlmProvider};
use crate::model::{RetryPlan, SpanId, Update};
use crate::pipeline::Pipeline;
use crate::runtime::session::ModelSource;

/// A scene, and the folder of today's pipeline.
struct Checked {
    scene: Scene,
    today: tempfile::TempDir,
}

impl Checked {
    fn new() -> Self {
        let today = tempfile::tempdir().unwrap();
        std::fs::write(today.path().join("pipeline.toml"), PIPELINE).unwrap();
        std::fs::write(today.path().join("replies.toml"), "[[reply]]\nagent = \"*\"\ntext = \"x\"\n").unwrap();
        Self { scene: Scene::new(), today }
    }

    /// The plan as it is shown: by today's file.
    fn plan(&self, span: SpanId) -> RetryPlan {
        let today = read_today(Some(&self.today.path().join("pipeline.toml"))).ok();
        self.scene.planner().plan(span, true, today.as_ref()).unwrap()
    }

    /// Checks the retry of a plan that was shown.
    fn check(&self, shown: RetryPlan, change: impl FnOnce(&mut Check)) -> Result<Box<Ready>, Refused> {
        let models: ModelSource = Box::new(|_: &Pipeline| Ok(Arc::new(NoModel) as Arc<dyn LlmProvider>));
        let mut check = Check {
            shown,
            with_readers: true,
            by: RunBy::Today,
            planner: self.scene.planner(),
            holder: None,
            source: Some(self.today.path().join("pipeline.toml")),
            models: Arc::new(models),
            unread: None,
            agent: None,
            log: self.scene.log().clone(),
            services: self.scene.bench.dispatcher.services.clone(),
        };
        change(&mut check);
        check.run()
    }

    /// The refusal of a retry of the first tool, and what is shown beside it.
    fn refused(&self, change: impl FnOnce(&mut Check)) -> (String, Option<Box<Update>>) {
        let Err(Refused { why, update }) = self.check(self.plan(TOOL), change) else { panic!("it is not refused") };
        (why.to_string(), update)
    }
}

fn put(folder: &Path, pipeline: &str) {
    std::fs::write(folder.join("pipeline.toml"), pipeline).unwrap();
}

#[tokio::test]
async fn a_retry_that_nothing_stands_against_is_ready_with_the_plan_of_now() {
    let scene = Checked::new();
    let ready = scene.check(scene.plan(TOOL), |_| ()).ok().unwrap();
    assert_eq!((ready.plan.reruns, ready.plan.undoes), (vec![TOOL], vec![scene.scene.set]));
    assert_eq!(ready.today.unwrap().name, "scene");
}

#[tokio::test]
async fn a_tool_that_has_the_workspace_stands_against_it_unless_it_is_of_the_set() {
    let scene = Checked::new();
    let holder = |span: SpanId| Some(Holder { span: Some(span), name: "s5 tool".into() });
    let (why, _) = scene.refused(|check| check.holder = holder(BESIDE));
    assert!(why.contains("s5 tool is using the workspace"), "{why}");
    assert!(scene.check(scene.plan(TOOL), |check| check.holder = holder(TOOL)).is_ok());
}

#[tokio::test]
async fn an_agent_that_is_gone_from_todays_file_stands_against_it() {
    let scene = Checked::new();
    let gone = PIPELINE.replace("agents.main", "agents.other").replace("\"main\"", "\"other\"");
    put(scene.today.path(), &gone);
    let Err(refused) = scene.check(scene.plan(SpanId(1)), |_| ()) else { panic!("it is not refused") };
    let why = refused.why.to_string();
    assert_eq!(why, "failed to retry: main is not in the pipeline's file any more; put it back. Nothing was undone");
    // Without its file, or with a faulty one, it runs by the stored pipeline.
    put(scene.today.path(), "[pipeline");
    assert!(scene.check(scene.plan(SpanId(1)), |_| ()).is_ok_and(|ready| ready.today.is_err()));
    let shown = RetryPlan { authority: Vec::new(), ..scene.plan(SpanId(1)) };
    assert!(scene.check(shown, |check| check.source = None).is_ok());
}

#[tokio::test]
async fn a_plan_that_changed_since_it_was_shown_is_shown_again() {
    let scene = Checked::new();
    let shown = scene.plan(TOOL);
    for older in [
        RetryPlan { undoes: Vec::new(), ..shown.clone() },
        RetryPlan { reruns: vec![SpanId(2), TOOL], ..shown.clone() },
    ] {
        let Err(Refused { why, update }) = scene.check(older, |_| ()) else { panic!("it is not refused") };
        assert!(why.to_string().contains("the run changed while the plan was shown"), "{why}");
        assert!(matches!(update.as_deref(), Some(Update::Plan(plan)) if *plan == shown), "{update:?}");
    }
}

#[tokio::test]
async fn a_file_that_lets_the_run_do_other_things_is_shown_first() {
    let scene = Checked::new();
    let shown = scene.plan(TOOL);
    put(scene.today.path(), &format!("{PIPELINE}\n[limits]\nmax_parallel = 3\n"));
    let Err(Refused { update, .. }) = scene.check(shown, |_| ()) else { panic!("it is not refused") };
    let Some(Update::Plan(plan)) = update.as_deref() else { panic!("{update:?}") };
    assert!(plan.authority.contains(&"limits max_parallel: none → 3".to_owned()), "{:?}", plan.authority);
    assert!(scene.check(plan.clone(), |_| ()).is_ok());
}

#[tokio::test]
async fn a_later_change_that_stays_stands_against_it() {
    let scene = Checked::new();
    let later = scene.scene.act(BESIDE);
    let (why, update) = scene.refused(|_| ());
    assert_eq!(
        why,
        format!("failed to retry: {} (k) was changed since. Nothing ran and nothing was undone", scene.scene.set)
    );
    let Some(Update::Undo(report)) = update.as_deref() else { panic!("{update:?}") };
    assert_eq!(report.conflict.as_ref().map(|conflict| conflict.action), Some(scene.scene.set));
    // Together they can be undone.
    let ready = scene.check(scene.plan(SpanId(1)), |_| ()).ok().unwrap();
    assert_eq!(ready.plan.undoes, [later, scene.scene.set]);
}

#[tokio::test]
async fn models_that_can_not_be_used_stand_against_it() {
    let scene = Checked::new();
    let none: ModelSource = Box::new(|_: &Pipeline| Err(LlmError::new("use the model x: no key".into())));
    let (why, _) = scene.refused(|check| check.models = Arc::new(none));
    assert!(why.contains("no key"), "{why}");
}

#[tokio::test]
async fn a_plan_is_larger_by_an_action_unless_a_call_that_was_stopped_made_it() {
    let scene = Scene::new();
    let shown = RetryPlan { undoes: Vec::new(), ..scene.plan(TOOL) };
    let now = scene.plan(TOOL);
    assert_eq!(now.undoes, [scene.set]);
    assert!(scene.planner().is_larger(&shown, &now, &[]));
    assert!(!scene.planner().is_larger(&shown, &now, &[TOOL]), "the user saw that it was under way");
    assert!(!scene.planner().is_larger(&now, &shown, &[]));
}
