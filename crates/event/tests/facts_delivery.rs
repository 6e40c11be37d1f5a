//! Facts about deliveries: every shape, in one piece and in many.

mod common;

use common::{Outcome, as_cloudtrail_writes, decrypt, id, numbered, read, read_in_pieces, without};
use keytrail_event::{DeliveryKind, DeliveryName, IssueKind, Reader};
use serde_json::{Value, json};

/// Checks which records a delivery holds, and that it holds the same however it is cut.
fn check(delivery: &str, expected: &[String]) -> Outcome {
    let whole = read(delivery.as_bytes());
    assert_eq!(whole.ids(), expected, "{delivery}");
    for step in [1, 7, 4_096] {
        let cut = read_in_pieces(delivery.as_bytes(), step);
        assert_eq!(cut.seen, whole.seen, "in steps of {step}: {delivery}");
        assert_eq!(cut.kinds(), whole.kinds(), "in steps of {step}: {delivery}");
        assert_eq!(cut.reading, whole.reading, "in steps of {step}: {delivery}");
    }
    whole
}

/// Checks a delivery of the records 1 and 2 that has nothing wrong with it.
fn check_two(delivery: &str) {
    let outcome = check(delivery, &[id(1), id(2)]);
    assert_eq!(outcome.issues, [], "{delivery}");
    assert_eq!(outcome.reading.kms, 2, "{delivery}");
}

fn value(number: usize) -> Value {
    decrypt(json!({"eventID": id(number)}))
}

#[test]
fn files_of_cloudtrail() {
    check_two(&format!(
        r#"{{"Records":[{},{}]}}"#,
        numbered(1),
        numbered(2)
    ));
    check_two(&json!({"Records": [value(1), value(2)]}).to_string());
    let pretty = serde_json::to_string_pretty(&json!({"Records": [value(1), value(2)]}));
    check_two(&pretty.unwrap_or_default());
    check_two(
        &json!({"a": [1, {"Records": []}], "Records": [value(1), value(2)], "z": "}]"}).to_string(),
    );
    check_two(&format!(
        "\u{feff}{}",
        json!({"Records": [value(1), value(2)]})
    ));
}

#[test]
fn files_of_cloudtrail_that_hold_none() {
    for empty in [
        r#"{"Records":[]}"#,
        "[]",
        "",
        " \r\n ",
        r#"{"Records":[]}{"Records":[]}"#,
    ] {
        let outcome = check(empty, &[]);
        assert_eq!(
            (outcome.issues.len(), outcome.reading.records),
            (0, 0),
            "{empty}"
        );
    }
}

#[test]
fn json_lines() {
    check_two(&format!("{}\n{}\n", numbered(1), numbered(2)));
    check_two(&format!("{}\r\n\r\n{}", value(1), value(2)));
    check_two(&format!("{}{}", value(1), value(2)));
}

#[test]
fn json_lines_of_files() {
    check_two(&format!(
        "{}\n{}\n",
        json!({"Records": [value(1)]}),
        json!({"Records": [value(2)]})
    ));
}

#[test]
fn a_bare_array() {
    check_two(&format!("[{},{}]", numbered(1), numbered(2)));
    check_two(&format!("[\n  {} ,\n  {}\n]\n", value(1), value(2)));
}

#[test]
fn a_single_record() {
    check(&value(1).to_string(), &[id(1)]);
    check(
        &serde_json::to_string_pretty(&value(1)).unwrap_or_default(),
        &[id(1)],
    );
}

#[test]
fn lookup_events_carry_the_record_as_a_string() {
    let event = |number| {
        json!({"EventId": id(number), "EventName": "Decrypt", "ReadOnly": "true", "EventTime": 1706702400.0,
            "EventSource": "kms.amazonaws.com", "Username": "Alice", "Resources": [{"ResourceType": "AWS::KMS::Key"}],
            "CloudTrailEvent": value(number).to_string()})
    };
    check_two(&json!({"Events": [event(1), event(2)], "NextToken": "x"}).to_string());
    let one = check(&event(1).to_string(), &[id(1)]);
    assert_eq!(
        one.seen.first().map(|seen| seen.raw.clone()),
        Some(value(1).to_string())
    );
}

fn envelope(number: usize) -> Value {
    json!({"version": "0", "id": "e", "detail-type": "AWS API Call via CloudTrail", "source": "aws.kms", "account": "111122223333",
        "time": "2024-01-31T12:00:00Z", "region": "eu-west-1", "resources": [], "detail": value(number)})
}

#[test]
fn event_bridge_envelopes_carry_the_record_as_detail() {
    check_two(&format!("{}\n{}", envelope(1), envelope(2)));
    check_two(&json!([envelope(1), envelope(2)]).to_string());
}

#[test]
fn event_bridge_envelopes_of_others_are_no_errors() {
    let scheduled =
        json!({"id": "e", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
    let custom =
        json!({"id": "e", "detail-type": "order", "source": "shop", "detail": {"eventTime": 5}});
    let outcome = check(&format!("{scheduled}\n{custom}\n{}", envelope(1)), &[id(1)]);
    assert_eq!(
        (outcome.issues.len(), outcome.reading.skipped_not_cloudtrail),
        (0, 2)
    );
}

#[test]
fn an_event_bridge_envelope_with_a_bad_record_is_an_issue() {
    let mut bad = envelope(1);
    bad["detail"]["eventTime"] = json!(5);
    let outcome = check(&format!("{bad}\n{}", envelope(2)), &[id(2)]);
    assert_eq!(outcome.kinds(), [(IssueKind::BadField, Some(0))]);
}

fn log_event(number: usize) -> Value {
    json!({"id": "36", "timestamp": 1706702400000_i64, "message": value(number).to_string()})
}

#[test]
fn cloudwatch_logs_carry_records_as_messages() {
    let data = json!({"messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "trail", "logStream": "s",
        "subscriptionFilters": ["all"], "logEvents": [log_event(1), log_event(2)]});
    check_two(&data.to_string());
    check_two(
        &json!({"events": [log_event(1), log_event(2)], "searchedLogStreams": []}).to_string(),
    );
    check_two(&format!("{}\n{}\n", log_event(1), log_event(2)));
}

#[test]
fn control_messages_are_counted_and_no_errors() {
    let control = json!({"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "", "logStream": "",
        "subscriptionFilters": [], "logEvents": [{"id": "", "timestamp": 1706702400000_i64,
            "message": "CWL CONTROL MESSAGE: Checking health of destination Kinesis stream."}]});
    let outcome = check(&format!("{control}\n{}", value(1)), &[id(1)]);
    assert_eq!(
        (outcome.issues.len(), outcome.reading.skipped_not_cloudtrail),
        (0, 1)
    );
}

#[test]
fn lake_rows_carry_the_record_as_event_json() {
    let row = |number: usize| json!([{"eventJson": value(number).to_string()}]);
    check_two(&json!({"QueryStatus": "FINISHED", "QueryResultRows": [row(1), row(2)]}).to_string());
    check_two(&format!(
        "{}\n{}\n",
        json!({"eventJson": value(1).to_string()}),
        json!({"eventJson": value(2).to_string()})
    ));
}

#[test]
fn digests_are_recognised_by_shape() {
    let digest = json!({"awsAccountId": "111122223333", "digestStartTime": "2024-01-31T11:00:00Z",
        "digestEndTime": "2024-01-31T12:00:00Z", "digestS3Bucket": "b", "logFiles": [
            {"s3Bucket": "b", "s3Object": "o", "hashValue": "00", "oldestEventTime": "2024-01-31T11:00:00Z"}]});
    for text in [
        digest.to_string(),
        serde_json::to_string_pretty(&digest).unwrap_or_default(),
    ] {
        let outcome = check(&text, &[]);
        let reading = outcome.reading;
        assert_eq!(
            (reading.digests, reading.records, outcome.issues.len()),
            (1, 0, 0)
        );
    }
}

#[test]
fn insights_are_recognised_by_shape() {
    let insight = without(
        decrypt(
            json!({"eventType": "AwsCloudTrailInsight", "eventCategory": "Insight",
            "insightDetails": {"state": "Start", "eventSource": "kms.amazonaws.com", "eventName": "Decrypt"}}),
        ),
        &[
            "eventSource",
            "eventName",
            "userIdentity",
            "requestParameters",
        ],
    );
    let outcome = check(
        &json!({"Records": [insight, value(1)]}).to_string(),
        &[id(1)],
    );
    assert_eq!(
        (outcome.reading.skipped_insights, outcome.issues.len()),
        (1, 0)
    );
}

#[test]
fn digests_and_insights_are_recognised_by_their_prefix() {
    for (path, kind) in [
        (
            "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2024/01/31/x.json.gz",
            DeliveryKind::Digest,
        ),
        (
            "AWSLogs/o-1/111122223333/CloudTrail-Insight/eu-west-1/2024/01/31/x.json.gz",
            DeliveryKind::Insight,
        ),
        (
            "AWSLogs/111122223333/CloudTrail/eu-west-1/2024/01/31/x.json.gz",
            DeliveryKind::Records,
        ),
    ] {
        assert_eq!(DeliveryName::parse(path).kind, kind, "{path}");
    }
}

#[test]
fn the_stamp_stands_in_the_name_of_single_accounts_and_of_organisations() {
    let name = "111122223333_CloudTrail_eu-west-1_20240131T2355Z_0123456789abcdef.json.gz";
    for folder in [
        "",
        "AWSLogs/111122223333/CloudTrail/eu-west-1/2024/01/31/",
        "p/AWSLogs/o-1/111122223333/CloudTrail/eu-west-1/2024/01/31/",
    ] {
        let stamp = DeliveryName::parse(&format!("{folder}{name}")).stamp;
        assert_eq!(
            stamp.map(|time| time.to_string()).as_deref(),
            Some("2024-01-31T23:55:00Z")
        );
    }
    assert_eq!(DeliveryName::parse("export.jsonl").stamp, None);
}

#[test]
fn tables_in_csv_are_refused_with_a_hint() {
    for header in [
        "\"eventversion\",\"useridentity\",\"eventtime\",\"eventsource\"",
        "eventID,eventTime,eventName",
        "eventJson",
        "\u{feff}eventName;count",
    ] {
        let rows = "\"1.08\",\"{type=IAMUser, principalid=X}\",\"2024-01-31T12:00:00Z\",\"kms.amazonaws.com\"\n";
        for newline in ["\n", "\r\n"] {
            let outcome = check(&format!("{header}{newline}{}", rows.repeat(200)), &[]);
            assert_eq!(outcome.kinds(), [(IssueKind::Csv, Some(0))], "{header}");
            let hint = outcome
                .issues
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(hint.contains("get-query-results"), "{hint}");
        }
    }
}

#[test]
fn what_is_no_table_of_events_is_not_called_one() {
    for text in [
        "name,age\nAna,5\n",
        "hello",
        "x{\"eventVersion\":\"1.08\",\"eventID\":\"e\"}",
    ] {
        let outcome = read(text.as_bytes());
        assert!(
            outcome
                .issues
                .iter()
                .all(|issue| issue.kind != IssueKind::Csv),
            "{text}"
        );
    }
}

#[test]
fn duplicates_are_told_by_event_id_across_files() {
    let plain = format!(r#"{{"Records":[{}]}}"#, numbered(1));
    let again = json!({"Records": [value(2), value(1)]}).to_string();
    let hashes = |delivery: &str| {
        read(delivery.as_bytes())
            .seen
            .iter()
            .map(|seen| seen.hash)
            .collect::<Vec<_>>()
    };
    assert_eq!(hashes(&plain).first(), hashes(&again).get(1));
    assert_ne!(hashes(&again).first(), hashes(&again).get(1));
}

#[test]
fn records_come_in_the_order_of_the_file_sorted_or_not() {
    let later = decrypt(json!({"eventID": id(1), "eventTime": "2024-01-31T13:00:00Z"}));
    check_two(&json!({"Records": [later, value(2)]}).to_string());
}

#[test]
fn a_file_holds_one_record_or_thousands() {
    for count in [1, 12, 3_000] {
        let records: Vec<String> = (0..count).map(numbered).collect();
        let outcome = read(format!(r#"{{"Records":[{}]}}"#, records.join(",")).as_bytes());
        assert_eq!(
            (outcome.reading.kms, outcome.issues.len()),
            (count as u64, 0)
        );
    }
}

#[test]
fn one_reader_reads_many_deliveries() {
    let mut reader = Reader::default();
    for number in 0..20 {
        let mut outcome = Outcome::default();
        let reading = reader.read(
            as_cloudtrail_writes(&value(number)).as_bytes(),
            &mut outcome,
        );
        assert_eq!((reading.kms, outcome.ids()), (1, vec![&*id(number)]));
    }
}
