//! What the tests of both generators share.

use serde_json::Value;

use crate::SimulatedFile;

/// The text of a gzipped file.
pub(crate) fn unzip(bytes: &[u8]) -> Vec<u8> {
    let size = bytes
        .last_chunk::<4>()
        .map_or(0, |size| u32::from_le_bytes(*size));
    let mut text = vec![0; size as usize];
    let length = libdeflater::Decompressor::new()
        .gzip_decompress(bytes, &mut text)
        .unwrap();
    text.truncate(length);
    text
}

/// The records of a delivered file.
pub(crate) fn records(file: &SimulatedFile) -> Vec<Value> {
    let mut delivery: Value = serde_json::from_slice(&unzip(&file.bytes)).unwrap();
    match delivery["Records"].take() {
        Value::Array(records) => records,
        other => panic!("no records but {other}"),
    }
}

/// Checks the path of a log file, part by part.
pub(crate) fn assert_is_layout(path: &str) {
    let parts: Vec<&str> = path.split('/').collect();
    let parts = match parts.as_slice() {
        ["AWSLogs", organisation, rest @ ..] if organisation.starts_with("o-") => rest,
        ["AWSLogs", rest @ ..] => rest,
        _ => panic!("{path}"),
    };
    let [account, "CloudTrail", region, year, month, day, name] = parts else {
        panic!("{path}");
    };
    assert!(account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()));
    let name = name.strip_suffix(".json.gz").unwrap();
    let [of, "CloudTrail", place, stamp, suffix] = *name.split('_').collect::<Vec<_>>() else {
        panic!("{path}");
    };
    assert_eq!((of, place), (*account, *region));
    assert!(stamp.starts_with(&format!("{year}{month}{day}T")) && stamp.ends_with('Z'));
    assert_eq!(stamp.len(), 14);
    assert!(suffix.len() == 16 && suffix.bytes().all(|b| b.is_ascii_alphanumeric()));
}

/// Unix seconds of the stamp in a file's name.
pub(crate) fn stamp_seconds(path: &str) -> i64 {
    let stamp = path.rsplit('_').nth(1).unwrap();
    let full = format!("{}00Z", stamp.trim_end_matches('Z'));
    let time: jiff::civil::DateTime =
        jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", full).unwrap();
    time.to_zoned(jiff::tz::TimeZone::UTC)
        .unwrap()
        .timestamp()
        .as_second()
}

/// Unix seconds of a record's time.
pub(crate) fn time_seconds(record: &Value) -> i64 {
    let time: jiff::Timestamp = record["eventTime"].as_str().unwrap().parse().unwrap();
    time.as_second()
}
