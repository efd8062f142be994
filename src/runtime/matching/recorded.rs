//! The calls of an execution, to be found again.

use std::collections::{HashMap, VecDeque};

use super::canonical::{Canonical, canonical, conversation};
use super::likeness::{Difference, Likeness, near};
use super::volatile::Folders;
use crate::model::LlmRequest;

/// The calls of an earlier execution, each to be taken once; `T` is what answers a call.
#[derive(Debug)]
pub struct Recorded<T> {
    folders: Folders,
    calls: Vec<Call<T>>,
    /// Calls with the same meaning, in the order in which they were recorded.
    same: HashMap<Canonical, VecDeque<usize>>,
    /// Calls with the same conversation.
    near: HashMap<Canonical, VecDeque<usize>>,
}

#[derive(Debug)]
struct Call<T> {
    request: LlmRequest,
    /// `None`: it was taken.
    answer: Option<T>,
}

/// The recorded call for a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// One that asked for the same.
    Same(T),
    /// One with the same conversation, and all that differs.
    Near(T, Vec<Difference>),
    /// None: the first difference from the one that is most like it; `None`: no recorded call is left.
    Different(Option<Difference>),
}

impl<T> Recorded<T> {
    /// The calls of an execution in the order in which they were made, and the folders that it had.
    pub fn new(folders: Folders, calls: impl IntoIterator<Item = (LlmRequest, T)>) -> Self {
        let mut recorded = Self { folders, calls: Vec::new(), same: HashMap::new(), near: HashMap::new() };
        for (at, (request, answer)) in calls.into_iter().enumerate() {
            recorded.same.entry(canonical(&request)).or_default().push_back(at);
            recorded.near.entry(conversation(&request, &recorded.folders)).or_default().push_back(at);
            recorded.calls.push(Call { request, answer: Some(answer) });
        }
        recorded
    }

    /// Takes the call for a request: the first that is left of those with the same meaning, else of those with the same
    /// conversation. `folders` are those of the execution that asks.
    pub fn take(&mut self, asked: &LlmRequest, folders: &Folders) -> Found<T> {
        if let Some((_, answer)) = take_first(&mut self.calls, self.same.get_mut(&canonical(asked))) {
            return Found::Same(answer);
        }
        let key = conversation(asked, folders);
        if let Some((at, answer)) = take_first(&mut self.calls, self.near.get_mut(&key)) {
            return match near((&self.calls[at].request, &self.folders), (asked, folders)) {
                Likeness::Near(differences) => Found::Near(answer, differences),
                // The conversation has the same hash, so that it is near at least.
                Likeness::Same | Likeness::Different(_) => Found::Same(answer),
            };
        }
        Found::Different(self.most_like(asked, folders))
    }

    /// How many calls are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.calls.iter().filter(|call| call.answer.is_some()).count()
    }

    /// The first difference from the call that is left and shares the most messages.
    fn most_like(&self, asked: &LlmRequest, folders: &Folders) -> Option<Difference> {
        let left = self.calls.iter().filter(|call| call.answer.is_some());
        let shared = |call: &&Call<T>| {
            let recorded = call.request.messages.iter().zip(asked.messages.iter());
            let same = recorded.take_while(|(one, other)| one == other).count();
            let length = call.request.messages.len().abs_diff(asked.messages.len());
            (call.request.model.model == asked.model.model, same, std::cmp::Reverse(length))
        };
        // Of equals the first.
        let best = left.rev().max_by_key(shared)?;
        match near((&best.request, &self.folders), (asked, folders)) {
            Likeness::Different(difference) => Some(difference),
            Likeness::Near(differences) => differences.into_iter().next(),
            Likeness::Same => None,
        }
    }
}

/// Takes the first call of a list that is left.
fn take_first<T>(calls: &mut [Call<T>], list: Option<&mut VecDeque<usize>>) -> Option<(usize, T)> {
    let list = list?;
    while let Some(at) = list.pop_front() {
        if let Some(answer) = calls.get_mut(at).and_then(|call| call.answer.take()) {
            return Some((at, answer));
        }
    }
    None
}
