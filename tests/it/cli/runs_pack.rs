//! `runs pack` and `runs open`: a run as one file.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Output;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value as Json, json};
use tama_tui::store::{Access, DataDir};
use tar::{EntryType, Header};

use crate::cli::cli::{stderr, stdout};
use crate::support::program;
use crate::support::project::Project;
use crate::support::sketch::Sketch;
use crate::support::whole::{changed, whole};

/// A run that writes a file that is there, a new one, and one that looks like a secret.
pub fn writer() -> Project {
    let calls = [
        ("tama_mem_set", json!({ "key": "start", "value": "here" })),
        ("tama_files_write", json!({ "path": "out.txt", "content": "new\n" })),
        ("tama_files_write", json!({ "path": "more/b.txt", "content": "b\n" })),
        ("tama_files_write", json!({ "path": ".env.local", "content": "after\n" })),
    ];
    let project = Sketch::new("writer", "main")
        .react("main", "You write.", &["tama_mem_set", "tama_files_write"])
        .says("main", 1, "Working.", &calls)
        .finish("main", "all done")
        .file("work/out.txt", "old\n")
        .file("work/.env.local", "before\n")
        .project();
    let ran = project.tama(&["run", "."]);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    project
}

/// Packs the newest run.
fn pack(project: &Project, to: &str, more: &[&str]) -> Output {
    project.tama(&[&["runs", "pack", &project.newest(), "--to", to], more].concat())
}

/// Another user's home: an empty folder with its own secret.
struct Elsewhere(tempfile::TempDir);

impl Elsewhere {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn tama(&self, args: &[&str]) -> Output {
        let state = self.path().join("state");
        program::command().args(args).current_dir(self.path()).env("XDG_STATE_HOME", state).output().unwrap()
    }
}

/// The entries of a pack: name, kind, bytes.
type Entries = Vec<(String, EntryType, Vec<u8>)>;

fn entries(pack: &Path) -> Entries {
    let mut archive = tar::Archive::new(GzDecoder::new(fs::File::open(pack).unwrap()));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry: tar::Entry<'_, GzDecoder<fs::File>> = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().display().to_string(), entry.header().entry_type(), bytes)
    };
    archive.entries().unwrap().map(read).collect()
}

/// Writes a pack as anybody could, with any name.
fn write_pack(to: &Path, entries: &Entries) {
    let mut archive = tar::Builder::new(GzEncoder::new(fs::File::create(to).unwrap(), Compression::fast()));
    for (name, kind, bytes) in entries {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, &bytes[..]).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
}

#[test]
fn the_same_run_packs_to_the_same_bytes_and_warns_of_contents() {
    let project = writer();
    let before = whole(&project.path(".tama/runs"));
    let first = pack(&project, "one.tar.gz", &[]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(pack(&project, "two.tar.gz", &[]).status.success());
    assert_eq!(fs::read(project.path("one.tar.gz")).unwrap(), fs::read(project.path("two.tar.gz")).unwrap());
    assert_eq!(changed(&before, &whole(&project.path(".tama/runs"))), Vec::<String>::new());
    let said = stderr(&first);
    assert!(said.contains("2 from before a change, 3 from after"), "{said}");
    assert!(said.contains("1 of them look like secrets: .env.local"), "{said}");
    let names: Vec<String> = entries(&project.path("one.tar.gz")).into_iter().map(|(name, ..)| name).collect();
    assert!(names[0].ends_with("/pack.json") && names[1..].is_sorted(), "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with("/stamp") || name.ends_with("/lock")), "{names:?}");
    let again = pack(&project, "one.tar.gz", &[]);
    assert!(again.status.code() == Some(1) && stderr(&again).contains("there already"), "{}", stderr(&again));
}

#[test]
fn a_pack_opens_in_another_home_without_the_workspace() {
    let project = writer();
    let run = project.newest();
    assert!(pack(&project, "run.tar.gz", &[]).status.success());
    let home = Elsewhere::new();
    fs::rename(project.path("run.tar.gz"), home.path().join("run.tar.gz")).unwrap();
    let shown_there = stdout(&project.tama(&["runs", "show", &run]));
    drop(project);
    let opened = home.tama(&["runs", "open", "run.tar.gz"]);
    assert_eq!(opened.status.code(), Some(0), "{}", stderr(&opened));
    assert!(stdout(&opened).contains(&format!("opened run {run}\nmade elsewhere: ")), "{}", stdout(&opened));
    let shown = home.tama(&["runs", "show", &run]);
    let same = |text: &str| text.lines().filter(|line| line.contains("out.txt")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(same(&stdout(&shown)), same(&shown_there));
    assert!(stderr(&shown).contains("made elsewhere"), "{}", stderr(&shown));
    let verified = home.tama(&["verify", &run]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
    let same = home.tama(&["runs", "diff", &run, &run]);
    assert_eq!(same.status.code(), Some(0), "{}", stderr(&same));
    assert!(home.tama(&["runs", "html", &run]).status.success());
    let undone = home.tama(&["undo", &run]);
    assert!(!undone.status.success() && stderr(&undone).contains("--workspace"), "{}", stderr(&undone));
    let again = home.tama(&["runs", "open", "run.tar.gz"]);
    assert!(
        again.status.success() && stdout(&again).contains("is here already, with the same log"),
        "{}",
        stdout(&again)
    );
    // It is undone where its user says that its workspace is.
    fs::create_dir_all(home.path().join("work/more")).unwrap();
    for (name, text) in [("out.txt", "new\n"), ("more/b.txt", "b\n"), (".env.local", "after\n")] {
        fs::write(home.path().join("work").join(name), text).unwrap();
    }
    let undone = home.tama(&["undo", &run, "--workspace", "work"]);
    assert_eq!(undone.status.code(), Some(0), "{}{}", stdout(&undone), stderr(&undone));
    assert_eq!(fs::read_to_string(home.path().join("work/out.txt")).unwrap(), "old\n");
    let other = home.tama(&["runs", "open", "run.tar.gz"]);
    assert!(!other.status.success() && stderr(&other).contains("its log is another one"), "{}", stderr(&other));
}

#[test]
fn a_pack_without_contents_says_what_undo_lacks() {
    let project = writer();
    let run = project.newest();
    let packed = pack(&project, "run.tar.gz", &["--no-blobs"]);
    assert!(packed.status.success() && !stderr(&packed).contains("warning"), "{}", stderr(&packed));
    assert!(!entries(&project.path("run.tar.gz")).iter().any(|(name, ..)| name.contains("/blobs/")));
    let home = Elsewhere::new();
    let file = project.path("run.tar.gz").display().to_string();
    let opened = home.tama(&["runs", "open", &file]);
    assert!(stdout(&opened).contains("no contents of files"), "{}", stdout(&opened));
    let work = project.path("work").display().to_string();
    let undone = home.tama(&["undo", &run, "--workspace", &work]);
    assert!(!undone.status.success(), "{}", stdout(&undone));
    let all = stdout(&undone) + &stderr(&undone);
    assert!(all.contains("blob"), "{all}");
    assert_eq!(project.work("out.txt").as_deref(), Some("new\n"));
}

#[test]
fn a_run_that_is_open_is_not_packed_and_not_removed() {
    let project = writer();
    let run = project.newest();
    let data = DataDir::at(project.path(".tama"));
    let open = data.find(&run).unwrap().open(Box::new(|_| {}), Access::ReadWrite).unwrap();
    let packed = pack(&project, "run.tar.gz", &[]);
    assert!(packed.status.code() == Some(1) && stderr(&packed).contains("is using it"), "{}", stderr(&packed));
    assert!(!project.path("run.tar.gz").exists());
    let removed = project.tama(&["runs", "rm", &run, "--yes"]);
    assert!(removed.status.code() == Some(1) && stderr(&removed).contains("has it open"), "{}", stderr(&removed));
    let pruned = project.tama(&["runs", "prune", "--keep", "0", "--yes"]);
    assert!(pruned.status.success() && stderr(&pruned).contains("a process has it open"), "{}", stderr(&pruned));
    drop(open);
    assert_eq!(project.newest(), run);
}

#[test]
fn older_formats_go_along_and_damage_does_not() {
    for number in 1..=5 {
        let project = Project::empty();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/samples/run-{number}/run"));
        copy(&from, &project.path(&format!(".tama/runs/sample{number}")));
        let id = manifest_id(&project.path(&format!(".tama/runs/sample{number}")));
        fs::rename(project.path(&format!(".tama/runs/sample{number}")), project.path(&format!(".tama/runs/{id}")))
            .unwrap();
        let file = format!("{number}.tar.gz");
        let packed = project.tama(&["runs", "pack", &id, "--to", &file]);
        assert_eq!(packed.status.code(), Some(0), "{number}: {}", stderr(&packed));
        let home = Elsewhere::new();
        let opened = home.tama(&["runs", "open", &project.path(&file).display().to_string()]);
        assert_eq!(opened.status.code(), Some(0), "{number}: {}", stderr(&opened));
        let [here, there] = [project.tama(&["runs", "show", &id]), home.tama(&["runs", "show", &id])];
        let table =
            |output: &Output| stdout(output).lines().skip_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        assert_eq!(table(&here), table(&there), "{number}");
    }
    let project = writer();
    let database = project.path(&format!(".tama/runs/{}/run.duckdb", project.newest()));
    let mut bytes = fs::read(&database).unwrap();
    bytes[4096..].fill(7);
    fs::write(&database, bytes).unwrap();
    let packed = pack(&project, "run.tar.gz", &[]);
    assert!(!packed.status.success() && !project.path("run.tar.gz").exists(), "{}", stdout(&packed));
}

fn manifest_id(run: &Path) -> String {
    let manifest: Json = serde_json::from_slice(&fs::read(run.join("manifest.json")).unwrap()).unwrap();
    manifest["run"].as_str().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Opens a pack that must be refused for a reason; nothing of it stays.
fn refuse(home: &Elsewhere, file: &Path, why: &str) {
    let names = || whole(home.path()).into_keys().collect::<Vec<_>>();
    let before = names();
    let opened = home.tama(&["runs", "open", &file.display().to_string()]);
    let said = stderr(&opened);
    assert!(opened.status.code() == Some(1) && said.contains(why), "{why}: {said}");
    assert_eq!(names(), before, "{why}");
}

#[test]
fn a_hostile_pack_is_refused_and_leaves_nothing() {
    let project = writer();
    assert!(pack(&project, "run.tar.gz", &[]).status.success());
    let good = entries(&project.path("run.tar.gz"));
    let home = Elsewhere::new();
    DataDir::open_or_create(home.path().join(".tama")).unwrap();
    let file: PathBuf = project.path("bad.tar.gz");
    let spoil = |why: &str, change: &dyn Fn(&mut Entries, &mut Json)| {
        let mut bad = good.clone();
        let mut list: Json = serde_json::from_slice(&bad[0].2).unwrap();
        change(&mut bad, &mut list);
        bad[0].2 = serde_json::to_vec(&list).unwrap();
        write_pack(&file, &bad);
        refuse(&home, &file, why);
    };
    let database = good.iter().position(|(name, ..)| name.ends_with("/run.duckdb")).unwrap();
    let run = project.newest();
    spoil("is no file of a run", &|bad, list| {
        bad[1].0 = format!("{run}/../../evil");
        list["files"][0]["name"] = json!("../../evil");
    });
    spoil("is no file of a run", &|_, list| list["files"][0]["name"] = json!("/etc/passwd"));
    spoil("is no file of a run", &|_, list| list["files"][0]["name"] = json!("stamp"));
    spoil("is no name of a run", &|bad, list| {
        bad[0].0 = "../x/pack.json".into();
        list["run"] = json!("../x");
    });
    spoil("is not what its list says", &|bad, _| bad[1].0 = format!("{run}/../../evil"));
    spoil("is not what its list says", &|bad, _| bad[1].1 = EntryType::Symlink);
    spoil("is not what its list says", &|bad, _| bad[1].1 = EntryType::Link);
    spoil("is not what its list says", &|bad, _| bad[1].1 = EntryType::GNULongName);
    spoil("is not what its list says", &|bad, _| bad[database].2[5000] ^= 1);
    spoil("is not what its list says", &|_, list| list["files"][0]["size"] = json!(1));
    spoil("it has more in it", &|bad, _| bad.push((format!("{run}/more"), EntryType::Regular, Vec::new())));
    spoil("it ends before", &|bad, _| drop(bad.pop()));
    spoil("allow it with --most", &|_, list| list["files"][0]["size"] = json!(1_u64 << 50));
    spoil("twice", &|_, list| list["files"][1] = list["files"][0].clone());
    spoil("pack of version 9", &|_, list| list["pack"] = json!(9));
    spoil("does not begin with its list", &|bad, _| bad[0].0 = "pack.json".into());
    // Another run's log under this id: as whole as it is, it is not that run.
    let other = writer();
    assert!(pack(&other, "run.tar.gz", &[]).status.success());
    let mut bad = entries(&other.path("run.tar.gz"));
    let mut list: Json = serde_json::from_slice(&bad[0].2).unwrap();
    let from = other.newest();
    list["run"] = json!(run);
    bad[0].2 = serde_json::to_vec(&list).unwrap();
    for (name, ..) in &mut bad {
        *name = name.replace(&from, &run);
    }
    write_pack(&file, &bad);
    refuse(&home, &file, "holds another one");
    let whole_pack = fs::read(project.path("run.tar.gz")).unwrap();
    fs::write(&file, &whole_pack[..whole_pack.len() / 2]).unwrap();
    refuse(&home, &file, "damaged");
    fs::write(&file, b"no archive").unwrap();
    refuse(&home, &file, "it is no pack, or it is damaged");
    refuse(&home, &project.path("none"), "failed to open the pack");
    // Without a data folder none is made for it.
    let fresh = Elsewhere::new();
    refuse(&fresh, &file, "it is no pack");
}
