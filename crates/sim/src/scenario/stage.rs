//! Where calls become records: fills in what every record of CloudTrail has, and what a key's state does to a call.

use crate::actor::{Actor, internal_identity};
use crate::json::Object;
use crate::key::{Key, Naming};
use crate::moment::Moment;
use crate::random::Random;
use crate::record::{FieldOrder, Origin, Record};
use crate::request;

use super::cast::{Cast, HOME};

pub(crate) use crate::record::KMS;

/// A key that answers no more from some moment on.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) key: String,
    pub(crate) from: Moment,
    pub(crate) code: &'static str,
    /// What follows the key's ARN in the error message.
    pub(crate) message: &'static str,
}

/// What an attack changes for everybody else.
#[derive(Debug, Clone, Default)]
pub(crate) struct Damage {
    pub(crate) troubles: Vec<Trouble>,
    /// An alias that names another key from some moment on.
    pub(crate) repointed: Option<(String, Moment, Key)>,
}

/// A cryptographic call.
#[derive(Debug, Clone)]
pub(crate) struct Use<'a> {
    pub(crate) operation: &'static str,
    pub(crate) key: &'a Key,
    pub(crate) naming: Naming,
    pub(crate) context: Vec<(&'static str, String)>,
}

/// One process of the organisation: its own stream of chance and the records it made.
pub(crate) struct Stage<'a> {
    pub(crate) cast: &'a Cast,
    pub(crate) damage: &'a Damage,
    pub(crate) random: Random,
    pub(crate) records: Vec<Record>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(cast: &'a Cast, damage: &'a Damage, name: &str) -> Self {
        Self {
            cast,
            damage,
            random: Random::stream(cast.seed, name),
            records: Vec::new(),
        }
    }

    /// A record of this caller with nothing yet said about the call.
    pub(crate) fn draft(
        &mut self,
        actor: &Actor,
        time: Moment,
        via: Option<&str>,
        source: &'static str,
        name: &'static str,
    ) -> Record {
        Record::draft(actor, time, via, (source, name), HOME).with_ids(&mut self.random, actor)
    }

    pub(crate) fn push(&mut self, record: Record) -> String {
        let id = record.id.clone();
        self.records.push(record);
        id
    }

    /// Cryptography with a key; a call across accounts is logged in both. The id is the caller's record's.
    pub(crate) fn use_key(
        &mut self,
        actor: &Actor,
        time: Moment,
        via: Option<&str>,
        call: &Use<'_>,
    ) -> String {
        let mut record = self.draft(actor, time, via, KMS, call.operation);
        let damage = self.damage;
        let key = match &damage.repointed {
            Some((alias, from, planted))
                if *alias == call.key.alias
                    && time >= *from
                    && call.operation != "Decrypt"
                    && matches!(call.naming, Naming::Alias | Naming::AliasArn) =>
            {
                planted
            }
            _ => call.key,
        };
        let name = match call.naming {
            Naming::Arn | Naming::Id => key.named(call.naming),
            Naming::Alias | Naming::AliasArn => call.key.named(call.naming),
        };
        let request =
            request::cryptographic(&mut self.random, call.operation, key, &name, &call.context);
        record.request_json = Some(request);
        record.resources = Some(vec![key.resource()]);
        record.region = key.region;
        if record.version == "1.11" {
            let material = Object::new().text("keyMaterialId", &key.material);
            record.additional_json = Some(material.finish());
        }
        self.apply_trouble(&mut record, key);
        if key.account != actor.account {
            let shared = self.random.uuid();
            record.shared_id = Some(shared);
            let mut owners = record.clone();
            owners.account = key.account;
            owners.id = self.random.uuid();
            owners.identity_json = actor.foreign_identity(time);
            self.records.push(owners);
        }
        self.push(record)
    }

    /// A call that reads or changes a key, or names none.
    pub(crate) fn manage(
        &mut self,
        actor: &Actor,
        time: Moment,
        operation: &'static str,
        key: Option<&Key>,
        request: Option<String>,
    ) -> Record {
        let mut record = self.draft(actor, time, None, KMS, operation);
        record.request_json = request;
        record.resources = Some(key.map(Key::resource).into_iter().collect());
        record.read_only = ["Describe", "List", "Get"]
            .iter()
            .any(|prefix| operation.starts_with(prefix));
        record
    }

    /// A KMS call refused: no parameters, no resources, the key only in the message.
    pub(crate) fn refuse(
        &mut self,
        actor: &Actor,
        time: Moment,
        operation: &'static str,
        key: Option<&Key>,
    ) -> String {
        let mut record = self.manage(actor, time, operation, key, None);
        record.resources = None;
        record.read_only = !matches!(operation, "CreateKey" | "CreateGrant" | "PutKeyPolicy");
        record.error = Some((
            "AccessDenied",
            request::refusal(&actor.arn_at(time), operation, key),
        ));
        self.push(record)
    }

    /// A call to another service than KMS.
    pub(crate) fn other(
        &mut self,
        actor: &Actor,
        time: Moment,
        source: &'static str,
        name: &'static str,
        request: Option<String>,
    ) -> Record {
        let mut record = self.draft(actor, time, None, source, name);
        record.version = match source {
            "ec2.amazonaws.com" | "iam.amazonaws.com" => "1.09",
            "cloudtrail.amazonaws.com" => "1.10",
            _ => record.version,
        };
        // The account has an endpoint for KMS only.
        record.origin.endpoint = None;
        record.request_json = request;
        record
    }

    /// Something AWS does to a key by itself, such as its yearly rotation.
    pub(crate) fn service_event(&mut self, key: &Key, time: Moment, name: &'static str) -> String {
        let record = Record {
            time,
            version: "1.08",
            order: FieldOrder::Delivered,
            identity_json: internal_identity(key.account),
            source: KMS,
            name,
            region: key.region,
            account: key.account,
            origin: Origin::service("AWS Internal"),
            error: None,
            request_json: None,
            response_json: None,
            additional_json: None,
            details_json: Some(Object::new().text("keyId", &key.id).finish()),
            resources: Some(vec![key.resource()]),
            read_only: false,
            event_type: "AwsServiceEvent",
            category: "Management",
            request_id: None,
            id: self.random.uuid(),
            shared_id: None,
        };
        self.push(record)
    }

    fn apply_trouble(&mut self, record: &mut Record, key: &Key) {
        let arn = key.arn();
        let trouble = self
            .damage
            .troubles
            .iter()
            .find(|trouble| trouble.key == arn && record.time >= trouble.from);
        let Some(trouble) = trouble else {
            return;
        };
        record.error = Some((trouble.code, format!("{arn} {}", trouble.message)));
        record.additional_json = None;
        // Some producers keep the request of a failed call, others drop it with its resources.
        if self.random.chance(0.5) {
            record.request_json = None;
            record.resources = None;
        }
    }
}
