//! The examples: a small pipeline for each pattern, which runs offline.

/// A file of an example: its path and its text.
pub(super) type File = (&'static str, &'static str);

/// The two files of each example.
macro_rules! examples {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, [
            ("pipeline.toml", include_str!(concat!("../../assets/examples/", $name, "/pipeline.toml"))),
            ("replies.toml", include_str!(concat!("../../assets/examples/", $name, "/replies.toml"))),
        ])),+]
    };
}

/// The examples by the name of their pattern.
pub(super) static EXAMPLES: &[(&str, [File; 2])] = examples![
    "oneshot",
    "react",
    "fsm",
    "parallel",
    "scatter",
    "critic",
    "reflexion",
    "constitutional",
    "chain-of-verification",
    "plan-execute",
    "debate",
    "best-of-n",
    "human",
];

#[cfg(test)]
mod tests {
    use super::EXAMPLES;
    use crate::pipeline::PATTERNS;

    #[test]
    fn every_pattern_has_its_example() {
        let names: Vec<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
        let patterns: Vec<&str> = PATTERNS.iter().map(|row| row.name).collect();
        assert_eq!(names, patterns);
    }
}
