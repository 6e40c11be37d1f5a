//! Bounds: what is too long or nested too deep is passed over, and nothing takes long.

mod common;

use common::{Outcome, around, check_balanced_damage, check_damage, decrypt, id, numbered, read};
use keytrail_event::{IssueKind, RECORD_BYTES_MAX, Reader};
use serde_json::json;

#[test]
fn a_string_of_ten_megabytes() {
    let record = decrypt(json!({"userAgent": "x".repeat(10 << 20)}));
    check_balanced_damage(&record.to_string(), IssueKind::TooLarge);
    let record = decrypt(json!({"userAgent": "{\"\\".repeat(1 << 20)}));
    check_balanced_damage(&record.to_string(), IssueKind::TooLarge);
}

#[test]
fn the_largest_record_is_read_and_one_byte_more_is_not() {
    let padded = |bytes: usize| decrypt(json!({"userAgent": "x".repeat(bytes)})).to_string();
    let room = RECORD_BYTES_MAX - padded(0).len();
    assert_eq!(read(padded(room).as_bytes()).reading.kms, 1);
    check_balanced_damage(&padded(room + 1), IssueKind::TooLarge);
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
        check_balanced_damage(&nested(levels), IssueKind::TooDeep);
    }
}

#[test]
fn nesting_beyond_the_bound_in_a_string_that_carries_a_record() {
    for levels in [65, 100_000] {
        let record = nested(levels);
        check_balanced_damage(
            &json!({"CloudTrailEvent": record}).to_string(),
            IssueKind::TooDeep,
        );
        check_balanced_damage(&json!({"message": record}).to_string(), IssueKind::TooDeep);
    }
}

#[test]
fn nesting_that_never_closes() {
    for levels in [65, 1_000, 100_000] {
        let open = format!(
            r#"{{"eventVersion":"1.08","requestParameters":{}"#,
            "[".repeat(levels)
        );
        check_damage(&open, IssueKind::TooDeep);
    }
    for levels in [65, 1_000, 10_000] {
        let open = r#"{"eventVersion":"#.repeat(levels);
        let outcome = read(around(&open).as_bytes());
        assert_eq!(outcome.ids(), [id(1), id(2)], "{levels}");
    }
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
