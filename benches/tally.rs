//! Bytes to tally: what counting costs on top of reading.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use keytrail_benches::{MIXES, deliveries};
use keytrail_detect::tally::Tally;
use keytrail_event::{Issue, Reader, Record, Repeat, Sink};

struct Count(Tally);

impl Sink for Count {
    fn record(&mut self, record: &Record<'_>) {
        self.0.add(record, None);
    }
    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        self.0.add_repeat(repeat, None)
    }
    fn issue(&mut self, _: Issue) {}
}

fn tally(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read and tally");
    for mix in MIXES {
        let deliveries = deliveries(mix);
        group.throughput(Throughput::Bytes(
            deliveries.iter().map(|bytes| bytes.len() as u64).sum(),
        ));
        group.bench_function(mix.name, |bencher| {
            let mut reader = Reader::default();
            bencher.iter(|| {
                let mut count = Count(Tally::default());
                for delivery in &deliveries {
                    reader.read(delivery, &mut count);
                }
                count.0.distinct()
            });
        });
    }
    group.finish();
}

/// What two threads cost beyond one: their tallies become one, cell by cell.
fn merge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merge of two halves");
    for mix in MIXES {
        let mut reader = Reader::default();
        let mut halves = [(); 2].map(|()| Count(Tally::default()));
        for (number, delivery) in deliveries(mix).iter().enumerate() {
            reader.read(delivery, &mut halves[number % 2]);
        }
        let [first, second] = halves.map(|count| count.0);
        group.throughput(Throughput::Elements(second.cells.len() as u64));
        group.bench_function(mix.name, |bencher| {
            bencher.iter_batched(
                || (first.clone(), second.clone()),
                |(mut first, second)| {
                    first.merge(second);
                    first
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// A tally as bytes, and back.
fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tally as bytes");
    for mix in MIXES {
        let mut count = Count(Tally::default());
        let mut reader = Reader::default();
        for delivery in &deliveries(mix) {
            reader.read(delivery, &mut count);
        }
        let bytes = count.0.encode();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("encode, {}", mix.name), |bencher| {
            bencher.iter(|| count.0.encode());
        });
        group.bench_function(format!("decode, {}", mix.name), |bencher| {
            bencher.iter(|| Tally::decode(&bytes));
        });
    }
    group.finish();
}

criterion_group!(benches, tally, merge, encode);
criterion_main!(benches);
