//! Reads the plan that a model wrote.

/// The steps of a plan: a JSON array of strings, with or without a fence or text around it; else all of it is one step.
pub(super) fn read_plan(plan: &str) -> Vec<String> {
    let unfenced = plan.lines().filter(|line| !line.trim_start().starts_with("```")).collect::<Vec<_>>().join("\n");
    let slice = unfenced.find('[').zip(unfenced.rfind(']')).and_then(|(from, to)| unfenced.get(from..=to));
    let read = |text: &str| serde_json::from_str::<Vec<String>>(text).ok();
    read(unfenced.trim()).or_else(|| slice.and_then(read)).unwrap_or_else(|| vec![plan.trim().to_owned()])
}

#[cfg(test)]
mod tests {
    use super::read_plan;

    #[test]
    fn a_plan_is_found_in_what_surrounds_it() {
        let two = ["a", "b"];
        for plan in [r#"["a", "b"]"#, "```json\n[\"a\",\n\"b\"]\n```", "The plan: [\"a\", \"b\"]. Good luck!"] {
            assert_eq!(read_plan(plan), two, "{plan}");
        }
        assert_eq!(read_plan(" do a, then b \n"), ["do a, then b"]);
        assert_eq!(read_plan("see [1] and [2]"), ["see [1] and [2]"]);
    }
}
