//! Ids of calls: `[a-zA-Z0-9_-]+`, each once in a conversation.

use std::collections::HashMap;

/// Gives out ids.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// How often an id was given out, or the number for the next like it.
    given: HashMap<String, usize>,
}

impl Ids {
    /// The id that is wanted when it is valid and free, else one like it.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let valid = clean(wanted);
        let (base, mut number) = match valid.as_str() {
            "" => ("call", self.given.get("").copied().unwrap_or(0)),
            valid => match self.given.get(valid) {
                None => {
                    self.given.insert(valid.to_owned(), 1);
                    return valid.to_owned();
                }
                Some(number) => (valid, *number),
            },
        };
        loop {
            let id = format!("{base}_{number}");
            number += 1;
            if !self.given.contains_key(&id) {
                self.given.insert(id.clone(), 1);
                self.given.insert(valid, number);
                return id;
            }
        }
    }
}

/// A name or id with valid letters only.
pub(super) fn clean(text: &str) -> String {
    let valid = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    text.trim().chars().map(|letter| if valid(letter) { letter } else { '_' }).collect()
}
