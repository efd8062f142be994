//! The parts of the sandbox: each on, off or unused, why, and how to get it. Pure.

use super::facts::{Facts, Sandbox};
use crate::effects::confine::{Gap, Isolation, Kernel};

/// The state of a part on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartState {
    On,
    Off,
    /// The program does not use it.
    Unused,
}

impl PartState {
    /// The word in the table and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Unused => "not used",
        }
    }
}

/// One part of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub name: &'static str,
    pub state: PartState,
    /// Its purpose, or the reason that it is off.
    pub note: String,
    /// Ways to get it.
    pub fixes: Vec<String>,
}

/// Lists the parts of the sandbox.
pub(super) fn parts(facts: &Facts) -> Vec<Part> {
    let (sandbox, kernel) = (&facts.sandbox, &facts.kernel);
    vec![
        user_namespace(sandbox, kernel),
        namespace(
            sandbox,
            kernel,
            "process namespace",
            Gap::Processes,
            "commands see and reach their own processes only",
        ),
        namespace(sandbox, kernel, "network namespace", Gap::Network, "no network, unless a tool has network = true"),
        overlay(sandbox, kernel),
        read_only_mounts(sandbox, kernel),
        landlock(sandbox, kernel),
        seccomp(sandbox, kernel),
    ]
}

fn has_namespaces(sandbox: &Sandbox) -> bool {
    sandbox.isolation >= Isolation::Namespaces
}

fn on(name: &'static str, note: impl Into<String>) -> Part {
    Part { name, state: PartState::On, note: note.into(), fixes: Vec::new() }
}

fn off(name: &'static str, note: impl Into<String>, fixes: Vec<String>) -> Part {
    Part { name, state: PartState::Off, note: note.into(), fixes }
}

fn user_namespace(sandbox: &Sandbox, kernel: &Kernel) -> Part {
    const NAME: &str = "user namespace";
    if !has_namespaces(sandbox) {
        return off(NAME, refused(sandbox, Isolation::Namespaces), namespace_fixes(kernel));
    }
    let why = if !sandbox.keeps(Gap::Root) {
        "commands run with all rights of root"
    } else if !sandbox.keeps(Gap::RootId) {
        "commands run as root, without its capabilities"
    } else {
        return on(NAME, "commands have no rights over the rest of the machine");
    };
    let mut fixes = switches(kernel);
    fixes.push("run tama-tui as an ordinary user".to_owned());
    off(NAME, why, fixes)
}

fn namespace(sandbox: &Sandbox, kernel: &Kernel, name: &'static str, promise: Gap, note: &str) -> Part {
    match (has_namespaces(sandbox), sandbox.keeps(promise)) {
        (false, _) => off(name, "needs namespaces", namespace_fixes(kernel)),
        (true, true) => on(name, note),
        (true, false) => off(name, format!("failed to set it up: {}", promise.label()), namespace_fixes(kernel)),
    }
}

fn overlay(sandbox: &Sandbox, kernel: &Kernel) -> Part {
    const NAME: &str = "overlay";
    if sandbox.isolation == Isolation::Overlay {
        return on(NAME, "a command's changes are beside the workspace until they are applied");
    }
    let why = refused(sandbox, Isolation::Overlay);
    if !has_namespaces(sandbox) {
        return off(NAME, "needs namespaces", namespace_fixes(kernel));
    }
    if sandbox.reason(Isolation::Overlay).is_none() {
        return Part {
            name: NAME,
            state: PartState::Unused,
            note: "the pipeline asks for snapshots".into(),
            fixes: vec![],
        };
    }
    let fix = if why.contains("mounted in the workspace") {
        "unmount what is mounted in the workspace, or use another folder as `workspace`"
    } else if why.contains("another owner") {
        "give the workspace to the user who runs tama-tui (chown -R), or run tama-tui as its owner"
    } else {
        "use Linux 5.11 or newer, and a state folder (XDG_STATE_HOME) on a file system that overlays and user \
         attributes work on, such as ext4"
    };
    off(NAME, why, vec![fix.to_owned()])
}

fn landlock(sandbox: &Sandbox, kernel: &Kernel) -> Part {
    /// The first ABI that forbids truncating, and the first that forbids signals.
    const TRUNCATE: i32 = 3;
    const SIGNALS: i32 = 6;
    const NAME: &str = "Landlock";
    let Some(abi) = kernel.landlock_abi else {
        let fix = "use Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK, and `landlock` in the boot parameter lsm=";
        return off(NAME, "the kernel does not offer it", vec![fix.to_owned()]);
    };
    if sandbox.isolation < Isolation::Landlock {
        return off(NAME, format!("ABI {abi}; {}", refused(sandbox, Isolation::Landlock)), vec![]);
    }
    let lacks = match abi {
        SIGNALS.. => "writes outside of the workspace are refused",
        TRUNCATE.. => "writes outside of the workspace are refused; signals need ABI 6 (Linux 6.12)",
        _ => "writes outside of the workspace are refused; truncating needs ABI 3 (Linux 6.2)",
    };
    on(NAME, format!("ABI {abi}; {lacks}"))
}

fn read_only_mounts(sandbox: &Sandbox, kernel: &Kernel) -> Part {
    const NAME: &str = "read-only mounts";
    if !has_namespaces(sandbox) {
        return off(NAME, "needs namespaces", namespace_fixes(kernel));
    }
    if sandbox.keeps(Gap::MetadataOutside) {
        return on(NAME, "modes, times and attributes of files outside of the workspace can't be changed");
    }
    let fix = "unmount file systems that the workspace does not need: one of them can't be made read-only for commands";
    off(NAME, format!("failed for some mount: {}", Gap::MetadataOutside.label()), vec![fix.to_owned()])
}

fn seccomp(sandbox: &Sandbox, kernel: &Kernel) -> Part {
    const NAME: &str = "seccomp";
    if sandbox.isolation < Isolation::Landlock {
        return off(NAME, refused(sandbox, Isolation::Landlock), vec![]);
    }
    let open: Vec<&str> =
        [Gap::LocalServices, Gap::SystemCalls].into_iter().filter(|gap| !sandbox.keeps(*gap)).map(Gap::label).collect();
    if open.is_empty() {
        return on(NAME, "Unix sockets, io_uring and keyrings are refused, unless a tool has the network");
    }
    let kernel_has = if kernel.has_seccomp { "the kernel refused the filter" } else { "the kernel has no filters" };
    let fix = "use a kernel with CONFIG_SECCOMP_FILTER, on x86-64, ARM64 or RISC-V";
    off(NAME, format!("{kernel_has}: {}", open.join(", ")), vec![fix.to_owned()])
}

/// The reason why a level can't be had, for people.
fn refused(sandbox: &Sandbox, level: Isolation) -> String {
    sandbox.reason(level).map_or_else(|| "not available on this system".to_owned(), str::to_owned)
}

/// Ways to get namespaces.
fn namespace_fixes(kernel: &Kernel) -> Vec<String> {
    let mut fixes = switches(kernel);
    if fixes.is_empty() {
        fixes.push("use a kernel with user namespaces (CONFIG_USER_NS) whose security modules allow them".to_owned());
    }
    fixes
}

/// The switches that refuse namespaces here, and how to turn them on.
fn switches(kernel: &Kernel) -> Vec<String> {
    let mut fixes = Vec::new();
    if kernel.max_user_namespaces == Some(0) {
        fixes.push("sudo sysctl -w user.max_user_namespaces=15000".to_owned());
    }
    if kernel.unprivileged_userns_clone == Some(0) {
        fixes.push("sudo sysctl -w kernel.unprivileged_userns_clone=1".to_owned());
    }
    if kernel.apparmor_restrict_userns.is_some_and(|restricts| restricts > 0) && !kernel.is_root {
        fixes.push(
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for tama-tui with \
             the rule `userns,`"
                .to_owned(),
        );
    }
    if let Some(container) = &kernel.container {
        fixes.push(format!(
            "start the container ({container}) with --security-opt seccomp=unconfined --security-opt \
             apparmor=unconfined --security-opt systempaths=unconfined"
        ));
    } else if kernel.is_filtered {
        fixes.push("start tama-tui outside of the sandbox that it runs in: a seccomp filter restricts it".to_owned());
    }
    fixes
}
