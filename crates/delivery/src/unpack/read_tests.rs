//! Files as they come: whole, in parts, cut off, damaged, empty, huge and hostile.

use std::io::Write as _;

use super::*;

#[derive(Default)]
struct Names {
    ids: Vec<String>,
    issues: usize,
}

impl Sink for Names {
    fn record(&mut self, record: &Record<'_>) {
        self.ids
            .push(record.event_id.as_deref().unwrap_or_default().to_owned());
    }
    fn issue(&mut self, _: Issue) {
        self.issues += 1;
    }
}

fn record(id: usize) -> String {
    format!(
        r#"{{"eventVersion":"1.11","eventTime":"2024-01-31T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":"eu-west-1","eventID":"id-{id}","recipientAccountId":"111122223333"}}"#
    )
}

fn lines(count: usize) -> String {
    (0..count).map(|id| record(id) + "\n").collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn read(bytes: &[u8]) -> (usize, FileReport) {
    let mut names = Names::default();
    let report = Unpacker::default().read(
        bytes,
        bytes.len(),
        &mut Reader::default(),
        &mut names,
        &|_| {},
    );
    assert!(report.reading.is_conserved());
    assert_eq!(names.ids.len() as u64, report.reading.kms);
    (names.ids.len(), report)
}

/// The file holds that many records, and this is said of it.
fn check(bytes: &[u8], records: usize, problem: Option<&str>) {
    let (count, report) = read(bytes);
    assert_eq!(
        (count, report.problem.as_deref()),
        (records, problem),
        "{:?}…",
        bytes[..bytes.len().min(40)].escape_ascii().to_string()
    );
}

#[test]
fn every_packing_gives_the_records() {
    let text = lines(3);
    let text = text.as_bytes();
    check(text, 3, None);
    check(&gzip(text), 3, None);
    check(&zstd::stream::encode_all(text, 3).unwrap(), 3, None);
    check(&[gzip(text), gzip(record(9).as_bytes())].concat(), 4, None);
    check(br#"{"Records":[]}"#, 0, None);
}

#[test]
fn trailing_bytes_are_noted_and_no_problem() {
    let packed = [&gzip(lines(2).as_bytes())[..], b"\0\0\0\0 garbage"].concat();
    let (count, report) = read(&packed);
    assert_eq!((count, report.problem), (2, None));
    assert!(report.has_trailing_bytes);
}

#[test]
fn records_before_the_end_of_a_cut_file_are_read() {
    let packed = gzip(lines(1_000).as_bytes());
    let (count, report) = read(&packed[..packed.len() / 2]);
    assert!((10..990).contains(&count), "{count}");
    let expected = format!("cut off: the gzip data ends early; {count} records before that read");
    assert_eq!(report.problem, Some(expected));
    // Only the trailer is missing: every record is there.
    let expected = "cut off: the gzip data ends early; 1000 records before that read";
    check(&packed[..packed.len() - 3], 1_000, Some(expected));
}

#[test]
fn a_wrong_length_or_checksum_is_named() {
    let packed = gzip(lines(5).as_bytes());
    for at in [packed.len() - 1, packed.len() - 8] {
        let mut wrong = packed.clone();
        wrong[at] ^= 0x10;
        let (count, report) = read(&wrong);
        assert_eq!(count, 5);
        let problem = report.problem.unwrap_or_default();
        assert!(problem.starts_with("damaged gzip data: "), "{problem}");
    }
}

#[test]
fn files_without_records_are_named() {
    check(b"", 0, Some("the file is empty"));
    check(b" \n ", 0, Some("the file holds nothing"));
    check(&gzip(b""), 0, Some("the file holds nothing"));
    check(b"\x7fELF\x02\x01\0\0", 0, Some("binary data, not JSON"));
    check(b"{\"a\":\"caf\xe9\"}", 0, Some("not UTF-8"));
    check(b"hello world", 0, Some("not JSON (at `hello world`)"));
    check(&gzip(&gzip(b"{}")), 0, Some("packed twice; unpack it once"));
    check(b"PAR1....", 0, Some("Parquet; export JSON instead"));
}

#[test]
fn a_long_line_that_is_no_json_costs_only_itself() {
    let long = "x".repeat(50 << 20);
    check(
        long.as_bytes(),
        0,
        Some(format!("not JSON (at `{}`)", "x".repeat(24)).as_str()),
    );
    let mut between = lines(2);
    between.push_str(&format!("{{\"a\":\"{long}\"}}\n"));
    between.push_str(&lines(3));
    let (count, report) = read(between.as_bytes());
    assert_eq!(
        (count, report.reading.malformed, report.problem),
        (5, 1, None)
    );
}

#[test]
fn text_longer_than_every_buffer_is_read_alike() {
    let count = 90_000;
    let text = format!(
        "{{\"Records\":[{}]}}",
        (0..count).map(record).collect::<Vec<_>>().join(",")
    );
    assert!(text.len() > TEXT_BYTES_WHOLE_MAX);
    check(text.as_bytes(), count, None);
    check(&gzip(text.as_bytes()), count, None);
    check(
        &zstd::stream::encode_all(text.as_bytes(), 1).unwrap(),
        count,
        None,
    );
}

#[test]
fn a_bomb_is_left() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(lines(1).as_bytes()).unwrap();
    let spaces = vec![b' '; 1 << 20];
    for _ in 0..100 {
        encoder.write_all(&spaces).unwrap();
    }
    let (count, report) = read(&encoder.finish().unwrap());
    assert_eq!(count, 1);
    assert!(report.text_bytes < 70 << 20);
    let expected =
        "unpacks to more than 250 times its size; left after 64 MiB; 1 record before that read";
    assert_eq!(report.problem.as_deref(), Some(expected));
}
