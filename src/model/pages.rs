//! A vector whose copies share what neither has changed since: copying a million spans costs microseconds.
//!
//! It is pages of [`PAGE`] elements, each shared by the copies until one of them changes it. A place is found by
//! division, so looking something up costs about what it costs in a `Vec`; a tree of nodes would cost more.

use std::ops::Index;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Elements of a page.
const PAGE: usize = 64;

/// A vector that is cheap to copy.
#[derive(Debug)]
pub struct Pages<T> {
    /// All are full but the last.
    pages: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), len: 0 }
    }
}

impl<T> Clone for Pages<T> {
    fn clone(&self) -> Self {
        Self { pages: self.pages.clone(), len: self.len }
    }
}

impl<T> Pages<T> {
    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One element.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.pages.get(at / PAGE)?.get(at % PAGE)
    }

    /// The first element.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.get(0)
    }

    /// The last element.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.pages.last()?.last()
    }

    /// Every element, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.pages.iter().flat_map(|page| page.iter())
    }

    /// The elements from a place on.
    pub fn iter_from(&self, at: usize) -> impl Iterator<Item = &T> {
        let pages = self.pages.get(at / PAGE..).unwrap_or_default();
        pages.iter().flat_map(|page| page.iter()).skip(at % PAGE)
    }

    /// How many elements at the start fit a condition that no later one fits.
    pub fn partition_point(&self, mut fits: impl FnMut(&T) -> bool) -> usize {
        let full = self.pages.partition_point(|page| page.last().is_some_and(&mut fits));
        // The last page may be full of elements that fit, and not be full.
        (full * PAGE).min(self.len) + self.pages.get(full).map_or(0, |page| page.partition_point(fits))
    }
}

impl<T: Clone> Pages<T> {
    /// One element, to change it.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        Arc::make_mut(self.pages.get_mut(at / PAGE)?).get_mut(at % PAGE)
    }

    /// Changes one element, if it is there.
    pub fn change(&mut self, at: usize, change: impl FnOnce(&mut T)) {
        if let Some(element) = self.get_mut(at) {
            change(element);
        }
    }

    /// Adds an element at the end.
    pub fn push(&mut self, element: T) {
        match self.pages.last_mut() {
            Some(page) if page.len() < PAGE => {
                Arc::make_mut(page).push(element);
            }
            _ => {
                // The first page grows: most runs are small.
                let mut page = Vec::with_capacity(if self.pages.is_empty() { 1 } else { PAGE });
                page.push(element);
                self.pages.push(Arc::new(page));
            }
        }
        self.len += 1;
    }
}

impl<T> Index<usize> for Pages<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.pages[at / PAGE][at % PAGE]
    }
}

impl<'a, T> IntoIterator for &'a Pages<T> {
    type Item = &'a T;
    type IntoIter = std::iter::FlatMap<
        std::slice::Iter<'a, Arc<Vec<T>>>,
        std::slice::Iter<'a, T>,
        fn(&'a Arc<Vec<T>>) -> std::slice::Iter<'a, T>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        let elements: fn(&'a Arc<Vec<T>>) -> std::slice::Iter<'a, T> = |page| page.iter();
        self.pages.iter().flat_map(elements)
    }
}

impl<T: Clone> FromIterator<T> for Pages<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut pages = Self::default();
        elements.into_iter().for_each(|element| pages.push(element));
        pages
    }
}

impl<T: PartialEq> PartialEq for Pages<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().zip(other.iter()).all(|(one, other)| one == other)
    }
}

impl<T: Serialize> Serialize for Pages<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de, T: Deserialize<'de> + Clone> Deserialize<'de> for Pages<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|elements: Vec<T>| elements.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_copy_keeps_what_the_other_one_changes() {
        let mut all: Pages<usize> = (0..200).collect();
        let before = all.clone();
        *all.get_mut(70).unwrap() = 7;
        all.push(200);
        assert_eq!((before.len(), before[70], before.get(200)), (200, 70, None));
        assert_eq!((all.len(), all[70], all.last()), (201, 7, Some(&200)));
        assert!(Arc::ptr_eq(&all.pages[0], &before.pages[0]));
    }

    proptest! {
        #[test]
        fn it_is_a_vector(elements: Vec<u8>, more in 0..200_usize, bound: u8) {
            let mut sorted = elements.clone();
            sorted.extend(std::iter::repeat_n(bound, more));
            sorted.sort_unstable();
            let pages: Pages<u8> = sorted.iter().copied().collect();
            prop_assert_eq!(pages.len(), sorted.len());
            prop_assert!(pages.iter().eq(sorted.iter()));
            prop_assert!(pages.iter().rev().eq(sorted.iter().rev()));
            let fits = |element: &u8| *element < bound;
            prop_assert_eq!(pages.partition_point(fits), sorted.partition_point(fits));
        }
    }
}
