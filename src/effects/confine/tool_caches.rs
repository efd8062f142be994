//! The folders in which package managers and build tools keep what they fetched, and their credential files.

use std::ffi::OsString;
use std::path::PathBuf;

/// A tool's cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToolCache {
    /// Its folder, which may not exist.
    pub folder: PathBuf,
    /// A name for the private folder that stands in for it.
    pub name: &'static str,
    /// The way to make the tool use another folder.
    pub redirect: Redirect,
}

/// The way to make a tool use another folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Redirect {
    /// A variable that names the folder.
    Variable(&'static str),
    /// A property in `MAVEN_OPTS`.
    Maven,
    /// `CARGO_HOME`, but only if that folder does not exist: Cargo's settings and programs are in there too.
    Cargo(PathBuf),
    /// None: its tool is not here, and another one would warn of the variable.
    None,
}

impl Redirect {
    /// Returns the variable to set so that the tool uses `folder`; `None` if it has to do with what is there.
    pub fn variable(&self, folder: PathBuf, vars: &Vars<'_>) -> Option<(OsString, OsString)> {
        match self {
            Self::Variable(name) => Some((name.into(), folder.into())),
            Self::Maven => {
                let mut options = vars("MAVEN_OPTS").map_or_else(OsString::new, |mut own| {
                    own.push(" ");
                    own
                });
                options.push("-Dmaven.repo.local=");
                options.push(folder);
                Some(("MAVEN_OPTS".into(), options))
            }
            Self::None => None,
            Self::Cargo(home) => (!home.exists()).then(|| ("CARGO_HOME".into(), folder.into())),
        }
    }
}

/// Looks up a variable of the environment.
pub(super) type Vars<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// The folders that places are relative to.
struct Bases<'a> {
    home: PathBuf,
    vars: &'a Vars<'a>,
}

impl<'a> Bases<'a> {
    fn of(vars: &'a Vars<'a>) -> Option<Self> {
        let home = PathBuf::from(vars("HOME")?);
        home.is_absolute().then_some(Self { home, vars })
    }

    /// The folder that a variable names, else the one below the home folder.
    fn named(&self, variable: &str, usual: &str) -> PathBuf {
        self.or(variable, self.home.join(usual))
    }

    /// The folder that a variable names, else another.
    fn or(&self, variable: &str, usual: PathBuf) -> PathBuf {
        (self.vars)(variable).map(PathBuf::from).filter(|path| path.is_absolute()).unwrap_or(usual)
    }
}

/// True if a program is found on the search path.
fn has_program(name: &str, vars: &Vars<'_>) -> bool {
    vars("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

/// Lists the caches of the user's tools.
pub(super) fn tool_caches(vars: &Vars<'_>) -> Vec<ToolCache> {
    let Some(bases) = Bases::of(vars) else { return Vec::new() };
    let cargo = bases.named("CARGO_HOME", ".cargo");
    let go = bases.named("GOPATH", "go");
    let data = bases.named("XDG_DATA_HOME", ".local/share");
    let variable = |variable, name, folder| ToolCache { folder, name, redirect: Redirect::Variable(variable) };
    // npm warns of pnpm's variable.
    let pnpm = variable("npm_config_store_dir", "pnpm", bases.or("npm_config_store_dir", data.join("pnpm/store")));
    let pnpm = if has_program("pnpm", vars) { pnpm } else { ToolCache { redirect: Redirect::None, ..pnpm } };
    let in_cargo = |folder: &str| ToolCache {
        folder: cargo.join(folder),
        name: "cargo",
        redirect: Redirect::Cargo(cargo.clone()),
    };
    let mut caches = vec![
        // Most tools are in here: pip, uv, Go's builds, yarn, pnpm's metadata.
        variable("XDG_CACHE_HOME", "xdg", bases.named("XDG_CACHE_HOME", ".cache")),
        variable("npm_config_cache", "npm", bases.named("npm_config_cache", ".npm")),
        pnpm,
        variable("YARN_GLOBAL_FOLDER", "yarn", bases.named("YARN_GLOBAL_FOLDER", ".yarn/berry")),
        variable("GOMODCACHE", "go", bases.or("GOMODCACHE", go.join("pkg/mod"))),
        variable("GRADLE_USER_HOME", "gradle", bases.named("GRADLE_USER_HOME", ".gradle")),
        ToolCache { folder: bases.home.join(".m2/repository"), name: "maven", redirect: Redirect::Maven },
        in_cargo("registry"),
        in_cargo("git"),
    ];
    // Folders that the user has put elsewhere.
    for (name, own) in
        [("PIP_CACHE_DIR", "pip"), ("UV_CACHE_DIR", "uv"), ("GOCACHE", "go-build"), ("YARN_CACHE_FOLDER", "yarn-cache")]
    {
        let elsewhere = vars(name).map(PathBuf::from).filter(|path| path.is_absolute());
        caches.extend(elsewhere.map(|folder| variable(name, own, folder)));
    }
    caches
}

/// Lists the files in which those tools keep credentials, as far as they exist. All of them may be empty; an empty
/// `settings.xml` has a root element.
pub(super) fn credential_files(vars: &Vars<'_>) -> Vec<PathBuf> {
    let Some(bases) = Bases::of(vars) else { return Vec::new() };
    let cargo = bases.named("CARGO_HOME", ".cargo");
    let gradle = bases.named("GRADLE_USER_HOME", ".gradle");
    let config = bases.named("XDG_CONFIG_HOME", ".config");
    let data = bases.named("XDG_DATA_HOME", ".local/share");
    let mut files = vec![
        cargo.join("credentials"),
        cargo.join("credentials.toml"),
        bases.named("NPM_CONFIG_USERCONFIG", ".npmrc"),
        config.join("pnpm/rc"),
        config.join("pnpm/auth.ini"),
        bases.home.join(".yarnrc"),
        bases.home.join(".yarnrc.yml"),
        config.join("pip/pip.conf"),
        bases.home.join(".pip/pip.conf"),
        bases.home.join(".pypirc"),
        config.join("uv/uv.toml"),
        data.join("uv/credentials/credentials.toml"),
        bases.home.join(".netrc"),
        bases.home.join(".m2/settings.xml"),
        bases.home.join(".m2/settings-security.xml"),
        gradle.join("gradle.properties"),
    ];
    files.extend(["PIP_CONFIG_FILE", "NETRC", "UV_CONFIG_FILE"].into_iter().filter_map(vars).map(PathBuf::from));
    files.retain(|file| file.is_absolute() && file.is_file());
    files
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folders(vars: &Vars<'_>) -> Vec<String> {
        tool_caches(vars).into_iter().map(|cache| cache.folder.display().to_string()).collect()
    }

    #[test]
    fn a_variable_that_other_tools_warn_of_is_set_only_where_its_tool_is() {
        let folder = tempfile::tempdir().unwrap();
        let vars = |name: &str| match name {
            "HOME" => Some("/home/u".into()),
            "PATH" => Some(folder.path().into()),
            _ => None,
        };
        let redirected = || {
            let pnpm = tool_caches(&vars).into_iter().find(|cache| cache.name == "pnpm").unwrap();
            pnpm.redirect.variable("/elsewhere".into(), &vars).is_some()
        };
        assert!(!redirected());
        fs::write(folder.path().join("pnpm"), "").unwrap();
        assert!(redirected());
    }

    #[test]
    fn caches_are_where_the_tools_look_for_them() {
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/home/u"));
        let found = folders(&home);
        for folder in [
            ".cache",
            ".npm",
            ".local/share/pnpm/store",
            ".yarn/berry",
            "go/pkg/mod",
            ".gradle",
            ".m2/repository",
            ".cargo/registry",
            ".cargo/git",
        ] {
            assert!(found.contains(&format!("/home/u/{folder}")), "{folder} in {found:?}");
        }
        let own = |name: &str| match name {
            "CARGO_HOME" => Some("/c".into()),
            "GOPATH" => Some("/g".into()),
            "PIP_CACHE_DIR" => Some("/pip".into()),
            "XDG_CACHE_HOME" => Some("relative".into()),
            name => home(name),
        };
        let found = folders(&own);
        for folder in ["/c/registry", "/c/git", "/g/pkg/mod", "/pip", "/home/u/.cache"] {
            assert!(found.contains(&folder.to_owned()), "{folder} in {found:?}");
        }
        assert!(tool_caches(&|_| None).is_empty());
    }

    #[test]
    fn a_redirect_keeps_the_options_that_are_set() {
        let own = |name: &str| (name == "MAVEN_OPTS").then(|| "-Xmx1g".into());
        let set = Redirect::Maven.variable("/t/m".into(), &own).unwrap();
        assert_eq!(set, ("MAVEN_OPTS".into(), "-Xmx1g -Dmaven.repo.local=/t/m".into()));
        assert_eq!(Redirect::Cargo("/".into()).variable("/t/c".into(), &own), None);
        assert!(Redirect::Cargo("/no such folder".into()).variable("/t/c".into(), &own).is_some());
    }

    #[test]
    fn credentials_are_found_where_they_exist() {
        let folder = tempfile::tempdir().unwrap();
        for dir in [".cargo", ".m2"] {
            fs::create_dir(folder.path().join(dir)).unwrap();
        }
        for file in [".cargo/credentials.toml", ".npmrc", ".m2/settings.xml"] {
            fs::write(folder.path().join(file), "secret").unwrap();
        }
        let vars = |name: &str| (name == "HOME").then(|| folder.path().into());
        let wanted = [".cargo/credentials.toml", ".npmrc", ".m2/settings.xml"].map(|file| folder.path().join(file));
        assert_eq!(credential_files(&vars), wanted);
    }
}
