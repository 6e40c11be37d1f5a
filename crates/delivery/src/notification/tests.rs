//! Every wrapping, alone and nested; what is ignored, what is a fault, and that nothing panics.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const KEY: &str = "AWSLogs/o-abc/111122223333/CloudTrail/eu-west-1/2024/01/31/111122223333_CloudTrail_eu-west-1_20240131T2355Z_x.json.gz";

fn parts(payload: &Value) -> Vec<Part> {
    let invocation = read(payload.to_string().as_bytes());
    invocation
        .messages
        .into_iter()
        .flat_map(|message| message.parts)
        .collect()
}

#[track_caller]
fn check(payload: &Value, expected: &[Part]) {
    assert_eq!(parts(payload), expected, "{payload}");
}

fn object(key: &str, bytes: Option<u64>) -> Part {
    Part::Object(Object {
        bucket: "trail".to_owned(),
        key: key.to_owned(),
        bytes,
    })
}

fn s3_record(key: &str) -> Value {
    json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": { "name": "trail", "arn": "arn:aws:s3:::trail" },
            "object": { "key": key, "size": 7 },
        },
    })
}

fn s3(key: &str) -> Value {
    json!({ "Records": [s3_record(key)] })
}

fn sqs(bodies: &[&Value]) -> Value {
    let record = |(index, body): (usize, &&Value)| json!({ "messageId": format!("m-{index}"), "eventSource": "aws:sqs", "body": text(body) });
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// A JSON string stands for a body of plain text.
fn text(body: &Value) -> String {
    body.as_str()
        .map_or_else(|| body.to_string(), str::to_owned)
}

fn sns(message: &Value) -> Value {
    json!({ "Records": [{ "EventSource": "aws:sns", "Sns": sns_body(message) }] })
}

fn sns_body(message: &Value) -> Value {
    json!({ "Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": text(message) })
}

fn event(detail_type: &str, detail: &Value) -> Value {
    json!({ "version": "0", "id": "1", "detail-type": detail_type, "source": "aws.s3", "detail": detail })
}

fn created(key: &str) -> Value {
    event(
        "Object Created",
        &json!({ "bucket": { "name": "trail" }, "object": { "key": key, "size": 7 }, "reason": "PutObject" }),
    )
}

fn gzip(text: &str) -> String {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    STANDARD.encode(encoder.finish().unwrap())
}

fn logs(message_type: &str) -> Value {
    json!({
        "messageType": message_type, "owner": "111122223333", "logGroup": "trail", "logStream": "s",
        "subscriptionFilters": ["f"],
        "logEvents": [{ "id": "1", "timestamp": 1, "message": "{\"eventSource\":\"kms.amazonaws.com\"}" }],
    })
}

fn kinesis(data: &[String]) -> Value {
    let record = |(index, data): (usize, &String)| json!({ "eventSource": "aws:kinesis", "kinesis": { "sequenceNumber": format!("{index}"), "data": data } });
    json!({ "Records": data.iter().enumerate().map(record).collect::<Vec<_>>() })
}

fn inline(lane: Lane, text: &Value) -> Part {
    Part::Records(Records {
        lane,
        text: text.to_string().into_bytes(),
    })
}

#[test]
fn an_object_is_found_in_every_wrapping() {
    let expected = [object(KEY, Some(7))];
    let own = json!({ "s3Bucket": "trail", "s3ObjectKey": [KEY] });
    let listed =
        json!({ "BatchInput": { "bucket": "trail" }, "Items": [{ "Key": KEY, "Size": 7 }] });
    let of_own = [object(KEY, None)];
    check(&s3(KEY), &expected);
    check(&created(KEY), &expected);
    check(&listed, &expected);
    check(&own, &of_own);
    check(&sns(&s3(KEY)), &expected);
    check(&sns(&own), &of_own);
    for body in [&s3(KEY), &created(KEY), &sns_body(&s3(KEY)), &sns(&s3(KEY))] {
        check(&sqs(&[body]), &expected);
    }
    check(&sqs(&[&own]), &of_own);
    check(&sqs(&[&sns_body(&own)]), &of_own);
}

#[test]
fn keys_are_decoded_where_they_are_encoded_and_only_there() {
    check(&s3("a+b%3A%C3%A9/x"), &[object("a b:\u{e9}/x", Some(7))]);
    check(&created("a+b%3A"), &[object("a+b%3A", Some(7))]);
    let own = json!({ "s3Bucket": "trail", "s3ObjectKey": ["a+b%3A", "c"] });
    check(&own, &[object("a+b%3A", None), object("c", None)]);
    check(&s3("%ff"), &[Part::Fault(Fault::BadKey)]);
    check(&s3("%zz%"), &[object("%zz%", Some(7))]);
}

#[test]
fn the_test_event_has_no_records_and_its_neighbour_is_read() {
    let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "trail" });
    let invocation = read(sqs(&[&test, &s3(KEY)]).to_string().as_bytes());
    assert_eq!(
        invocation.messages,
        [
            Message {
                id: Some("m-0".to_owned()),
                parts: vec![Part::Ignored(Ignored::TestEvent)],
            },
            Message {
                id: Some("m-1".to_owned()),
                parts: vec![object(KEY, Some(7))],
            },
        ]
    );
}

#[test]
fn what_is_no_delivery_is_ignored_with_its_reason() {
    let ignored = |payload: &Value, reason| check(payload, &[Part::Ignored(reason)]);
    let validation = json!("CloudTrail validation message.");
    ignored(&sns(&validation), Ignored::ValidationMessage);
    ignored(&sqs(&[&sns_body(&validation)]), Ignored::ValidationMessage);
    let confirmation = json!({ "Type": "SubscriptionConfirmation", "Message": "You have chosen" });
    ignored(&sqs(&[&confirmation]), Ignored::SubscriptionMessage);
    let digest = "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2024/01/31/111122223333_CloudTrail-Digest_x.json.gz";
    ignored(&s3(digest), Ignored::Digest);
    ignored(
        &created(&digest.replace("Digest", "Insight")),
        Ignored::Insight,
    );
    ignored(&s3("AWSLogs/111122223333/CloudTrail/"), Ignored::Folder);
    ignored(
        &s3("p/AWSLogs/111122223333/Config/eu-west-1/2024/1/31/x.json.gz"),
        Ignored::OtherService,
    );
    let mut removed = s3_record(KEY);
    removed["eventName"] = json!("ObjectRemoved:Delete");
    ignored(&json!({ "Records": [removed] }), Ignored::NotCreated);
    ignored(&event("Object Deleted", &json!({})), Ignored::NotCreated);
    ignored(&event("Scheduled Event", &json!({})), Ignored::OtherEvent);
    ignored(&json!({ "Records": [] }), Ignored::Empty);
    ignored(
        &json!({ "s3Bucket": "trail", "s3ObjectKey": [] }),
        Ignored::Empty,
    );
}

#[test]
fn records_that_come_along_are_handed_on_with_their_lane() {
    let record = json!({ "eventSource": "kms.amazonaws.com", "eventName": "DisableKey" });
    let api_call = event("AWS API Call via CloudTrail", &record);
    check(&api_call, &[inline(Lane::Events, &record)]);
    check(&sqs(&[&api_call]), &[inline(Lane::Events, &record)]);
    let data = logs("DATA_MESSAGE");
    let control = logs("CONTROL_MESSAGE");
    let subscription = |data: &Value| json!({ "awslogs": { "data": gzip(&data.to_string()) } });
    check(&subscription(&data), &[inline(Lane::Logs, &data)]);
    check(
        &subscription(&control),
        &[Part::Ignored(Ignored::ControlMessage)],
    );
    let payload = kinesis(&[gzip(&control.to_string()), gzip(&data.to_string())]);
    check(
        &payload,
        &[
            Part::Ignored(Ignored::ControlMessage),
            inline(Lane::Logs, &data),
        ],
    );
    let ids = read(payload.to_string().as_bytes()).messages;
    assert_eq!(ids[1].id.as_deref(), Some("1"));
    let file = json!({ "Records": [record] });
    check(&file, &[inline(Lane::Logs, &file)]);
    check(&record, &[inline(Lane::Logs, &record)]);
}

#[test]
fn what_is_not_understood_is_a_fault() {
    let fault = |payload: &Value, fault| check(payload, &[Part::Fault(fault)]);
    fault(&json!({}), Fault::UnknownShape);
    fault(&json!([]), Fault::UnknownShape);
    fault(&json!(7), Fault::UnknownShape);
    fault(&sqs(&[&json!("hello")]), Fault::NotJson);
    fault(&json!({ "Records": {} }), Fault::UnknownShape);
    fault(&json!({ "Records": [1] }), Fault::UnknownShape);
    fault(
        &json!({ "Records": [{ "eventSource": "aws:sqs", "body": 1 }] }),
        Fault::UnknownShape,
    );
    fault(
        &json!({ "Records": [{ "eventSource": "aws:s3", "eventName": "ObjectCreated:Put" }] }),
        Fault::NoObject,
    );
    fault(&s3(""), Fault::NoObject);
    fault(&created(&"k".repeat(1_025)), Fault::NoObject);
    fault(&kinesis(&["?".to_owned()]), Fault::BadBase64);
    fault(
        &json!({ "awslogs": { "data": STANDARD.encode("\x1f\u{b}") } }),
        Fault::NotJson,
    );
    let cut = STANDARD.decode(gzip("{}")).unwrap();
    let cut = STANDARD.encode(&cut[..cut.len() - 3]);
    fault(&kinesis(&[cut]), Fault::BadGzip);
    let mut deep = s3(KEY);
    for _ in 0..9 {
        deep = sns_body(&deep);
    }
    fault(&deep, Fault::TooDeep);
    assert_eq!(
        read(b"\xff").messages,
        [Message::of(Part::Fault(Fault::NotUtf8))]
    );
}

#[test]
fn log_data_that_unpacks_to_too_much_is_left() {
    let bomb = gzip(&" ".repeat(65 << 20));
    let found = parts(&kinesis(&[bomb.clone(), bomb.clone(), bomb]));
    assert_eq!(found[1], Part::Fault(Fault::TooLarge));
    assert_eq!(found[2], Part::Fault(Fault::TooLarge));
}

#[test]
fn only_messages_with_an_id_fail_by_themselves() {
    let invocation = read(sqs(&[&s3(KEY), &s3(KEY)]).to_string().as_bytes());
    let answer = BatchAnswer::failing(&invocation.messages[1..]).unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    let expected = json!({ "batchItemFailures": [{ "itemIdentifier": "m-1" }] });
    assert_eq!(answer, expected);
    let direct = read(s3(KEY).to_string().as_bytes());
    assert_eq!(BatchAnswer::failing(&direct.messages), None);
    assert_eq!(BatchAnswer::failing(&[]), Some(BatchAnswer::default()));
}

proptest! {
    #[test]
    fn wrapping_changes_nothing(key in "[ -~\u{e0}-\u{ff}]{1,40}[a-z]", order in prop::collection::vec(0_u8..2, 0..5)) {
        let encoded = utf8_percent_encode(&key, NON_ALPHANUMERIC).to_string();
        let wrap = |payload: Value| order.iter().fold(payload, |inner, kind| match kind {
            0 => sns_body(&inner),
            _ => sqs(&[&inner]),
        });
        let expected = parts(&created(&key));
        prop_assert_eq!(&parts(&wrap(s3(&encoded))), &expected);
        prop_assert_eq!(&parts(&wrap(created(&key))), &expected);
    }

    #[test]
    fn damage_is_never_a_panic_and_always_answered(cut in 0_usize..2_000, byte: u8, which in 0_usize..5) {
        let payload = match which {
            0 => sqs(&[&sns_body(&s3(KEY)), &created(KEY)]),
            1 => kinesis(&[gzip(&logs("DATA_MESSAGE").to_string())]),
            2 => event("AWS API Call via CloudTrail", &json!({ "eventSource": "kms.amazonaws.com" })),
            3 => sns(&json!({ "s3Bucket": "trail", "s3ObjectKey": [KEY] })),
            _ => json!({ "awslogs": { "data": gzip(&logs("DATA_MESSAGE").to_string()) } }),
        };
        let mut bytes = payload.to_string().into_bytes();
        let at = cut % bytes.len();
        let mut cut_off = bytes.clone();
        cut_off.truncate(at);
        bytes[at] = byte;
        for bytes in [bytes, cut_off] {
            let invocation = read(&bytes);
            prop_assert!(!invocation.messages.is_empty());
            prop_assert!(invocation.messages.iter().all(|message| !message.parts.is_empty()));
        }
    }
}
