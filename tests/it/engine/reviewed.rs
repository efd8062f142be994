//! Held changes of an agent while it lives: applied, discarded and undone, in the folder and where the agent sees it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tama_tui::model::{Command, Release, RunStatus, Seq, SpanId, Update};
use tama_tui::pipeline::Wrapped;
use tama_tui::runtime::{Mode, Session, WrapSetup, start_wrapped};
use tama_tui::store::DataDir;
use tempfile::TempDir;

use crate::support::program;

/// A folder, an agent that runs what is written into its mailbox, and its session.
struct Agent {
    folder: TempDir,
    mailbox: PathBuf,
    session: Session,
    count: std::cell::Cell<u32>,
}

const AGENT: &str = "n=1; while true; do
    if [ -e BOX/$n ]; then . BOX/$n > BOX/$n.out 2>&1; mv BOX/$n.out BOX/$n.done; n=$((n+1)); else sleep 0.02; fi
done";

impl Agent {
    /// Starts it over a folder with these files; `None`: changes can't be held on this machine.
    async fn start(files: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (workspace, mailbox) = (folder.path().join("work"), folder.path().join("box"));
        fs::create_dir(&workspace).unwrap();
        fs::create_dir(&mailbox).unwrap();
        if !program::holds_changes(&workspace) {
            return None;
        }
        for name in files {
            let path = workspace.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{name}\n")).unwrap();
        }
        program::set_helper();
        let script = AGENT.replace("BOX", &mailbox.display().to_string());
        let setup = WrapSetup {
            name: "agent".into(),
            task: "go".into(),
            policy: tama_tui::pipeline::Policy::default(),
            wrapped: Wrapped {
                command: vec!["bash".into(), "-c".into(), script],
                writable: vec![mailbox.display().to_string()],
                review: true,
                ..Wrapped::default()
            },
            workspace: workspace.canonicalize().unwrap(),
            size: None,
        };
        let data = DataDir::open_or_create(folder.path().join("data")).unwrap();
        let mode = Mode::Debug { step: false, breakpoints: Vec::new() };
        let (session, _screen) = start_wrapped(setup, &data, mode).await.unwrap();
        Some(Self { folder, mailbox, session, count: std::cell::Cell::new(0) })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    /// Has the agent run a script; what it printed.
    async fn run(&self, script: &str) -> String {
        let at = self.count.get() + 1;
        self.count.set(at);
        let new = self.mailbox.join("new");
        fs::write(&new, script).unwrap();
        fs::rename(&new, self.mailbox.join(at.to_string())).unwrap();
        let done = self.mailbox.join(format!("{at}.done"));
        until("the agent's answer", || done.exists()).await;
        fs::read_to_string(done).unwrap()
    }

    /// The held actions, by path.
    fn held(&self) -> Vec<(String, Seq)> {
        self.session.log.with(|state| {
            let held = state.all_held().into_iter().filter_map(|seq| state.ledger.get(seq));
            held.map(|entry| (entry.record.key.name.clone(), entry.seq)).collect()
        })
    }

    async fn until_held(&self, paths: &[&str]) {
        until("held changes", || {
            let held = self.held();
            paths.iter().all(|path| held.iter().any(|(name, _)| name == path))
        })
        .await;
    }

    fn seqs(&self, paths: &[&str]) -> Vec<Seq> {
        self.held().into_iter().filter(|(name, _)| paths.contains(&name.as_str())).map(|(_, seq)| seq).collect()
    }

    fn send(&self, command: Command) {
        self.session.engine.commands.send(command).unwrap();
    }

    /// Has held changes decided on. It is refused while another decision is under way, and then asked again.
    async fn decide(&self, how: Release, mut holds: impl FnMut() -> bool) {
        let wait = async {
            while !holds() {
                self.send(Command::Release { span: SpanId::RUN, how: how.clone() });
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the decision");
    }

    async fn end(mut self) {
        self.send(Command::Cancel);
        until("its end", || self.session.log.with(|state| state.status != RunStatus::Running)).await;
        self.send(Command::Quit);
        while !matches!(self.session.engine.feed.next().await, None | Some(Update::Closed)) {}
        self.session.engine.finish.await.unwrap();
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap_or_else(|_| panic!("{what} did not come"));
}

fn apply(only: Vec<Seq>) -> Release {
    Release::Apply { only, notify_model: false }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_living_agent_sees_what_was_applied_undone_and_discarded() {
    let Some(agent) = Agent::start(&["docs/a", "docs/b", "edited", ".env"]).await else { return };
    agent.run("rm -rf docs .env; echo agent > edited; mkdir new; echo x > new/x").await;
    agent.until_held(&["docs", "docs/a", "docs/b", ".env", "edited", "new", "new/x"]).await;
    assert!(exists(&agent.path("docs/a")) && !exists(&agent.path("new")), "nothing reached the folder");

    agent.decide(apply(agent.seqs(&["docs", "edited", "new/x"])), || agent.held().len() == 1).await;
    assert!(!exists(&agent.path("docs")) && agent.read("new/x").as_deref() == Some("x\n"));
    assert_eq!(agent.read("edited").as_deref(), Some("agent\n"));
    assert_eq!(agent.read(".env").as_deref(), Some(".env\n"), "it is still held");

    agent.decide(Release::Discard { only: agent.seqs(&[".env"]) }, || agent.held().is_empty()).await;
    assert_eq!(agent.run("cat .env").await, ".env\n", "the agent sees it again");

    let applied: Vec<Seq> = agent.session.log.with(|state| {
        state.ledger.entries().iter().filter(|entry| entry.is_applied()).map(|entry| entry.seq).collect()
    });
    agent.send(Command::UndoList { actions: applied });
    until("the undone changes", || agent.read("edited").as_deref() == Some("edited\n")).await;
    until("the new folder to go", || !exists(&agent.path("new"))).await;
    // The oldest is undone last.
    until("the oldest to be undone", || agent.read("docs/b").as_deref() == Some("docs/b\n")).await;
    let seen = agent.run("cat docs/a docs/b edited; ls -A").await;
    assert_eq!(seen, "docs/a\ndocs/b\nedited\n.env\ndocs\nedited\n");

    // It goes on to work on what was put back, and that is held again.
    agent.run("rm docs/a; echo more >> docs/b; echo again > edited").await;
    agent.until_held(&["docs/a", "docs/b", "edited"]).await;
    assert_eq!(agent.held().len(), 3, "{:?}", agent.held());
    agent.decide(apply(Vec::new()), || agent.held().is_empty()).await;
    assert!(!exists(&agent.path("docs/a")));
    assert_eq!(agent.read("docs/b").as_deref(), Some("docs/b\nmore\n"));
    agent.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_top_of_another_goes_with_it_or_after_it() {
    let Some(agent) = Agent::start(&["f"]).await else { return };
    agent.run("echo one > f").await;
    agent.until_held(&["f"]).await;
    agent.run("echo two > f").await;
    until("a second change", || agent.held().len() == 2).await;
    let both = agent.seqs(&["f"]);
    // The layer shows the second: only both together can be applied below it.
    let mut asked = 0;
    agent.decide(apply(vec![both[0]]), || std::mem::replace(&mut asked, 1) == 1).await;
    assert_eq!((agent.held().len(), agent.read("f").as_deref()), (2, Some("f\n")));
    agent.decide(apply(vec![both[1]]), || agent.held().is_empty()).await;
    assert_eq!(agent.read("f").as_deref(), Some("two\n"));
    agent.run("echo three > f; echo new > g").await;
    agent.until_held(&["f", "g"]).await;
    agent.decide(Release::Discard { only: Vec::new() }, || agent.held().is_empty()).await;
    assert_eq!(agent.run("cat f; ls").await, "two\nf\n");
    assert_eq!(agent.read("f").as_deref(), Some("two\n"));
    agent.end().await;
}
