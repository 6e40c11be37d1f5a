//! What is behind the last digest, and what runs tell that see a part each.

use super::*;

/// The newest digests could be deleted, and what they told of with them: the chain was whole, only shorter.
#[test]
fn log_files_behind_the_last_digest_are_a_gap() {
    let mut files = files();
    let mut deliver = |stamp: &str| {
        let file = LogFile {
            path: format!("archive/{ACCOUNT}_CloudTrail_eu-west-1_{stamp}_late.json.gz"),
            sha256: None,
        };
        files.insert(file_stem(&file.path).to_owned(), vec![file]);
        files.clone()
    };
    let waiting = deliver("20240305T1500Z");
    let one = deliver("20240305T1505Z");
    let two = deliver("20240305T1800Z");
    let behind = |digests: Vec<DigestFile>, files: &Files, until: Option<&str>| {
        let mut verification = verify(digests, files, None);
        verification.look_behind(files, until.and_then(EventTime::parse));
        verification
    };
    assert_eq!(behind(chain(), &waiting, None).gaps, []);
    let found = behind(chain(), &one, None);
    let [gap] = &found.gaps[..] else {
        panic!("{found:?}");
    };
    assert_eq!(gap.gap.kind, GapKind::ChainBroken);
    assert_eq!(gap.gap.from.to_string(), "2024-03-05T12:00:00Z");
    assert_eq!(gap.gap.until.to_string(), "2024-03-05T15:05:00Z");
    assert!(gap.why.starts_with("1 log file from"), "{}", gap.why);
    // Files that come later make no other gap of it.
    let later = behind(chain(), &two, None);
    assert_eq!(later.gaps.len(), 1);
    assert_eq!(later.gaps[0].gap, gap.gap);
    assert!(
        later.gaps[0].why.contains("up to 2024-03-05T18:00:00Z"),
        "{}",
        later.gaps[0].why
    );
    // Who looks at digests up to a time only looks at the files up to then.
    let until = behind(chain(), &two, Some("2024-03-05T15:05:00Z"));
    assert_eq!(until.gaps, []);
    // Another trail's chain goes on.
    let mut longer = chain();
    let mut other = digest_file(16, None, "");
    let Ok(digest) = &mut other.digest else {
        panic!();
    };
    digest.trail = "other".to_owned();
    digest.files.clear();
    longer.push(other);
    assert_eq!(behind(longer, &two, None).gaps, []);
    // The digest comes after all, and names the file.
    let mut late = digest_file(16, Some(12), "");
    let Ok(digest) = &mut late.digest else {
        panic!();
    };
    digest.files[0].object = format!("{ACCOUNT}_CloudTrail_eu-west-1_20240305T1505Z_late.json.gz");
    let mut sound = one;
    for copy in sound.values_mut().flatten() {
        copy.sha256.get_or_insert(Ok("f16".to_owned()));
    }
    let mended = behind([chain(), vec![late]].concat(), &sound, None);
    assert!(mended.mends(&gap.gap));
    assert!(!found.mends(&gap.gap));
}

/// What runs see that read an hour of deliveries each: a digest comes in the run after the log file it names.
fn gaps_of_runs(digests: &[DigestFile], files: &Files, hours_a_run: u32) -> Vec<Gap> {
    let mut seen = Seen::default();
    let mut told = Vec::new();
    for first in (8..=20).step_by(hours_a_run as usize) {
        let run = first..first + hours_a_run;
        let in_run = |stem: &str| {
            let (_, time) = stem.rsplit_once("20240305T").unwrap();
            run.contains(&time[..2].parse().unwrap())
        };
        let of_run = |file: &&DigestFile| in_run(file_stem(&file.path));
        let mut digests: Vec<DigestFile> = digests.iter().filter(of_run).cloned().collect();
        let endings = endings(&digests);
        digests.extend(seen.before(&digests));
        let mut files = files.clone();
        files.retain(|stem, _| in_run(stem));
        let mut verification = verify(digests, &files, None);
        verification.look_behind(&files, None);
        told.retain(|gap| !verification.mends(gap) && !is_back(gap, &files));
        let mut found = verification.within_archive(&files);
        found.retain(|gap| !seen.told(gap));
        told.extend(found);
        let by_region = by_region(&files);
        let of_region = by_region.get(&(ACCOUNT, "eu-west-1"));
        let of_region = of_region.map(Vec::as_slice).unwrap_or_default();
        told.extend(seen.take((ACCOUNT, "eu-west-1"), &verification, of_region, &endings));
        // What is kept is text.
        seen = serde_json::from_str(&serde_json::to_string(&seen).unwrap()).unwrap();
    }
    told.sort();
    told.dedup();
    told
}

#[test]
fn runs_that_see_a_part_each_tell_what_one_tells() {
    let long = || -> Vec<DigestFile> {
        (9..=19)
            .map(|hour| digest_file(hour, Some(hour - 1), ""))
            .collect()
    };
    let without = |hours: &[u32]| {
        let mut files: Files = (9..=20).map(log_file).collect();
        for hour in hours {
            files.remove(file_stem(&log_object(*hour)));
        }
        files
    };
    let except = |gone: &[u32]| -> Vec<DigestFile> {
        let is_there = |file: &DigestFile| {
            gone.iter()
                .all(|hour| !file.path.contains(&object(*hour, "")))
        };
        long().into_iter().filter(is_there).collect()
    };
    let mut changed = long();
    changed[4].sha256 = "another".to_owned();
    let cases = [
        ("whole", long(), without(&[])),
        ("a file", long(), without(&[12])),
        ("files for hours", long(), without(&[12, 13, 14, 15])),
        ("a digest", except(&[13]), without(&[])),
        ("digests", except(&[12, 13, 14]), without(&[])),
        ("a digest changed", changed, without(&[])),
        (
            "the last digests",
            except(&[13, 14, 15, 16, 17, 18, 19]),
            without(&[]),
        ),
        (
            "the last digests and files",
            except(&[14, 15, 16, 17, 18, 19]),
            without(&[12, 13]),
        ),
    ];
    for (name, digests, files) in cases {
        let mut whole = verify(digests.clone(), &files, None);
        whole.look_behind(&files, None);
        let mut expected = whole.within_archive(&files);
        expected.sort();
        assert_eq!(expected.is_empty(), name == "whole", "{name}");
        for hours_a_run in [1, 2, 5] {
            let told = gaps_of_runs(&digests, &files, hours_a_run);
            assert_eq!(told, expected, "{name}, {hours_a_run}");
        }
    }
}

#[test]
fn what_is_seen_is_bounded() {
    let files: Vec<String> = (0..3_000).map(|n| format!("file{n}")).collect();
    let stamps = files.iter().enumerate();
    let stamps: Vec<(EventTime, &str)> = stamps
        .map(|(n, stem)| (EventTime::from_unix_seconds(n as i64 / 2), stem.as_str()))
        .collect();
    let mut seen = Seen::default();
    let verification = verify(chain(), &Files::new(), None);
    seen.take(
        (ACCOUNT, "eu-west-1"),
        &verification,
        &stamps,
        &endings(&chain()),
    );
    assert!(serde_json::to_string(&seen).unwrap().len() < 64 * 1_024);
    while seen.shrink() {}
    assert!(serde_json::to_string(&seen).unwrap().len() < 1_024);
}
