//! One CloudTrail record, and its text in either of the field orders that producers use.

use crate::actor::{Actor, Kind};
use crate::json::{Object, array, quoted};
use crate::moment::Moment;
use crate::random::Random;

/// `eventSource` of KMS records.
pub(crate) const KMS: &str = "kms.amazonaws.com";

/// In which order a producer writes a record's fields. Nothing may depend on it, so archives hold both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldOrder {
    /// `eventVersion`, `userIdentity`, `eventTime`, …: CloudTrail's own.
    Delivered,
    /// By name, as records look that came through another service.
    Alphabetical,
}

/// Where a call came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) address: String,
    pub(crate) agent: String,
    /// A direct call carries `tlsDetails`; one that a service makes does not.
    pub(crate) direct: bool,
    pub(crate) endpoint: Option<String>,
    pub(crate) console: bool,
}

impl Origin {
    /// A call by a service: its DNS name stands for address and agent.
    pub(crate) fn service(name: &str) -> Self {
        Self {
            address: name.to_owned(),
            agent: name.to_owned(),
            direct: false,
            endpoint: None,
            console: false,
        }
    }
}

/// One record; fields that are JSON already end in `_json`.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) time: Moment,
    pub(crate) version: &'static str,
    pub(crate) order: FieldOrder,
    pub(crate) identity_json: String,
    pub(crate) source: &'static str,
    pub(crate) name: &'static str,
    pub(crate) region: &'static str,
    /// The account whose trail delivers the record.
    pub(crate) account: &'static str,
    pub(crate) origin: Origin,
    pub(crate) error: Option<(&'static str, String)>,
    pub(crate) request_json: Option<String>,
    pub(crate) response_json: Option<String>,
    pub(crate) additional_json: Option<String>,
    pub(crate) details_json: Option<String>,
    /// Absent is different from empty: both occur.
    pub(crate) resources: Option<Vec<String>>,
    pub(crate) read_only: bool,
    pub(crate) event_type: &'static str,
    pub(crate) category: &'static str,
    pub(crate) request_id: Option<String>,
    pub(crate) id: String,
    pub(crate) shared_id: Option<String>,
}

impl Record {
    /// A call of this caller with nothing yet said about it, and without ids.
    pub(crate) fn draft(
        actor: &Actor,
        time: Moment,
        via: Option<&str>,
        (source, name): (&'static str, &'static str),
        region: &'static str,
    ) -> Self {
        Self {
            time,
            version: if via.is_some() { "1.08" } else { actor.version },
            order: actor.order,
            identity_json: actor.identity(time, via),
            source,
            name,
            region,
            account: actor.account,
            origin: actor.origin(time, via),
            error: None,
            request_json: None,
            response_json: None,
            additional_json: None,
            details_json: None,
            resources: None,
            read_only: true,
            event_type: "AwsApiCall",
            category: "Management",
            request_id: None,
            id: String::new(),
            shared_id: None,
        }
    }

    /// The same with ids of its own; what a service does is told to each account concerned, under a shared one.
    pub(crate) fn with_ids(mut self, random: &mut Random, actor: &Actor) -> Self {
        self.request_id = Some(random.uuid());
        self.id = random.uuid();
        self.shared_id = (actor.kind == Kind::Service).then(|| random.uuid());
        self
    }

    /// Appends the record's text.
    pub(crate) fn write(&self, out: &mut String) {
        let mut fields = self.fields();
        if self.order == FieldOrder::Alphabetical {
            fields.sort_by_key(|(name, _)| *name);
        }
        let object = fields
            .iter()
            .fold(Object::new(), |object, (name, json)| object.raw(name, json));
        out.push_str(&object.finish());
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let null = || String::from("null");
        let mut fields = vec![
            ("eventVersion", quoted(self.version)),
            ("userIdentity", self.identity_json.clone()),
            ("eventTime", quoted(&self.time.to_string())),
            ("eventSource", quoted(self.source)),
            ("eventName", quoted(self.name)),
            ("awsRegion", quoted(self.region)),
            ("sourceIPAddress", quoted(&self.origin.address)),
            ("userAgent", quoted(&self.origin.agent)),
        ];
        if let Some((code, message)) = &self.error {
            fields.push(("errorCode", quoted(code)));
            fields.push(("errorMessage", quoted(message)));
        }
        let request = self.request_json.clone();
        let response = self.response_json.clone();
        fields.push(("requestParameters", request.unwrap_or_else(null)));
        fields.push(("responseElements", response.unwrap_or_else(null)));
        if let Some(json) = &self.additional_json {
            fields.push(("additionalEventData", json.clone()));
        }
        if let Some(id) = &self.request_id {
            fields.push(("requestID", quoted(id)));
        }
        fields.push(("eventID", quoted(&self.id)));
        fields.push(("readOnly", self.read_only.to_string()));
        if let Some(resources) = &self.resources {
            fields.push(("resources", array(resources)));
        }
        fields.push(("eventType", quoted(self.event_type)));
        fields.push((
            "managementEvent",
            (self.category == "Management").to_string(),
        ));
        fields.push(("recipientAccountId", quoted(self.account)));
        if let Some(id) = &self.shared_id {
            fields.push(("sharedEventID", quoted(id)));
        }
        if let Some(json) = &self.details_json {
            fields.push(("serviceEventDetails", json.clone()));
        }
        if let Some(endpoint) = &self.origin.endpoint {
            fields.push(("vpcEndpointId", quoted(endpoint)));
        }
        fields.push(("eventCategory", quoted(self.category)));
        if self.origin.direct && self.event_type == "AwsApiCall" {
            fields.push(("tlsDetails", self.tls()));
        }
        if self.origin.console {
            // A string, not a boolean: so CloudTrail writes it.
            fields.push(("sessionCredentialFromConsole", quoted("true")));
        }
        fields
    }

    fn tls(&self) -> String {
        let service = self.source.split('.').next().unwrap_or(self.source);
        Object::new()
            .text("tlsVersion", "TLSv1.3")
            .text("cipherSuite", "TLS_AES_128_GCM_SHA256")
            .text(
                "clientProvidedHostHeader",
                &format!("{service}.{}.amazonaws.com", self.region),
            )
            .finish()
    }
}
