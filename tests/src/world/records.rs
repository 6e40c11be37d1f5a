//! CloudTrail records as the world writes them.

use keytrail_event::EventTime;

/// 2023-11-15T00:00:00Z, where every world begins.
pub(super) const START: i64 = 1_700_006_400;

pub(super) fn moment(second: i64) -> EventTime {
    EventTime::from_unix_seconds(START + second)
}

/// A call, before it is written.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub second: i64,
    pub account: &'a str,
    pub region: &'a str,
    /// The ARN of the caller.
    pub caller: String,
    /// The account of the caller.
    pub caller_account: &'a str,
    pub operation: &'a str,
    /// The account that owns the key, and the key's id.
    pub key: Option<(&'a str, &'a str)>,
    /// Members of requestParameters, as JSON without braces.
    pub request: String,
    pub error: Option<&'a str>,
    /// Where a direct call came from.
    pub source: String,
    /// The service that called for the principal.
    pub invoked_by: Option<&'a str>,
    pub event_id: String,
    /// What the two copies of a cross-account call have in common.
    pub shared_event_id: Option<String>,
}

impl Call<'_> {
    /// The record as JSON.
    pub fn record(&self) -> String {
        let Self {
            account,
            region,
            caller,
            caller_account,
            operation,
            request,
            event_id,
            ..
        } = self;
        let time = moment(self.second);
        let mut text = format!(
            r#"{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"kms.amazonaws.com","eventName":"{operation}","awsRegion":"{region}","eventID":"{event_id}","recipientAccountId":"{account}","requestParameters":{{{request}}}"#
        );
        let (kind, invoked_by) = match self.invoked_by {
            Some(service) => (r#""invokedBy":"#, format!("\"{service}\",")),
            None => ("", String::new()),
        };
        let source = self.invoked_by.unwrap_or(&self.source);
        let agent = self.invoked_by.unwrap_or("aws-cli/2.15.1");
        text.push_str(&format!(
            r#","sourceIPAddress":"{source}","userAgent":"{agent}","userIdentity":{{{kind}{invoked_by}"type":"IAMUser","arn":"{caller}","accountId":"{caller_account}"}}"#
        ));
        if let Some((owner, key)) = self.key {
            text.push_str(&format!(
                r#","resources":[{{"ARN":"arn:aws:kms:{region}:{owner}:key/{key}","accountId":"{owner}"}}]"#
            ));
        }
        if let Some(error) = self.error {
            text.push_str(&format!(r#","errorCode":"{error}""#));
        }
        if let Some(shared) = &self.shared_event_id {
            text.push_str(&format!(r#","sharedEventID":"{shared}""#));
        }
        text.push('}');
        text
    }
}
