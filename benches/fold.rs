//! A day of an account judged for good and learnt: what the fold costs for each hour of a principal, and for each hour of a
//! principal with a key.
//!
//! Two accounts that differ in nothing but the keys that a principal uses in an hour tell the two apart: what the one with
//! more keys takes longer is the pairs'.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keytrail_detect::baseline::{AccountBaseline, Bases, DayFacts, NoSurroundings, fold};
use keytrail_detect::tally::Tally;
use keytrail_event::{Day, Issue, Reader, Record, Sink};

const ACCOUNT: &str = "111122223333";
/// A Monday.
const FIRST_DAY: i64 = 20_517;
/// Days that the bases know when the measured one is folded.
const DAYS: i64 = 21;
const PRINCIPALS: usize = 200;
const FEW_KEYS: usize = 1;
const MANY_KEYS: usize = 9;

struct Count(Tally);

impl Sink for Count {
    fn record(&mut self, record: &Record<'_>) {
        self.0.add(record, None);
    }
    fn issue(&mut self, _: Issue) {}
}

/// The calls of a day: every principal uses each of its keys one to four times in each hour, every fourth through S3.
fn tally(day: i64, keys: usize) -> Tally {
    let mut count = Count(Tally::default());
    let mut reader = Reader::default();
    let mut draw = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(day as u64 + 1);
    let start = Day::from_days_since_1970(FIRST_DAY + day).start();
    let mut text = String::new();
    for principal in 0..PRINCIPALS {
        for hour in 0..24 {
            for key in 0..keys {
                draw ^= draw << 13;
                draw ^= draw >> 7;
                draw ^= draw << 17;
                for call in 0..1 + (draw % 4) as i64 {
                    let time = start.plus_seconds(hour * 3_600 + call * 700 + key as i64);
                    let key = (principal / 4 * 7 + key) % 500;
                    text.clear();
                    let (source, agent, invoked_by) = if principal % 4 == 0 {
                        (
                            "s3.amazonaws.com",
                            "s3.amazonaws.com",
                            r#","invokedBy":"s3.amazonaws.com""#,
                        )
                    } else {
                        ("198.51.100.7", "aws-cli/2.15.1", "")
                    };
                    let id = format!("{day}-{principal}-{hour}-{key}-{call}");
                    let written = write!(
                        text,
                        r#"{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":"eu-west-1","sourceIPAddress":"{source}","userAgent":"{agent}","eventID":"{id}","recipientAccountId":"{ACCOUNT}","requestParameters":{{"encryptionContext":{{"service":"service-{}"}}}},"userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::{ACCOUNT}:assumed-role/role-{principal}/session","accountId":"{ACCOUNT}","sessionContext":{{"sessionIssuer":{{"type":"Role","arn":"arn:aws:iam::{ACCOUNT}:role/role-{principal}","accountId":"{ACCOUNT}","userName":"role-{principal}"}}}}{invoked_by}}},"resources":[{{"ARN":"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{key}"}}]}}"#,
                        key % 11
                    );
                    assert!(written.is_ok(), "text takes what is written to it");
                    reader.read(text.as_bytes(), &mut count);
                }
            }
        }
    }
    count.0
}

fn gather(tally: &Tally, day: i64) -> DayFacts<'_> {
    DayFacts::gather(
        ACCOUNT,
        Day::from_days_since_1970(FIRST_DAY + day),
        &tally.symbols,
        tally.cells.iter(),
        &[],
        &NoSurroundings,
    )
}

fn bases(keys: usize) -> (AccountBaseline, AccountBaseline) {
    let (mut early, mut late) = (AccountBaseline::default(), AccountBaseline::default());
    for day in 0..DAYS {
        let bases = Bases {
            early: &early,
            late: &late,
        };
        let (next, _) = fold(bases, &gather(&tally(day, keys), day));
        early = std::mem::replace(&mut late, next);
    }
    (early, late)
}

/// The hours of a day, of principals and of pairs, and the least time that each step took.
struct Measured {
    hours: f64,
    pair_hours: f64,
    gather: Duration,
    fold: Duration,
}

fn measure(criterion: &mut Criterion, keys: usize) -> Measured {
    let (early, late) = bases(keys);
    let bases = Bases {
        early: &early,
        late: &late,
    };
    let tally = tally(DAYS, keys);
    let facts = gather(&tally, DAYS);
    let mut group = criterion.benchmark_group(format!("a day is folded, {keys} keys an hour"));
    group.throughput(Throughput::Elements(facts.hours.len() as u64));
    let mut least = [Duration::MAX; 2];
    group.bench_function("gather", |bencher| {
        bencher.iter_custom(|times| timed(times, &mut least[0], || gather(&tally, DAYS)));
    });
    group.bench_function("judge and learn", |bencher| {
        bencher.iter_custom(|times| timed(times, &mut least[1], || fold(bases, &facts)));
    });
    group.finish();
    Measured {
        hours: facts.hours.len() as f64,
        pair_hours: facts.pair_hours.len() as f64,
        gather: least[0],
        fold: least[1],
    }
}

/// The time of so many runs; the least mean of them is kept beside.
fn timed<R>(times: u64, least: &mut Duration, mut run: impl FnMut() -> R) -> Duration {
    let begun = Instant::now();
    for _ in 0..times {
        black_box(run());
    }
    let took = begun.elapsed();
    *least = (*least).min(took.div_f64(times as f64));
    took
}

#[allow(clippy::print_stdout)]
fn hours(criterion: &mut Criterion) {
    let [few, many] = [FEW_KEYS, MANY_KEYS].map(|keys| measure(criterion, keys));
    for (step, few_took, many_took) in [
        ("gather", few.gather, many.gather),
        ("judge and learn", few.fold, many.fold),
    ] {
        let (few_took, many_took) = (few_took.as_secs_f64() * 1e6, many_took.as_secs_f64() * 1e6);
        let of_pair = (many_took - few_took) / (many.pair_hours - few.pair_hours);
        let of_principal = (few_took - few.pair_hours * of_pair) / few.hours;
        println!(
            "{step}: {of_pair:.2} µs for an hour of a pair, {of_principal:.2} µs for an hour of a principal"
        );
    }
}

criterion_group!(benches, hours);
criterion_main!(benches);
