//! A bounded replay of the fuzz corpus, and a few fresh inputs: no target panics.

use patrol_tests::fuzz::{TARGETS, make};
use patrol_tests::workspace_root;

/// Fresh inputs a target: seconds, not minutes.
const FRESH: u64 = 60;

/// Inputs that a target once failed at: target, seed, what it was.
const FOUND: [(&str, u64, &str); 1] = [("logs", 62 * 200 + 42, "found-end-of-time")];

#[test]
fn no_target_panics_on_the_corpus_or_on_fresh_inputs() {
    for (name, target) in TARGETS {
        let dir = workspace_root().join("tests/fuzz/corpus").join(name);
        let mut files: Vec<_> = std::fs::read_dir(&dir)
            .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
            .map(|e| e.unwrap().path())
            .collect();
        files.sort();
        assert!(files.len() >= 3, "{name}: a corpus of {}", files.len());
        for f in files {
            target(&std::fs::read(&f).unwrap());
        }
        for seed in 0..FRESH {
            target(&make::input(name, 1_000_000 + seed));
        }
        for input in [&[][..], &[0], &[0x80, 255], &[0xFF; 600]] {
            target(input);
        }
    }
}

/// Writes the corpus anew from its seeds: `cargo test --release -p patrol-tests --test fuzz_corpus -- --ignored`.
#[test]
#[ignore = "writes into the repository"]
fn write_the_corpus() {
    for (name, _) in TARGETS {
        let dir = workspace_root().join("tests/fuzz/corpus").join(name);
        std::fs::create_dir_all(&dir).unwrap();
        for seed in 1..=4u64 {
            let mut input = make::input(name, seed);
            // Small: a few kilobytes are enough to begin from.
            input.truncate(3_000);
            std::fs::write(dir.join(format!("seed-{seed}")), input).unwrap();
        }
        for (_, seed, what) in FOUND.iter().filter(|f| f.0 == name) {
            std::fs::write(dir.join(what), make::input(name, *seed)).unwrap();
        }
    }
}
