//! A vector as [`super::Pages`] is, whose pages are packed once they have not changed for a while: a million spans take
//! a few megabytes.
//!
//! Looking at one element unpacks its page, and the page then stays open: what is looked at is looked at again. Going
//! over all elements leaves the pages as they are.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Index};
use std::sync::{Arc, OnceLock};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::packing::{put, put_bytes, take, take_bytes};

/// Elements of a page.
const PAGE: usize = 64;

/// Elements that can be packed together.
pub trait Pack: Clone {
    /// Packs elements.
    fn pack(page: &[Self]) -> Vec<u8>;

    /// Unpacks what [`Pack::pack`] made; `None` for any other bytes.
    fn unpack(bytes: &[u8]) -> Option<Vec<Self>>;
}

/// A vector that is cheap to copy, and small where it does not change.
pub struct PackedPages<T> {
    /// All have [`PAGE`] elements but the last.
    pages: Vec<Arc<Page<T>>>,
    len: usize,
}

/// The elements of a page, the bytes that they are packed as, or both: then it was packed, and looked at since.
#[derive(Debug, Clone)]
struct Page<T> {
    elements: OnceLock<Vec<T>>,
    bytes: Option<Box<[u8]>>,
}

/// An element: in its place, or unpacked for the one who goes over all.
#[derive(Debug)]
pub enum Seen<'a, T> {
    /// In its place.
    There(&'a T),
    /// Unpacked.
    Own(T),
}

impl<T: Clone> Seen<'_, T> {
    /// The element by itself.
    #[must_use]
    pub fn into_owned(self) -> T {
        match self {
            Self::There(element) => element.clone(),
            Self::Own(element) => element,
        }
    }
}

impl<T> Deref for Seen<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::There(element) => element,
            Self::Own(element) => element,
        }
    }
}

/// The elements of one page.
enum Elements<'a, T> {
    There(std::slice::Iter<'a, T>),
    Own(std::vec::IntoIter<T>),
}

impl<'a, T> Iterator for Elements<'a, T> {
    type Item = Seen<'a, T>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::There(elements) => elements.next().map(Seen::There),
            Self::Own(elements) => elements.next().map(Seen::Own),
        }
    }
}

impl<T> DoubleEndedIterator for Elements<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Self::There(elements) => elements.next_back().map(Seen::There),
            Self::Own(elements) => elements.next_back().map(Seen::Own),
        }
    }
}

impl<T: Pack> Page<T> {
    fn live(elements: Vec<T>) -> Self {
        Self { elements: elements.into(), bytes: None }
    }

    fn packed(bytes: &[u8]) -> Self {
        Self { elements: OnceLock::new(), bytes: Some(bytes.into()) }
    }

    fn unpacked(&self) -> Vec<T> {
        // Bytes come from elements, or were tried out when they were read.
        self.bytes.as_deref().and_then(T::unpack).unwrap_or_default()
    }

    /// Its elements, in their places from now on.
    fn open(&self) -> &[T] {
        self.elements.get_or_init(|| self.unpacked())
    }

    fn elements(&self) -> Elements<'_, T> {
        match self.elements.get() {
            Some(elements) => Elements::There(elements.iter()),
            None => Elements::Own(self.unpacked().into_iter()),
        }
    }

    /// Its elements, to change them.
    fn change(&mut self) -> Option<&mut Vec<T>> {
        self.open();
        self.bytes = None;
        self.elements.get_mut()
    }

    fn bytes(&self) -> Vec<u8> {
        match &self.bytes {
            Some(bytes) => bytes.to_vec(),
            None => T::pack(self.open()),
        }
    }
}

impl<T: Pack> PackedPages<T> {
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
        self.pages.get(at / PAGE)?.open().get(at % PAGE)
    }

    /// The first element.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.get(0)
    }

    /// Every element, in order. No page is opened for it.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Seen<'_, T>> {
        self.pages.iter().flat_map(|page| page.elements())
    }

    /// The elements from a place on. No page is opened for it.
    pub fn iter_from(&self, at: usize) -> impl Iterator<Item = Seen<'_, T>> {
        let pages = self.pages.get(at / PAGE..).unwrap_or_default();
        pages.iter().flat_map(|page| page.elements()).skip(at % PAGE)
    }

    /// One element, to change it.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        Arc::make_mut(self.pages.get_mut(at / PAGE)?).change()?.get_mut(at % PAGE)
    }

    /// Adds an element at the end.
    pub fn push(&mut self, element: T) {
        if self.len.is_multiple_of(PAGE) {
            // The first page grows: most runs are small.
            let mut page = Vec::with_capacity(if self.pages.is_empty() { 1 } else { PAGE });
            page.push(element);
            self.pages.push(Arc::new(Page::live(page)));
        } else if let Some(page) = self.pages.last_mut().and_then(|page| Arc::make_mut(page).change()) {
            page.push(element);
        }
        self.len += 1;
    }

    /// Packs the pages that did not change since an earlier copy, the one at `unchanged` in a list of copies, oldest first.
    /// The copies of the list share them then as they did before.
    pub fn settle(&mut self, earlier: &mut [&mut Self], unchanged: usize) {
        let Some(copy) = earlier.get(unchanged) else { return };
        let full = (self.len / PAGE).min(copy.pages.len());
        for at in 0..full {
            let page = &self.pages[at];
            if page.bytes.is_some() || !Arc::ptr_eq(page, &earlier[unchanged].pages[at]) {
                continue;
            }
            let packed = Arc::new(Page::packed(&page.bytes()));
            let open = std::mem::replace(&mut self.pages[at], Arc::clone(&packed));
            let shared = earlier.iter_mut().filter_map(|copy| copy.pages.get_mut(at));
            shared.filter(|page| Arc::ptr_eq(page, &open)).for_each(|page| *page = Arc::clone(&packed));
        }
    }
}

impl<T> Default for PackedPages<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), len: 0 }
    }
}

impl<T> Clone for PackedPages<T> {
    fn clone(&self) -> Self {
        Self { pages: self.pages.clone(), len: self.len }
    }
}

impl<T> fmt::Debug for PackedPages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} elements in {} pages", self.len, self.pages.len())
    }
}

impl<T: Pack> Index<usize> for PackedPages<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.pages[at / PAGE].open()[at % PAGE]
    }
}

impl<T: Pack + PartialEq> PartialEq for PackedPages<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().zip(other.iter()).all(|(one, other)| *one == *other)
    }
}

impl<T: Pack> Serialize for PackedPages<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        put(&mut bytes, self.len as u64);
        self.pages.iter().for_each(|page| put_bytes(&mut bytes, &page.bytes()));
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de, T: Pack> Deserialize<'de> for PackedPages<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes<T>(PhantomData<T>);
        impl<T: Pack> Visitor<'_> for Bytes<T> {
            type Value = PackedPages<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("packed pages")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                PackedPages::read(bytes).ok_or_else(|| E::custom("these are no packed pages"))
            }
        }
        deserializer.deserialize_bytes(Bytes(PhantomData))
    }
}

impl<T: Pack> PackedPages<T> {
    /// Reads pages as they were written; each is tried out.
    fn read(mut bytes: &[u8]) -> Option<Self> {
        let len = usize::try_from(take(&mut bytes)?).ok()?;
        let mut pages = Vec::new();
        let mut rest = len;
        while rest > 0 {
            let packed = take_bytes(&mut bytes)?;
            let elements = T::unpack(packed).filter(|elements| elements.len() == rest.min(PAGE))?;
            // The last one goes on.
            let page = if rest < PAGE { Page::live(elements) } else { Page::packed(packed) };
            pages.push(Arc::new(page));
            rest -= rest.min(PAGE);
        }
        bytes.is_empty().then_some(Self { pages, len })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Pack for u64 {
        fn pack(page: &[Self]) -> Vec<u8> {
            let mut bytes = Vec::new();
            for number in page {
                put(&mut bytes, *number);
            }
            bytes
        }

        fn unpack(mut bytes: &[u8]) -> Option<Vec<Self>> {
            let mut page = Vec::new();
            while !bytes.is_empty() {
                page.push(take(&mut bytes)?);
            }
            Some(page)
        }
    }

    fn packed(pages: &PackedPages<u64>) -> usize {
        pages.pages.iter().filter(|page| page.elements.get().is_none()).count()
    }

    proptest! {
        #[test]
        fn it_is_a_vector_whatever_is_packed(changes in prop::collection::vec((0..3_u8, 0..400_usize, any::<u64>()), 0..600)) {
            let (mut pages, mut all) = (PackedPages::default(), Vec::new());
            let mut before = pages.clone();
            for (what, at, number) in changes {
                match what {
                    0 => {
                        if let Some(element) = pages.get_mut(at) {
                            *element = number;
                            all[at] = number;
                        }
                    }
                    1 if at < 20 => {
                        let earlier = before.iter().map(Seen::into_owned).collect::<Vec<_>>();
                        pages.settle(&mut [&mut before], 0);
                        prop_assert!(before.iter().map(Seen::into_owned).eq(earlier));
                        before = pages.clone();
                    }
                    _ => {
                        pages.push(number);
                        all.push(number);
                    }
                }
            }
            prop_assert!(pages.iter().map(Seen::into_owned).eq(all.iter().copied()));
            prop_assert!(pages.iter().rev().map(Seen::into_owned).eq(all.iter().rev().copied()));
            prop_assert!(pages.iter_from(70).map(Seen::into_owned).eq(all.iter().skip(70).copied()));
            prop_assert!((0..=all.len()).all(|at| pages.get(at) == all.get(at)));
            let again: PackedPages<u64> = rmp_serde::from_slice(&rmp_serde::to_vec(&pages).unwrap()).unwrap();
            prop_assert_eq!(again, pages);
        }
    }

    #[test]
    fn what_did_not_change_since_the_copy_is_packed_and_shared() {
        let mut pages = PackedPages::default();
        (0..200_u64).for_each(|number| pages.push(number));
        let mut before = pages.clone();
        *pages.get_mut(70).unwrap() = 7;
        pages.settle(&mut [&mut before], 0);
        assert_eq!((packed(&pages), packed(&before)), (2, 2), "neither the one that changed nor the last one");
        assert!(Arc::ptr_eq(&pages.pages[0], &before.pages[0]));
        assert_eq!((pages.get(70), before.get(70)), (Some(&7), Some(&70)));
        assert_eq!(pages.iter().map(|number| *number).sum::<u64>(), 199 * 100 - 70 + 7);
        assert_eq!(packed(&pages), 2, "going over all opens none");
        assert_eq!((pages.get(1), packed(&pages)), (Some(&1), 1));
    }
}
