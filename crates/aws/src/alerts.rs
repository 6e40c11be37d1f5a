//! Alerts through SNS: text for people, the finding as OCSF for programs, attributes for filter policies.

use aws_sdk_sns::types::MessageAttributeValue;
use keytrail_detect::finding::{Finding, FindingState};
use keytrail_report::{Color, Page, escape, explain, ocsf, shorten};
use serde_json::json;

use crate::triage_command::TriageFunction;
use crate::{CallFault, Connection, FaultKind};

/// Longest subject, in characters: the service's own limit is one more.
const SUBJECT_CHARACTERS_MAX: usize = 99;
/// Most bytes of a message with its attributes; the service takes 256 KiB. The text for people and
/// the JSON for programs share it, each escaped once more inside the message.
const MESSAGE_BYTES_MAX: usize = 240 << 10;
/// Most bytes of the JSON at first; a quarter less each time that the message is too long with it.
const JSON_BYTES_MAX: usize = 120 << 10;
/// Most bytes of the text for people.
const TEXT_BYTES_MAX: usize = 32 << 10;
/// Longest value of an attribute, in bytes.
const ATTRIBUTE_BYTES_MAX: usize = 256;
/// Width of the text: mail programs break longer lines.
const TEXT_COLUMNS: usize = 78;
const PUBLISH: &str = "sns:Publish";

/// A composed alert: what is sent, byte by byte.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// One line of ASCII.
    pub subject: String,
    /// The text by protocol: `email` for people, `default` for programs, which is an OCSF Detection Finding.
    pub message: String,
    /// At most ten, which is what queues take with raw delivery.
    pub attributes: Vec<Attribute>,
}

/// One attribute for filter policies.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// `String` or `Number`.
    pub kind: &'static str,
    /// Its value, never empty.
    pub value: String,
}

impl Alert {
    /// The alert of a finding; where a function takes notes of what people did about it, it says how.
    #[must_use]
    pub fn compose(finding: &Finding, triage: Option<&TriageFunction>) -> Self {
        let attributes = attributes(finding);
        let spent: usize = attributes
            .iter()
            .map(|it| it.name.len() + it.kind.len() + it.value.len())
            .sum();
        let mut text = text(finding);
        // What is withdrawn asks nothing of anybody.
        if let Some(triage) = triage.filter(|_| finding.state != FindingState::Withdrawn) {
            text.push_str(&triage.section(finding));
        }
        let mut json_bytes_max = JSON_BYTES_MAX;
        let message = loop {
            let whole = shorten::within(finding, json_bytes_max, ocsf::line);
            let message = json!({ "default": whole, "email": text }).to_string();
            if message.len() + spent <= MESSAGE_BYTES_MAX || json_bytes_max < 1_024 {
                break message;
            }
            json_bytes_max = json_bytes_max / 4 * 3;
        };
        Self {
            subject: subject(finding),
            message,
            attributes,
        }
    }
}

fn subject(finding: &Finding) -> String {
    let state = match finding.state {
        FindingState::Withdrawn => " withdrawn",
        FindingState::Provisional => " provisional",
        _ => "",
    };
    let severity = finding.severity.as_str().to_uppercase();
    let text = format!(
        "Keytrail {severity}{state} in {}: {}",
        finding.account, finding.title
    );
    let text = text.chars().map(|character| match character {
        ' '..='~' => character,
        _ => '?',
    });
    let text: String = text.take(SUBJECT_CHARACTERS_MAX).collect();
    text.trim_end().to_owned()
}

/// The explanation that `keytrail explain` prints: what, why, how sure, and what to do next.
fn text(finding: &Finding) -> String {
    let page = Page::new(Some(TEXT_COLUMNS), Color::Plain);
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = explain::write_explanation(finding, &page, &mut text);
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push_str("\n… cut here; the store has the whole finding\n");
    }
    text
}

fn attributes(finding: &Finding) -> Vec<Attribute> {
    let text = |name, value: &str| Attribute {
        name,
        kind: "String",
        value: plain(value),
    };
    let number = |name, value: String| Attribute {
        name,
        kind: "Number",
        value,
    };
    let state = match finding.state {
        FindingState::Provisional => "provisional",
        FindingState::Final => "final",
        FindingState::Withdrawn => "withdrawn",
        FindingState::Expected => "expected",
        FindingState::Suppressed => "suppressed",
        FindingState::Shadow => "shadow",
    };
    let mut attributes = vec![
        text("severity", finding.severity.as_str()),
        text("state", state),
        text("rule", &finding.rule),
        text("account", &finding.account),
        number("score", format!("{:.2}", finding.score)),
        number("revision", finding.revision.to_string()),
    ];
    let optional = [
        ("region", finding.region.as_deref()),
        ("principal", finding.principal.as_deref()),
        ("key", finding.key.as_deref()),
        (
            "technique",
            finding.attack.first().map(|attack| &*attack.technique),
        ),
    ];
    let optional = optional
        .into_iter()
        .filter_map(|(name, value)| Some(text(name, value?)));
    attributes.extend(optional);
    attributes.retain(|attribute| !attribute.value.is_empty());
    attributes
}

/// A value that the service takes: no controls, not too long.
fn plain(value: &str) -> String {
    let mut value = escape::terminal(value).into_owned();
    value.truncate(value.floor_char_boundary(ATTRIBUTE_BYTES_MAX));
    value
}

/// The topic that alerts go to.
#[derive(Debug, Clone)]
pub struct Topic {
    client: aws_sdk_sns::Client,
    arn: String,
}

impl Topic {
    /// The topic of this ARN.
    #[must_use]
    pub fn new(connection: &Connection, arn: &str) -> Self {
        Self {
            client: connection.sns(),
            arn: arn.to_owned(),
        }
    }

    /// Publishes an alert.
    ///
    /// # Errors
    /// When the call failed after its retries.
    pub async fn publish(&self, alert: &Alert) -> Result<(), CallFault> {
        let mut request = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .subject(&alert.subject)
            .message(&alert.message)
            .message_structure("json");
        for attribute in &alert.attributes {
            let value = MessageAttributeValue::builder()
                .data_type(attribute.kind)
                .string_value(&attribute.value)
                .build()
                .map_err(|error| CallFault::new(PUBLISH, FaultKind::Refused, &error.to_string()))?;
            request = request.message_attributes(attribute.name, value);
        }
        let sent = request.send().await;
        sent.map(|_| ())
            .map_err(|error| CallFault::of(PUBLISH, error))
    }
}

/// A finding for tests.
#[cfg(test)]
pub(crate) fn sample() -> Finding {
    let json = json!({
        "id": "key-deletion-scheduled-b3f7e5595fe0b9a1",
        "episode": "key-deletion-scheduled-b3f7e5595fe0b9a1@2024-01-31",
        "revision": 2, "published_at": null, "state": "provisional", "triage": "open",
        "rule": "key-deletion-scheduled",
        "title": "rosé scheduled the deletion of a key that was used 40 minutes ago",
        "severity": "critical", "score": 18.0, "confidence": 1.0,
        "account": "111122223333", "region": "eu-west-1",
        "principal": "arn:aws:iam::111122223333:user/rosé",
        "key": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "first_seen": "2024-01-31T23:42:18Z", "last_seen": "2024-01-31T23:42:18Z", "count": 1,
        "event_ids": ["8ddd3ba9-9a7e-4b3b-b1ec-000000000001"],
        "evidence": [{
            "feature": "deletion_window_days", "observed": "7", "expected": "30", "one_in": null,
            "history": null, "weight": null,
            "text": "The key goes on 2024-02-07, after the shortest window there is.",
        }],
        "attack": [{ "version": "v18", "tactic": "TA0040", "technique": "T1485" }],
        "practice": "deletion safety",
        "next_steps": ["Cancel the deletion (CancelKeyDeletion) before its date."],
        "generation": null,
    });
    serde_json::from_value(json).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Answer, Script};

    #[test]
    fn an_alert_can_be_acted_on() {
        let triage = TriageFunction {
            name: "keytrail-sweep".to_owned(),
            region: "eu-west-1".to_owned(),
        };
        let alert = Alert::compose(&sample(), Some(&triage));
        let bodies: serde_json::Value = serde_json::from_str(&alert.message).unwrap();
        let attributes: Vec<String> = alert
            .attributes
            .iter()
            .map(|it| format!("{} ({}) = {}", it.name, it.kind, it.value))
            .collect();
        let shown = format!(
            "Subject: {}\n{}\n\n{}",
            alert.subject,
            attributes.join("\n"),
            bodies["email"].as_str().unwrap()
        );
        insta::assert_snapshot!(shown);
        let ocsf: serde_json::Value =
            serde_json::from_str(bodies["default"].as_str().unwrap()).unwrap();
        assert_eq!(ocsf, ocsf::of(&sample()));
    }

    #[test]
    fn what_is_withdrawn_asks_nothing() {
        let triage = TriageFunction {
            name: "keytrail-sweep".to_owned(),
            region: "eu-west-1".to_owned(),
        };
        let mut finding = sample();
        finding.state = FindingState::Withdrawn;
        let alert = Alert::compose(&finding, Some(&triage));
        assert_eq!(alert, Alert::compose(&finding, None));
    }

    #[test]
    fn hostile_and_long_findings_stay_within_the_limits() {
        let mut finding = sample();
        finding.title = format!("\r\nBcc: x\u{202e}{}", "\u{1}\"".repeat(200_000));
        finding.principal = Some("\u{0}".repeat(100_000));
        finding.region = Some(String::new());
        for reason in 0..500 {
            finding
                .evidence
                .push(keytrail_detect::finding::Evidence::new(
                    "text",
                    format!("{reason} {}", "\\\"".repeat(1_000)),
                ));
        }
        let alert = Alert::compose(&finding, None);
        assert!(alert.subject.len() < 100 && alert.subject.is_ascii());
        assert!(!alert.subject.contains(['\r', '\n']));
        assert!(alert.attributes.len() <= 10);
        for attribute in &alert.attributes {
            assert!(!attribute.value.is_empty() && attribute.value.len() <= 256);
            assert!(!attribute.value.chars().any(char::is_control));
        }
        assert!(alert.message.len() < 256 << 10, "{}", alert.message.len());
    }

    #[tokio::test(start_paused = true)]
    async fn publishing_survives_throttling() {
        let script = Script::new(|number, _| {
            let (status, body) = if number == 0 {
                (
                    400,
                    "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>",
                )
            } else {
                (
                    200,
                    "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>",
                )
            };
            let body = body.to_owned();
            Some(Answer { status, body })
        });
        let topic = Topic::new(&script.connection(), "arn:aws:sns:eu-west-1:111122223333:t");
        let published = topic.publish(&Alert::compose(&sample(), None)).await;
        assert_eq!((published, script.sent().len()), (Ok(()), 2));
    }
}
