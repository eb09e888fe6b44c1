//! The house rules, read from `cargo metadata` and the sources: which way the arrows point, who may name what,
//! what a core may not do, which licences and crates are let in.

use patrol_tests::workspace_root;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn metadata() -> Value {
    // For this machine only: what other platforms would need was never downloaded here.
    let about = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc runs");
    let about = String::from_utf8_lossy(&about.stdout).into_owned();
    let host = about
        .lines()
        .find_map(|l| l.strip_prefix("host: "))
        .expect("rustc names its host");
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", host])
        .current_dir(workspace_root())
        .output()
        .expect("cargo runs");
    assert!(
        out.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    serde_json::from_slice(&out.stdout).expect("cargo metadata is JSON")
}

/// Our crates and which of our crates each may depend on.
fn allowed_arrows() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("missions", &[][..]),
        ("link", &["missions"][..]),
        ("link-io", &["link", "missions"][..]),
        ("onboard", &["link", "link-io", "missions"][..]),
        ("sim", &["link", "link-io", "missions"][..]),
        (
            "ground-station",
            &["link", "link-io", "missions", "onboard", "sim"][..],
        ),
        (
            "patrol-tests",
            &[
                "ground-station",
                "link",
                "link-io",
                "missions",
                "onboard",
                "sim",
            ][..],
        ),
    ])
}

#[test]
fn arrows_point_one_way() {
    let meta = metadata();
    let arrows = allowed_arrows();
    let members: Vec<&str> = meta["workspace_members"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for package in meta["packages"].as_array().unwrap() {
        if !members.contains(&package["id"].as_str().unwrap()) {
            continue;
        }
        let name = package["name"].as_str().unwrap();
        seen.push(name.to_owned());
        let Some(allowed) = arrows.get(name) else {
            wrong.push(format!("{name}: a crate ARCHITECTURE.md does not know"));
            continue;
        };
        for dep in package["dependencies"].as_array().unwrap() {
            let dep = dep["name"].as_str().unwrap();
            if arrows.contains_key(dep) && !allowed.contains(&dep) {
                wrong.push(format!("{name} → {dep}"));
            }
        }
    }
    seen.sort();
    assert_eq!(
        seen,
        arrows.keys().map(|k| (*k).to_owned()).collect::<Vec<_>>()
    );
    assert!(wrong.is_empty(), "arrows that must not be: {wrong:?}");
}

fn rust_files(dir: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path
                .file_name()
                .is_some_and(|n| n != "target" && n != "node_modules")
            {
                rust_files(&path, into);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Every line of code of our crates: (path from the root, line number, text without comments).
fn code_lines() -> Vec<(String, usize, String)> {
    let root = workspace_root();
    let mut files = Vec::new();
    for dir in ["missions", "onboard", "sim", "ground-station"] {
        rust_files(&root.join(dir), &mut files);
    }
    assert!(files.len() > 40, "found only {} source files", files.len());
    let mut lines = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file
            .strip_prefix(&root)
            .unwrap()
            .to_string_lossy()
            .replace('\\', "/");
        for (n, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("").to_owned();
            lines.push((name.clone(), n + 1, code));
        }
    }
    lines
}

/// `needle` as a whole path segment: `mavlink::` must not match `xmavlink::`.
fn names(code: &str, needle: &str) -> bool {
    code.match_indices(needle).any(|(at, _)| {
        !code[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

fn offenders(needles: &[&str], allowed: impl Fn(&str) -> bool) -> Vec<String> {
    code_lines()
        .into_iter()
        .filter(|(file, _, code)| !allowed(file) && needles.iter().any(|n| names(code, n)))
        .map(|(file, n, code)| format!("{file}:{n}: {}", code.trim()))
        .collect()
}

#[test]
fn only_link_names_mavlink() {
    let bad = offenders(&["mavlink::", "mavlink_core::"], |f| {
        f.starts_with("missions/link/")
    });
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn only_the_ground_station_names_axum_and_rerun() {
    let bad = offenders(&["axum::", "rerun::"], |f| f.starts_with("ground-station/"));
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn the_ground_station_reaches_sim_and_onboard_only_from_rehearse() {
    let bad = offenders(&["sim::", "onboard::"], |f| {
        !f.starts_with("ground-station/") || f.starts_with("ground-station/src/rehearse/")
    });
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn the_oracle_does_not_ask_the_fence() {
    let bad: Vec<String> = code_lines()
        .into_iter()
        .filter(|(file, _, code)| {
            file.starts_with("sim/src/oracle")
                && (names(code, "missions::fence") || code.contains("fence::"))
        })
        .map(|(file, n, code)| format!("{file}:{n}: {}", code.trim()))
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Shells: the only places that may read a clock, sleep, open a socket or a file.
fn is_shell(file: &str) -> bool {
    file.contains("/io/")
        || file.contains("/console/")
        || file.ends_with("/cli.rs")
        || file.contains("/cli/")
        || file.ends_with("/main.rs")
        || file.ends_with("/build.rs")
        || file.ends_with("eyes/child.rs")
        || file.contains("/rehearse/")
        || file.contains("/record/")
        || file.contains("/tests/")
        || file.contains("/examples/")
}

#[test]
fn cores_read_no_clock_draw_no_randomness_and_touch_no_files_or_sockets() {
    let bad = offenders(
        &[
            "Instant::now",
            "SystemTime::now",
            "std::time::Instant::now",
            "std::time::SystemTime::now",
            "thread::sleep",
            "std::thread::sleep",
            "rand::rng",
            "tokio::",
            "std::fs::",
            "std::net::",
            "HashMap",
            "HashSet",
        ],
        is_shell,
    );
    // Test modules inside a core may read real files: they end the file and start with #[cfg(test)].
    let bad: Vec<String> = bad
        .into_iter()
        .filter(|b| {
            let mut parts = b.splitn(3, ':');
            let (file, line) = (parts.next().unwrap(), parts.next().unwrap());
            let line: usize = line.parse().unwrap();
            let text = std::fs::read_to_string(workspace_root().join(file)).unwrap();
            let tests_from = text
                .lines()
                .position(|l| l.trim() == "#[cfg(test)]")
                .unwrap_or(usize::MAX);
            line <= tests_from && !file.ends_with("tests.rs")
        })
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn only_permissive_or_weak_copyleft_licences() {
    const ALLOWED: [&str; 15] = [
        "MIT",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSL-1.0",
        "CC0-1.0",
        "ISC",
        "MPL-2.0",
        "Unicode-3.0",
        "Zlib",
        "0BSD",
        "MIT-0",
        "IJG",
        "Unlicense",
        "CDLA-Permissive-2.0",
    ];
    let meta = metadata();
    let mut bad = Vec::new();
    for package in meta["packages"].as_array().unwrap() {
        let licence = package["license"].as_str().unwrap_or("");
        let fine =
            |term: &str| ALLOWED.contains(&term.trim().trim_end_matches(" WITH LLVM-exception"));
        // "A OR B" offers a choice, "A AND B" demands both; a parenthesised choice before AND is flattened.
        let ok = licence
            .replace(['(', ')'], "")
            .replace('/', " OR ")
            .split(" AND ")
            .all(|all| all.split(" OR ").any(fine));
        if !ok {
            bad.push(format!("{} {licence}", package["name"]));
        }
    }
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn nothing_needs_a_c_toolchain_beyond_cc_or_a_system_library() {
    let lock = std::fs::read_to_string(workspace_root().join("Cargo.lock")).unwrap();
    for banned in [
        "openssl-sys",
        "native-tls",
        "libudev-sys",
        "cmake",
        "nasm-rs",
        "prost-build",
        "aws-lc-sys",
    ] {
        assert!(
            !lock.contains(&format!("name = \"{banned}\"")),
            "{banned} crept into the tree"
        );
    }
}

#[test]
fn the_names_of_this_machine_are_not_in_the_project() {
    let out = Command::new("git")
        .args(["ls-files"])
        .current_dir(workspace_root())
        .output();
    let Ok(out) = out else { return };
    let mut bad = Vec::new();
    for file in String::from_utf8_lossy(&out.stdout).lines() {
        let Ok(text) = std::fs::read_to_string(workspace_root().join(file)) else {
            continue;
        };
        for (n, line) in text.lines().enumerate() {
            // Spelled in two halves, or this very file would offend.
            for needle in [concat!("/wo", "rk/"), concat!("/ro", "ot/")] {
                if line.contains(needle) {
                    bad.push(format!("{file}:{}: {}", n + 1, line.trim()));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Items of OWASP ASVS 5.0.0 at levels 1 and 2: section, and how many of its first items are of these levels.
const ASVS: [(&str, u8); 73] = [
    ("1.1", 2),
    ("1.2", 9),
    ("1.3", 11),
    ("1.4", 3),
    ("1.5", 2),
    ("2.1", 3),
    ("2.2", 3),
    ("2.3", 4),
    ("2.4", 1),
    ("3.2", 2),
    ("3.3", 4),
    ("3.4", 6),
    ("3.5", 5),
    ("3.7", 2),
    ("4.1", 3),
    ("4.2", 1),
    ("4.3", 2),
    ("4.4", 4),
    ("5.1", 1),
    ("5.2", 3),
    ("5.3", 2),
    ("5.4", 3),
    ("6.1", 3),
    ("6.2", 12),
    ("6.3", 4),
    ("6.4", 4),
    ("6.5", 5),
    ("6.6", 3),
    ("6.8", 4),
    ("7.1", 3),
    ("7.2", 4),
    ("7.3", 2),
    ("7.4", 5),
    ("7.5", 2),
    ("7.6", 2),
    ("8.1", 2),
    ("8.2", 3),
    ("8.3", 1),
    ("8.4", 1),
    ("9.1", 3),
    ("9.2", 4),
    ("10.1", 2),
    ("10.2", 2),
    ("10.3", 4),
    ("10.4", 11),
    ("10.5", 5),
    ("10.6", 2),
    ("10.7", 3),
    ("11.1", 2),
    ("11.2", 3),
    ("11.3", 3),
    ("11.4", 4),
    ("11.5", 1),
    ("11.6", 1),
    ("12.1", 3),
    ("12.2", 2),
    ("12.3", 4),
    ("13.1", 1),
    ("13.2", 5),
    ("13.3", 2),
    ("13.4", 5),
    ("14.1", 2),
    ("14.2", 4),
    ("14.3", 3),
    ("15.1", 3),
    ("15.2", 3),
    ("15.3", 7),
    ("16.1", 1),
    ("16.2", 5),
    ("16.3", 4),
    ("16.4", 3),
    ("16.5", 3),
    ("17.1", 1),
];

#[test]
fn every_item_of_the_security_list_is_answered_and_every_test_it_names_is_there() {
    let text = std::fs::read_to_string(workspace_root().join("docs/security.md")).unwrap();
    let said = |item: &str| {
        text.split(|c: char| !(c.is_ascii_digit() || c == '.'))
            .any(|w| w.trim_end_matches('.') == item)
    };
    let mut items: Vec<String> = ASVS
        .iter()
        .flat_map(|(section, n)| (1..=*n).map(move |i| format!("{section}.{i}")))
        .collect();
    for (section, n) in [("17.2", 4), ("17.3", 2)] {
        items.extend((1..=n).map(|i| format!("{section}.{i}")));
    }
    assert_eq!(
        items.len(),
        253,
        "ASVS 5.0.0 has 253 items at levels 1 and 2"
    );
    let missing: Vec<&String> = items.iter().filter(|i| !said(i)).collect();
    assert!(missing.is_empty(), "unanswered: {missing:?}");
    let mut files = Vec::new();
    rust_files(&workspace_root(), &mut files);
    let code: String = files
        .iter()
        .map(|f| std::fs::read_to_string(f).unwrap())
        .collect();
    let named: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|w| {
            w.matches('_').count() >= 3
                && !w
                    .contains(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
        })
        .collect();
    assert!(named.len() > 50, "{}", named.len());
    for test in named {
        assert!(code.contains(&format!("fn {test}(")), "{test} is gone");
    }
}
