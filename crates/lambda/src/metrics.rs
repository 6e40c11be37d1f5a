//! Metrics that are sent, or missed in the log: no delivery waits for them.

use keytrail_aws::metrics::{Measure, Metrics};
use serde_json::Value;

use crate::log::{Level, log};

/// Sends what was measured; what cannot be sent is lost, and the log says so.
pub async fn send(metrics: &Metrics, measures: &[Measure]) {
    if let Err(fault) = metrics.send(measures).await {
        let why = [("why", Value::from(fault.to_string()))];
        log(Level::Error, "metrics were lost", why);
    }
}
