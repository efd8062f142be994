//! Variables of the environment in texts that are sent: `${NAME}`. `$$` stands for a dollar sign; a variable that is not
//! set, and one that is not closed, stays as it is written.

/// A text with its variables filled in, and those variables: their values must not be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filled {
    pub text: String,
    /// Names and values.
    pub used: Vec<(String, String)>,
}

/// Fills in the variables; `env` looks one up.
pub(super) fn fill(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Filled {
    let mut filled = Filled::default();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        filled.text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            filled.text.push('$');
            rest = after;
            continue;
        }
        let Some((name, after)) = variable(rest) else {
            filled.text.push('$');
            rest = &rest[1..];
            continue;
        };
        if let Some(value) = env(name) {
            filled.text.push_str(&value);
            filled.used.push((name.to_owned(), value));
        } else {
            filled.text.push_str(&rest[..rest.len() - after.len()]);
        }
        rest = after;
    }
    filled.text.push_str(rest);
    filled
}

/// True when a text names a variable, set or not.
#[must_use]
pub fn has_variable(text: &str) -> bool {
    let asked = std::cell::Cell::new(false);
    fill(text, &|_| {
        asked.set(true);
        None
    });
    asked.get()
}

/// The name of the variable that a text begins with, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix("${")?.split_once('}')?;
    (!name.is_empty()).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        (name == "KEY").then(|| "s3cret".into())
    }

    #[test]
    fn known_variables_are_filled_in_and_the_rest_stays() {
        let cases = [
            ("Bearer ${KEY}", "Bearer s3cret"),
            ("${KEY}${KEY}", "s3crets3cret"),
            ("$${KEY}", "${KEY}"),
            ("$$$${KEY}", "$${KEY}"),
            ("$$${KEY}", "$s3cret"),
            ("${OTHER}/${KEY}", "${OTHER}/s3cret"),
            ("${KEY", "${KEY"),
            ("$KEY $", "$KEY $"),
            ("${}", "${}"),
            ("é$", "é$"),
        ];
        for (written, sent) in cases {
            assert_eq!(fill(written, &env).text, sent, "{written}");
        }
        assert_eq!(fill("${KEY}", &env).used, [("KEY".to_owned(), "s3cret".to_owned())]);
    }

    #[test]
    fn a_text_that_names_a_variable_is_known() {
        assert!(has_variable("https://x/?k=${ANY}") && has_variable("a${b}"));
        assert!(!has_variable("https://x/$${ANY}") && !has_variable("${open") && !has_variable("$ANY"));
    }
}
