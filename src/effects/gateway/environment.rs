//! The variables that lead a program's model calls here.

use super::server::Gateway;

/// Variables that name a provider's address, and the end that each of them wants.
const ADDRESSES: [(&str, &str); 6] = [
    ("ANTHROPIC_BASE_URL", ""),
    // goose reads these, and adds the whole path.
    ("ANTHROPIC_HOST", ""),
    ("OPENAI_BASE_URL", "/v1"),
    // LiteLLM, and what is built on it.
    ("OPENAI_API_BASE", "/v1"),
    ("OPENAI_HOST", ""),
    ("GOOGLE_GEMINI_BASE_URL", ""),
];
/// Variables that list the addresses for which no proxy is used.
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// This machine, as such a list has it.
const LOOPBACK: [&str; 2] = ["127.0.0.1", "localhost"];

impl Gateway {
    /// The variables for the program's environment. `env` looks up what they have now: lists are added to. They hold the
    /// secret.
    #[must_use]
    pub fn environment(&self, env: &dyn Fn(&str) -> Option<String>) -> Vec<(String, String)> {
        variables(self.root(), env)
    }
}

fn variables(root: &str, env: &dyn Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let addresses = ADDRESSES.iter().map(|(name, end)| ((*name).to_owned(), format!("{root}{end}")));
    // A program reads one of both: each gets what any of them had.
    let had = NO_PROXY.iter().filter_map(|name| env(name)).find(|list| !list.trim().is_empty()).unwrap_or_default();
    let has = |host: &&&str| had.split([',', ' ']).any(|entry| entry == "*" || entry == **host);
    let added = LOOPBACK.iter().filter(|host| !has(host)).copied();
    let list: Vec<&str> = Some(had.trim()).into_iter().filter(|list| !list.is_empty()).chain(added).collect();
    let list = list.join(",");
    addresses.chain(NO_PROXY.iter().map(|name| ((*name).to_owned(), list.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_has_the_path_that_its_readers_expect() {
        let env = |name: &str| (name == "no_proxy").then(|| "example.com,localhost".to_owned());
        let variables = variables("http://127.0.0.1:9/s", &env);
        let of = |name: &str| variables.iter().find(|(var, _)| var == name).map(|(_, value)| value.as_str());
        for name in ["ANTHROPIC_BASE_URL", "ANTHROPIC_HOST", "OPENAI_HOST", "GOOGLE_GEMINI_BASE_URL"] {
            assert_eq!(of(name), Some("http://127.0.0.1:9/s"), "{name}");
        }
        for name in ["OPENAI_BASE_URL", "OPENAI_API_BASE"] {
            assert_eq!(of(name), Some("http://127.0.0.1:9/s/v1"), "{name}");
        }
        for name in NO_PROXY {
            assert_eq!(of(name), Some("example.com,localhost,127.0.0.1"), "{name}");
        }
    }
}
