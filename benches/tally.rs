//! Bytes to tally: what counting costs on top of reading.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keytrail_benches::{MIXES, deliveries};
use keytrail_detect::tally::Tally;
use keytrail_event::{Issue, Reader, Record, Sink};

struct Count(Tally);

impl Sink for Count {
    fn record(&mut self, record: &Record<'_>) {
        self.0.add(record, None);
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

criterion_group!(benches, tally);
criterion_main!(benches);
