//! The short name of a run: the end of its id, as long as no other run's id has it.

use std::fs;

use super::RunFolder;

/// The fewest characters of a short id.
const LEAST: usize = 4;

impl RunFolder {
    /// The shortest end of the run's id that names only this run among those beside it; at least four characters.
    pub fn short_id(&self) -> String {
        let folders = self.path().parent().and_then(|runs| fs::read_dir(runs).ok());
        let names = folders.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let own = self.id().to_string();
        let others: Vec<String> = names.filter(|name| *name != own).collect();
        shortest_end(&own, &others).to_owned()
    }
}

fn shortest_end<'a>(id: &'a str, others: &[String]) -> &'a str {
    let starts = id.char_indices().rev().map(|(at, _)| at).skip(LEAST - 1);
    let mut ends = starts.map(|at| &id[at..]);
    ends.find(|end| !others.iter().any(|other| other.contains(end))).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_grows_until_it_names_one_run() {
        let others = ["01abcxk7qd".to_owned(), "0k7qd00000".to_owned()];
        assert_eq!(shortest_end("01abcdefgh", &others), "efgh");
        assert_eq!(shortest_end("01abcdk7qd", &others), "dk7qd");
        assert_eq!(shortest_end("k7q", &others), "k7q");
        assert_eq!(shortest_end("7qd0", &others), "7qd0");
    }
}
