//! Damaged deliveries: what is wrong is named and placed, and its neighbours survive.

mod common;

use common::{Outcome, decrypt, id, numbered, one, read, read_in_pieces, without};
use keytrail_event::{IssueKind, RECORD_BYTES_MAX, Reader};
use serde_json::{Value, json};

/// A file of the records 1 and 2 with this text between them.
fn around(middle: &str) -> String {
    format!(
        r#"{{"Records":[{},{middle},{}]}}"#,
        numbered(1),
        numbered(2)
    )
}

/// Checks that damage in the middle is named once, as record 1, and that its neighbours survive.
fn check(middle: &str, kind: IssueKind) {
    check_bytes(around(middle).as_bytes(), kind);
}

fn check_bytes(delivery: &[u8], kind: IssueKind) {
    let shown = String::from_utf8_lossy(&delivery[..delivery.len().min(2_000)]);
    for outcome in [read(delivery), read_in_pieces(delivery, 65_536)] {
        assert_eq!(outcome.ids(), [id(1), id(2)], "{shown}");
        assert_eq!(outcome.kinds(), [(kind, Some(1))], "{shown}");
        assert_eq!(outcome.reading.malformed, 1, "{shown}");
    }
}

/// Checks damage that leaves brackets in balance: neighbours survive whatever field they begin with.
fn check_balanced(middle: &str, kind: IssueKind) {
    check(middle, kind);
    let value = |number| decrypt(json!({"eventID": id(number)}));
    let (first, second) = (value(1), value(2));
    check_bytes(format!("[{first},{middle},{second}]").as_bytes(), kind);
}

#[test]
fn fields_of_wrong_types() {
    for name in [
        "eventTime",
        "eventSource",
        "eventName",
        "awsRegion",
        "sourceIPAddress",
        "userAgent",
        "errorCode",
        "errorMessage",
        "eventID",
        "eventType",
        "recipientAccountId",
        "sharedEventID",
        "vpcEndpointId",
    ] {
        for wrong in [json!(5), json!(true), json!({}), json!(["x"])] {
            let record = decrypt(json!({ name: wrong }));
            check_balanced(&record.to_string(), IssueKind::BadField);
            let issues = read(record.to_string().as_bytes()).issues;
            assert!(
                issues.iter().all(|issue| issue.detail.starts_with(name)),
                "{issues:?}"
            );
        }
    }
}

#[test]
fn nested_fields_of_wrong_types_count_as_absent() {
    for name in [
        "userIdentity",
        "requestParameters",
        "responseElements",
        "resources",
        "additionalEventData",
        "serviceEventDetails",
        "tlsDetails",
    ] {
        for wrong in [
            json!(5),
            json!("x"),
            json!([[]]),
            json!({"a": [null]}),
            json!([{"ARN": {}}]),
        ] {
            assert!(one(&decrypt(json!({ name: wrong }))).is_kms);
        }
    }
}

#[test]
fn times_that_are_none() {
    for time in [
        "",
        "yesterday",
        "2024-02-30T00:00:00Z",
        "1706702400",
        "2024-01-31",
    ] {
        check_balanced(
            &decrypt(json!({"eventTime": time})).to_string(),
            IssueKind::BadTime,
        );
    }
    check_balanced(
        &without(decrypt(json!({})), &["eventTime"]).to_string(),
        IssueKind::BadTime,
    );
}

#[test]
fn values_that_are_no_records() {
    check_balanced("{}", IssueKind::NotARecord);
    check_balanced(r#"{"hello":"world"}"#, IssueKind::NotARecord);
    check_balanced(
        &without(decrypt(json!({})), &["eventName"]).to_string(),
        IssueKind::NotARecord,
    );
    check_balanced(r#"{"message":"{}"}"#, IssueKind::NotARecord);
    for scalar in ["null", "5", "true", r#""text""#, "[]", "[1]"] {
        let outcome = read(around(scalar).as_bytes());
        assert_eq!(outcome.ids(), [id(1), id(2)], "{scalar}");
        assert_eq!(outcome.reading.malformed, 1, "{scalar}");
    }
}

#[test]
fn a_string_of_ten_megabytes() {
    let record = decrypt(json!({"userAgent": "x".repeat(10 << 20)}));
    check_balanced(&record.to_string(), IssueKind::TooLarge);
    let record = decrypt(json!({"userAgent": "{\"\\".repeat(1 << 20)}));
    check_balanced(&record.to_string(), IssueKind::TooLarge);
}

#[test]
fn the_largest_record_is_read_and_one_byte_more_is_not() {
    let padded = |bytes: usize| decrypt(json!({"userAgent": "x".repeat(bytes)})).to_string();
    let room = RECORD_BYTES_MAX - padded(0).len();
    assert_eq!(read(padded(room).as_bytes()).reading.kms, 1);
    check_balanced(&padded(room + 1), IssueKind::TooLarge);
}

/// A record nested to that many levels, itself the first.
fn nested(levels: usize) -> String {
    let deep = format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    decrypt(json!({})).to_string().replace("null", &deep)
}

#[test]
fn nesting_beyond_the_bound() {
    assert_eq!(read(around(&nested(64)).as_bytes()).reading.kms, 3);
    for levels in [65, 66, 1_000, 100_000] {
        check_balanced(&nested(levels), IssueKind::TooDeep);
    }
}

#[test]
fn nesting_beyond_the_bound_in_a_string_that_carries_a_record() {
    for levels in [65, 100_000] {
        let record = nested(levels);
        check_balanced(
            &json!({"CloudTrailEvent": record}).to_string(),
            IssueKind::TooDeep,
        );
        check_balanced(&json!({"message": record}).to_string(), IssueKind::TooDeep);
    }
}

#[test]
fn nesting_that_never_closes() {
    for levels in [65, 1_000, 100_000] {
        let open = format!(
            r#"{{"eventVersion":"1.08","requestParameters":{}"#,
            "[".repeat(levels)
        );
        check(&open, IssueKind::TooDeep);
    }
    for levels in [65, 1_000, 10_000] {
        let open = r#"{"eventVersion":"#.repeat(levels);
        let outcome = read(around(&open).as_bytes());
        assert_eq!(outcome.ids(), [id(1), id(2)], "{levels}");
    }
}

#[test]
fn a_record_without_event_id_is_kept_with_an_issue() {
    for record in [
        without(decrypt(json!({})), &["eventID"]),
        decrypt(json!({"eventID": null})),
        decrypt(json!({"eventID": ""})),
    ] {
        let outcome = read(around(&record.to_string()).as_bytes());
        assert_eq!(outcome.ids(), [&*id(1), "-", &*id(2)]);
        assert_eq!(outcome.kinds(), [(IssueKind::NoEventId, Some(1))]);
        assert_eq!((outcome.reading.kms, outcome.reading.malformed), (3, 0));
    }
}

#[test]
fn records_without_event_id_are_told_apart_by_their_bytes() {
    let unnamed = |region: &str| without(decrypt(json!({"awsRegion": region})), &["eventID"]);
    let outcome = read(
        json!([
            unnamed("eu-west-1"),
            unnamed("eu-west-1"),
            unnamed("eu-west-2")
        ])
        .to_string()
        .as_bytes(),
    );
    let hashes: Vec<u64> = outcome.seen.iter().map(|seen| seen.hash).collect();
    assert!(
        matches!(hashes[..], [a, b, c] if a == b && b != c),
        "{hashes:?}"
    );
}

#[test]
fn bytes_that_are_not_utf8() {
    let (head, tail) = (numbered(1), numbered(2));
    for bad in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"] {
        let middle = [br#"{"eventVersion":"1.08","userAgent":""#, bad, br#""}"#].concat();
        let parts = [
            b"[",
            head.as_bytes(),
            b",",
            &middle,
            b",",
            tail.as_bytes(),
            b"]",
        ];
        check_bytes(&parts.concat(), IssueKind::NotUtf8);
    }
    let utf16: Vec<u8> = "\u{feff}{\"Records\":[]}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(read(&utf16).kinds(), [(IssueKind::NotJson, Some(0))]);
}

#[test]
fn nul_bytes() {
    let inside = numbered(3).replace("Decrypt", "Dec\0rypt");
    check_balanced(&inside, IssueKind::NotJson);
    check(&"\0".repeat(1_000), IssueKind::NotJson);
    assert_eq!(read(&[0; 4_096]).kinds(), [(IssueKind::NotJson, Some(0))]);
}

#[test]
fn half_a_surrogate_in_an_escape() {
    check_balanced(
        &numbered(3).replace("Decrypt", "\\ud800"),
        IssueKind::BadField,
    );
}

#[test]
fn a_string_that_never_ends() {
    for cut in ["Alice", "eventName", "eu-west-1"] {
        let whole = numbered(3);
        let middle = whole.replacen(&format!("{cut}\""), cut, 1);
        let outcome = read(around(&middle).as_bytes());
        assert_eq!(outcome.ids(), [id(1), id(2)], "{cut}");
        let kinds = outcome.kinds();
        assert!(
            matches!(
                kinds[..],
                [(IssueKind::Truncated | IssueKind::NotJson, Some(1))]
            ),
            "{kinds:?}"
        );
    }
}

#[test]
fn brackets_that_are_missing_or_too_many() {
    let middle = numbered(3);
    let opened = &middle[..middle.len() - 1];
    check(opened, IssueKind::NotJson);
    check(&middle.replacen("[{", "{", 1), IssueKind::NotJson);
    check(&middle.replacen("}]", "]", 1), IssueKind::NotJson);
    for extra in ["}", "]", "}}}", "]}", "{", "[", "\"", "x", ":", "5"] {
        for delivery in [
            around(&format!("{middle}{extra}")),
            around(&format!("{extra}{middle}")),
            around(&format!("{middle},{extra}")),
            around(&middle).replacen(
                ",{\"eventVersion\"",
                &format!("{extra}{{\"eventVersion\""),
                1,
            ),
        ] {
            let outcome = read(delivery.as_bytes());
            assert_eq!(outcome.ids(), [id(1), id(3), id(2)], "{extra}: {delivery}");
            assert!(
                outcome.reading.malformed <= 3,
                "{extra}: {:?}",
                outcome.issues
            );
        }
    }
}

#[test]
fn a_head_that_is_damaged() {
    let records = [numbered(1), numbered(2), numbered(3)].join(",");
    for head in [
        "",
        "{",
        "x",
        r#"{"Rfcords":["#,
        r#"{"Records":"#,
        r#"{"Records":{"#,
        r#"{"Records:["#,
        r#"["Records":["#,
        "\"Records\":[",
    ] {
        let outcome = read(format!("{head}{records}]}}").as_bytes());
        assert_eq!(outcome.ids(), [id(1), id(2), id(3)], "{head}");
        assert!(outcome.reading.malformed >= 1, "{head}");
        assert!(
            outcome.reading.malformed <= 2,
            "{head}: {:?}",
            outcome.issues
        );
    }
}

#[test]
fn a_delivery_that_is_cut_short() {
    let whole = format!(r#"{{"Records":[{},{}]}}"#, numbered(1), numbered(2));
    let first_ends = r#"{"Records":["#.len() + numbered(1).len();
    for end in 1..whole.len() {
        let outcome = read(&whole.as_bytes()[..end]);
        let complete = usize::from(end >= first_ends) + usize::from(end >= whole.len() - 2);
        assert_eq!(outcome.seen.len(), complete, "cut at {end}");
        let kinds = outcome.kinds();
        assert_eq!(
            kinds,
            [(IssueKind::Truncated, Some(complete as u64))],
            "cut at {end}"
        );
    }
}

#[test]
fn lines_that_are_no_json() {
    let lines = |middle: &str| format!("{}\n{middle}\n{}\n", numbered(1), numbered(2));
    for middle in [
        "not json",
        "{\"a\":",
        "{\"a\":\"b",
        "}",
        "]",
        "[1",
        "\"",
        "{'a':1}",
    ] {
        let outcome = read(lines(middle).as_bytes());
        assert_eq!(outcome.ids(), [id(1), id(2)], "{middle}");
        // An array that never closes is also told of at the end.
        let told = 1 + u64::from(middle == "[1");
        assert_eq!(
            outcome.reading.malformed, told,
            "{middle}: {:?}",
            outcome.issues
        );
    }
    let values = format!(
        "{}\n{{\"a\":\"b\n{}\n",
        decrypt(json!({"eventID": id(1)})),
        decrypt(json!({"eventID": id(2)}))
    );
    assert_eq!(read(values.as_bytes()).ids(), [id(1), id(2)]);
}

#[test]
fn a_line_of_fifty_megabytes_that_is_no_json() {
    for filler in ["x", "\"", "\\"] {
        let delivery = format!(
            "{}\n{}\n{}\n",
            numbered(1),
            filler.repeat(50 << 20),
            numbered(2)
        );
        let outcome = read(delivery.as_bytes());
        assert_eq!(outcome.ids(), [id(1), id(2)]);
        assert_eq!(outcome.kinds(), [(IssueKind::NotJson, Some(1))]);
    }
}

/// Reads through a buffer of at most `capacity` bytes, giving up on values that are longer.
fn read_bounded(bytes: &[u8], capacity: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let mut reader = Reader::default();
    let mut delivery = reader.begin();
    let (mut start, mut end) = (0, 0);
    while end < bytes.len() || start < end {
        end = bytes.len().min(start + capacity);
        let done = delivery.feed(&bytes[start..end], end == bytes.len(), &mut outcome);
        start += done;
        if end == bytes.len() {
            break;
        }
        if done == 0 {
            delivery.give_up(&mut outcome);
        }
    }
    outcome.reading = *delivery.reading();
    outcome.assert_conserved();
    outcome
}

#[test]
fn a_value_longer_than_the_buffer_is_passed_over_once() {
    let long = numbered(3).replace("Alice", &"x".repeat(200_000));
    let unended = numbered(3).replacen("Alice\"", "Alice", 1);
    let tail: Vec<String> = (4..200).map(numbered).collect();
    for middle in [long, unended] {
        let delivery = format!(
            r#"{{"Records":[{},{middle},{},{}]}}"#,
            numbered(1),
            numbered(2),
            tail.join(",")
        );
        let outcome = read_bounded(delivery.as_bytes(), 32_768);
        assert_eq!(outcome.kinds(), [(IssueKind::TooLarge, Some(1))]);
        assert_eq!(outcome.seen.len(), 198);
        assert_eq!(outcome.ids().get(1), Some(&&*id(2)));
    }
}

#[test]
fn crafted_files_end_in_bounded_time() {
    const BYTES: usize = 1 << 19;
    for unit in [
        r#"{"eventVersion":""#,
        r#"{"eventVersion":"#,
        r#"{"eventVersion":{"#,
        r#"{"eventVersion":"\"#,
        &format!(r#"{{"eventVersion":{}"#, "[".repeat(65)),
        "\n{\"",
        "\n{",
        "{\"Records\":[",
        "[",
        "{",
        "\"",
        "\\",
    ] {
        for head in ["", r#"{"Records":["#] {
            let delivery = format!("{head}{}", unit.repeat(BYTES / unit.len()));
            let outcome = read(delivery.as_bytes());
            assert_eq!(outcome.seen.len(), 0, "{head}{unit}");
            assert!(outcome.reading.malformed > 0, "{head}{unit}");
        }
    }
}

#[test]
fn an_issue_shows_no_more_than_a_glimpse_of_the_input() {
    let outcome = read(around(&"\u{1b}[31m<script>".repeat(1_000)).as_bytes());
    let shown = outcome
        .issues
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(
        shown.len() < 300 && shown.is_ascii() && !shown.contains('\u{1b}'),
        "{shown}"
    );
    let outcome = read(
        decrypt(json!({"eventTime": "é".repeat(1_000)}))
            .to_string()
            .as_bytes(),
    );
    assert!(outcome.issues.iter().all(|issue| issue.detail.len() <= 200));
}

#[test]
fn a_record_is_equal_however_it_came() {
    let record = decrypt(json!({"eventID": id(1)}));
    let shapes = [
        record.clone(),
        json!({"Records": [record]}),
        json!([record]),
        json!({"Events": [{"CloudTrailEvent": record.to_string()}]}),
        json!({"detail-type": "AWS API Call via CloudTrail", "detail": record}),
        json!({"logEvents": [{"message": record.to_string()}]}),
    ];
    let expected = one(&record);
    for shape in shapes {
        let outcome = read(Value::to_string(&shape).as_bytes());
        assert_eq!(outcome.seen, [expected.clone()], "{shape}");
    }
}
