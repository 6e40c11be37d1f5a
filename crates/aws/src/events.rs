//! Findings as events on an EventBridge bus, for whoever wants to act on them by rule.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use keytrail_detect::finding::Finding;
use keytrail_report::shorten;

use crate::{CallFault, Connection, FaultKind};

/// The source that rules match.
pub const SOURCE: &str = "keytrail";
/// The type that rules match.
pub const DETAIL_TYPE: &str = "Keytrail Finding";
/// Most events of one call: the service's own limit.
const CALL_EVENTS_MAX: usize = 10;
/// Most bytes of one event and of one call; the service takes 256 KiB with the event's other fields.
const CALL_BYTES_MAX: usize = 250 << 10;
/// Most times that events are sent which the service refused one by one.
const ROUNDS_MAX: u32 = 4;
const PUT: &str = "events:PutEvents";

/// The bus that findings go to.
#[derive(Debug, Clone)]
pub struct Bus {
    client: aws_sdk_eventbridge::Client,
    name: String,
}

impl Bus {
    /// The bus of this name or ARN.
    #[must_use]
    pub fn new(connection: &Connection, name: &str) -> Self {
        Self {
            client: connection.eventbridge(),
            name: name.to_owned(),
        }
    }

    /// Sends findings, or fails. After a failure some may have been sent: sending again is right.
    ///
    /// # Errors
    /// When a call failed after its retries.
    pub async fn send(&self, findings: &[Finding]) -> Result<(), CallFault> {
        let mut call = Vec::new();
        let mut bytes = 0;
        for finding in findings {
            let detail = shorten::within(finding, CALL_BYTES_MAX, shorten::json);
            if call.len() == CALL_EVENTS_MAX || bytes + detail.len() > CALL_BYTES_MAX {
                self.send_call(std::mem::take(&mut call)).await?;
                bytes = 0;
            }
            bytes += detail.len();
            let entry = PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(SOURCE)
                .detail_type(DETAIL_TYPE)
                .detail(detail)
                .build();
            call.push(entry);
        }
        self.send_call(call).await
    }

    async fn send_call(&self, mut call: Vec<PutEventsRequestEntry>) -> Result<(), CallFault> {
        for round in 1.. {
            if call.is_empty() {
                break;
            }
            let request = self.client.put_events();
            let answer = request.set_entries(Some(call.clone())).send().await;
            let answer = answer.map_err(|error| CallFault::of(PUT, error))?;
            // The entries of the answer stand in the order of those of the request.
            let mut refused = answer.entries().iter().map(|entry| entry.error_code());
            let Some(code) = refused.clone().flatten().next() else {
                break;
            };
            if round == ROUNDS_MAX {
                return Err(CallFault::new(PUT, FaultKind::Unavailable, code));
            }
            call.retain(|_| refused.next().flatten().is_some());
            tokio::time::sleep(std::time::Duration::from_millis(100 << round)).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::sample;
    use crate::scripted::{Answer, Script};

    fn entries(sent: &crate::scripted::Sent) -> usize {
        let body: serde_json::Value = serde_json::from_str(&sent.body).unwrap();
        body["Entries"].as_array().unwrap().len()
    }

    #[tokio::test(start_paused = true)]
    async fn events_stay_within_a_call_and_refused_ones_are_sent_again() {
        let script = Script::new(|number, _| {
            let body = match number {
                0 => {
                    r#"{"FailedEntryCount":1,"Entries":[{"EventId":"1"},{"ErrorCode":"InternalFailure"}]}"#
                }
                _ => r#"{"FailedEntryCount":0,"Entries":[]}"#,
            };
            let body = body.to_owned();
            Some(Answer { status: 200, body })
        });
        let bus = Bus::new(&script.connection(), "default");
        let findings: Vec<_> = (0..12).map(|_| sample()).collect();
        bus.send(&findings).await.unwrap();
        let sizes: Vec<_> = script.sent().iter().map(entries).collect();
        assert_eq!(sizes, [10, 1, 2]);
    }
}
