//! What an invocation came to, as measurements.

use std::collections::BTreeMap;

use keytrail_aws::metrics::{Dimension, Measure, Unit};
use keytrail_detect::tally::{Tally, TallyCounts};
use keytrail_event::{OperationClass, OutcomeFamily, Reading};

/// What an invocation came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Deliveries of the counting lane that were read: objects, and payloads with records.
    pub deliveries: u64,
    /// Bytes of them, as they came.
    pub bytes: u64,
    /// Payloads read of notable records ahead of their file.
    pub ahead: u64,
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
    /// Records kept that another record of the same invocation repeats.
    pub duplicates: u64,
    /// Distinct calls of KMS by class, and how many of them failed.
    pub calls: BTreeMap<OperationClass, (u64, u64)>,
}

impl Counts {
    /// Notes what was tallied.
    pub fn tallied(&mut self, tally: &Tally) {
        self.tally = tally.counts;
        self.duplicates = self.tally.kept.saturating_sub(tally.distinct());
        for ((class, outcome), count) in tally.calls() {
            let (calls, errors) = self.calls.entry(class).or_default();
            *calls += count;
            if outcome != OutcomeFamily::Success {
                *errors += count;
            }
        }
    }

    /// Whether every record that was read ended in exactly one count.
    pub fn is_conserved(&self) -> bool {
        let tallied = self.tally.kept + self.tally.late + self.tally.future;
        self.reading.is_conserved() && tallied == self.reading.kms + self.reading.other_services
    }

    /// The measurements.
    #[must_use]
    pub fn measures(&self) -> Vec<Measure> {
        let count = |name, count| Measure::count(name, Dimension::None, count);
        let mut measures = vec![
            count("Deliveries", self.deliveries),
            count("DeliveriesAhead", self.ahead),
            count("Records", self.reading.records),
            count("KmsRecords", self.reading.kms),
            count("RecordsMalformed", self.reading.malformed),
            count("RecordsKept", self.tally.kept),
            count("RecordsDuplicate", self.duplicates),
            count("RecordsLate", self.tally.late),
            count("RecordsFromTheFuture", self.tally.future),
            count("ConservationViolations", u64::from(!self.is_conserved())),
            count("MessagesFailed", self.failed),
            // An alarm watches one metric, and reasons are many.
            count("PartsParked", self.parked.values().sum()),
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
        for (class, (calls, errors)) in &self.calls {
            let class = Dimension::Class(*class);
            measures.extend([
                Measure::count("KmsCalls", class, *calls),
                Measure::count("KmsErrors", class, *errors),
            ]);
        }
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
