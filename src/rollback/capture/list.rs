//! The list of a snapshot on disk: every path with its stat, and where its bytes are stored.
//!
//! Format: [`MAGIC`], the shared store's folder, the ids of the packs, then the entries in their order. Numbers are
//! LEB128 varints, of bytes those shared with the path before are left out, and the BLAKE3 hash of all that ends it.

use super::entry::{Bytes, Entry, Kind, Place, Stat};
use super::left_out::LeftOut;
use crate::model::BlobHash;

const MAGIC: &[u8] = b"tama capture list 2\n";
const HASH: usize = 32;

/// A list, and where the packs are that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List {
    /// The shared store's folder.
    pub(super) store: Vec<u8>,
    pub(super) entries: Vec<Entry>,
}

impl List {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut packs: Vec<u64> = self.entries.iter().filter_map(|entry| Some(entry.bytes?.place?.pack)).collect();
        packs.sort_unstable();
        packs.dedup();
        let mut out = Writer(Vec::with_capacity(64 + self.entries.len() * 96));
        out.0.extend_from_slice(MAGIC);
        out.bytes(&self.store);
        out.number(packs.len() as u64);
        for pack in &packs {
            out.0.extend_from_slice(&pack.to_le_bytes());
        }
        out.number(self.entries.len() as u64);
        let mut last: &[u8] = b"";
        for entry in &self.entries {
            let shared = entry.path.iter().zip(last).take_while(|(a, b)| a == b).count();
            out.number(shared as u64);
            out.bytes(&entry.path[shared..]);
            last = &entry.path;
            out.entry(entry, &packs);
        }
        let hash = blake3::hash(&out.0);
        out.0.extend_from_slice(hash.as_bytes());
        out.0
    }

    /// `None` when it is damaged.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH)?)?;
        if blake3::hash(body).as_bytes() != hash {
            return None;
        }
        let mut from = Reader(body.strip_prefix(MAGIC)?);
        let store = from.bytes()?.to_vec();
        let mut packs = Vec::new();
        for _ in 0..from.number()? {
            packs.push(u64::from_le_bytes(from.take(8)?.try_into().ok()?));
        }
        let mut entries = Vec::new();
        let mut last = Vec::new();
        for _ in 0..from.number()? {
            let shared = from.length()?;
            let mut path = last.get(..shared)?.to_vec();
            path.extend_from_slice(from.bytes()?);
            last.clone_from(&path);
            entries.push(from.entry(path, &packs)?);
        }
        from.0.is_empty().then_some(Self { store, entries })
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push((number & 0x7f) as u8);
    }

    /// A number of either sign.
    fn time(&mut self, time: i64) {
        self.0.extend_from_slice(&time.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn entry(&mut self, entry: &Entry, packs: &[u64]) {
        let Stat { dev, ino, mode, size, mtime, ctime } = entry.stat;
        self.0.push(entry.kind.code());
        self.0.push(LeftOut::code(entry.left_out));
        for number in [dev, ino, u64::from(mode), size] {
            self.number(number);
        }
        self.time(mtime);
        self.time(ctime);
        if entry.kind == Kind::Link {
            self.bytes(&entry.target);
        }
        let Some(bytes) = entry.bytes else { return self.0.push(0) };
        self.0.push(1 | u8::from(bytes.racy) << 1 | u8::from(bytes.place.is_some()) << 2);
        self.0.extend_from_slice(&bytes.hash.0);
        if let Some(place) = bytes.place {
            self.number(packs.partition_point(|pack| *pack < place.pack) as u64);
            self.number(place.offset);
            self.number(place.stored);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn time(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    fn entry(&mut self, path: Vec<u8>, packs: &[u64]) -> Option<Entry> {
        let kind = Kind::of_code(self.byte()?)?;
        let left_out = match self.byte()? {
            0 => None,
            code => Some(LeftOut::of_code(code)?),
        };
        let (dev, ino) = (self.number()?, self.number()?);
        let (mode, size) = (u32::try_from(self.number()?).ok()?, self.number()?);
        let stat = Stat { dev, ino, mode, size, mtime: self.time()?, ctime: self.time()? };
        let target = if kind == Kind::Link { self.bytes()?.to_vec() } else { Vec::new() };
        let flags = self.byte()?;
        let mut bytes = None;
        if flags & 1 != 0 {
            let hash = BlobHash(self.take(16)?.try_into().ok()?);
            let mut place = None;
            if flags & 4 != 0 {
                let pack = *packs.get(self.length()?)?;
                place = Some(Place { pack, offset: self.number()?, stored: self.number()? });
            }
            bytes = Some(Bytes { hash, place, racy: flags & 2 != 0 });
        }
        Some(Entry { path, kind, stat, left_out, target, bytes })
    }
}
