//! One CloudTrail record in the field's own words, whatever its producer's habits.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::context::EncryptionContext;
use crate::fields::Fields;
use crate::foreign_key::names_foreign_key;
use crate::identity_memo::{IdentityMemo, Resources};
use crate::issue::{Issue, IssueKind};
use crate::key::{KeyClues, KeyName};
use crate::operation::Operation;
use crate::outcome::Outcome;
use crate::principal::{Identity, IdentitySurroundings};
use crate::request::Request;
use crate::selection::{Selection, select};
use crate::source::{Source, agent_family, service_path};
use crate::template::TemplateId;
use crate::time::EventTime;
use crate::walker::Picked;

/// Stands for an account or Region that a record does not tell.
pub const UNKNOWN: &str = "unknown";
/// Longest account, Region or event id that is kept, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 64;
/// Longest error code that is kept, in bytes.
pub(crate) const ERROR_CODE_BYTES_MAX: usize = 128;

/// A normalised record. Texts of the input are borrowed from it.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// `eventTime`.
    pub time: EventTime,
    /// `eventID`; a record without one is told apart by its bytes.
    pub event_id: Option<Cow<'a, str>>,
    /// The account whose trail this record belongs to: `recipientAccountId`.
    pub account: Cow<'a, str>,
    /// `awsRegion`.
    pub region: Cow<'a, str>,
    /// `eventSource`.
    pub event_source: Cow<'a, str>,
    /// The operation and its class.
    pub operation: Operation<'a>,
    /// Who called.
    pub identity: Arc<Identity>,
    /// The key, as this record names it. For ReEncrypt the source.
    pub key: Option<KeyName>,
    /// The destination key of ReEncrypt.
    pub destination_key: Option<KeyName>,
    /// How the call ended.
    pub outcome: Outcome<'a>,
    /// `errorMessage`.
    pub error_message: Option<Cow<'a, str>>,
    /// `sourceIPAddress`, as written.
    pub source: Option<Cow<'a, str>>,
    /// `userAgent`, as written.
    pub user_agent: Option<Cow<'a, str>>,
    /// `vpcEndpointId`.
    pub vpc_endpoint_id: Option<Cow<'a, str>>,
    /// Whether the record has `tlsDetails`, as direct calls do.
    pub has_tls_details: bool,
    /// The encryption context, or the source's of ReEncrypt.
    pub context: EncryptionContext<'a>,
    /// `sharedEventID`: links the copies of a cross-account call.
    pub shared_event_id: Option<Cow<'a, str>>,
    /// `additionalEventData`, as raw JSON.
    pub additional_event_data: Option<&'a str>,
    /// Whether `eventType` is `AwsServiceEvent`: AWS did this by itself.
    pub is_service_event: bool,
    /// The record's JSON text.
    pub raw: &'a str,
    /// The template that the record follows, if the reader knows one: see [`TemplateId`].
    pub template: Option<TemplateId>,
    pub(crate) body: Body,
}

/// A record's JSON tree, parsed when somebody asks for it first.
#[derive(Clone, Default)]
pub(crate) struct Body(OnceLock<Box<Value>>);

impl std::fmt::Debug for Body {
    /// It says what `raw` says.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body")
    }
}

/// What became of one record's fields.
pub(crate) enum Normalised {
    /// It was kept.
    Kept,
    /// A record that nobody reads.
    Skipped,
    /// A CloudTrail Insights record.
    Insight,
}

/// The hash that tells events apart: of `eventID`, or of the record's bytes where it has none.
/// XXH3, 64 bits (xxhash specification), the same on every machine.
#[must_use]
pub fn event_hash(event_id: Option<&str>, raw: &str) -> u64 {
    xxh3_64(event_id.unwrap_or(raw).as_bytes())
}

impl<'a> Record<'a> {
    /// Turns the fields of one record into the record, and hands it to `keep` if somebody reads it.
    #[inline(always)]
    pub(crate) fn normalise(
        fields: Fields<'a>,
        raw: &'a str,
        picked: &mut Picked,
        memo: &mut IdentityMemo,
        keep: &mut impl FnMut(&mut Self, Selection),
    ) -> Result<Normalised, Issue> {
        let bad = |kind, detail: &str| Issue::new(kind, None, detail);
        let unsound = |_| bad(IssueKind::NotJson, "");
        let event_type = fields.event_type.as_deref();
        let is_insight = event_type == Some("AwsCloudTrailInsight");
        let later = [
            fields.user_identity,
            fields.resources,
            fields.request_parameters,
        ];
        let (Some(event_source), Some(event_name)) = (fields.event_source, fields.event_name)
        else {
            if is_insight {
                memo.check(later).map_err(unsound)?;
                return Ok(Normalised::Insight);
            }
            return Err(bad(IssueKind::NotARecord, "no eventSource or no eventName"));
        };
        // That nobody reads it comes first: the walk stops at source and name.
        let selection = select(&event_source, &event_name);
        let is_skipped = match selection {
            Selection::Kms | Selection::OtherService => false,
            Selection::IfForeignKey => {
                !names_foreign_key(raw, fields.recipient_account_id.as_deref())
            }
            Selection::Skip => true,
        };
        if is_skipped {
            memo.check(later).map_err(unsound)?;
            return Ok(Normalised::Skipped);
        }
        if is_insight {
            memo.check(later).map_err(unsound)?;
            return Ok(Normalised::Insight);
        }
        let time = fields
            .event_time
            .as_deref()
            .ok_or_else(|| bad(IssueKind::BadTime, "no eventTime"))?;
        let time = EventTime::parse(time).ok_or_else(|| bad(IssueKind::BadTime, time))?;
        let is_service_event = event_type == Some("AwsServiceEvent");
        let surroundings = IdentitySurroundings {
            event_source: &event_source,
            is_service_event,
            recipient_account: fields.recipient_account_id.as_deref(),
        };
        let request = match fields.request_parameters {
            Some(request) => memo.request(raw, request).map_err(unsound)?,
            None => Request::default(),
        };
        let known = picked.known_identity();
        let identity = match known.and_then(|known| memo.known(known, surroundings)) {
            Some(identity) => identity,
            None => {
                let identity = memo.identity(fields.user_identity, surroundings);
                let identity = identity.map_err(unsound)?;
                if let Some(place) = picked.learn_identity() {
                    memo.remember(&identity, place, surroundings);
                }
                identity
            }
        };
        let resources = memo.resources(fields.resources).map_err(unsound)?;
        let own = |text: &str| Cow::Owned(text.to_owned());
        let account = fields
            .recipient_account_id
            .filter(|account| !account.is_empty())
            .or_else(|| identity.account.as_deref().map(own))
            .or_else(|| resources.account.as_deref().map(own))
            .unwrap_or(Cow::Borrowed(UNKNOWN));
        let account = cut(account, NAME_BYTES_MAX);
        let region = fields.aws_region.filter(|region| !region.is_empty());
        let region = cut(region.unwrap_or(Cow::Borrowed(UNKNOWN)), NAME_BYTES_MAX);
        let operation = match selection {
            Selection::Kms => Operation::kms(cut(event_name, NAME_BYTES_MAX)),
            _ => Operation::of_other_service(event_name),
        };
        let keys = Keys {
            is_reencrypt: operation.name() == "ReEncrypt",
            request: &request,
            resources,
            answers: [fields.response_elements, fields.service_event_details],
            error_message: fields.error_message.as_deref(),
            account: &account,
            region: &region,
        };
        let (key, destination_key) = match selection {
            Selection::Kms => (keys.key(), keys.destination()),
            _ => (None, None),
        };
        let outcome = fields
            .error_code
            .filter(|code| !code.is_empty())
            .map_or(Outcome::Success, |code| {
                Outcome::Error(cut(code, ERROR_CODE_BYTES_MAX))
            });
        let mut record = Record {
            time,
            event_id: fields
                .event_id
                .filter(|id| !id.is_empty())
                .map(|id| cut(id, NAME_BYTES_MAX)),
            account,
            region,
            event_source,
            operation,
            identity,
            key,
            destination_key,
            outcome,
            error_message: fields.error_message,
            source: fields.source_ip_address,
            user_agent: fields.user_agent,
            vpc_endpoint_id: fields.vpc_endpoint_id,
            has_tls_details: fields.tls_details.is_some(),
            context: request.context,
            shared_event_id: fields.shared_event_id,
            additional_event_data: fields.additional_event_data,
            is_service_event,
            raw,
            template: None,
            body: Body::default(),
        };
        keep(&mut record, selection);
        Ok(Normalised::Kept)
    }

    /// Whether this is a KMS record (and not one of another service that rules read).
    #[must_use]
    pub fn is_kms(&self) -> bool {
        self.event_source == crate::selection::KMS
    }

    /// The canonical principal.
    #[must_use]
    pub fn principal(&self) -> &str {
        &self.identity.principal
    }

    /// The service path: the service that made the call for the principal, or `direct`.
    #[must_use]
    pub fn service_path(&self) -> &str {
        service_path(self.identity.invoked_by.as_deref(), self.source.as_deref())
    }

    /// The network the call came from; only direct calls tell one.
    #[must_use]
    pub fn network(&self) -> Option<String> {
        Source::read(self.source.as_deref()).network()
    }

    /// Product and major version of the caller's agent, where the agent is the caller's.
    #[must_use]
    pub fn agent_family(&self) -> Option<Cow<'_, str>> {
        agent_family(self.user_agent.as_deref())
    }

    /// Its [`event_hash`].
    #[must_use]
    pub fn event_hash(&self) -> u64 {
        event_hash(self.event_id.as_deref(), self.raw)
    }

    /// The whole record as a JSON tree, for rules that read more than the normalised fields.
    #[must_use]
    pub fn body(&self) -> &Value {
        let Body(body) = &self.body;
        body.get_or_init(|| Box::new(parse_whole(self.raw)))
    }
}

/// Parses a record that was carried whole. Text that is not JSON gives `null`.
#[must_use]
pub fn parse_whole(raw: &str) -> Value {
    let mut bytes = raw.as_bytes().to_vec();
    simd_json::serde::from_slice(&mut bytes).unwrap_or(Value::Null)
}

/// What decides the keys of a KMS record.
struct Keys<'r> {
    is_reencrypt: bool,
    request: &'r Request<'r>,
    resources: &'r Resources,
    /// `responseElements` and `serviceEventDetails`.
    answers: [Option<&'r str>; 2],
    error_message: Option<&'r str>,
    account: &'r str,
    region: &'r str,
}

impl Keys<'_> {
    fn key(&self) -> Option<KeyName> {
        if !self.is_reencrypt
            && let Some(key) = &self.resources.key
        {
            return Some(key.clone());
        }
        let request = self.request;
        let requested = request
            .source_key_id
            .as_deref()
            .or(request.key_id.as_deref())
            .or(request.target_key_id.as_deref());
        let [response, service_event] = self.answers;
        let answered = answered_key(response, service_event);
        let clues = KeyClues {
            resource_arns: &self.resources.arns,
            requested,
            requested_first: self.is_reencrypt,
            answered: answered.as_deref(),
            alias: request.alias_name.as_deref(),
            error_message: self.error_message,
        };
        if self.is_reencrypt && requested.is_none_or(|text| self.named(text).is_none()) {
            // The source is whichever of the two keys the request does not name as destination.
            let destination = self.requested_destination();
            let other = self.keys_of_resources().find(|key| {
                destination
                    .as_ref()
                    .is_some_and(|destination| key != destination)
            });
            if other.is_some() {
                return other;
            }
        }
        KeyName::choose(&clues, self.account, self.region)
    }

    /// The destination as the request names it, else the other one of the two keys in `resources[]`
    /// (source before destination, where nothing else tells them apart), else its alias.
    fn destination(&self) -> Option<KeyName> {
        if !self.is_reencrypt {
            return None;
        }
        let source = self.request.source_key_id.as_deref();
        let source = source.and_then(|text| self.named(text));
        self.requested_destination()
            .or_else(|| {
                let mut keys = self.keys_of_resources();
                match &source {
                    Some(source) => keys.find(|key| key != source),
                    None => None,
                }
            })
            .or_else(|| self.keys_of_resources().nth(1))
            .or_else(|| {
                let text = self.request.destination_key_id.as_deref()?;
                KeyName::from_request(text, self.account, self.region)
            })
    }

    /// The destination that the request names by anything but an alias, or by an alias's ARN: then it is the one key of that
    /// account in `resources[]`, in whatever order, or known by its alias only.
    fn requested_destination(&self) -> Option<KeyName> {
        let text = self.request.destination_key_id.as_deref()?;
        let named = KeyName::from_request(text, self.account, self.region)?;
        if !named.is_alias() {
            return Some(named);
        }
        // An alias without account is the caller's, who may be of another account than the record.
        if !text.starts_with("arn:") {
            return None;
        }
        let source = self.request.source_key_id.as_deref();
        let source = source.and_then(|text| self.named(text));
        let mut of_account = self
            .keys_of_resources()
            .filter(|key| key.account() == named.account() && Some(key) != source.as_ref());
        match (of_account.next(), of_account.next()) {
            (Some(only), None) => Some(only),
            (Some(_), Some(_)) => None,
            (None, _) => Some(named),
        }
    }

    /// The key that the request names by anything but an alias.
    fn named(&self, text: &str) -> Option<KeyName> {
        KeyName::from_request(text, self.account, self.region).filter(|key| !key.is_alias())
    }

    fn keys_of_resources(&self) -> impl Iterator<Item = KeyName> {
        self.resources
            .arns
            .iter()
            .filter_map(|arn| KeyName::from_key_arn(arn))
    }
}

/// The key that the answer names: `responseElements.keyId`, the new key of CreateKey, or `serviceEventDetails.keyId`.
fn answered_key(response: Option<&str>, service_event: Option<&str>) -> Option<String> {
    let named = |raw: &str, pointers: &[&str]| {
        let value: Value = serde_json::from_str(raw).ok()?;
        pointers.iter().find_map(|pointer| {
            value
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        })
    };
    response
        .and_then(|raw| {
            named(
                raw,
                &["/keyId", "/keyMetadata/arn", "/replicaKeyMetadata/arn"],
            )
        })
        .or_else(|| service_event.and_then(|raw| named(raw, &["/keyId"])))
}

#[inline(always)]
fn cut(text: Cow<'_, str>, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return text;
    }
    cut_long(&text, bytes_max)
}

#[cold]
fn cut_long<'a>(text: &str, bytes_max: usize) -> Cow<'a, str> {
    Cow::Owned(text[..text.floor_char_boundary(bytes_max)].to_owned())
}
