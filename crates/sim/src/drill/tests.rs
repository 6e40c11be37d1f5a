//! What a drill must be: labelled, told from attacks, and new each time.

use keytrail_event::{DeliveryName, Issue, Reader, Record, Sink};

use super::*;

fn options(now: i64) -> DrillOptions {
    DrillOptions {
        now,
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        organisation: String::new(),
        attacks: DrillAttack::ALL.to_vec(),
    }
}

/// Noon of 2026-03-02.
const NOON: i64 = 1_772_452_800;

#[derive(Default)]
struct Seen {
    times: Vec<i64>,
    ids: Vec<String>,
    principals: Vec<String>,
    agents: Vec<String>,
    issues: Vec<Issue>,
}

impl Sink for Seen {
    fn record(&mut self, record: &Record<'_>) {
        self.times.push(record.time.unix_seconds());
        self.ids
            .push(record.event_id.as_deref().unwrap_or_default().to_owned());
        self.principals.push(record.principal().to_owned());
        let agent = record.body()["userAgent"].as_str().unwrap_or_default();
        self.agents.push(agent.to_owned());
    }

    fn issue(&mut self, issue: Issue) {
        self.issues.push(issue);
    }
}

fn read(drill: &Drill) -> Seen {
    let mut text = vec![0; 1 << 20];
    let length = libdeflater::Decompressor::new()
        .gzip_decompress(&drill.file.bytes, &mut text)
        .unwrap();
    let mut seen = Seen::default();
    Reader::default().read(&text[..length], &mut seen);
    seen
}

#[test]
fn every_record_is_read_and_says_that_it_is_a_drill() {
    let drill = generate(&options(NOON)).unwrap();
    let seen = read(&drill);
    assert!(seen.issues.is_empty(), "{:?}", seen.issues);
    assert_eq!(seen.ids.len() as u64, drill.records);
    assert!(
        seen.agents
            .iter()
            .all(|agent| agent.starts_with("keytrail-drill/"))
    );
    let drilled = "arn:aws:iam::111122223333:role/keytrail-drill-";
    assert!(
        seen.principals
            .iter()
            .all(|principal| principal.starts_with(drilled))
    );
    for id in drill.labels.iter().flat_map(|label| &label.event_ids) {
        assert!(seen.ids.contains(id), "{id} is in no record");
    }
}

#[test]
fn a_drill_is_over_when_it_is_delivered_and_stays_within_an_hour() {
    for minutes in 0..60 {
        let now = NOON + minutes * 60 + minutes;
        let drill = generate(&options(now)).unwrap();
        let seen = read(&drill);
        let (first, last) = (
            seen.times.iter().min().unwrap(),
            seen.times.iter().max().unwrap(),
        );
        assert!(*last < now && now - first < 12 * 60, "{minutes}");
        assert_eq!(first / 3_600, last / 3_600, "{minutes}");
        let stamp = DeliveryName::parse(&drill.file.path).stamp.unwrap();
        assert_eq!(stamp.unix_seconds(), now / 300 * 300);
    }
}

#[test]
fn no_two_drills_have_a_caller_or_a_key_in_common() {
    let (one, other) = (
        generate(&options(NOON)).unwrap(),
        generate(&options(NOON + 1)).unwrap(),
    );
    assert_eq!(one, generate(&options(NOON)).unwrap());
    for label in &one.labels {
        let again = |it: &Label| {
            it.principal == label.principal || it.keys.iter().any(|key| label.keys.contains(key))
        };
        assert!(!other.labels.iter().any(again));
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let changes: [fn(&mut DrillOptions); 7] = [
        |it| it.account = "1111".to_owned(),
        |it| it.account = "11112222333x".to_owned(),
        |it| it.region = "../..".to_owned(),
        |it| it.region = "eu/west/1".to_owned(),
        |it| it.organisation = "111122223333".to_owned(),
        |it| it.attacks.clear(),
        |it| it.now = i64::MAX,
    ];
    for change in changes {
        let mut options = options(NOON);
        change(&mut options);
        assert!(generate(&options).is_err(), "{options:?}");
    }
}
