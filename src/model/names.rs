//! Names that many spans share, each once.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The number of no name.
const NONE: u32 = u32::MAX;

/// Names by number, in the order in which they came. A copy shares them until one of the two learns a new name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub(super) struct Names(Arc<Known>);

#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    /// The name of a number; empty for a number that has none.
    pub(super) fn get(&self, number: u32) -> &str {
        self.0.names.get(number as usize).map_or("", String::as_str)
    }

    /// The number of a name.
    pub(super) fn intern(&mut self, name: &str) -> u32 {
        if let Some(number) = self.0.numbers.get(name) {
            return *number;
        }
        let known = Arc::make_mut(&mut self.0);
        let number = u32::try_from(known.names.len()).unwrap_or(NONE);
        known.names.push(name.to_owned());
        known.numbers.insert(name.to_owned(), number);
        number
    }
}

impl From<Vec<String>> for Names {
    fn from(names: Vec<String>) -> Self {
        let numbers = names.iter().cloned().zip(0..).collect();
        Self(Arc::new(Known { names, numbers }))
    }
}

impl From<Names> for Vec<String> {
    fn from(names: Names) -> Self {
        names.0.names.clone()
    }
}
