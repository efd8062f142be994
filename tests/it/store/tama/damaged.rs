//! Databases with flipped and lost bytes, read by the program: it ends, with the runs or with an error.

use std::fs;
use std::path::Path;

use super::story::{DONE, actions, rows};
use crate::support::manifest::manifest;
use crate::support::program::run;
use crate::support::tama_db::{KINDS, TamaProject};

/// A number that looks drawn, the same in each run of the test.
fn drawn(seed: u64) -> u64 {
    let mut number = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0xD1B5_4A32_D192_ED03);
    for shift in [30, 27, 31] {
        number = (number ^ (number >> shift)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    }
    number ^ (number >> 29)
}

/// Damages a file: bytes flipped, its end cut off, or a part of it written over.
fn damage(path: &Path, whole: &[u8], seed: u64) {
    let mut bytes = whole.to_vec();
    let place = |number: u64| usize::try_from(drawn(seed * 7 + number) % whole.len() as u64).unwrap();
    match seed % 4 {
        0 => bytes.truncate(place(1)),
        1 => {
            let from = place(2);
            let to = (from + 64).min(bytes.len());
            bytes[from..to].fill(0xFF);
        }
        _ => {
            for flip in 0..8 {
                bytes[place(10 + flip)] ^= 1 << (flip % 8);
            }
        }
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn damaged_databases_are_refused_or_shown_and_nothing_else_happens() {
    for kind in KINDS {
        let project = TamaProject::new(kind, &rows(), Some(&actions()));
        let files: Vec<_> = fs::read_dir(project.data()).unwrap().map(|entry| entry.unwrap().path()).collect();
        let whole: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        for seed in 0..12 {
            for (file, bytes) in files.iter().zip(&whole) {
                damage(file, bytes, seed);
            }
            let before = manifest(&project.data());
            let database = project.database();
            for args in [&["runs"][..], &["runs", "show", DONE]] {
                let output = run(project.path(), &[args, &["--db", database.to_str().unwrap()]].concat());
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(matches!(output.status.code(), Some(0 | 1)), "{kind:?} {seed}: {:?} {said}", output.status);
                assert!(!said.contains("panicked"), "{kind:?} {seed}: {said}");
                assert!(output.status.success() || said.starts_with("error: failed to "), "{kind:?} {seed}: {said}");
            }
            assert!(manifest(&project.data()) == before, "{kind:?} {seed}: the folder changed");
        }
    }
}
