//! Every failure has an alarm that somebody hears and knows what to do about.

use serde_json::Value;

use crate::template::{list, references, resources};

/// The type of alarms.
pub const ALARM: &str = "AWS::CloudWatch::Alarm";
/// Where the runbooks stand; every alarm's description begins so.
const RUNBOOKS: &str = "docs/runbooks/README.md#";
/// Metrics without which a failure would pass unseen; alarms watch them whole, not one value of a dimension.
const WATCHED: [&str; 7] = [
    "Accounts",
    "ConservationViolations",
    "Deliveries",
    "FindingsUnpublished",
    "PartsParked",
    "Quarantined",
    "TalliesParked",
];

/// Every alarm leads to a runbook, tells somebody, and watches a metric that is published.
pub fn alarms(template: &Value, runbooks: &str, sources: &str, wrong: &mut impl FnMut(String)) {
    for (name, alarm) in resources(template, ALARM) {
        let properties = &alarm["Properties"];
        let description = properties["AlarmDescription"].as_str().unwrap_or_default();
        let anchor = description.strip_prefix(RUNBOOKS);
        let anchor = anchor.and_then(|rest| rest.split(':').next());
        let has_runbook = anchor.is_some_and(|anchor| {
            let heading = |line: &str| line.strip_prefix("## ").map(slug);
            runbooks
                .lines()
                .any(|line| heading(line).as_deref() == Some(anchor))
        });
        if !has_runbook {
            wrong(format!("{name} has no runbook"));
        }
        if list(&properties["AlarmActions"]).is_empty() {
            wrong(format!("{name} tells nobody"));
        }
        let of_metrics = list(&properties["Metrics"]);
        let metrics = of_metrics
            .iter()
            .map(|metric| &metric["MetricStat"]["Metric"]);
        for metric in metrics.chain([properties]) {
            let published = metric["MetricName"].as_str().unwrap_or_default();
            if metric["Namespace"] == "Keytrail" && !sources.contains(&format!("\"{published}\"")) {
                wrong(format!(
                    "{name} watches {published}, which nobody publishes"
                ));
            }
        }
    }
    watched(template, wrong);
}

/// Alarms watch what must be watched, and tell of it by a topic that no filter and no key silences.
fn watched(template: &Value, wrong: &mut impl FnMut(String)) {
    for metric in WATCHED {
        let is_watched = resources(template, ALARM).any(|(_, alarm)| {
            let properties = &alarm["Properties"];
            properties["Namespace"] == "Keytrail"
                && properties["MetricName"] == metric
                && properties["Dimensions"].is_null()
        });
        if !is_watched {
            wrong(format!("no alarm watches all of {metric}"));
        }
    }
    for (name, alarm) in resources(template, ALARM) {
        let told = references(&alarm["Properties"]["AlarmActions"]);
        let is_apart = told.iter().all(|topic| {
            let topic = &template["Resources"][topic];
            topic["Type"] == "AWS::SNS::Topic" && topic["Properties"]["KmsMasterKeyId"].is_null()
        });
        if !is_apart {
            wrong(format!("{name} tells by a topic of the state's key"));
        }
    }
}

/// Whether an alarm watches this metric of the resource.
pub fn is_watched(template: &Value, name: &str, metric: &str) -> bool {
    resources(template, ALARM).any(|(_, alarm)| {
        let properties = &alarm["Properties"];
        properties["MetricName"] == metric
            && references(&properties["Dimensions"])
                .iter()
                .any(|it| it == name)
    })
}

/// A heading as its anchor.
fn slug(heading: &str) -> String {
    heading.trim().to_lowercase().replace(' ', "-")
}
