//! Bytes to records: what reading a decompressed delivery costs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keytrail_benches::{MIXES, deliveries};
use keytrail_event::{Issue, Reader, Record, Sink};

/// Counts, so that nothing is optimised away.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn record(&mut self, record: &Record<'_>) {
        self.0 += record.raw.len() as u64;
    }
    fn issue(&mut self, _: Issue) {}
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    for mix in MIXES {
        let deliveries = deliveries(mix);
        group.throughput(Throughput::Bytes(
            deliveries.iter().map(|bytes| bytes.len() as u64).sum(),
        ));
        group.bench_function(mix.name, |bencher| {
            let mut reader = Reader::default();
            bencher.iter(|| {
                let mut count = Count::default();
                for delivery in &deliveries {
                    reader.read(delivery, &mut count);
                }
                count.0
            });
        });
    }
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
