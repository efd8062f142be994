//! `runs rm` and `runs prune`.

use crate::cli::cli::{stderr, stdout};
use crate::cli::runs_pack::writer;
use crate::support::project::Project;
use crate::support::whole::{changed, whole};

/// A project with several runs; their ids, newest first.
fn several(count: usize) -> (Project, Vec<String>) {
    let project = writer();
    for _ in 1..count {
        assert!(project.tama(&["run", "."]).status.success());
    }
    let ids = ids(&project);
    assert_eq!(ids.len(), count);
    (project, ids)
}

fn ids(project: &Project) -> Vec<String> {
    let runs = project.json(&["runs"]);
    runs.as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn nothing_is_removed_unasked() {
    let (project, all) = several(1);
    let before = whole(&project.path(".tama/runs"));
    let refused = project.tama(&["runs", "rm", &all[0]]);
    assert_eq!(refused.status.code(), Some(3), "{}", stderr(&refused));
    assert!(stdout(&refused).contains("5 changes can still be undone"), "{}", stdout(&refused));
    assert!(stderr(&refused).contains("--yes"), "{}", stderr(&refused));
    assert_eq!(project.tama(&["runs", "prune"]).status.code(), Some(2));
    assert_eq!(changed(&before, &whole(&project.path(".tama/runs"))), Vec::<String>::new());
    assert_eq!(project.tama(&["runs", "rm", "nosuch", "--yes"]).status.code(), Some(1));
}

#[test]
fn the_other_runs_stay_whole() {
    let (project, all) = several(3);
    let kept: Vec<_> = [0, 2].map(|at| whole(&project.path(&format!(".tama/runs/{}", all[at])))).into();
    let removed = project.tama(&["runs", "rm", &all[1], &all[1], "--yes"]);
    assert_eq!(removed.status.code(), Some(0), "{}", stderr(&removed));
    assert_eq!(ids(&project), [all[0].clone(), all[2].clone()]);
    for (at, before) in [0, 2].into_iter().zip(&kept) {
        let after = whole(&project.path(&format!(".tama/runs/{}", all[at])));
        assert_eq!(changed(before, &after), Vec::<String>::new());
        assert_eq!(project.tama(&["verify", &all[at]]).status.code(), Some(0));
    }
    // The newest is undone with its own contents, then the oldest.
    for at in [0, 2] {
        let undone = project.tama(&["undo", &all[at]]);
        assert!(stdout(&undone).contains("undone"), "{}{}", stdout(&undone), stderr(&undone));
    }
    assert_eq!(project.work("out.txt").as_deref(), Some("old\n"));
    assert!(!project.path(".tama/removed").exists());
}

#[test]
fn prune_keeps_the_newest_and_the_young() {
    let (project, all) = several(3);
    let young = project.tama(&["runs", "prune", "--older", "1", "--yes"]);
    assert!(young.status.success() && stdout(&young).contains("Nothing to remove"), "{}", stdout(&young));
    let pruned = project.tama(&["runs", "prune", "--keep", "1", "--yes"]);
    assert_eq!(pruned.status.code(), Some(0), "{}", stderr(&pruned));
    assert_eq!(ids(&project), [all[0].clone()]);
    let rest = project.tama(&["runs", "prune", "--keep", "0", "--yes"]);
    assert!(rest.status.success(), "{}", stderr(&rest));
    assert!(ids(&project).is_empty() && !project.path(".tama/store").exists());
}
