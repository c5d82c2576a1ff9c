//! The seeds of the fuzzer, and what it has found: none of them fails.

use std::fs;
use std::path::{Path, PathBuf};

use corokit_fuzz_harness::ALL;

/// `fuzz`, the folder around this package.
fn fuzz() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap().to_path_buf()
}

/// What lies in a folder, in the order of the names.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let shown = folder.display();
    let listed = fs::read_dir(folder).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let mut entries: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn names(folder: &Path) -> Vec<String> {
    let entries = entries(folder).into_iter();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.map(stem).collect()
}

#[test]
fn no_seed_fails() {
    for (name, harness) in ALL {
        let seeds = entries(&fuzz().join("seeds").join(name));
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            // What fails is named by the last line.
            eprintln!("{name} {}", seed.display());
            harness(&fs::read(seed).unwrap());
        }
    }
}

#[test]
fn every_harness_is_a_target_and_has_seeds() {
    let mut expected: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
    expected.sort_unstable();
    assert_eq!(names(&fuzz().join("seeds")), expected);
    assert_eq!(names(&fuzz().join("fuzz_targets")), expected);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in expected {
        let line = format!("name = \"{name}\"");
        assert!(manifest.lines().any(|it| it == line), "{line}");
    }
}
