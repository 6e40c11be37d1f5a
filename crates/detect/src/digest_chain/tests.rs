//! Chains of three hours, and everything that can be done to them.

use serde_json::json;

use super::*;

const ACCOUNT: &str = "111122223333";

fn object(hour: u32, ending: &str) -> String {
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail-Digest/eu-west-1/2024/03/05/{ACCOUNT}_CloudTrail-Digest_eu-west-1_audit_eu-west-1_20240305T{hour:02}0000Z{ending}.json.gz"
    )
}

fn log_object(hour: u32) -> String {
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2024/03/05/{ACCOUNT}_CloudTrail_eu-west-1_20240305T{:02}30Z_file{hour}.json.gz",
        hour - 1
    )
}

/// What stands for the hash of a digest.
fn hash(hour: u32) -> String {
    format!("d{hour}")
}

fn digest_file(hour: u32, previous: Option<u32>, ending: &str) -> DigestFile {
    let time = |hour: u32| format!("2024-03-05T{hour:02}:00:00Z");
    let text = json!({
        "awsAccountId": ACCOUNT,
        "digestStartTime": time(hour - 1),
        "digestEndTime": time(hour),
        "digestS3Bucket": "logs",
        "digestS3Object": object(hour, ending),
        "digestPublicKeyFingerprint": "key",
        "digestSignatureAlgorithm": "SHA256withRSA",
        "previousDigestS3Bucket": previous.map(|_| "logs"),
        "previousDigestS3Object": previous.map(|hour| object(hour, ending)),
        "previousDigestHashValue": previous.map(hash),
        "previousDigestHashAlgorithm": previous.map(|_| "SHA-256"),
        "previousDigestSignature": previous.map(|hour| format!("signature{hour}")),
        "logFiles": [{
            "s3Bucket": "logs",
            "s3Object": log_object(hour),
            "hashValue": format!("f{hour}"),
            "hashAlgorithm": "SHA-256",
        }],
    });
    DigestFile {
        path: format!("archive/{}", object(hour, ending)),
        sha256: hash(hour),
        digest: Digest::parse(text.to_string().as_bytes()).map_err(|error| error.to_string()),
    }
}

fn chain() -> Vec<DigestFile> {
    vec![
        digest_file(9, Some(8), ""),
        digest_file(10, Some(9), ""),
        digest_file(11, Some(10), ""),
        digest_file(12, Some(11), ""),
    ]
}

type Files = BTreeMap<String, Vec<LogFile>>;

fn log_file(hour: u32) -> (String, Vec<LogFile>) {
    let file = LogFile {
        path: format!("archive/{}", log_object(hour)),
        sha256: Some(Ok(format!("f{hour}"))),
    };
    (file_stem(&log_object(hour)).to_owned(), vec![file])
}

fn files() -> Files {
    (9..=12).map(log_file).collect()
}

/// Kind, hours of the span, and the end of the file's name.
fn gaps(verification: &Verification) -> Vec<(GapKind, String, String)> {
    let gaps = verification.gaps.iter().map(|found| {
        let gap = &found.gap;
        let hours = format!("{} {}", gap.from, gap.until).replace("2024-03-05T", "");
        let name = file_stem(&gap.file).rsplit('_').next().unwrap_or_default();
        (gap.kind, hours.replace(":00:00Z", ""), name.to_owned())
    });
    gaps.collect()
}

fn check(digests: Vec<DigestFile>, files: &Files, expected: &[(GapKind, &str, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(kind, hours, name)| (*kind, (*hours).to_owned(), (*name).to_owned()))
        .collect();
    let mut reversed = digests.clone();
    reversed.reverse();
    let verification = verify(digests, files, None);
    assert_eq!(gaps(&verification), expected);
    assert_eq!(verify(reversed, files, None), verification);
}

#[test]
fn a_whole_chain_has_no_gap() {
    let verification = verify(chain(), &files(), None);
    assert_eq!(verification.gaps, []);
    let [chain] = &verification.chains[..] else {
        panic!("{verification:?}");
    };
    assert_eq!((chain.digests, chain.hashes_sound), (4, 3));
    assert_eq!((chain.files, chain.files_sound), (4, 4));
    assert!(chain.begins_earlier);
    assert_eq!(chain.signatures_sound, 0);
}

#[test]
fn copies_do_not_matter() {
    let twice = [chain(), chain()].concat();
    assert_eq!(
        verify(twice, &files(), None),
        verify(chain(), &files(), None)
    );
}

#[test]
fn a_log_file_is_missing_or_changed() {
    let mut less = files();
    less.remove(file_stem(&log_object(10)));
    check(
        chain(),
        &less,
        &[(GapKind::FileMissing, "09 10", "file10.json")],
    );
    let mut other = files();
    for (stem, sha256) in [(10, Ok("x".to_owned())), (11, Err("cut off".to_owned()))] {
        let file = other.get_mut(file_stem(&log_object(stem))).unwrap();
        file[0].sha256 = Some(sha256);
    }
    let expected = [
        (GapKind::FileChanged, "09 10", "file10.json"),
        (GapKind::FileChanged, "10 11", "file11.json"),
    ];
    check(chain(), &other, &expected);
}

#[test]
fn a_changed_copy_beside_a_sound_log_file_is_told() {
    let mut files = files();
    let copies = files.get_mut(file_stem(&log_object(10))).unwrap();
    let mut bad = copies[0].clone();
    bad.sha256 = Some(Ok("x".to_owned()));
    copies.insert(0, bad);
    check(
        chain(),
        &files,
        &[(GapKind::FileChanged, "09 10", "file10.json")],
    );
    let verification = verify(chain(), &files, None);
    assert_eq!(verification.chains[0].files_sound, 4);
    // What was only cut off is told where it is read.
    files.get_mut(file_stem(&log_object(10))).unwrap()[0].sha256 = Some(Err("cut off".to_owned()));
    check(chain(), &files, &[]);
}

#[test]
fn a_damaged_digest_is_told_once() {
    let mut digests = chain();
    digests[1].digest = Err("it is no digest".to_owned());
    let verification = verify(digests, &files(), None);
    let expected = (
        GapKind::DigestChanged,
        "09 10".to_owned(),
        "20240305T100000Z.json".to_owned(),
    );
    assert_eq!(gaps(&verification), [expected]);
    assert_eq!(verification.gaps[0].trail, "audit");
}

#[test]
fn a_region_without_a_digest_is_told_where_its_trail_has_others() {
    let of_region = |region: &str| {
        let mut digests = chain();
        for file in &mut digests {
            file.path = file.path.replace("eu-west-1", region);
            let Ok(digest) = &mut file.digest else {
                panic!()
            };
            digest.region = region.to_owned();
            digest.object = digest.object.replace("eu-west-1", region);
            digest.files.clear();
            if let Some(previous) = &mut digest.previous {
                previous.object = previous.object.replace("eu-west-1", region);
            }
        }
        digests
    };
    let several = [of_region("us-east-1"), of_region("eu-central-1")].concat();
    let told = |digests: &[DigestFile], files: &Files| {
        let mut verification = verify(digests.to_vec(), files, None);
        assert_eq!(verification.gaps, []);
        verification.look_beside(files);
        verification.gaps
    };
    let files: Files = (9..=14).map(log_file).collect();
    let found = told(&several, &files);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].gap.region, "eu-west-1");
    assert!(found[0].why.starts_with("4 log files"), "{}", found[0].why);
    // Another trail's digests, in other folders, are none of this one's.
    let mut other = chain();
    for digest in other
        .iter_mut()
        .filter_map(|file| file.digest.as_mut().ok())
    {
        digest.trail = "other".to_owned();
        digest.files.clear();
        digest.object = digest.object.replace("AWSLogs", "AWSLogs/o-a1b2c3d4e5");
        if let Some(previous) = &mut digest.previous {
            previous.object = previous.object.replace("AWSLogs", "AWSLogs/o-a1b2c3d4e5");
        }
    }
    assert_eq!(told(&[several.clone(), other].concat(), &files).len(), 1);
    // A trail of one Region has no digests of others, and another folder is another trail's.
    assert_eq!(told(&of_region("us-east-1"), &files), []);
    let mut elsewhere = files.clone();
    for copy in elsewhere.values_mut().flatten() {
        copy.path = copy.path.replace("AWSLogs", "AWSLogs/o-a1b2c3d4e5");
    }
    assert_eq!(told(&several, &elsewhere), []);
}

#[test]
fn another_trails_digests_do_not_stand_for_those_that_are_gone() {
    let files: Files = (9..=19).map(log_file).collect();
    let mut other: Vec<DigestFile> = (9..=19)
        .map(|hour| digest_file(hour, (hour > 9).then_some(hour - 1), ""))
        .collect();
    for digest in other
        .iter_mut()
        .filter_map(|file| file.digest.as_mut().ok())
    {
        digest.trail = "other".to_owned();
        digest.files.clear();
        digest.object = digest.object.replace("AWSLogs", "AWSLogs/o-a1b2c3d4e5");
        if let Some(previous) = &mut digest.previous {
            previous.object = previous.object.replace("AWSLogs", "AWSLogs/o-a1b2c3d4e5");
        }
    }
    let mut verification = verify([chain(), other].concat(), &files, None);
    assert_eq!(verification.gaps, []);
    verification.look_behind(&files, None);
    let [found] = &verification.gaps[..] else {
        panic!("{verification:?}");
    };
    assert_eq!(
        (found.gap.kind, &*found.trail),
        (GapKind::ChainBroken, "audit")
    );
    assert!(!verification.mends(&found.gap));
}

#[test]
fn a_digest_is_missing() {
    let mut digests = chain();
    digests.remove(2);
    check(
        digests,
        &files(),
        &[(GapKind::DigestMissing, "10 11", "20240305T110000Z.json")],
    );
}

#[test]
fn the_first_and_last_digest_of_an_archive_are_no_gap() {
    let digests = chain()[1..3].to_vec();
    check(digests, &files(), &[]);
}

#[test]
fn a_digest_was_changed() {
    let mut digests = chain();
    digests[1].sha256 = "x".to_owned();
    check(
        digests,
        &files(),
        &[(GapKind::DigestChanged, "09 10", "20240305T100000Z.json")],
    );
}

#[test]
fn the_copy_that_the_next_digest_vouches_for_counts() {
    let mut digests = chain();
    let mut forged = digests[1].clone();
    forged.sha256 = "0".to_owned();
    digests.push(forged);
    check(digests, &files(), &[]);
}

#[test]
fn a_digest_under_another_name_proves_nothing() {
    let mut digests = chain();
    digests[3].path = object(13, "");
    check(
        digests,
        &files(),
        &[(GapKind::DigestChanged, "11 12", "20240305T130000Z.json")],
    );
}

#[test]
fn a_digest_that_cannot_be_read_is_a_gap() {
    let mut digests = chain();
    digests[3].digest = Err("it is no digest".to_owned());
    check(
        digests,
        &files(),
        &[(GapKind::DigestChanged, "12 12", "20240305T120000Z.json")],
    );
}

#[test]
fn validation_was_switched_off_for_a_while() {
    let mut digests = chain();
    digests.remove(1);
    digests[1] = digest_file(11, None, "");
    check(
        digests,
        &files(),
        &[(GapKind::ChainBroken, "09 10", "20240305T110000Z.json")],
    );
}

#[test]
fn a_digest_beside_the_chain_is_told() {
    let mut digests = chain();
    digests[3] = digest_file(12, Some(10), "");
    check(
        digests,
        &files(),
        &[(GapKind::ChainBroken, "10 11", "20240305T110000Z.json")],
    );
}

#[test]
fn an_hour_that_no_digest_covers_is_told() {
    let mut digests = chain();
    digests.remove(2);
    digests[2] = digest_file(12, Some(10), "");
    check(
        digests,
        &files(),
        &[(GapKind::ChainBroken, "10 11", "20240305T120000Z.json")],
    );
}

#[test]
fn signatures_are_checked_where_there_are_keys() {
    let sound = |fingerprint: &str, text: &str, signature: &str| {
        assert_eq!(fingerprint, "key");
        // Digest 10 is signed over its own hash and the signature of digest 9.
        let expected = format!(
            "2024-03-05T10:00:00Z\nlogs/{}\nd10\nsignature9",
            object(10, "")
        );
        if signature == "signature10" && text != expected {
            return SignatureCheck::Wrong;
        }
        SignatureCheck::Sound
    };
    let verification = verify(chain(), &files(), Some(&sound));
    assert_eq!(verification.gaps, []);
    assert_eq!(verification.chains[0].signatures_sound, 3);
    for (answer, kind) in [
        (SignatureCheck::Wrong, GapKind::DigestChanged),
        (SignatureCheck::KeyUnknown, GapKind::KeyUnknown),
    ] {
        let check = |_: &str, _: &str, signature: &str| match signature {
            "signature10" => answer,
            _ => SignatureCheck::Sound,
        };
        let verification = verify(chain(), &files(), Some(&check));
        let name = "20240305T100000Z.json".to_owned();
        assert_eq!(gaps(&verification), [(kind, "09 10".to_owned(), name)]);
    }
}

#[test]
fn a_backfill_digest_names_what_was_late() {
    let mut digests = chain();
    let Ok(digest) = &mut digests[1].digest else {
        panic!();
    };
    let late = digest.files.remove(0);
    let verification = verify(digests.clone(), &files(), None);
    assert_eq!(
        (verification.unnamed_files, verification.awaiting_backfill),
        (1, 1)
    );
    assert_eq!(verification.gaps, []);
    let mut backfill = digest_file(10, None, "_backfill");
    let Ok(digest) = &mut backfill.digest else {
        panic!();
    };
    digest.files = vec![late];
    digests.push(backfill);
    let verification = verify(digests, &files(), None);
    assert_eq!(verification.gaps, []);
    assert_eq!(verification.chains.len(), 2);
    assert_eq!(verification.unnamed_files, 0);
}

#[test]
fn backfills_need_not_follow_each_other_hour_by_hour() {
    let mut digests = chain();
    digests.push(digest_file(9, None, "_backfill"));
    digests.push(digest_file(12, Some(9), "_backfill"));
    check(digests.clone(), &files(), &[]);
    digests.push(digest_file(13, Some(10), "_backfill"));
    let mut files = files();
    let file = LogFile {
        path: String::new(),
        sha256: Some(Ok("f13".to_owned())),
    };
    files.insert(file_stem(&log_object(13)).to_owned(), vec![file]);
    let name = "backfill.json";
    check(digests, &files, &[(GapKind::DigestMissing, "12 12", name)]);
}

#[test]
fn a_replay_of_part_of_a_bucket_misses_no_files_outside_of_it() {
    let mut files = files();
    files.remove(file_stem(&log_object(9)));
    files.remove(file_stem(&log_object(12)));
    let verification = verify(chain(), &files, None);
    assert_eq!(verification.gaps.len(), 2);
    assert_eq!(verification.within_archive(&files), []);
    files.remove(file_stem(&log_object(11)));
    files.insert("export.json".to_owned(), Vec::new());
    assert_eq!(verify(chain(), &files, None).within_archive(&files), []);
    let mut files = self::files();
    files.remove(file_stem(&log_object(11)));
    assert_eq!(
        verify(chain(), &files, None).within_archive(&files).len(),
        1
    );
}

#[test]
fn what_is_whole_again_mends_a_gap() {
    let whole = verify(chain(), &files(), None);
    let mut broken = Vec::new();
    let mut less = files();
    less.remove(file_stem(&log_object(10)));
    broken.push((chain(), less));
    let mut digests = chain();
    digests.remove(2);
    broken.push((digests, files()));
    let mut digests = chain();
    digests[1].sha256 = "x".to_owned();
    broken.push((digests, files()));
    let mut digests = chain();
    digests.remove(1);
    digests[1] = digest_file(11, None, "");
    broken.push((digests, files()));
    for (digests, files) in broken {
        let verification = verify(digests, &files, None);
        let [found] = &verification.gaps[..] else {
            panic!("{verification:?}");
        };
        assert!(whole.mends(&found.gap), "{found:?}");
        assert!(!verification.mends(&found.gap), "{found:?}");
        assert!(!Verification::default().mends(&found.gap), "{found:?}");
    }
}

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
