//! The ledger is a set: order and repetition of makings and endings change nothing.

use keytrail_event::{Issue, Reader, Sink};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/00000001-12ab-34cd-56ef-1234567890ab";

struct Learn<'l>(&'l mut GrantLedger);

impl Sink for Learn<'_> {
    fn record(&mut self, record: &Record<'_>) {
        self.0.learn(record, KEY);
    }
    fn issue(&mut self, issue: Issue) {
        panic!("{issue}");
    }
}

/// A call on grant `grant` in the minute `minute`.
fn call(name: &str, grant: u16, minute: u32) -> Value {
    let id = format!("grant-{grant}");
    let named = if name == "CreateGrant" {
        "responseElements"
    } else {
        "requestParameters"
    };
    let mut record = json!({
        "eventVersion": "1.08", "eventID": format!("{name}-{grant}-{minute}"), "eventName": name,
        "eventTime": format!("2024-03-05T{:02}:{:02}:00Z", minute / 60, minute % 60),
        "eventSource": "kms.amazonaws.com", "awsRegion": "us-west-2", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/x", "accountId": "111122223333"},
        "requestParameters": {"granteePrincipal": "arn:aws:iam::111122223333:role/app", "operations": ["Decrypt"]},
        "resources": [{"ARN": KEY}],
    });
    record[named]["grantId"] = json!(id);
    record
}

fn ledger(records: &[Value]) -> GrantLedger {
    let mut ledger = GrantLedger::default();
    for record in records {
        Reader::default().read(record.to_string().as_bytes(), &mut Learn(&mut ledger));
    }
    ledger
}

fn open(ledger: &GrantLedger) -> u64 {
    ledger.keys().map(|(_, grants)| grants.open()).sum()
}

#[test]
fn open_is_made_and_not_ended() {
    let records = [
        call("CreateGrant", 1, 0),
        call("CreateGrant", 2, 1),
        call("RetireGrant", 1, 2),
        call("RevokeGrant", 9, 3),
    ];
    let ledger = ledger(&records);
    assert_eq!(open(&ledger), 1);
    assert!(ledger.find(KEY, "grant-1").is_none());
    assert!(ledger.find(KEY, "grant-2").is_some());
    let day = records.len();
    assert_eq!(day, 4);
    let (_, grants) = ledger.keys().next().unwrap();
    let of = grants.day(Day::from_days_since_1970(19_787)).unwrap();
    assert_eq!((of.made, of.peak), (2, 2));
}

#[test]
fn beyond_the_bound_grants_are_counted() {
    let many = GRANTS_A_KEY_MAX as u16 + 10;
    let mut records: Vec<Value> = (0..many)
        .map(|grant| call("CreateGrant", grant, 0))
        .collect();
    let full = ledger(&records);
    assert_eq!(open(&full), u64::from(many));
    assert_eq!(full.by_hand().count(), GRANTS_A_KEY_MAX);
    records.extend((0..many).map(|grant| call("RetireGrant", grant, 1)));
    assert_eq!(open(&ledger(&records)), 0);
}

#[test]
fn one_maker_pushes_out_its_own_grants_only() {
    let many = GRANTS_A_KEY_MAX as u16 + 10;
    let mut records = vec![call("CreateGrant", 900, 0), call("CreateGrant", 901, 1)];
    for record in &mut records {
        record["userIdentity"]["arn"] = json!("arn:aws:iam::111122223333:user/victim");
    }
    records.extend((0..many).map(|grant| call("CreateGrant", grant, 2)));
    records.push(call("CreateGrant", 902, 3));
    let full = ledger(&records);
    assert_eq!(full.by_hand().count(), GRANTS_A_KEY_MAX);
    for kept in ["grant-900", "grant-901", "grant-902"] {
        assert!(full.find(KEY, kept).is_some(), "{kept}");
    }
}

#[test]
fn a_deleted_key_has_no_grants() {
    let records = [call("CreateGrant", 1, 0), call("DeleteKey", 1, 1)];
    assert_eq!(ledger(&records).keys().count(), 0);
}

#[test]
fn a_twin_is_another_grant_of_the_same_terms() {
    let ledger = ledger(&[call("CreateGrant", 1, 0), call("CreateGrant", 2, 1)]);
    let terms = ledger.find(KEY, "grant-1").unwrap().terms;
    assert_eq!(ledger.twin(KEY, terms, "grant-2").unwrap().0, "grant-1");
    assert_eq!(ledger.twin(KEY, terms, "grant-1").unwrap().0, "grant-2");
    assert!(ledger.twin(KEY, terms + 1, "grant-1").is_none());
}

proptest! {
    /// What is open is what was made and not ended, whatever came first and however often.
    #[test]
    fn order_and_repetition_do_not_matter(made in proptest::collection::btree_set(0..30_u16, 0..20), ended in proptest::collection::btree_set(0..30_u16, 0..20), seed in any::<proptest::sample::Index>()) {
        let mut records: Vec<Value> = made.iter().map(|grant| call("CreateGrant", *grant, 0)).collect();
        records.extend(ended.iter().map(|grant| call("RevokeGrant", *grant, 1)));
        let expected: Vec<String> = made.difference(&ended).map(|grant| format!("grant-{grant}")).collect();
        let middle = seed.index(records.len().max(1));
        let mut turned = records.clone();
        if !turned.is_empty() {
            turned.rotate_left(middle);
        }
        for records in [&records, &turned] {
            let ledger = ledger(records);
            let mut open: Vec<String> = ledger.by_hand().map(|(_, id, _)| id.to_owned()).collect();
            let mut expected = expected.clone();
            open.sort();
            expected.sort();
            prop_assert_eq!(open, expected);
        }
    }
}
