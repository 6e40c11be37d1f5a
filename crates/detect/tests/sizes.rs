//! What bases take in memory: counted by an allocator of this test's own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use keytrail_detect::baseline::{AccountBaseline, Bases, DayFacts, NoSurroundings, fold};
use keytrail_detect::tally::Tally;
use keytrail_event::{Day, Issue, Reader, Record, Sink};

/// The bytes that are allocated now, rounded up as the allocators of the C libraries do: to 16, with 8 of their own.
static HELD: AtomicUsize = AtomicUsize::new(0);

struct Counting;

const fn taken(layout: &Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16)
}

#[expect(unsafe_code, reason = "an allocator that counts")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(taken(&layout), Ordering::Relaxed);
        // SAFETY: the caller keeps to the same contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(taken(&layout), Ordering::Relaxed);
        // SAFETY: the caller keeps to the same contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
/// A Monday.
const FIRST_DAY: i64 = 20_517;
const DAYS: i64 = 19;

struct Count(Tally);

impl Sink for Count {
    fn record(&mut self, record: &Record<'_>) {
        self.0.add(record, None);
    }
    fn issue(&mut self, issue: Issue) {
        panic!("{issue}");
    }
}

/// The calls of principals on a day, in ten of its hours: each has four of the keys, two services or its own network, and
/// three operations.
fn tally(account: &str, day: i64, principals: std::ops::Range<usize>, keys: usize) -> Tally {
    let mut count = Count(Tally::default());
    let mut reader = Reader::default();
    let start = Day::from_days_since_1970(FIRST_DAY + day).start();
    let mut text = String::new();
    for principal in principals {
        for call in 0..14 {
            let hour = (principal % 12 + call % 10) as i64;
            let time = start.plus_seconds(hour * 3_600 + call as i64);
            let key = (principal / 10 * 3 + (call + day as usize) % 4) % keys;
            let is_direct = principal % 3 == 0;
            let (source, agent, invoked_by) = match (is_direct, call % 2) {
                (true, _) => (
                    format!("10.{}.0.7", principal % 40),
                    "aws-sdk-java/2.20",
                    String::new(),
                ),
                (_, 0) => (
                    "s3.amazonaws.com".to_owned(),
                    "s3.amazonaws.com",
                    r#","invokedBy":"s3.amazonaws.com""#.to_owned(),
                ),
                _ => (
                    "secretsmanager.amazonaws.com".to_owned(),
                    "secretsmanager.amazonaws.com",
                    r#","invokedBy":"secretsmanager.amazonaws.com""#.to_owned(),
                ),
            };
            let operation = ["Decrypt", "GenerateDataKey", "Decrypt", "DescribeKey"][call % 4];
            text.clear();
            write!(
                text,
                r#"{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"kms.amazonaws.com","eventName":"{operation}","awsRegion":"eu-west-1","sourceIPAddress":"{source}","userAgent":"{agent}","eventID":"{day}-{principal}-{call}","recipientAccountId":"{account}","requestParameters":{{"encryptionContext":{{"service":"service-{}"}}}},"userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::{account}:assumed-role/application-{principal}-task/session","accountId":"{account}","sessionContext":{{"sessionIssuer":{{"type":"Role","arn":"arn:aws:iam::{account}:role/application-{principal}-task","accountId":"{account}","userName":"application-{principal}-task"}}}}{invoked_by}}},"resources":[{{"ARN":"arn:aws:kms:eu-west-1:{account}:key/1234abcd-12ab-34cd-56ef-{key:012}"}}]}}"#,
                key % 100
            )
            .unwrap();
            reader.read(text.as_bytes(), &mut count);
        }
    }
    count.0
}

/// The base of an account after [`DAYS`], and the one before that.
fn bases(account: &str, principals: usize, keys: usize) -> (AccountBaseline, AccountBaseline) {
    let (mut early, mut late) = (AccountBaseline::default(), AccountBaseline::default());
    for day in 0..DAYS {
        let tally = tally(account, day, 0..principals, keys);
        let facts = DayFacts::gather(
            account,
            Day::from_days_since_1970(FIRST_DAY + day),
            &tally.symbols,
            tally.cells.iter(),
            &[],
            &NoSurroundings,
        );
        let bases = Bases {
            early: &early,
            late: &late,
        };
        let (next, _) = fold(bases, &facts);
        early = std::mem::replace(&mut late, next);
    }
    (early, late)
}

/// The bytes that bases of so many principals and keys take in memory, in two accounts: those of the last day, and those of the
/// day before beside them.
fn measure(principals: usize, keys: usize) -> (usize, usize) {
    let before = HELD.load(Ordering::Relaxed);
    let both = ACCOUNTS.map(|account| bases(account, principals / 2, keys / 2));
    let with_early = HELD.load(Ordering::Relaxed) - before;
    let entities = both.each_ref().map(|(_, late)| late.entities());
    let bytes: usize = both.iter().map(|(_, late)| late.encode().len()).sum();
    let both = both.map(|(early, late)| {
        drop(early);
        late
    });
    let late = HELD.load(Ordering::Relaxed) - before;
    drop(both);
    eprintln!(
        "{entities:?} principals, keys, pairs: {late} B in memory, {with_early} B with the day before, {bytes} B encoded"
    );
    (late, with_early)
}

const MOST: usize = 512 << 20;

#[test]
fn each_principal_takes_its_share_of_memory_at_most() {
    // The difference of two: classes and names take what they take however few principals there are.
    let (few, _) = measure(200, 20);
    let (many, _) = measure(600, 60);
    let of_a_principal = (many - few) / 400;
    assert!(of_a_principal * 100_000 < MOST, "{of_a_principal} B");
}

/// `cargo test --release -p keytrail-detect --test sizes -- --ignored --nocapture`
#[test]
#[ignore = "minutes in release"]
fn a_hundred_thousand_principals_and_ten_thousand_keys_fit() {
    let (late, _) = measure(100_000, 10_000);
    assert!(late <= MOST, "{late} B");
}
