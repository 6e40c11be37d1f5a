//! Account-days written to and read from a state file.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keytrail_benches::{MIXES, deliveries};
use keytrail_detect::tally::Tally;
use keytrail_event::{Day, Issue, Reader, Record, Repeat, Sink};
use keytrail_store::{Durability, MemoryStore, SqliteOptions, SqliteStore, Store};
use pollster::block_on;

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

fn encoded_tally() -> Vec<u8> {
    let mut count = Count(Tally::default());
    let mut reader = Reader::default();
    for delivery in deliveries(MIXES[0]) {
        reader.read(&delivery, &mut count);
    }
    count.0.encode()
}

/// Each write is a commit of its own to the next of a thousand days.
#[allow(clippy::unwrap_used)]
fn measure(criterion: &mut Criterion, name: &str, store: &impl Store) {
    let bytes = encoded_tally();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    let day = |number: i64| Day::from_days_since_1970(number % 1_000);
    let mut number = 0_i64;
    group.bench_function("write an account-day", |bencher| {
        bencher.iter(|| {
            number += 1;
            let mut changed = bytes.clone();
            changed.extend_from_slice(&number.to_le_bytes());
            block_on(async {
                let read = store.read_tally("111122223333", day(number)).await.unwrap();
                let version = read.map(|read| read.version);
                store
                    .write_tally("111122223333", day(number), &changed, version.as_ref())
                    .await
                    .unwrap()
            })
        });
    });
    // Only days that were written: looking for others costs nothing.
    let written = number;
    group.bench_function("read an account-day", |bencher| {
        bencher.iter(|| {
            number += 1;
            let read = store.read_tally("111122223333", day(1 + number % written));
            block_on(read).unwrap().unwrap()
        });
    });
    group.finish();
}

#[allow(clippy::unwrap_used)]
fn stores(criterion: &mut Criterion) {
    measure(criterion, "memory", &MemoryStore::default());
    let folder = tempfile::tempdir().unwrap();
    for (name, durability) in [
        ("SQLite, outlives the process", Durability::Process),
        ("SQLite, outlives the power", Durability::Power),
    ] {
        let options = SqliteOptions {
            durability,
            ..SqliteOptions::default()
        };
        let path = folder.path().join(format!("{durability:?}.db"));
        measure(
            criterion,
            name,
            &SqliteStore::open(&path, &options).unwrap(),
        );
    }
}

criterion_group!(benches, stores);
criterion_main!(benches);
