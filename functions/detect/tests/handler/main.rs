//! The handler with the world in memory: tallies in, findings out, nothing lost.
#![allow(clippy::unwrap_used, clippy::panic)]

mod again;
mod world;

use std::sync::atomic::Ordering;

use keytrail_aws::metrics::Dimension;
use keytrail_delivery::hand_over::{Load, Packed};
use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::{Finding, FindingId, FindingState, Severity};
use keytrail_event::EventTime;
use keytrail_lambda::told::Told;
use keytrail_store::{FindingKey, FindingRecord, Store};

use world::{ACCOUNT, World, batch, deletion, deletion_again, hand_over, packed, standing, tally};

#[tokio::test]
async fn a_tally_becomes_an_alert_at_once_and_only_once() {
    let world = World::default();
    let payload = batch(&[deletion(ACCOUNT, 1)], 1);
    assert!(world.handle(&payload).await.is_empty());
    let published = world.published();
    assert_eq!(published, [("key-deletion-scheduled".to_owned(), 1)]);
    let severity = world.published.lock().unwrap()[0].severity;
    assert_eq!(
        world.measured("Findings", Dimension::Severity(severity)),
        1.0
    );
    assert!(severity >= Severity::Medium);
    let of_rule = Dimension::Rule("key-deletion-scheduled");
    assert_eq!(world.measured("Findings", of_rule), 1.0);
    assert_eq!(world.measured("RecordsDuplicate", Dimension::None), 0.0);
    // The same message again, as queues do.
    assert!(world.handle(&payload).await.is_empty());
    assert_eq!(world.published().len(), 1);
    assert_eq!(world.measured("RecordsDuplicate", Dimension::None), 1.0);
    assert_eq!(world.measured("Findings", of_rule), 1.0);
}

/// An attack that went on once woke people with each delivery.
#[tokio::test]
async fn what_goes_on_is_told_to_people_once() {
    let world = World::default();
    for id in 1..=3 {
        let payload = batch(&[deletion_again(id)], 1);
        assert!(world.handle(&payload).await.is_empty());
    }
    let seal = Load::Tick(EventTime::parse("2024-02-01T12:00:00Z").unwrap());
    world.handle(&batch(&[hand_over(ACCOUNT, seal)], 1)).await;
    let published = world.published();
    let revisions: Vec<u32> = published.iter().map(|(_, revision)| *revision).collect();
    assert_eq!(revisions, [1, 2, 3, 4]);
    let alerts = world.alerts.lock().unwrap().clone();
    assert_eq!(alerts, [(1, FindingState::Provisional)]);
}

/// Who was told nothing while a suppression held hears of it when that has ended, whatever the revision.
#[tokio::test]
async fn what_nobody_was_told_of_is_news_in_any_revision() {
    let suppress =
        r#"{ "rule": "key-*", "until": "2024-03-01", "reason": "closing down", "owner": "ann" }"#;
    let mut world = World::default();
    world.configuration.suppress = vec![serde_json::from_str(suppress).unwrap()];
    world.handle(&batch(&[deletion_again(1)], 1)).await;
    assert_eq!(*world.alerts.lock().unwrap(), []);
    world.configuration.suppress.clear();
    world.handle(&batch(&[deletion_again(2)], 1)).await;
    assert_eq!(
        *world.alerts.lock().unwrap(),
        [(2, FindingState::Provisional)]
    );
}

/// A suppression in the configuration of a deployment once let the alert go out all the same.
#[tokio::test]
async fn what_is_suppressed_or_on_trial_wakes_nobody() {
    let suppress =
        r#"{ "rule": "key-*", "until": "2024-03-01", "reason": "closing down", "owner": "ann" }"#;
    let suppressed = Configuration {
        suppress: vec![serde_json::from_str(suppress).unwrap()],
        ..Configuration::default()
    };
    let on_trial = Configuration {
        shadow: ["key-deletion-scheduled".to_owned()].into(),
        ..Configuration::default()
    };
    for configuration in [suppressed, on_trial] {
        let world = World {
            configuration,
            ..World::default()
        };
        let payload = batch(&[deletion(ACCOUNT, 1)], 1);
        assert!(world.handle(&payload).await.is_empty());
        assert_eq!(world.published(), []);
        assert_eq!(world.measured("FindingsKeptQuiet", Dimension::None), 1.0);
        assert!(world.store.pending(None, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_could_not_be_published_waits_and_goes_later() {
    let world = World::default();
    world.topic_is_down.store(true, Ordering::Relaxed);
    let payload = batch(&[deletion(ACCOUNT, 1)], 1);
    assert!(world.handle(&payload).await.is_empty());
    assert!(world.published().is_empty());
    assert_eq!(world.store.pending(None, 10).await.unwrap().len(), 1);
    world.topic_is_down.store(false, Ordering::Relaxed);
    let tick = Load::Tick(EventTime::parse("2024-01-31T10:15:00Z").unwrap());
    world.handle(&batch(&[hand_over(ACCOUNT, tick)], 1)).await;
    assert_eq!(world.published().len(), 1);
    assert!(world.store.pending(None, 10).await.unwrap().is_empty());
}

/// Every process sent what all had found, so that an alert went out as often as processes ran.
#[tokio::test]
async fn findings_of_other_accounts_are_left_to_those_who_judge_them() {
    let world = World::default();
    world.topic_is_down.store(true, Ordering::Relaxed);
    let (ours, theirs) = (ACCOUNT, "444455556666");
    world.handle(&batch(&[deletion(theirs, 1)], 1)).await;
    world.topic_is_down.store(false, Ordering::Relaxed);
    world.handle(&batch(&[deletion(ours, 2)], 1)).await;
    let published = world.published.lock().unwrap().clone();
    let accounts: Vec<&str> = published.iter().map(|it| it.account.as_str()).collect();
    assert_eq!(accounts, [ours]);
    let pending = world.store.pending(None, 10).await.unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].record.account, theirs);
}

/// A finding as it is recorded first.
fn record(finding: &Finding) -> FindingRecord {
    FindingRecord {
        key: FindingKey {
            id: finding.id.as_str().to_owned(),
            episode: finding.episode.clone(),
        },
        revision: 1,
        state: "final".to_owned(),
        severity: "high".to_owned(),
        rule: finding.rule.clone(),
        account: ACCOUNT.to_owned(),
        principal: None,
        kms_key: None,
        first_seen: finding.first_seen,
        last_seen: finding.last_seen,
        score: 14.0,
        json: serde_json::to_string(finding).unwrap(),
    }
}

/// An earlier event that comes late begins an episode anew under an earlier day: people heard that what they knew of was
/// withdrawn, and nothing of what had taken its place, since that was long past.
#[tokio::test]
async fn what_takes_the_place_of_a_told_episode_is_told_however_old_it_is() {
    let world = World::default();
    let long_ago = EventTime::parse("2023-06-01T10:00:00Z").unwrap();
    let finding = |episode: &str| Finding {
        account: ACCOUNT.to_owned(),
        episode: episode.to_owned(),
        ..Finding::sample("key-disabled", long_ago)
    };
    let tick = |time: &str| hand_over(ACCOUNT, Load::Tick(EventTime::parse(time).unwrap()));
    let (told, heir) = (finding("later"), finding("earlier"));
    world.store.record_findings(&[record(&told)]).await.unwrap();
    let words = serde_json::to_string(&Told::of(&told, long_ago)).unwrap();
    let key = record(&told).key;
    let marked = world.store.mark_sent(&key, 1, long_ago, Some(&words));
    marked.await.unwrap();
    world.store.record_findings(&[record(&heir)]).await.unwrap();
    world
        .handle(&batch(&[tick("2024-01-31T10:00:00Z")], 1))
        .await;
    assert_eq!(world.alerts.lock().unwrap().len(), 1);
    // What nobody knew anything of is history.
    let stranger = Finding {
        id: FindingId::new("key-disabled", &["another"]),
        ..finding("stranger")
    };
    let stranger = record(&stranger);
    world.store.record_findings(&[stranger]).await.unwrap();
    world
        .handle(&batch(&[tick("2024-01-31T10:05:00Z")], 1))
        .await;
    assert_eq!(world.alerts.lock().unwrap().len(), 1);
    assert_eq!(world.measured("FindingsOfThePast", Dimension::None), 1.0);
}

/// Each of thousands of episodes that a backfill found had all episodes of its problem read.
#[tokio::test]
async fn a_problem_of_the_past_is_asked_about_once() {
    let mut calls = Vec::new();
    for episodes in [1, 40] {
        let world = World::default();
        let long_ago = EventTime::parse("2023-06-01T10:00:00Z").unwrap();
        let findings = (0..episodes).map(|number| Finding {
            account: ACCOUNT.to_owned(),
            episode: format!("episode-{number:02}"),
            ..Finding::sample("key-disabled", long_ago)
        });
        let records: Vec<FindingRecord> = findings.map(|finding| record(&finding)).collect();
        world.store.record_findings(&records).await.unwrap();
        let before = world.store.calls();
        let tick = Load::Tick(EventTime::parse("2024-01-31T10:00:00Z").unwrap());
        world.handle(&batch(&[hand_over(ACCOUNT, tick)], 1)).await;
        calls.push(world.store.calls() - before);
        let past = world.measured("FindingsOfThePast", Dimension::None);
        assert_eq!(past, f64::from(episodes));
    }
    // One call each, which marks it.
    assert_eq!(calls[1] - calls[0], 39);
}

#[tokio::test]
async fn a_damaged_tally_is_set_aside_and_blocks_nobody() {
    let world = World::default();
    let damaged = Load::Tally(Packed::pack(b"\x01no tally").unwrap());
    // What it holds stood nowhere but in the message, which is gone then.
    let of_another_version = r#"{"keytrail":2,"account":"111122223333","tallies":["KLUv"]}"#;
    let bodies = [
        hand_over(ACCOUNT, damaged),
        of_another_version.to_owned(),
        deletion(ACCOUNT, 1),
    ];
    assert!(world.handle(&batch(&bodies, 1)).await.is_empty());
    assert_eq!(world.published().len(), 1);
    let parked = world.store.quarantined(None, 10).await.unwrap();
    let parked: Vec<_> = parked
        .iter()
        .map(|it| (it.name.as_str(), it.account.as_deref()))
        .collect();
    let expected = [
        ("s3://state/parked/0.zst", Some(ACCOUNT)),
        ("s3://state/parked/1.txt", None),
    ];
    assert_eq!(parked, expected);
    let objects = world.objects.lock().unwrap().clone();
    assert_eq!(objects.len(), 2);
    assert_eq!(
        objects["s3://state/parked/1.txt"],
        of_another_version.as_bytes()
    );
    assert_eq!(world.measured("TalliesParked", Dimension::None), 2.0);
}

/// One that was too large for a message stayed where hand-overs stand, which are never tried again and go in a month.
#[tokio::test]
async fn a_large_tally_that_cannot_be_read_is_parked_like_any_other() {
    let world = World::default();
    let bytes = Packed::pack(b"\x01no tally").unwrap().into_bytes();
    for place in ["hand-over/1.zst", "parked/7.zst"] {
        let mut objects = world.objects.lock().unwrap();
        objects.insert(format!("s3://state/{place}"), bytes.clone());
    }
    let stored = |key: &str| {
        let (bucket, key) = ("state".to_owned(), key.to_owned());
        hand_over(ACCOUNT, Load::Stored { bucket, key })
    };
    let bodies = [stored("hand-over/1.zst"), stored("parked/7.zst")];
    assert!(world.handle(&batch(&bodies, 1)).await.is_empty());
    let parked = world.store.quarantined(None, 10).await.unwrap();
    let names: Vec<_> = parked.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(
        names,
        ["s3://state/parked/2.zst", "s3://state/parked/7.zst"]
    );
    let objects = world.objects.lock().unwrap();
    assert_eq!(objects["s3://state/parked/2.zst"], bytes);
}

/// A tally that could not be fetched once more, when it was to be set aside, was lost.
#[tokio::test]
async fn what_an_account_cannot_be_judged_with_is_set_aside_or_comes_again() {
    let world = World::default();
    let clock = world.store.write_document(ACCOUNT, "clock", b"damaged");
    clock.await.unwrap();
    let stored = |name: &str| {
        let key = format!("hand-over/{name}.zst");
        let bytes = packed(&tally(ACCOUNT, 1)).into_bytes();
        let mut objects = world.objects.lock().unwrap();
        objects.insert(format!("s3://state/{key}"), bytes);
        let bucket = "state".to_owned();
        hand_over(ACCOUNT, Load::Stored { bucket, key })
    };
    let tick = Load::Tick(EventTime::parse("2024-01-31T10:15:00Z").unwrap());
    let bodies = [
        hand_over(ACCOUNT, tick),
        stored("once"),
        stored("once-and-later"),
        stored("always"),
    ];
    let failed = world.handle(&batch(&bodies, 2)).await;
    assert_eq!(failed, ["m-2"]);
    let parked = world.store.quarantined(None, 10).await.unwrap();
    let parked: Vec<_> = parked
        .iter()
        .map(|it| (it.name.as_str(), it.account.as_deref()))
        .collect();
    let expected = [
        ("s3://state/hand-over/once.zst", Some(ACCOUNT)),
        ("s3://state/parked/1.zst", Some(ACCOUNT)),
    ];
    assert_eq!(parked, expected);
}

#[tokio::test]
async fn where_one_fails_the_later_ones_of_its_account_come_again_too() {
    let world = World::default();
    let later = Load::Stored {
        bucket: "state".to_owned(),
        key: "hand-over/later.zst".to_owned(),
    };
    let bodies = [
        deletion(ACCOUNT, 1),
        hand_over(ACCOUNT, later),
        deletion(ACCOUNT, 2),
        deletion("444455556666", 3),
    ];
    assert_eq!(world.handle(&batch(&bodies, 1)).await, ["m-1", "m-2"]);
    assert_eq!(world.published().len(), 2);
}

#[tokio::test]
async fn a_large_hand_over_is_fetched_and_a_parked_one_leaves_quarantine() {
    let world = World::default();
    let address = "s3://state/parked/7.zst";
    let bytes = packed(&tally(ACCOUNT, 1)).into_bytes();
    world
        .objects
        .lock()
        .unwrap()
        .insert(address.to_owned(), bytes);
    let time = EventTime::parse("2024-01-31T09:00:00Z").unwrap();
    let record = keytrail_store::Quarantined {
        name: address.to_owned(),
        account: Some(ACCOUNT.to_owned()),
        reason: "tally-cannot-be-taken-in: another version".to_owned(),
        tries: 1,
        first_at: time,
        last_at: time,
    };
    world.store.quarantine(&record).await.unwrap();
    let stored = Load::Stored {
        bucket: "state".to_owned(),
        key: "parked/7.zst".to_owned(),
    };
    assert!(
        world
            .handle(&batch(&[hand_over(ACCOUNT, stored)], 1))
            .await
            .is_empty()
    );
    assert_eq!(world.published().len(), 1);
    assert!(world.store.quarantined(None, 10).await.unwrap().is_empty());
}

/// A day's records in one tally or in many, in any order, with ticks between: the same findings stand.
#[tokio::test]
async fn order_and_division_change_nothing() {
    let tick = |time: &str| {
        let time = EventTime::parse(time).unwrap();
        hand_over(ACCOUNT, Load::Tick(time))
    };
    let close = || tick("2024-02-01T12:00:00Z");
    let mut merged = tally(ACCOUNT, 1);
    merged.merge(tally(ACCOUNT, 2));
    merged.merge(tally(ACCOUNT, 3));
    let whole = World::default();
    let one = hand_over(ACCOUNT, Load::Tally(packed(&merged)));
    whole.handle(&batch(&[one, close()], 1)).await;
    let pieces = World::default();
    for bodies in [
        vec![deletion(ACCOUNT, 3), tick("2024-01-31T10:10:00Z")],
        vec![deletion(ACCOUNT, 1), deletion(ACCOUNT, 3)],
        vec![tick("2024-01-31T14:00:00Z"), deletion(ACCOUNT, 2)],
        vec![close()],
        vec![deletion(ACCOUNT, 1), close()],
    ] {
        assert!(pieces.handle(&batch(&bodies, 1)).await.is_empty());
    }
    assert_eq!(standing(&pieces).await, standing(&whole).await);
}
