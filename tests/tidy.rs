//! The repository polices itself: directions of dependency, generated files, sizes.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use keytrail_tests::root;

/// What each crate may depend on among the project's own. Dependencies point one way.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("keytrail-event", &[]),
    ("keytrail-delivery", &["keytrail-event"]),
    ("keytrail-detect", &["keytrail-event"]),
    ("keytrail-report", &["keytrail-detect", "keytrail-event"]),
    ("keytrail-sim", &["keytrail-event"]),
    ("keytrail-store", &["keytrail-detect", "keytrail-event"]),
    (
        "keytrail-cli",
        &[
            "keytrail-aws",
            "keytrail-delivery",
            "keytrail-detect",
            "keytrail-event",
            "keytrail-report",
            "keytrail-sim",
            "keytrail-store",
        ],
    ),
    (
        "keytrail-tests",
        &["keytrail-detect", "keytrail-event", "keytrail-store"],
    ),
    (
        "keytrail-aws",
        &[
            "keytrail-delivery",
            "keytrail-detect",
            "keytrail-event",
            "keytrail-report",
            "keytrail-store",
        ],
    ),
    (
        "keytrail-lambda",
        &[
            "keytrail-aws",
            "keytrail-detect",
            "keytrail-event",
            "keytrail-store",
        ],
    ),
    (
        "keytrail-function-ingest",
        &[
            "keytrail-aws",
            "keytrail-delivery",
            "keytrail-detect",
            "keytrail-event",
            "keytrail-lambda",
            "keytrail-store",
        ],
    ),
    (
        "keytrail-function-detect",
        &[
            "keytrail-aws",
            "keytrail-delivery",
            "keytrail-detect",
            "keytrail-event",
            "keytrail-lambda",
            "keytrail-store",
        ],
    ),
    (
        "keytrail-function-sweep",
        &[
            "keytrail-aws",
            "keytrail-delivery",
            "keytrail-detect",
            "keytrail-event",
            "keytrail-lambda",
            "keytrail-store",
        ],
    ),
    ("xtask", &["keytrail-sim"]),
];

/// Crates that may not touch files, clocks or networks, and what they may not depend on at all.
const PURE: &[&str] = &[
    "keytrail-delivery",
    "keytrail-event",
    "keytrail-detect",
    "keytrail-report",
    "keytrail-sim",
];
const IMPURE_PACKAGES: [&str; 8] = [
    "tokio",
    "rayon",
    "aws-config",
    "reqwest",
    "rusqlite",
    "tempfile",
    "indicatif",
    "walkdir",
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap()
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = DIRECTIONS.iter().copied().collect();
    for package in &metadata.packages {
        let name = package.name.as_str();
        if name == "keytrail-benches" {
            continue;
        }
        let allowed = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the table of directions"));
        let normal = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal);
        for dependency in normal {
            let is_own = dependency.path.is_some();
            assert!(
                !is_own || allowed.contains(&dependency.name.as_str()),
                "{name} must not depend on {}",
                dependency.name
            );
            let is_impure = IMPURE_PACKAGES.contains(&dependency.name.as_str());
            assert!(
                !(is_impure && PURE.contains(&name)),
                "{name} is pure and must not depend on {}",
                dependency.name
            );
        }
    }
}

#[test]
fn pure_crates_forbid_clocks_files_and_networks() {
    for name in ["delivery", "event", "detect", "report", "sim"] {
        let lints =
            std::fs::read_to_string(root().join("crates").join(name).join("clippy.toml")).unwrap();
        for forbidden in [
            "std::time::SystemTime::now",
            "std::fs::read",
            "std::env::var",
            "std::fs::File",
            "std::net::TcpStream",
        ] {
            assert!(
                lints.contains(forbidden),
                "crates/{name}/clippy.toml does not forbid {forbidden}"
            );
        }
    }
}

/// All files that belong to the repository, by walking it without what git ignores.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if !["target", ".git", ".venv", "corpus", "artifacts"].contains(&name.as_str()) {
                files(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_source_file_says_what_it_is() {
    let mut found = Vec::new();
    files(&root(), &mut found);
    found.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut silent = BTreeSet::new();
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let first = text
            .lines()
            .find(|line| !line.starts_with("#!"))
            .unwrap_or_default();
        if !first.starts_with("//!") {
            silent.insert(path);
        }
    }
    assert!(
        silent.is_empty(),
        "these begin without a sentence on what they are: {silent:#?}"
    );
}

#[test]
fn no_wildcard_versions() {
    for package in &metadata().packages {
        for dependency in package.dependencies.iter().filter(|it| it.path.is_none()) {
            let versions = dependency.req.to_string();
            assert!(
                versions != "*",
                "{} takes any version of {}",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut found = Vec::new();
    files(&root(), &mut found);
    let mut broken = BTreeSet::new();
    for path in found
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    {
        let text = std::fs::read_to_string(path).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = link.split('#').next().unwrap_or_default();
            let is_local =
                !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            if is_local && !path.parent().unwrap_or(Path::new("")).join(target).exists() {
                broken.insert(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links: {broken:#?}");
}

#[test]
fn the_deliberate_bugs_fit_the_code() {
    let mut patches = Vec::new();
    for entry in std::fs::read_dir(root().join("tests/faults")).unwrap() {
        patches.push(entry.unwrap().path());
    }
    assert!(!patches.is_empty());
    for patch in &patches {
        let mut check = Command::new("git");
        check.args(["apply", "--check"]).arg(patch);
        let checked = check.current_dir(root()).output().unwrap();
        let why = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{}: {why}", patch.display());
    }
}

#[test]
fn the_bundled_example_is_small() {
    let folder = root().join("examples/archive");
    let mut found = Vec::new();
    files(&folder, &mut found);
    let bytes: u64 = found
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .sum();
    assert!(
        bytes > 0 && bytes < 2 << 20,
        "the example has {bytes} bytes"
    );
}
