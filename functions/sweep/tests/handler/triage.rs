//! What people did about findings, as they ask for it to be noted.

use keytrail_detect::configuration::Configuration;
use keytrail_function_sweep::{Answer, Done, handle};
use keytrail_lambda::Invocation;
use keytrail_store::{FindingKey, FindingRecord, Store};
use serde_json::{Value, json};

use crate::{World, at};

/// A finding's episode of this day, as it is recorded.
async fn record(world: &World, day: &str) -> FindingRecord {
    let id = "key-disabled-b3f7e5595fe0b9a1".to_owned();
    let record = FindingRecord {
        key: FindingKey {
            episode: format!("{id}@{day}"),
            id,
        },
        revision: 1,
        state: "final".to_owned(),
        severity: "high".to_owned(),
        rule: "key-disabled".to_owned(),
        account: "111122223333".to_owned(),
        principal: None,
        kms_key: None,
        first_seen: at("2024-01-31T09:00:00Z"),
        last_seen: at("2024-01-31T09:00:00Z"),
        score: 14.0,
        json: "{}".to_owned(),
    };
    let recorded = world.store.record_findings(std::slice::from_ref(&record));
    recorded.await.unwrap();
    record
}

async fn ask(world: &World, payload: &Value, now: &str) -> Answer {
    let invocation = Invocation::at(at(now), payload.to_string());
    let done = handle(world, &Configuration::default(), &invocation).await;
    let Done::Asked(answer) = done.unwrap() else {
        panic!("{payload} is no sweep");
    };
    assert!(world.handed_over.lock().unwrap().is_empty());
    // An alarm takes what a sweep measures for a sweep.
    assert!(world.measures.lock().unwrap().is_empty());
    answer
}

/// State, name and reason of every note on the finding, by episode.
async fn notes(world: &World) -> Vec<Vec<(String, String, String)>> {
    let found = world.store.findings("111122223333", None, 10).await;
    let of = |(_, note): &(u32, keytrail_store::TriageNote)| {
        (note.state.clone(), note.by.clone(), note.note.clone())
    };
    let found = found.unwrap().into_iter();
    found
        .map(|stored| stored.triage.iter().map(of).collect())
        .collect()
}

/// On AWS nobody could acknowledge or resolve a finding but by writing to the table by hand.
#[tokio::test]
async fn what_people_did_is_noted_with_name_and_reason_and_once() {
    let world = World::default();
    let first = record(&world, "2024-01-30").await.key;
    record(&world, "2024-01-31").await;
    let hostile = "mine\n\u{1b}[2J\u{202e}'; DROP";
    let payload = json!({
        "keytrail": "triage", "finding": first.episode, "state": "acknowledged",
        "by": "ann", "note": hostile,
    });
    for minute in [0, 1] {
        // Who gets no answer asks again.
        let now = format!("2024-01-31T10:0{minute}:00Z");
        let answer = ask(&world, &payload, &now).await;
        let Answer::Triaged(triaged) = answer else {
            panic!("{answer:?}");
        };
        let (triaged, expected) = (&triaged[0], ["open", "acknowledged"][minute]);
        assert_eq!(
            (&triaged.episode, &*triaged.before),
            (&first.episode, expected)
        );
        assert_eq!((triaged.now, &*triaged.severity), ("acknowledged", "high"));
    }
    let note = |state: &str, by: &str, why: &str| (state.to_owned(), by.to_owned(), why.to_owned());
    let acknowledged = note("acknowledged", "ann", hostile);
    assert_eq!(notes(&world).await, [vec![acknowledged.clone()], vec![]]);
    // The id means every episode.
    let payload = json!({
        "keytrail": "triage", "finding": first.id, "state": "resolved",
        "by": "bo", "note": "a planned migration",
    });
    ask(&world, &payload, "2024-01-31T11:00:00Z").await;
    let resolved = note("resolved", "bo", "a planned migration");
    let expected = [vec![acknowledged, resolved.clone()], vec![resolved]];
    assert_eq!(notes(&world).await, expected);
    let stored = &world.store.episodes(&first.id).await.unwrap()[1];
    assert_eq!(stored.triage[0].1.at, at("2024-01-31T11:00:00Z"));
    // Nothing of it was to be published anew.
    assert_eq!((stored.record.revision, stored.sent_revision), (1, 0));
}

#[tokio::test]
async fn what_cannot_be_noted_is_refused_and_notes_nothing() {
    let world = World::default();
    let episode = record(&world, "2024-01-31").await.key.episode;
    let now = "2024-01-31T10:00:00Z";
    let asked = |finding: &str, by: &str, note: &str| {
        json!({
            "keytrail": "triage", "finding": finding, "state": "resolved", "by": by, "note": note,
        })
    };
    for (payload, expected) in [
        (
            asked("key-disabled-b3f7", "ann", "ours"),
            "there is no finding",
        ),
        (
            asked("key-disabled-b3f7@2024", "ann", "ours"),
            "there is no finding",
        ),
        (asked("", "ann", "ours"), "there is no finding"),
        (asked(&episode, "", "ours"), "`by` must say who"),
        (
            asked(&episode, "keytrail", "ours"),
            "`by` cannot be keytrail",
        ),
        (asked(&episode, "ann", &"x".repeat(5_000)), "at most 4096"),
        (asked(&episode, &"x".repeat(2_000), "ours"), "at most 1024"),
        (json!({ "keytrail": "sweep" }), "unknown variant"),
    ] {
        let answer = ask(&world, &payload, now).await;
        let Answer::Refused(why) = &answer else {
            panic!("{answer:?}");
        };
        assert!(why.contains(expected), "{why}");
    }
    assert_eq!(notes(&world).await, [vec![]]);
}

/// It ran a sweep, whose answer looked like success.
#[tokio::test]
async fn a_misspelt_request_is_refused() {
    let world = World::default();
    let request = json!({
        "keytrial": "triage", "finding": "a-1", "state": "resolved", "by": "ann", "note": "a planned migration",
    });
    let answer = ask(&world, &request, "2024-01-31T10:00:00Z").await;
    let Answer::Refused(why) = answer else {
        panic!("{answer:?} is no refusal");
    };
    assert!(why.contains("has no `keytrail`"), "{why}");
}
