//! What an invocation came to, as measurements.

use std::collections::BTreeMap;

use keytrail_aws::metrics::{Dimension, Measure, Unit};
use keytrail_detect::tally::TallyCounts;
use keytrail_event::Reading;

/// What an invocation came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Deliveries read: objects, and payloads with records.
    pub deliveries: u64,
    /// Bytes of them, as they came.
    pub bytes: u64,
    /// What they held.
    pub reading: Reading,
    /// How their records were in time.
    pub tally: TallyCounts,
    /// Tallies handed over.
    pub handed_over: u64,
    /// Parts passed over as they should be, by reason.
    pub ignored: BTreeMap<&'static str, u64>,
    /// Parts set aside, by reason.
    pub parked: BTreeMap<&'static str, u64>,
    /// Messages to be delivered again.
    pub failed: u64,
    /// Seconds from a file's stamp to its reading, at most.
    pub lag_seconds: Option<i64>,
}

impl Counts {
    /// The measurements.
    #[must_use]
    pub fn measures(&self) -> Vec<Measure> {
        let count = |name, count| Measure::count(name, Dimension::None, count);
        let mut measures = vec![
            count("Deliveries", self.deliveries),
            count("Records", self.reading.records),
            count("KmsRecords", self.reading.kms),
            count("RecordsMalformed", self.reading.malformed),
            count("RecordsLate", self.tally.late),
            count("RecordsFromTheFuture", self.tally.future),
            count("MessagesFailed", self.failed),
            Measure {
                name: "DeliveryBytes",
                unit: Unit::Bytes,
                dimension: Dimension::None,
                value: self.bytes as f64,
            },
        ];
        measures.extend(self.lag_seconds.map(|seconds| Measure {
            name: "DeliveryLag",
            unit: Unit::Seconds,
            dimension: Dimension::None,
            value: seconds.max(0) as f64,
        }));
        let by_reason = [
            ("PartsIgnored", &self.ignored),
            ("PartsParked", &self.parked),
        ];
        for (name, reasons) in by_reason {
            measures.extend(
                reasons.iter().map(|(reason, number)| {
                    Measure::count(name, Dimension::Reason(reason), *number)
                }),
            );
        }
        // A metric that never was is no alarm's friend, but a zero a call is only paid for.
        measures.retain(|measure| measure.value > 0.0 || measure.name == "Deliveries");
        measures
    }
}
