//! Hints for the model, where a failure of a command comes from its confinement.

use std::path::Path;

use super::confinement::Isolation;
use super::job::Job;

/// The signal that ends a program whose system calls the filter doesn't know (signal(7): `SIGSYS`).
const BAD_CALL: i32 = 31;

/// The facts of a command that hints depend on.
pub(super) struct Failure<'a> {
    /// The isolation it ran in.
    pub isolation: Isolation,
    /// True when its changes went to an overlay.
    pub overlay: bool,
    /// The workspace.
    pub workspace: &'a Path,
    /// The command.
    pub job: &'a Job,
    /// Its output.
    pub text: &'a str,
    /// Its exit code.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

/// Marks of an error in the output of common programs: the system's text, and the name that libraries give it.
struct Marks(&'static [&'static str]);

const RENAME: Marks = Marks(&["Invalid cross-device link", "cross-device link not permitted", "EXDEV"]);
const READ_ONLY: Marks = Marks(&["Read-only file system", "read-only file system", "EROFS"]);
const FORBIDDEN: Marks = Marks(&["Permission denied", "Operation not permitted", "EACCES", "EPERM"]);
const SOCKETS: Marks = Marks(&["Address family not supported", "EAFNOSUPPORT"]);
const ARGUMENTS: Marks = Marks(&["Argument list too long", "E2BIG"]);
const NETWORK: Marks = Marks(&[
    "Could not resolve host",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Network is unreachable",
    "ENETUNREACH",
    "EAI_AGAIN",
]);

impl Marks {
    fn are_in(&self, text: &str) -> bool {
        self.0.iter().any(|mark| text.contains(mark))
    }
}

impl Failure<'_> {
    /// Lists the hints; each is true whatever the command failed at.
    pub fn hints(&self) -> Vec<String> {
        let mut hints = Vec::new();
        // A script may go on after it.
        if self.overlay && RENAME.are_in(self.text) {
            hints.push(
                "changes are held in an overlay, where a folder that was there before can't be renamed in one step: \
                 use `mv`, or copy it and remove the old one (for git: git add both); capture mode \"snapshot\" \
                 ([capture] of the pipeline) has no such limit"
                    .to_owned(),
            );
        }
        if self.isolation >= Isolation::Namespaces && READ_ONLY.are_in(self.text) {
            hints.push(self.writable());
        }
        if self.exit == Some(0) {
            return hints;
        }
        if self.isolation == Isolation::Landlock && FORBIDDEN.are_in(self.text) {
            hints.push(self.writable());
        }
        if self.isolation >= Isolation::Landlock && !self.job.network {
            hints.extend(self.without_network());
        }
        if ARGUMENTS.are_in(self.text) {
            hints.push(
                "the system limits the arguments of one program (128 KiB each, 2 MiB in all): use xargs, standard \
                 input or a file"
                    .to_owned(),
            );
        }
        hints
    }

    fn without_network(&self) -> Vec<String> {
        let mut hints = Vec::new();
        if NETWORK.are_in(self.text) {
            hints.push(
                "commands have no network; a tool of the user's own has it with network = true in the pipeline"
                    .to_owned(),
            );
        }
        if !self.job.local_sockets && SOCKETS.are_in(self.text) {
            hints.push(
                "commands can't use Unix sockets; a tool of the user's own can with local_sockets = true in the pipeline"
                    .to_owned(),
            );
        }
        if self.signal == Some(BAD_CALL) || self.exit == Some(128 + BAD_CALL) {
            hints.push(
                "commands can't run programs that are built for another kind of processor, such as 32-bit ones"
                    .to_owned(),
            );
        }
        hints
    }

    fn writable(&self) -> String {
        let workspace = self.workspace.display();
        format!("commands can change only files in the workspace {workspace} and in the folder $TMPDIR")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn hints(isolation: Isolation, text: &str, exit: i32) -> String {
        let job = Job::shell("x", Duration::from_secs(1));
        let workspace = Path::new("/home/u/work");
        let overlay = isolation == Isolation::Overlay;
        let (exit, signal) = (Some(exit), None);
        Failure { isolation, overlay, workspace, job: &job, text, exit, signal }.hints().join("\n")
    }

    #[test]
    fn a_renamed_folder_leads_to_snapshot_mode() {
        let git = "fatal: renaming 'src' failed: Invalid cross-device link\ncode 128\n";
        assert!(hints(Isolation::Overlay, git, 0).contains("mode \"snapshot\""));
        assert_eq!(hints(Isolation::Namespaces, git, 0), "");
    }

    #[test]
    fn refused_writes_name_the_workspace() {
        let text = "touch: cannot touch '/etc/x': Read-only file system";
        for isolation in [Isolation::Overlay, Isolation::Namespaces] {
            assert!(hints(isolation, text, 1).contains("/home/u/work"));
        }
        assert_eq!(hints(Isolation::Group, text, 1), "");
        let denied = "touch: cannot touch '/etc/x': Permission denied";
        assert!(hints(Isolation::Landlock, denied, 1).contains("/home/u/work"));
        assert_eq!(hints(Isolation::Landlock, denied, 0), "");
        assert_eq!(hints(Isolation::Overlay, denied, 1), "");
    }

    #[test]
    fn sockets_network_and_arguments_have_their_own() {
        let of = |text| hints(Isolation::Overlay, text, 1);
        assert!(of("socket: Address family not supported by protocol").contains("local_sockets = true"));
        assert!(of("curl: (6) Could not resolve host: example.org").contains("network = true"));
        assert!(of("bash: line 1: /bin/echo: Argument list too long").contains("xargs"));
        assert!(hints(Isolation::Overlay, "", 159).contains("32-bit"));
        assert_eq!(of("error: expected `;`"), "");
        assert_eq!(hints(Isolation::Overlay, "curl: (6) Could not resolve host: example.org", 0), "");
    }
}
