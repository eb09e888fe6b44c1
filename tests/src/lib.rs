//! What the test files share: where real files and outside peers are, and how a test says that it was skipped.
//!
//! Never judges anything itself, but in `fuzz`.

pub mod fuzz;

use std::path::{Path, PathBuf};

/// The workspace root.
#[must_use]
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Says that a test did not run. Under `CI=true` that is a failure: CI installs every peer.
///
/// # Panics
/// Under `CI=true`, always.
pub fn skip(why: &str) {
    println!("skipped: {why}");
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "skipped under CI=true: {why}"
    );
}

/// Folder of real files nobody here wrote (`PATROL_DATA`, default `../shared/data` beside the checkout).
/// `None`, after [`skip`], where it is absent.
#[must_use]
pub fn real_data() -> Option<PathBuf> {
    let dir = std::env::var_os("PATROL_DATA").map_or_else(
        || workspace_root().join("../shared/data"),
        |d| {
            let d = PathBuf::from(d);
            if d.is_absolute() {
                d
            } else {
                workspace_root().join(d)
            }
        },
    );
    if dir.is_dir() {
        return Some(dir);
    }
    skip("real data (PATROL_DATA) is not on this machine");
    None
}

/// A Python that can import `module`: `PATROL_PYTHON`, the repository's `.venv`, or `python3`.
/// `None`, after [`skip`], where there is none.
#[must_use]
pub fn python_with(module: &str) -> Option<PathBuf> {
    let candidates = [
        std::env::var_os("PATROL_PYTHON").map(PathBuf::from),
        Some(workspace_root().join(".venv/bin/python")),
        Some(PathBuf::from("python3")),
    ];
    for python in candidates.into_iter().flatten() {
        let ok = std::process::Command::new(&python)
            .args(["-c", &format!("import {module}")])
            .output()
            .is_ok_and(|o| o.status.success());
        if ok {
            return Some(python);
        }
    }
    skip(&format!(
        "no Python with `{module}` (set PATROL_PYTHON, or `python3 -m venv .venv && .venv/bin/pip install {module}`)"
    ));
    None
}
