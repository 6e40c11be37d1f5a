//! The records of a drill: one caller's calls, as CloudTrail writes them.

use crate::json::{Object, array, quoted};
use crate::moment::Moment;
use crate::random::Random;
use crate::record::KMS;

/// What every record of a drill says of its agent.
const AGENT: &str = concat!(
    "keytrail-drill/",
    env!("CARGO_PKG_VERSION"),
    " (a drill, not an attack)"
);
/// A network for documentation (RFC 5737).
const ADDRESS: &str = "203.0.113.99";

/// A role that exists in a drill only, and its one session.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    account: String,
    region: String,
    role: String,
    id: String,
    access_key: String,
    signed_in: Moment,
}

/// What is called, and what came of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Call<'a> {
    /// KMS where it is empty.
    pub(super) source: &'a str,
    pub(super) operation: &'a str,
    pub(super) read_only: bool,
    /// ARNs of the keys in the record's `resources`.
    pub(super) keys: &'a [&'a str],
    pub(super) request: Option<Object>,
    pub(super) response: Option<Object>,
    /// The key's ARN, where the caller was refused.
    pub(super) refused: Option<&'a str>,
}

impl Caller {
    pub(super) fn new(
        account: &str,
        region: &str,
        role: String,
        signed_in: Moment,
        random: &mut Random,
    ) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            role,
            id: random.unique_id("AROA"),
            access_key: random.unique_id("ASIA"),
            signed_in,
        }
    }

    /// The role, which stands for all its sessions.
    pub(super) fn canonical(&self) -> String {
        format!("arn:aws:iam::{}:role/{}", self.account, self.role)
    }

    fn session(&self) -> String {
        format!(
            "arn:aws:sts::{}:assumed-role/{}/drill",
            self.account, self.role
        )
    }

    /// The record of a call, and its event id.
    pub(super) fn record(
        &self,
        time: Moment,
        call: Call<'_>,
        random: &mut Random,
    ) -> (String, String) {
        let source = if call.source.is_empty() {
            KMS
        } else {
            call.source
        };
        let or_null =
            |object: Option<Object>| object.map_or_else(|| "null".to_owned(), Object::finish);
        let id = random.uuid();
        let mut record = Object::new()
            .text("eventVersion", "1.11")
            .raw("userIdentity", &self.identity())
            .text("eventTime", &time.to_string())
            .text("eventSource", source)
            .text("eventName", call.operation)
            .text("awsRegion", &self.region)
            .text("sourceIPAddress", ADDRESS)
            .text("userAgent", AGENT);
        if let Some(key) = call.refused {
            let operation = call.operation;
            record = record.text("errorCode", "AccessDenied").text(
                "errorMessage",
                &format!(
                    "User: {} is not authorized to perform: kms:{operation} on resource: {key} because no identity-based policy allows the kms:{operation} action",
                    self.session()
                ),
            );
        }
        record = record
            .raw("requestParameters", &or_null(call.request))
            .raw("responseElements", &or_null(call.response))
            .text("requestID", &random.uuid())
            .text("eventID", &id)
            .flag("readOnly", call.read_only);
        if source == KMS && call.refused.is_none() {
            let resource = |arn: &&str| {
                Object::new()
                    .text("accountId", &self.account)
                    .text("type", "AWS::KMS::Key")
                    .text("ARN", arn)
                    .finish()
            };
            let resources: Vec<String> = call.keys.iter().map(resource).collect();
            record = record.raw("resources", &array(&resources));
        }
        let host = source.split('.').next().unwrap_or(source);
        let tls = Object::new()
            .text("tlsVersion", "TLSv1.3")
            .text("cipherSuite", "TLS_AES_128_GCM_SHA256")
            .text(
                "clientProvidedHostHeader",
                &format!("{host}.{}.amazonaws.com", self.region),
            );
        let text = record
            .text("eventType", "AwsApiCall")
            .flag("managementEvent", true)
            .text("recipientAccountId", &self.account)
            .raw("eventCategory", &quoted("Management"))
            .raw("tlsDetails", &tls.finish())
            .finish();
        (text, id)
    }

    fn identity(&self) -> String {
        let issuer = Object::new()
            .text("type", "Role")
            .text("principalId", &self.id)
            .text("arn", &self.canonical())
            .text("accountId", &self.account)
            .text("userName", &self.role);
        let attributes = Object::new()
            .text("creationDate", &self.signed_in.to_string())
            .text("mfaAuthenticated", "false");
        let context = Object::new()
            .raw("sessionIssuer", &issuer.finish())
            .raw("attributes", &attributes.finish());
        Object::new()
            .text("type", "AssumedRole")
            .text("principalId", &format!("{}:drill", self.id))
            .text("arn", &self.session())
            .text("accountId", &self.account)
            .text("accessKeyId", &self.access_key)
            .raw("sessionContext", &context.finish())
            .finish()
    }
}
