//! Who calls: roles, people, users and services, and the `userIdentity` CloudTrail writes for each.

use crate::json::Object;
use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::random::Random;
use crate::record::{FieldOrder, Origin};

/// What kind of caller an [`Actor`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A role whose sessions last this many hours; the session's name is made anew for each.
    Role { hours: i64 },
    /// A role that always calls its session by one name, as Lambda functions and people do.
    NamedRole { hours: i64 },
    /// A person behind IAM Identity Center: one session a day, from the console.
    Person,
    /// An IAM user with a long-lived access key.
    User,
    /// An AWS service acting for itself.
    Service,
}

/// One caller.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) kind: Kind,
    pub(crate) account: &'static str,
    /// Role name, user name or service DNS name.
    pub(crate) name: String,
    /// The path of the role's ARN: `/`, `/service-role/`, ….
    pub(crate) path: &'static str,
    /// The session's name, or what the sessions' names begin with.
    pub(crate) session: String,
    /// `AROA…` or `AIDA…`.
    pub(crate) id: String,
    pub(crate) agent: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) version: &'static str,
    pub(crate) order: FieldOrder,
    /// Everything a session is made of follows from this and the time.
    pub(crate) seed: u64,
    /// Set for a session that began at a moment of its own, as an intruder's does.
    pub(crate) signed_in: Option<Moment>,
}

/// Credentials for a while.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) name: String,
    pub(crate) access_key: String,
    pub(crate) created: Moment,
    address: u64,
}

impl Actor {
    /// The session that is current at this time.
    pub(crate) fn session_at(&self, time: Moment) -> Session {
        let mut fixed = Random::stream(self.seed, &self.name);
        let created = match (self.signed_in, self.kind) {
            (Some(moment), _) => moment,
            (None, Kind::Role { hours } | Kind::NamedRole { hours }) => {
                let shift = fixed.between(0, 50 * MINUTE);
                Moment((time + -shift).floor(hours * HOUR).0 + shift)
            }
            (None, Kind::Person) => time.floor(DAY) + 6 * HOUR + fixed.between(0, 40 * MINUTE),
            (None, Kind::User | Kind::Service) => Moment(0),
        };
        let mut random = Random::stream(self.seed, &format!("{}@{}", self.name, created.0));
        let prefix = if self.kind == Kind::User {
            "AKIA"
        } else {
            "ASIA"
        };
        let access_key = random.unique_id(prefix);
        let name = match self.kind {
            Kind::Role { .. } => format!("{}{}", self.session, random.hex(12)),
            _ => self.session.clone(),
        };
        Session {
            name,
            access_key,
            created: Moment(created.0.min(time.0)),
            address: random.bits(),
        }
    }

    /// `arn:aws:iam::…:role/…`, the same for every session.
    pub(crate) fn role_arn(&self) -> String {
        format!(
            "arn:aws:iam::{}:role{}{}",
            self.account, self.path, self.name
        )
    }

    /// The ARN of this caller as a record of that time has it.
    pub(crate) fn arn_at(&self, time: Moment) -> String {
        match self.kind {
            Kind::User => format!("arn:aws:iam::{}:user/{}", self.account, self.name),
            Kind::Service => self.name.clone(),
            _ => format!(
                "arn:aws:sts::{}:assumed-role/{}/{}",
                self.account,
                self.name,
                self.session_at(time).name
            ),
        }
    }

    /// The one string that stands for this caller whatever its session, as findings and labels name it.
    pub(crate) fn canonical(&self) -> String {
        match self.kind {
            Kind::Role { .. } | Kind::NamedRole { .. } => self.role_arn(),
            _ => self.arn_at(Moment(0)),
        }
    }

    /// The `userIdentity` of a call at this time, through a service or direct.
    pub(crate) fn identity(&self, time: Moment, via: Option<&str>) -> String {
        if self.kind == Kind::Service {
            return service_identity(&self.name);
        }
        let session = self.session_at(time);
        let mut identity = Object::new();
        if self.kind == Kind::User {
            identity = identity
                .text("type", "IAMUser")
                .text("principalId", &self.id)
                .text("arn", &self.arn_at(time))
                .text("accountId", self.account)
                .text("accessKeyId", &session.access_key)
                .text("userName", &self.name);
            if via.is_some() {
                identity = identity.raw("sessionContext", &empty_context(time));
            }
        } else {
            identity = identity
                .text("type", "AssumedRole")
                .text("principalId", &format!("{}:{}", self.id, session.name))
                .text("arn", &self.arn_at(time))
                .text("accountId", self.account)
                .text("accessKeyId", &session.access_key)
                .raw("sessionContext", &self.role_context(session.created));
        }
        match via {
            Some(service) => identity.text("invokedBy", service).finish(),
            None => identity.finish(),
        }
    }

    /// The `userIdentity` of this caller in the records of another account, the key's owner.
    pub(crate) fn foreign_identity(&self, time: Moment) -> String {
        Object::new()
            .text("type", "AWSAccount")
            .text(
                "principalId",
                &format!("{}:{}", self.id, self.session_at(time).name),
            )
            .text("accountId", self.account)
            .finish()
    }

    /// Where a call at this time comes from.
    pub(crate) fn origin(&self, time: Moment, via: Option<&str>) -> Origin {
        match (via, self.kind) {
            (Some(service), _) => Origin::service(service),
            (None, Kind::Service) => Origin::service(&self.name),
            (None, kind) => {
                let pick = self.session_at(time).address as usize;
                let address = self.addresses.get(pick % self.addresses.len().max(1));
                Origin {
                    address: address.cloned().unwrap_or_default(),
                    agent: self.agent.clone(),
                    direct: true,
                    endpoint: self.endpoint.clone(),
                    console: kind == Kind::Person && self.agent.starts_with("Mozilla"),
                }
            }
        }
    }

    fn role_context(&self, created: Moment) -> String {
        let issuer = Object::new()
            .text("type", "Role")
            .text("principalId", &self.id)
            .text("arn", &self.role_arn())
            .text("accountId", self.account)
            .text("userName", &self.name)
            .finish();
        let mut context = Object::new().raw("sessionIssuer", &issuer);
        if self.version < "1.11" {
            context = context.raw("webIdFederationData", "{}");
        }
        context.raw("attributes", &attributes(created)).finish()
    }
}

/// The identity of an AWS service that acts for itself.
pub(crate) fn service_identity(service: &str) -> String {
    Object::new()
        .text("type", "AWSService")
        .text("invokedBy", service)
        .finish()
}

/// The identity of AWS itself in an `AwsServiceEvent`: it has no type.
pub(crate) fn internal_identity(account: &str) -> String {
    Object::new()
        .text("accountId", account)
        .text("invokedBy", "AWS Internal")
        .finish()
}

/// What an IAM user's record carries when a service passes its call on: empty objects and a creation date.
fn empty_context(created: Moment) -> String {
    Object::new()
        .raw("sessionIssuer", "{}")
        .raw("webIdFederationData", "{}")
        .raw("attributes", &attributes(created))
        .finish()
}

fn attributes(created: Moment) -> String {
    Object::new()
        .text("creationDate", &created.to_string())
        .text("mfaAuthenticated", "false")
        .finish()
}
