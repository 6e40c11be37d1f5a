//! `s3://…`: what is read from a bucket is what is read from a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use keytrail_tests::root;

use crate::s3::S3;
use crate::sandbox::{Ran, Sandbox};

fn example() -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::new();
    collect(&root().join("examples/archive"), "", &mut objects);
    objects
}

fn collect(folder: &Path, name: &str, objects: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), objects);
        } else {
            objects.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// Runs `keytrail` with credentials for this bucket.
fn run(sandbox: &Sandbox, s3: &S3, words: &str) -> Ran {
    sandbox.run_changed(words.split_whitespace(), |command| s3.reach(command))
}

#[test]
fn a_bucket_replayed_is_its_folder_replayed() {
    let mut objects = example();
    // What the console makes for a folder.
    objects.insert("AWSLogs/".to_owned(), Vec::new());
    let s3 = S3::of(objects);
    let sandbox = Sandbox::new();
    let folder = root().join("examples/archive");
    let folder = folder.display();
    for words in [
        "replay PLACE --format jsonl --quiet --stats stats.json",
        "replay PLACE --format jsonl --quiet --stats stats.json --threads 1",
        "replay PLACE --format jsonl --quiet --stats stats.json --delivered-since 2026-03-08 --delivered-until 2026-03-15T12:00:00Z",
        "replay PLACE --format jsonl --quiet --stats stats.json --state PLACE.keytrail",
        "events PLACE --format jsonl --quiet --stats stats.json --delivered-since 2026-03-21",
        "verify PLACE --format json",
    ] {
        let mut runs =
            [("s3://trail", "bucket"), (&*folder.to_string(), "folder")].map(|(place, state)| {
                let words = words
                    .replace("PLACE.keytrail", &format!("{state}.keytrail"))
                    .replace("PLACE", place);
                let ran = run(&sandbox, &s3, &words);
                let stats = words.contains("stats").then(|| sandbox.read("stats.json"));
                (
                    ran.code,
                    ran.stdout().replace(place, "PLACE"),
                    stats,
                    ran.stderr(),
                )
            });
        // Of files that are left out, a bucket lists fewer.
        runs.iter_mut().for_each(|run| run.3.clear());
        assert!(runs[0].1.lines().count() > 2, "{words}: {:?}", runs[0]);
        assert!(runs[0] == runs[1], "{words}");
    }
    let (most_reading, _) = s3.counts();
    assert!((4..=34).contains(&most_reading), "{most_reading} at once");
}

#[test]
fn folders_of_other_days_are_not_listed() {
    let s3 = S3::of(example());
    let sandbox = Sandbox::new();
    let ran = run(&sandbox, &s3, "events s3://trail/AWSLogs/ --count");
    assert_eq!(ran.code, Some(0), "{ran}");
    let (_, whole) = s3.counts();
    let ran = run(
        &sandbox,
        &s3,
        "events s3://trail/AWSLogs/ --count --delivered-since 2026-03-10 --delivered-until 2026-03-11",
    );
    assert_eq!(ran.code, Some(0), "{ran}");
    let (_, both) = s3.counts();
    let some = both - whole;
    assert!(
        some < whole / 4,
        "{whole} objects were listed, and then {some}"
    );
    assert_snapshot!(ran);
}

#[test]
fn an_object_that_cannot_be_read_is_named() {
    let s3 = S3::denying(example(), "20260310T0300Z");
    let ran = run(
        &Sandbox::new(),
        &s3,
        "events s3://trail --count --strict --delivered-since 2026-03-10 --delivered-until 2026-03-11",
    );
    assert_eq!(ran.code, Some(3), "{ran}");
    assert_snapshot!(ran);
}

#[test]
fn a_drill_is_delivered_into_a_bucket() {
    let s3 = S3::of(BTreeMap::new());
    let sandbox = Sandbox::new();
    let drill = "drill --out s3://trail/central --account 111122223333 --region eu-central-1 --organisation o-a1b2c3d4e5 --at 2026-03-24T12:34:56Z";
    let ran = run(&sandbox, &s3, drill);
    assert_snapshot!(ran);
    assert_eq!(s3.objects().len(), 1);
    let replayed = run(
        &sandbox,
        &s3,
        "replay s3://trail/central/AWSLogs/ --format jsonl --quiet",
    );
    let (labels, findings) = (ran.json_lines(), replayed.json_lines());
    for label in labels {
        assert!(
            findings
                .iter()
                .any(|finding| finding["rule"] == label["step"]),
            "{label}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_bucket_is_told_with_what_to_do() {
    let sandbox = Sandbox::new();
    let mut all = String::new();
    let refusals = [
        (404, "NoSuchBucket"),
        (403, "AccessDenied"),
        (400, "ExpiredToken"),
        (403, "InvalidAccessKeyId"),
        (301, "PermanentRedirect"),
        (400, "AuthorizationHeaderMalformed"),
    ];
    for (status, code) in refusals {
        let ran = run(
            &sandbox,
            &S3::refusing(status, code),
            "replay s3://trail/AWSLogs/",
        );
        all.push_str(&format!("===== {status} {code} =====\n{ran}"));
    }
    let refused = run(
        &sandbox,
        &S3::refusing(403, "AccessDenied"),
        "drill --out s3://trail --account 111122223333 --region eu-central-1 --at 2026-03-24T12:34:56Z",
    );
    all.push_str(&format!(
        "===== a drill where one may not write =====\n{refused}"
    ));
    let empty = run(
        &sandbox,
        &S3::of(BTreeMap::new()),
        "replay s3://trail/AWSLogs/",
    );
    all.push_str(&format!("===== nothing there =====\n{empty}"));
    let other_time = run(
        &sandbox,
        &S3::of(example()),
        "events s3://trail/AWSLogs/ --count --delivered-since 2030-01-01",
    );
    all.push_str(&format!("===== nothing of that time =====\n{other_time}"));
    let nobody = sandbox.run_changed(["replay", "s3://trail"], |command| {
        command.envs([
            ("AWS_REGION", "eu-central-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
    });
    all.push_str(&format!("===== no credentials =====\n{nobody}"));
    let nowhere = sandbox.run_changed(["replay", "s3://trail"], |command| {
        command.envs([
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
    });
    all.push_str(&format!("===== no Region =====\n{nowhere}"));
    assert_snapshot!(all);
}
