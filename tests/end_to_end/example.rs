//! The bundled example: what it holds, and what is found in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use insta::assert_snapshot;
use keytrail_sim::LABELS_PATH;
use keytrail_sim::scenario::{ScenarioOptions, generate};
use keytrail_tests::root;

use crate::sandbox::Sandbox;

/// The text of a file, unpacked where it is packed.
fn text(name: &str, bytes: &[u8]) -> String {
    let mut text = String::new();
    if name.ends_with(".gz") {
        MultiGzDecoder::new(bytes)
            .read_to_string(&mut text)
            .unwrap();
    } else {
        text.push_str(std::str::from_utf8(bytes).unwrap());
    }
    text
}

fn below(folder: &Path, name: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            below(&entry.path(), &format!("{name}/"), found);
        } else {
            let text = text(&name, &fs::read(entry.path()).unwrap());
            found.insert(name, text);
        }
    }
}

/// The texts are compared, not the packed bytes: those depend on the release of the packer.
#[test]
fn it_is_what_the_simulator_makes() {
    let mut expected = BTreeMap::new();
    generate(&ScenarioOptions::default(), &mut |file| {
        let text = text(&file.path, &file.bytes);
        expected.insert(file.path, text);
        Ok(())
    })
    .unwrap();
    let mut committed = BTreeMap::new();
    below(&root().join("examples/archive"), "", &mut committed);
    let labels = fs::read_to_string(root().join("examples/labels.jsonl")).unwrap();
    committed.insert(LABELS_PATH.to_owned(), labels);
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    let advice = "write the example anew with `cargo xtask example`";
    assert_eq!(names(&committed), names(&expected), "{advice}");
    for (name, text) in &expected {
        assert!(committed[name] == *text, "{name} differs; {advice}");
    }
}

/// What is known of each labelled step, and of everything else that is reported.
#[test]
fn what_is_found_in_it() {
    let archive = root().join("examples/archive");
    let ran = Sandbox::new().run([
        "replay".as_ref(),
        archive.as_os_str(),
        "-q".as_ref(),
        "--format".as_ref(),
        "jsonl".as_ref(),
    ]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let labels = fs::read_to_string(root().join("examples/labels.jsonl")).unwrap();
    let labels: Vec<serde_json::Value> = labels
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids = |value: &serde_json::Value| -> BTreeSet<String> {
        let ids = value["event_ids"].as_array().unwrap().iter();
        ids.map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    let name =
        |value: &serde_json::Value, field: &str| value[field].as_str().unwrap_or("-").to_owned();
    let mut lines = BTreeSet::new();
    for finding in ran.json_lines() {
        let seen = ids(&finding);
        let step = labels.iter().find(|label| !seen.is_disjoint(&ids(label)));
        let step = step.map_or("no attack".to_owned(), |label| {
            format!("{} {}", name(label, "kind"), name(label, "step"))
        });
        lines.insert(format!(
            "{step}: {} {} on {}",
            name(&finding, "severity"),
            name(&finding, "rule"),
            name(&finding, "principal")
        ));
    }
    let found: Vec<String> = lines.into_iter().collect();
    assert_snapshot!(found.join("\n"));
}
