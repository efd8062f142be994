//! The report as text and as JSON. Pure.

use serde_json::{Value as Json, json};

use super::facts::{DataFolder, Facts, PipelineFacts, Sandbox, Terminal};
use super::parts::{Part, PartState, parts};
use crate::cli::table::table;
use crate::effects::confine::Isolation;
use crate::effects::llm::ProviderKey;
use crate::model::CaptureMode;
use crate::ui::ColorDepth;

/// Formats the report as text.
pub(super) fn to_text(facts: &Facts) -> String {
    let parts = parts(facts);
    let mut text = format!("{}\n\n{}", headline(&facts.sandbox), part_table(&parts));
    text.push_str(&format_gaps(&facts.sandbox));
    text.push_str(&format_fixes(&parts));
    text.push('\n');
    let mut rows = vec![
        ["system".to_owned(), system(facts)],
        ["data folder".to_owned(), data_folder(&facts.data)],
        ["terminal".to_owned(), terminal(&facts.terminal)],
    ];
    rows.extend(facts.pipeline.iter().flat_map(pipeline_rows));
    let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
    text.push_str(table(&["", ""], &[], &rows).trim_start_matches([' ', '\n']));
    if facts.pipeline.is_none() {
        text.push_str(
            "\n`tama-tui doctor PIPELINE` also looks at a pipeline's workspace and the keys of its models.\n",
        );
    }
    text
}

fn headline(sandbox: &Sandbox) -> String {
    format!("Commands in {}: {}", sandbox.workspace.display(), sandbox.mode.sandbox())
}

fn part_table(parts: &[Part]) -> String {
    let row = |part: &Part| vec![format!("  {}", part.name), part.state.word().to_owned(), part.note.clone()];
    let rows: Vec<Vec<String>> = parts.iter().map(row).collect();
    let drawn = table(&["", "", ""], &[], &rows);
    drawn.trim_start_matches('\n').to_owned()
}

fn format_gaps(sandbox: &Sandbox) -> String {
    let changes = match sandbox.mode.capture {
        CaptureMode::Overlay => {
            "Changes of commands: in an overlay; a breakpoint can hold them until you have looked at them."
        }
        CaptureMode::Snapshot => {
            "Changes of commands: by snapshots of the workspace, before and after; they can't be held."
        }
    };
    if sandbox.gaps.is_empty() {
        return format!("\n{changes}\n");
    }
    let gaps: Vec<&str> = sandbox.gaps.iter().map(|gap| gap.label()).collect();
    format!(
        "\n{changes}\nNot enforced here: {}.\nSo each command needs an approval, and what it does outside of the \
         workspace has no undo. Without a\nscreen it is denied: allow it with --allow tama_bash, or in [policy] of the \
         pipeline.\n",
        gaps.join(", ")
    )
}

fn format_fixes(parts: &[Part]) -> String {
    let mut fixes: Vec<&str> = Vec::new();
    for fix in parts.iter().filter(|part| part.state == PartState::Off).flat_map(|part| &part.fixes) {
        if !fixes.contains(&fix.as_str()) {
            fixes.push(fix);
        }
    }
    if fixes.is_empty() {
        return String::new();
    }
    format!("\nTo get what is off:\n  - {}\n", fixes.join("\n  - "))
}

fn system(facts: &Facts) -> String {
    let kernel = &facts.kernel;
    let mut words = vec![format!("{} {}", std::env::consts::OS, kernel.release.clone().unwrap_or_default())];
    words.extend(kernel.is_root.then(|| "as root".to_owned()));
    words.extend(kernel.container.as_ref().map(|name| format!("in a container ({name})")));
    words.extend(kernel.is_filtered.then(|| "under a seccomp filter".to_owned()));
    words.join(", ")
}

fn data_folder(data: &DataFolder) -> String {
    let state = match (data.exists, data.is_writable) {
        (true, true) => "writable",
        (true, false) => "NOT WRITABLE: choose another with --data-dir",
        (false, true) => "made by the first run",
        (false, false) => "CAN'T BE MADE: choose another with --data-dir",
    };
    format!("{}, {state}", data.path.display())
}

fn terminal(terminal: &Terminal) -> String {
    let colours = format!("{} (TERM={})", colours(terminal.colours), terminal.term);
    if terminal.is_connected { colours } else { format!("the output is no terminal now; on one: {colours}") }
}

fn colours(depth: ColorDepth) -> &'static str {
    match depth {
        ColorDepth::True => "16 million colours",
        ColorDepth::Indexed => "256 colours",
        ColorDepth::Basic => "16 colours",
        ColorDepth::None => "no colours",
    }
}

fn pipeline_rows(pipeline: &PipelineFacts) -> Vec<[String; 2]> {
    if pipeline.faults > 0 {
        let faults = crate::app::text::plural(pipeline.faults, "fault");
        let name = &pipeline.name;
        return vec![["pipeline".to_owned(), format!("{name} has {faults}: `tama-tui check {name}` shows more")]];
    }
    let mut rows: Vec<[String; 2]> = pipeline.keys.iter().map(|key| ["model key".to_owned(), key_text(key)]).collect();
    if rows.is_empty() {
        rows.push(["models".to_owned(), format!("{}: no keys needed", pipeline.name)]);
    }
    rows.extend(pipeline.reaching.iter().map(|line| ["tool".to_owned(), line.clone()]));
    rows
}

fn key_text(key: &ProviderKey) -> String {
    let provider = &key.provider;
    match (&key.variable, key.missing()) {
        (_, Some(missing)) => format!("{missing}: a run needs it"),
        (None, _) => format!("{provider}: needs no key"),
        (Some(variable), None) if key.is_set => format!("{provider}: {variable} is set"),
        (Some(variable), None) => {
            format!("{provider}: {variable} is not set; its server is this machine, so none may be needed")
        }
    }
}

/// Formats the report as JSON.
pub(super) fn to_json(facts: &Facts) -> Json {
    let Facts { kernel, sandbox, data, terminal, pipeline } = facts;
    json!({
        "system": { "os": std::env::consts::OS, "kernel": kernel },
        "sandbox": {
            "workspace": sandbox.workspace.display().to_string(),
            "isolation": isolation_name(sandbox.isolation),
            "lane": sandbox.mode.capture,
            "gaps": sandbox.mode.gaps,
            "parts": parts(facts).iter().map(part_json).collect::<Vec<_>>(),
            "refused": sandbox.refused.iter().map(refused_json).collect::<Vec<_>>(),
        },
        "data": { "path": data.path.display().to_string(), "exists": data.exists, "writable": data.is_writable },
        "terminal": { "terminal": terminal.is_connected, "term": terminal.term, "colours": colours(terminal.colours) },
        "pipeline": pipeline.as_ref().map(pipeline_json),
    })
}

fn refused_json((level, why): &(Isolation, String)) -> Json {
    json!({ "isolation": isolation_name(*level), "why": why })
}

fn part_json(part: &Part) -> Json {
    json!({ "part": part.name, "state": part.state.word(), "note": part.note, "fixes": part.fixes })
}

fn pipeline_json(pipeline: &PipelineFacts) -> Json {
    let keys: Vec<Json> = pipeline.keys.iter().map(key_json).collect();
    json!({ "name": pipeline.name, "faults": pipeline.faults, "keys": keys, "reaching_outside": pipeline.reaching })
}

fn key_json(key: &ProviderKey) -> Json {
    let missing = key.missing().is_some();
    json!({ "provider": key.provider, "variable": key.variable, "set": key.is_set, "missing": missing })
}

fn isolation_name(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Overlay => "overlay",
        Isolation::Namespaces => "namespaces",
        Isolation::Landlock => "landlock",
        Isolation::Group => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::confine::{Gap, Kernel};
    use crate::model::ShellMode;

    fn facts(isolation: Isolation, gaps: &[Gap], refused: &[(Isolation, &str)], kernel: Kernel) -> Facts {
        let capture = if isolation == Isolation::Overlay { CaptureMode::Overlay } else { CaptureMode::Snapshot };
        Facts {
            kernel: Kernel { release: Some("6.8.0".into()), landlock_abi: Some(4), has_seccomp: true, ..kernel },
            sandbox: Sandbox {
                workspace: "/w".into(),
                isolation,
                gaps: gaps.to_vec(),
                mode: ShellMode { capture, gaps: gaps.iter().map(|gap| gap.label().to_owned()).collect() },
                refused: refused.iter().map(|(level, why)| (*level, (*why).to_owned())).collect(),
            },
            data: DataFolder { path: "/w/.tama".into(), exists: false, is_writable: true },
            terminal: Terminal { is_connected: true, term: "xterm-256color".into(), colours: ColorDepth::Indexed },
            pipeline: None,
        }
    }

    fn states(facts: &Facts) -> Vec<(&'static str, &'static str)> {
        parts(facts).iter().map(|part| (part.name, part.state.word())).collect()
    }

    #[test]
    fn a_full_sandbox_has_all_parts_and_nothing_to_fix() {
        let facts = facts(Isolation::Overlay, &[], &[], Kernel::default());
        let names = ["user namespace", "process namespace", "network namespace", "overlay", "read-only mounts"];
        let wanted: Vec<_> = names.into_iter().chain(["Landlock", "seccomp"]).map(|name| (name, "on")).collect();
        assert_eq!(states(&facts), wanted);
        let text = to_text(&facts);
        assert!(text.starts_with("Commands in /w: sandbox on\n\n  user namespace     on  "), "{text}");
        assert!(!text.contains("Not enforced") && !text.contains("To get"), "{text}");
        assert!(text.contains("Landlock           on  ABI 4;"), "{text}");
        assert!(text.contains("/w/.tama, made by the first run") && text.contains("256 colours"), "{text}");
        assert!(text.contains("seccomp            on  Unix sockets, io_uring and keyrings are refused"), "{text}");
    }

    #[test]
    fn switched_off_namespaces_are_named_with_their_switch() {
        let gaps = [Gap::Network, Gap::Processes];
        let refused = [
            (Isolation::Overlay, "failed to make namespaces: ENOSPC"),
            (Isolation::Namespaces, "failed to make namespaces: ENOSPC"),
        ];
        let kernel = Kernel { max_user_namespaces: Some(0), unprivileged_userns_clone: Some(1), ..Kernel::default() };
        let facts = facts(Isolation::Landlock, &gaps, &refused, kernel);
        let text = to_text(&facts);
        assert!(text.starts_with("Commands in /w: SANDBOX OFF: network, seeing other processes\n"), "{text}");
        assert!(text.contains("Not enforced here: network, seeing other processes."), "{text}");
        assert!(
            text.contains("\nTo get what is off:\n  - sudo sysctl -w user.max_user_namespaces=15000\n\n"),
            "{text}"
        );
        assert!(text.contains("--allow tama_bash") && text.contains("ENOSPC"), "{text}");
        let shown = to_json(&facts);
        assert_eq!(shown["sandbox"]["parts"][0]["state"], "off");
        assert_eq!(shown["sandbox"]["parts"][4]["state"], "off");
        assert_eq!(shown["sandbox"]["parts"][5]["state"], "on");
        assert_eq!(shown["sandbox"]["isolation"], "landlock");
    }

    #[test]
    fn other_reasons_have_their_own_remedies() {
        let fixes = |facts: &Facts| format_fixes(&parts(facts));
        let refused = [(Isolation::Namespaces, "EPERM")];
        let ubuntu = Kernel { apparmor_restrict_userns: Some(1), ..Kernel::default() };
        assert!(fixes(&facts(Isolation::Landlock, &[], &refused, ubuntu)).contains("AppArmor"));
        let docker = Kernel { container: Some("docker".into()), is_filtered: true, ..Kernel::default() };
        assert!(fixes(&facts(Isolation::Landlock, &[], &refused, docker)).contains("seccomp=unconfined"));
        let other = [(Isolation::Overlay, "the workspace has another owner or group than this program")];
        let owned = facts(Isolation::Namespaces, &[], &other, Kernel::default());
        assert!(fixes(&owned).contains("chown"));
        let root = facts(Isolation::Overlay, &[Gap::Root], &[], Kernel::default());
        assert!(fixes(&root).contains("ordinary user"));
        let filter = facts(Isolation::Overlay, &[Gap::LocalServices], &[], Kernel::default());
        assert!(fixes(&filter).contains("CONFIG_SECCOMP_FILTER"));
        let mounts = facts(Isolation::Overlay, &[Gap::MetadataOutside], &[], Kernel::default());
        assert!(fixes(&mounts).contains("unmount"));
        let without = facts(Isolation::Group, &[Gap::Network], &[], Kernel { is_root: true, ..Kernel::default() });
        assert!(to_text(&without).contains("not available on this system"));
    }

    #[test]
    fn missing_keys_are_named() {
        let key = |provider: &str, is_set, is_local| ProviderKey {
            provider: provider.into(),
            variable: Some(format!("{}_API_KEY", provider.to_uppercase())),
            is_set,
            is_local,
        };
        let keys = vec![key("openai", false, false), key("anthropic", true, false), key("mine", false, true)];
        let mut facts = facts(Isolation::Overlay, &[], &[], Kernel::default());
        facts.pipeline =
            Some(PipelineFacts { name: "demo".into(), faults: 0, keys, reaching: vec!["db: local sockets".into()] });
        let text = to_text(&facts);
        assert!(text.contains("openai: OPENAI_API_KEY is not set: a run needs it"), "{text}");
        assert!(text.contains("db: local sockets"), "{text}");
        assert!(text.contains("anthropic: ANTHROPIC_API_KEY is set") && text.contains("its server is this machine"));
        let missing = |at: usize| to_json(&facts)["pipeline"]["keys"][at]["missing"].clone();
        assert_eq!((missing(0), missing(1), missing(2)), (true.into(), false.into(), false.into()));
    }
}
