//! Features of the kernel that confinement needs, and the switches that turn them off.

use serde::Serialize;

/// The kernel, as far as the confinement of commands depends on it. `None`: not there, or not readable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// Its release, such as `6.8.0-45-generic`.
    pub release: Option<String>,
    /// True when this program runs as root.
    pub is_root: bool,
    /// The kind of container that this program runs in.
    pub container: Option<String>,
    /// The version of Landlock's interface.
    pub landlock_abi: Option<i32>,
    /// True when the kernel has seccomp filters.
    pub has_seccomp: bool,
    /// True when a seccomp filter restricts this program.
    pub is_filtered: bool,
    /// `kernel.unprivileged_userns_clone`: 0 refuses user namespaces (Debian).
    pub unprivileged_userns_clone: Option<u64>,
    /// `user.max_user_namespaces`: 0 refuses user namespaces.
    pub max_user_namespaces: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`: 1 refuses them to programs without a profile (Ubuntu).
    pub apparmor_restrict_userns: Option<u64>,
}

impl Kernel {
    /// Reads what the system says of itself.
    #[must_use]
    pub fn read() -> Self {
        let status = text("/proc/self/status").unwrap_or_default();
        let seccomp = status.lines().find_map(|line| line.strip_prefix("Seccomp:")).map(str::trim);
        Self {
            release: text("/proc/sys/kernel/osrelease"),
            is_root: nix::unistd::geteuid().is_root(),
            container: container(),
            landlock_abi: landlock_abi(),
            has_seccomp: seccomp.is_some(),
            is_filtered: seccomp == Some("2"),
            unprivileged_userns_clone: number("/proc/sys/kernel/unprivileged_userns_clone"),
            max_user_namespaces: number("/proc/sys/user/max_user_namespaces"),
            apparmor_restrict_userns: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        }
    }
}

fn text(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn number(path: &str) -> Option<u64> {
    text(path)?.parse().ok()
}

/// The kind of container, by the marks that engines leave.
fn container() -> Option<String> {
    const MARKS: [(&str, &str); 2] = [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")];
    let marked = MARKS.iter().find(|(mark, _)| std::path::Path::new(mark).exists());
    let named = || std::env::var("container").ok().filter(|name| !name.is_empty());
    marked.map(|(_, name)| (*name).to_owned()).or_else(named)
}

#[cfg(target_os = "linux")]
fn landlock_abi() -> Option<i32> {
    // Restricting is the only way to ask; the thread ends with its restriction.
    std::thread::spawn(super::rules::kernel_abi).join().ok().flatten()
}

#[cfg(not(target_os = "linux"))]
fn landlock_abi() -> Option<i32> {
    None
}
