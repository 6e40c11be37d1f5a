//! What is told of chains that are read at once.

use super::*;

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
    let mut elsewhere = files;
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

/// A digest that somebody puts beside the real one names what they forged, and was passed over in silence.
#[test]
fn a_second_digest_of_a_period_is_told_and_vouches_for_nothing() {
    for (index, hours, name) in [
        (1, "09 10", "20240305T100000Z.json"),
        (3, "11 12", "20240305T120000Z.json"),
    ] {
        let mut digests = chain();
        let mut second = digests[index].clone();
        second.path = format!("elsewhere/{}", second.path);
        // Its hash comes behind that of the real one, which the next digest vouches for, where there is a next.
        second.sha256 = "x".to_owned();
        let Ok(digest) = &mut second.digest else {
            panic!();
        };
        digest.files[0].object = log_object(9).replace("file9", "forged");
        digests.push(second);
        let mut files = files();
        let forged = LogFile {
            path: log_object(9).replace("file9", "forged"),
            sha256: Some(Ok("f".to_owned())),
        };
        files.insert(file_stem(&forged.path).to_owned(), vec![forged.clone()]);
        check(
            digests.clone(),
            &files,
            &[(GapKind::DigestChanged, hours, name)],
        );
        let verification = verify(digests, &files, None);
        let why = &verification.gaps[0].why;
        assert!(why.starts_with("elsewhere/archive/AWSLogs"), "{why}");
        assert!(!verification.mends(&verification.gaps[0].gap));
        let listed = verification.unnamed.iter().map(|file| &file.path);
        assert_eq!(listed.collect::<Vec<_>>(), [&forged.path]);
        assert_eq!(verification.chains[0].files_sound, 4);
    }
}

#[test]
fn files_that_no_digest_names_are_listed_up_to_a_bound() {
    let mut files = files();
    let mut put = |hour: u32, number: u32| {
        let object = log_object(hour).replace("file", &format!("put{number:03}"));
        let file = LogFile {
            path: object.clone(),
            sha256: None,
        };
        files.insert(file_stem(&object).to_owned(), vec![file]);
    };
    for number in 0..UNNAMED_LISTED_MAX as u32 {
        put(12, number);
    }
    put(9, 0);
    let mut digests = chain();
    // A chain of days: what is old in it, no backfill names any more.
    let day = |text: &str| EventTime::parse(text).unwrap();
    let Ok(last) = &mut digests[3].digest else {
        panic!();
    };
    last.end = day("2024-03-08T09:00:00Z");
    let verification = verify(digests, &files, None);
    let listed = &verification.unnamed;
    assert_eq!(verification.unnamed_files, 101);
    assert_eq!(verification.awaiting_backfill, 100);
    assert_eq!(listed.len(), UNNAMED_LISTED_MAX);
    assert!(!listed[0].is_awaiting_backfill && listed[0].path.contains("put0009"));
    assert!(listed[1..].iter().all(|file| file.is_awaiting_backfill));
    assert!(listed.is_sorted());
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

/// A `_backfill` digest names what was late, and says nothing of the rest of its time.
#[test]
fn a_backfill_digest_covers_only_what_it_names() {
    let mut backfill = digest_file(10, None, "_backfill");
    let Ok(digest) = &mut backfill.digest else {
        panic!();
    };
    digest.files.clear();
    let mut verification = verify(vec![backfill], &files(), None);
    verification.look_outside(&files(), None, None);
    assert_eq!(verification.unverified_files, 4);
}

#[test]
fn files_outside_every_digest_are_counted_where_and_when() {
    let mut log_files = files();
    let mut add = |name: &str| {
        let path = format!("AWSLogs/x/{name}.json.gz");
        let file = LogFile {
            path: path.clone(),
            sha256: None,
        };
        log_files.insert(file_stem(&path).to_owned(), vec![file]);
    };
    add("444455556666_CloudTrail_eu-west-1_20240305T1000Z_a");
    add("444455556666_CloudTrail_eu-west-1_20240306T1000Z_b");
    add("111122223333_CloudTrail_eu-west-1_20240405T1000Z_c");
    let mut verification = verify(chain(), &log_files, None);
    let told = |verification: &Verification| -> Vec<(String, u64, String, String)> {
        let unverified = verification.unverified.iter();
        unverified
            .map(|region| {
                let (first, last) = (region.first.to_string(), region.last.to_string());
                (region.account.clone(), region.files, first, last)
            })
            .collect()
    };
    assert_eq!(told(&verification), []);
    verification.look_outside(&log_files, None, None);
    let row = |account: &str, files, first: &str, last: &str| {
        (account.to_owned(), files, first.to_owned(), last.to_owned())
    };
    assert_eq!(
        told(&verification),
        [
            row(
                "111122223333",
                1,
                "2024-04-05T10:00:00Z",
                "2024-04-05T10:00:00Z"
            ),
            row(
                "444455556666",
                2,
                "2024-03-05T10:00:00Z",
                "2024-03-06T10:00:00Z"
            ),
        ]
    );
    assert_eq!(verification.unverified_files, 3);
    let time = |text| EventTime::parse(text);
    verification.look_outside(
        &log_files,
        time("2024-03-06T00:00:00Z"),
        time("2024-04-01T00:00:00Z"),
    );
    assert_eq!(
        told(&verification),
        [row(
            "444455556666",
            1,
            "2024-03-06T10:00:00Z",
            "2024-03-06T10:00:00Z"
        )]
    );
}
