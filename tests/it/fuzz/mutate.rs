//! Changes of bytes that are drawn from a seed.

/// Numbers that look drawn, the same for the same seed (`SplitMix64`).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        number ^ (number >> 31)
    }

    /// A number below a bound that is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.draw() % bound as u64).unwrap()
    }

    pub fn one_of<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Bytes of a text, at most: a little more than the loader takes of a head.
const LONGEST: usize = 70 << 10;

/// Texts that mean something in TOML, in YAML, or to nobody.
const PIECES: [&str; 60] = [
    "---\n",
    "\n---\n",
    "...\n",
    "\r\n",
    "\u{feff}",
    "\t",
    "\0",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{85}",
    "\u{2028}",
    "\u{10ffff}",
    "e\u{301}",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "[",
    "]",
    "{",
    "}",
    "[[",
    "[[{",
    ",",
    ": ",
    ":",
    "\n- ",
    "- - ",
    "? ",
    "\n? [a]\n: b\n",
    "&a ",
    "*a",
    "<<: *a\n",
    "<<: [*a, *b]\n",
    "!!str ",
    "!!binary ",
    "!<x> ",
    "!",
    "%YAML 1.2\n---\n",
    "%TAG ! tag:x,1:\n",
    "|\n",
    ">-\n",
    "|9\n",
    "# ",
    "=",
    "\n[",
    "\n[[",
    ".",
    "$end",
    "*",
    "~",
    "null",
    "{{input}}",
    "${HOME}",
    "true",
    "1_0",
    "0x",
    "1e999",
    "99999999999999999999999999",
    "-0.0",
];

/// Changes a text a few times. `words`: what it is made of; `others`: texts of which parts are put in.
pub fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers, words: &[&str], others: &[Vec<u8>]) {
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len() + 1);
        let to = (at + numbers.below(40)).min(bytes.len());
        match numbers.below(10) {
            0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            1 => drop(bytes.drain(at..to)),
            2 => drop(bytes.splice(at..to, numbers.one_of(&PIECES).bytes())),
            3 | 4 => drop(bytes.splice(at..at, numbers.one_of(&PIECES).bytes())),
            5 | 6 => drop(bytes.splice(at..at, numbers.one_of(words).bytes())),
            7 => {
                let other = &others[numbers.below(others.len())];
                let from = numbers.below(other.len() + 1);
                let end = (from + numbers.below(200)).min(other.len());
                bytes.splice(at..to, other[from..end].iter().copied());
            }
            8 => bytes.truncate(at),
            _ => repeat(bytes, numbers, words, at..to),
        }
    }
    bytes.truncate(LONGEST);
}

/// Puts a part in many times: a deep one, a long one, or one of many lines.
fn repeat(bytes: &mut Vec<u8>, numbers: &mut Numbers, words: &[&str], part: std::ops::Range<usize>) {
    let mut unit = match numbers.below(3) {
        0 => bytes[part.clone()].to_vec(),
        1 => numbers.one_of(&PIECES).into(),
        _ => [numbers.one_of(&PIECES), numbers.one_of(words), numbers.one_of(&PIECES)].concat().into_bytes(),
    };
    if numbers.once_in(4) {
        unit.push(b'\n');
    }
    let most = if numbers.once_in(8) { LONGEST } else { 400 };
    let times = numbers.below(most / unit.len().max(1) + 1);
    // Numbered, the keys are not the same.
    let is_numbered = numbers.once_in(2);
    let mut many = Vec::new();
    for at in 0..times {
        if is_numbered {
            many.extend_from_slice(format!("k{at}").as_bytes());
        }
        many.extend_from_slice(&unit);
    }
    bytes.splice(part.start..part.start, many);
}
