//! The names a pipeline may use, and the nearest one to a wrong name.

/// Tools an agent may be given.
pub const TOOLS: [&str; 14] = [
    "tama_mem_set",
    "tama_mem_get",
    "tama_mem_append",
    "tama_mem_delete",
    "tama_files_read",
    "tama_files_write",
    "tama_files_edit",
    "tama_files_delete",
    "tama_files_list",
    "tama_read_file",
    "tama_write_file",
    "tama_bash",
    "tama_http_get",
    "tama_http_post",
];

/// Tools that a tool loop has by itself; breakpoints may name them.
pub(super) const LOOP_TOOLS: [&str; 3] = ["start", "finish", "read_skill"];

/// The dialects that a provider may speak.
pub const APIS: [&str; 5] = ["chat", "responses", "messages", "gemini", "ollama"];

/// Providers that need no `[providers.NAME]`.
pub(super) const PROVIDERS: [&str; 5] = ["openai", "anthropic", "google", "ollama", "script"];

/// Below this likeness a name is not worth suggesting.
const ALIKE: f64 = 0.45;

/// Bytes of a name that is compared with others, at most: two long ones take time and memory by the product of their
/// lengths.
const LONGEST: usize = 200;

/// Finds the known name most like `name`.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_short = |name: &str| name.len() <= LONGEST;
    if !is_short(name) {
        return None;
    }
    let name = name.to_lowercase();
    known
        .into_iter()
        .filter(|known| is_short(known))
        .map(|known| (strsim::normalized_damerau_levenshtein(&name, &known.to_lowercase()), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// Known names that are listed, at most.
const LISTED: usize = 50;

/// The help line of a wrong name: the nearest known one, or all of them.
pub(crate) fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(name, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let mut known = known.into_iter();
    let all: Vec<String> = known.by_ref().take(LISTED).map(|name| format!("`{name}`")).collect();
    let more = if known.next().is_some() { ", …" } else { "" };
    if all.is_empty() { "there is none yet".to_owned() } else { format!("known: {}{more}", all.join(", ")) }
}

/// True for lower-case words and digits with single hyphens between them.
pub(super) fn is_kebab(name: &str) -> bool {
    !name.is_empty()
        && name
            .split('-')
            .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_survives_case_and_swapped_letters() {
        assert_eq!(nearest("tama_mem_ste", TOOLS), Some("tama_mem_set"));
        assert_eq!(nearest("Tama_Bash", TOOLS), Some("tama_bash"));
        assert_eq!(nearest("zzzzzz", TOOLS), None);
        assert_eq!(suggest("zzzz", ["a", "b"]), "known: `a`, `b`");
        let long = "a".repeat(60_000);
        assert_eq!(nearest(&long, [&*long, "a"]), None, "only names are compared");
        let many: Vec<String> = (0..60).map(|at| format!("name-{at}")).collect();
        assert!(suggest("zzzz", many.iter().map(String::as_str)).ends_with("`name-49`, …"));
    }

    #[test]
    fn kebab_case_is_lower_case_words_with_single_hyphens() {
        assert!(is_kebab("release-notes-2"));
        for bad in ["", "-", "a--b", "a-", "Release", "a_b", "a/b", "writer#2", "$end"] {
            assert!(!is_kebab(bad), "{bad}");
        }
    }
}
