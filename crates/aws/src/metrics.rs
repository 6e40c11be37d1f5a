//! Metrics to CloudWatch: summed first, then sent in as few calls as the service allows.
//!
//! Each distinct (name, dimension) is a metric that is paid for, so dimensions are values of short
//! lists. Accounts, principals and keys are never among them.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{Dimension as SentDimension, MetricDatum, StandardUnit};
use keytrail_detect::finding::Severity;
use keytrail_event::OperationClass;

use crate::{CallFault, Connection};

/// Where Keytrail's metrics stand.
pub const NAMESPACE: &str = "Keytrail";
/// Most metrics of one call: the service's own limit is 1,000, and its limit of 1 MB a call holds that many.
const CALL_METRICS_MAX: usize = 1_000;
const PUT: &str = "cloudwatch:PutMetricData";

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// Its name.
    pub name: &'static str,
    /// What it counts in.
    pub unit: Unit,
    /// What it is about.
    pub dimension: Dimension,
    /// Its value.
    pub value: f64,
}

/// What a measurement counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Things; measurements of one call are added.
    Count,
    /// Bytes; measurements of one call are added.
    Bytes,
    /// Seconds; the largest of one call is sent.
    Seconds,
}

/// What a measurement is about: one value of a short list, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// Everything.
    None,
    /// Findings of a severity.
    Severity(Severity),
    /// Findings of a rule or behaviour.
    Rule(&'static str),
    /// Calls of a class of operations.
    Class(OperationClass),
    /// Why something was passed over.
    Reason(&'static str),
    /// What a function did.
    Function(&'static str),
}

impl Dimension {
    const fn pair(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::None => None,
            Self::Severity(severity) => Some(("Severity", severity.as_str())),
            Self::Rule(rule) => Some(("Rule", rule)),
            Self::Class(class) => Some(("Class", class.as_str())),
            Self::Reason(reason) => Some(("Reason", reason)),
            Self::Function(function) => Some(("Function", function)),
        }
    }
}

impl Measure {
    /// A count.
    #[must_use]
    pub fn count(name: &'static str, dimension: Dimension, count: u64) -> Self {
        Self {
            name,
            unit: Unit::Count,
            dimension,
            value: count as f64,
        }
    }

    /// How long a function took over one invocation.
    #[must_use]
    pub const fn processing_time(function: &'static str, seconds: f64) -> Self {
        Self {
            name: "ProcessingTime",
            unit: Unit::Seconds,
            dimension: Dimension::Function(function),
            value: seconds,
        }
    }
}

/// Sends metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    client: aws_sdk_cloudwatch::Client,
}

impl Metrics {
    /// Metrics of the connection's account and Region.
    #[must_use]
    pub fn new(connection: &Connection) -> Self {
        Self {
            client: connection.cloudwatch(),
        }
    }

    /// Sends the measurements, summed. All calls are made even if one fails; the first fault is returned.
    ///
    /// # Errors
    /// When a call failed after its retries.
    pub async fn send(&self, measures: &[Measure]) -> Result<(), CallFault> {
        let summed = summed(measures);
        let mut result = Ok(());
        for data in summed.chunks(CALL_METRICS_MAX) {
            let request = self.client.put_metric_data().namespace(NAMESPACE);
            let sent = request.set_metric_data(Some(data.to_vec())).send().await;
            let sent = sent.map(|_| ()).map_err(|error| CallFault::of(PUT, error));
            result = result.and(sent);
        }
        result
    }
}

/// One datum a metric. Numbers that are none are left out: the service refuses the whole call for one.
fn summed(measures: &[Measure]) -> Vec<MetricDatum> {
    let mut sums = BTreeMap::new();
    for measure in measures.iter().filter(|measure| measure.value.is_finite()) {
        let metric = (measure.name, measure.unit, measure.dimension);
        sums.entry(metric)
            .and_modify(|sum: &mut f64| match measure.unit {
                Unit::Count | Unit::Bytes => *sum += measure.value,
                Unit::Seconds => *sum = sum.max(measure.value),
            })
            .or_insert(measure.value);
    }
    let datum = |((name, unit, dimension), value): ((&str, Unit, Dimension), f64)| {
        let dimension = dimension
            .pair()
            .map(|(name, value)| SentDimension::builder().name(name).value(value).build());
        MetricDatum::builder()
            .metric_name(name)
            .unit(match unit {
                Unit::Count => StandardUnit::Count,
                Unit::Bytes => StandardUnit::Bytes,
                Unit::Seconds => StandardUnit::Seconds,
            })
            .set_dimensions(dimension.map(|dimension| vec![dimension]))
            .value(value)
            .build()
    };
    sums.into_iter().map(datum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Answer, Script};

    #[test]
    fn measurements_of_one_metric_are_one_datum() {
        let seconds = |value| Measure {
            name: "Lag",
            unit: Unit::Seconds,
            dimension: Dimension::None,
            value,
        };
        let high = Dimension::Severity(Severity::High);
        let data = summed(&[
            Measure::count("Findings", high, 2),
            Measure::count("Findings", Dimension::Severity(Severity::Low), 1),
            Measure::count("Findings", high, 3),
            seconds(4.0),
            seconds(f64::NAN),
            seconds(2.0),
        ]);
        let data: Vec<_> = data
            .iter()
            .map(|datum| {
                let dimension = datum.dimensions().first();
                let dimension = dimension.and_then(|it| it.value()).unwrap_or_default();
                let name = datum.metric_name().unwrap_or_default();
                (name.to_owned(), dimension.to_owned(), datum.value())
            })
            .collect();
        let row = |name: &str, of: &str, value| (name.to_owned(), of.to_owned(), Some(value));
        assert_eq!(
            data,
            [
                row("Findings", "low", 1.0),
                row("Findings", "high", 5.0),
                row("Lag", "", 4.0)
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn calls_hold_at_most_a_thousand_and_all_are_made() {
        let names: Vec<&'static str> = (0..2_500)
            .map(|number| &*format!("metric-{number:04}").leak())
            .collect();
        let measures: Vec<_> = names
            .iter()
            .map(|name| Measure::count(name, Dimension::None, 1))
            .collect();
        let script = Script::new(|number, _| {
            Some(Answer {
                status: if number == 0 { 400 } else { 200 },
                body: String::new(),
            })
        });
        let sent = Metrics::new(&script.connection()).send(&measures).await;
        assert!(sent.is_err());
        assert_eq!(script.sent().len(), 3);
    }
}
