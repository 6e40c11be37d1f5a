//! Records for property tests: few names, so that they meet, and all that a tally tells apart.

use keytrail_event::{EventTime, Issue, Reader, Record, Repeat, Sink};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use crate::tally::Tally;

/// What makes one record.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// Account, principal, key, session, agent, address and context, by number.
    names: [u8; 7],
    operation: &'static str,
    error: Option<&'static str>,
    invoked_by: bool,
    second: i64,
    id: u16,
    stamp_after: Option<i64>,
}

/// 2023-11-15T00:00:00Z.
const START: i64 = 1_700_006_400;

pub(crate) fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let names = (
        0..2_u8,
        0..3_u8,
        0..2_u8,
        0..12_u8,
        0..3_u8,
        0..3_u8,
        0..4_u8,
    );
    let operation = prop_oneof![
        6 => Just("Decrypt"),
        1 => Just("Sign"),
        1 => Just("ScheduleKeyDeletion"),
        1 => Just("CreateGrant"),
        1 => Just("ReInvented"),
    ];
    let error = proptest::option::weighted(0.3, Just("AccessDenied"));
    let second = prop_oneof![0..30_i64, 0..180_000_i64];
    let stamp =
        proptest::option::weighted(0.9, prop_oneof![9 => 0..600_i64, 1 => -9_000..90_000_i64]);
    let sample = (
        names,
        operation,
        error,
        any::<bool>(),
        second,
        0..300_u16,
        stamp,
    );
    let sample = sample.prop_map(
        |(names, operation, error, invoked_by, second, id, stamp_after)| {
            let (account, principal, key, session, agent, address, context) = names;
            Sample {
                names: [account, principal, key, session, agent, address, context],
                operation,
                error,
                invoked_by,
                second,
                id,
                stamp_after,
            }
        },
    );
    prop_oneof![
        4 => proptest::collection::vec(sample.clone(), 0..40),
        1 => proptest::collection::vec(sample, 300..400).prop_map(all_in_one_hour),
    ]
}

/// Enough events of one cell for a sketch.
fn all_in_one_hour(mut samples: Vec<Sample>) -> Vec<Sample> {
    for sample in &mut samples {
        sample.names[..3].fill(0);
        (sample.operation, sample.error) = ("Decrypt", None);
        sample.second %= 3_600;
    }
    samples
}

impl Sample {
    /// The same record in a file of days later.
    pub(crate) fn late(&self) -> Self {
        Self {
            stamp_after: Some(90_000),
            ..self.clone()
        }
    }

    fn json(&self) -> String {
        let [account, principal, key, session, agent, address, context] = self.names;
        let account = format!("11112222333{account}");
        let time = EventTime::from_unix_seconds(START + self.second);
        let id = self.id;
        let id = match id % 8 {
            0 => "\"eventID\":\"\",".to_owned(),
            1 => format!("\"eventID\":\"odd-{id}\","),
            _ => format!("\"eventID\":\"0a1b2c3d-0000-4000-8000-{id:012x}\","),
        };
        let error = self
            .error
            .map_or_else(String::new, |error| format!("\"errorCode\":\"{error}\","));
        let source = match self.invoked_by {
            true => r#""invokedBy":"s3.amazonaws.com""#,
            false => r#""type":"AssumedRole""#,
        };
        let (name, operation) = (format!("role-{principal}"), self.operation);
        format!(
            r#"{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"kms.amazonaws.com","eventName":"{operation}","awsRegion":"eu-west-1","sourceIPAddress":"198.5{address}.100.7","userAgent":"agent-{agent}/2.15.1",{id}{error}"recipientAccountId":"{account}","userIdentity":{{"type":"AssumedRole",{source},"principalId":"AROAEXAMPLE{principal}:session-{session}","arn":"arn:aws:sts::{account}:assumed-role/{name}/session-{session}","accountId":"{account}","sessionContext":{{"sessionIssuer":{{"type":"Role","arn":"arn:aws:iam::{account}:role/{name}","accountId":"{account}"}}}}}},"requestParameters":{{"encryptionContext":{{"aws:s3:arn":"arn:aws:s3:::bucket-{context}/object"}}}},"resources":[{{"ARN":"arn:aws:kms:eu-west-1:{account}:key/0000000{key}-1111-2222-3333-444444444444"}}]}}"#
        )
    }

    fn stamp(&self) -> Option<EventTime> {
        let after = self.stamp_after?;
        Some(EventTime::from_unix_seconds(START + self.second + after))
    }
}

/// The tally of these records.
pub(crate) fn tally(samples: &[Sample]) -> Tally {
    struct Take<'t>(&'t mut Tally, Option<EventTime>);
    impl Sink for Take<'_> {
        fn record(&mut self, record: &Record<'_>) {
            self.0.add(record, self.1);
        }
        fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
            self.0.add_repeat(repeat, self.1)
        }
        fn issue(&mut self, _: Issue) {}
    }
    let mut tally = Tally::default();
    let mut reader = Reader::default();
    for sample in samples {
        let mut take = Take(&mut tally, sample.stamp());
        reader.read(sample.json().as_bytes(), &mut take);
    }
    tally
}

/// The second added to the first.
pub(crate) fn added(a: &Tally, b: &Tally) -> Tally {
    let mut added = a.clone();
    added.add_all(b.clone());
    added
}

/// The union.
pub(crate) fn merged(a: &Tally, b: &Tally) -> Tally {
    let mut merged = a.clone();
    merged.merge(b.clone());
    merged
}

#[test]
fn samples_reach_every_part_of_a_tally() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let tallies = (0..60).map(|_| {
        let samples = samples().new_tree(&mut runner).unwrap().current();
        tally(&samples)
    });
    let whole = tallies.reduce(|a, b| merged(&a, &b)).unwrap();
    assert!(whole.cells.len() > 100, "{}", whole.cells.len());
    assert!(whole.cells.values().any(|cell| !cell.events.is_exact()));
    let sessions = crate::values::ValueKind::Session;
    assert!(
        whole
            .cells
            .values()
            .any(|cell| cell.values.overflowed(sessions))
    );
    assert!(!whole.notables.is_empty() && !whole.groups.is_empty());
    assert!(whole.counts.late > 0 && whole.counts.future > 0);
}
