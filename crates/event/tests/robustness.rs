//! Damaged deliveries: what is wrong is named and placed, and its neighbours survive.

mod common;

use common::{
    around, check_balanced_damage, check_damage, check_damaged_bytes, decrypt, id, numbered, one,
    read, without,
};
use keytrail_event::IssueKind;
use serde_json::{Value, json};

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
            check_balanced_damage(&record.to_string(), IssueKind::BadField);
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
        check_balanced_damage(
            &decrypt(json!({"eventTime": time})).to_string(),
            IssueKind::BadTime,
        );
    }
    check_balanced_damage(
        &without(decrypt(json!({})), &["eventTime"]).to_string(),
        IssueKind::BadTime,
    );
}

#[test]
fn values_that_are_no_records() {
    check_balanced_damage("{}", IssueKind::NotARecord);
    check_balanced_damage(r#"{"hello":"world"}"#, IssueKind::NotARecord);
    check_balanced_damage(
        &without(decrypt(json!({})), &["eventName"]).to_string(),
        IssueKind::NotARecord,
    );
    check_balanced_damage(r#"{"message":"{}"}"#, IssueKind::NotARecord);
    for scalar in ["null", "5", "true", r#""text""#, "[]", "[1]"] {
        let outcome = read(around(scalar).as_bytes());
        assert_eq!(outcome.ids(), [id(1), id(2)], "{scalar}");
        assert_eq!(outcome.reading.malformed, 1, "{scalar}");
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
        check_damaged_bytes(&parts.concat(), IssueKind::NotUtf8);
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
    check_balanced_damage(&inside, IssueKind::NotJson);
    check_damage(&"\0".repeat(1_000), IssueKind::NotJson);
    assert_eq!(read(&[0; 4_096]).kinds(), [(IssueKind::NotJson, Some(0))]);
}

#[test]
fn half_a_surrogate_in_an_escape() {
    check_balanced_damage(
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
    check_damage(opened, IssueKind::NotJson);
    check_damage(&middle.replacen("[{", "{", 1), IssueKind::NotJson);
    check_damage(&middle.replacen("}]", "]", 1), IssueKind::NotJson);
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
        assert_eq!(outcome.seen, std::slice::from_ref(&expected), "{shape}");
    }
}
