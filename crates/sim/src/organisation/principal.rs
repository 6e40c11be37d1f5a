//! Who calls: an identity with its tools or instances, a rhythm and habits.

use crate::actor::{Actor, Kind};
use crate::moment::Moment;
use crate::random::Random;
use crate::record::FieldOrder;

use super::habit::Habit;
use super::places::{HOME_ACCOUNT, Tool};
use super::rhythm::Rhythm;

/// What kind of principal somebody is, as far as changes and attacks choose by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// A role that an application runs under.
    Service,
    /// A role of a job.
    Batch,
    /// A role of a build pipeline.
    Pipeline,
    /// Somebody behind IAM Identity Center.
    Person,
    /// An IAM user with a long-lived access key.
    User,
    /// A role that inventories keys.
    Scanner,
    /// A service-linked role.
    ServiceLinked,
    /// An AWS service that acts for itself.
    AwsService,
    /// A principal of another account.
    Foreign,
}

/// One principal.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) class: Class,
    /// Instances of a service, or the tools of a person: all of one canonical name. Never empty.
    pub(crate) actors: Vec<Actor>,
    pub(crate) rhythm: Rhythm,
    /// Mean calls on an active day.
    pub(crate) volume: f64,
    /// How much days differ: the deviation of the logarithm.
    pub(crate) unrest: f64,
    pub(crate) habits: Vec<Habit>,
    /// The share of calls that go to some key of `reach` instead.
    pub(crate) curiosity: f64,
    /// Keys that the principal may use, beyond those it does use.
    pub(crate) reach: Vec<usize>,
    /// The share of calls that are refused.
    pub(crate) refused: f64,
    /// Index of the application or team it belongs to.
    pub(crate) team: usize,
    /// Who is hired or set up while the archive runs calls from then on.
    pub(crate) since: Option<Moment>,
    /// What is shut down while the archive runs calls no more from then on.
    pub(crate) until: Option<Moment>,
}

impl Principal {
    /// The canonical name, as findings have it. In an account that a foreign principal's own records do not reach,
    /// it has no ARN.
    pub(crate) fn canonical(&self) -> String {
        let Some(actor) = self.actors.first() else {
            return String::new();
        };
        if self.class == Class::Foreign {
            format!("ext:{}/{}", actor.account, actor.id)
        } else {
            actor.canonical()
        }
    }

    /// Whether it exists at this time.
    pub(crate) fn is_there(&self, time: Moment) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }

    /// One of its instances or tools. Of a person the first tool is the favourite.
    pub(crate) fn actor(&self, random: &mut Random) -> Option<&Actor> {
        let index = if self.class == Class::Person && random.chance(0.6) {
            0
        } else {
            random.index(self.actors.len())
        };
        self.actors.get(index)
    }
}

/// A role of the home account, as many instances of it as there are addresses.
pub(crate) fn role(
    seed: u64,
    name: &str,
    hours: i64,
    (tool, release): (Tool, i64),
    addresses: &[String],
    random: &mut Random,
) -> Vec<Actor> {
    let first = Actor {
        endpoint: random
            .chance(0.5)
            .then(|| format!("vpce-0{}", random.hex(16))),
        version: random.pick(&["1.08", "1.09", "1.10", "1.11", "1.11"], "1.11"),
        ..Actor::role(
            seed,
            HOME_ACCOUNT,
            name,
            hours,
            &tool.agent(release),
            random,
        )
    };
    addresses
        .iter()
        .enumerate()
        .map(|(index, address)| Actor {
            seed: seed.wrapping_add(index as u64),
            addresses: vec![address.clone()],
            ..first.clone()
        })
        .collect()
}

/// Roles whose sessions always have one name.
pub(crate) fn named(mut actors: Vec<Actor>, session: &str) -> Vec<Actor> {
    for actor in &mut actors {
        if let Kind::Role { hours } = actor.kind {
            actor.kind = Kind::NamedRole { hours };
        }
        actor.session = session.to_owned();
    }
    actors
}

/// Roles below a path.
pub(crate) fn below(mut actors: Vec<Actor>, path: &'static str) -> Vec<Actor> {
    for actor in &mut actors {
        actor.path = path;
    }
    actors
}

/// Somebody behind Identity Center: a permission set's role, a mail address, tools, and the lines they work from.
pub(crate) fn person(
    seed: u64,
    set: &str,
    mail: &str,
    tools: &[(Tool, i64)],
    addresses: &[String],
    random: &mut Random,
) -> Vec<Actor> {
    // One role a permission set: the digits belong to the set, not to the person.
    let digits = Random::stream(seed, &format!("permission set {set}")).hex(16);
    let name = format!("AWSReservedSSO_{set}_{digits}");
    let first = Actor {
        kind: Kind::Person,
        path: "/aws-reserved/sso.amazonaws.com/eu-central-1/",
        session: mail.to_owned(),
        id: Random::stream(seed, &format!("permission set id {set}")).unique_id("AROA"),
        addresses: addresses.to_vec(),
        version: "1.11",
        ..Actor::role(random.bits(), HOME_ACCOUNT, &name, 12, "", random)
    };
    tools
        .iter()
        .map(|(tool, release)| Actor {
            agent: tool.agent(*release),
            ..first.clone()
        })
        .collect()
}

/// An IAM user.
pub(crate) fn user(
    seed: u64,
    name: &str,
    (tool, release): (Tool, i64),
    addresses: &[String],
    random: &mut Random,
) -> Vec<Actor> {
    vec![Actor {
        kind: Kind::User,
        id: random.unique_id("AIDA"),
        addresses: addresses.to_vec(),
        order: FieldOrder::Alphabetical,
        ..Actor::role(seed, HOME_ACCOUNT, name, 0, &tool.agent(release), random)
    }]
}

/// An AWS service that acts for itself.
pub(crate) fn service(seed: u64, name: &str, random: &mut Random) -> Vec<Actor> {
    vec![Actor {
        kind: Kind::Service,
        ..Actor::role(seed, HOME_ACCOUNT, name, 0, name, random)
    }]
}

/// A service-linked role.
pub(crate) fn service_linked(
    seed: u64,
    name: &str,
    path: &'static str,
    random: &mut Random,
) -> Vec<Actor> {
    let agent = Tool::JavaOne.agent(0);
    let actor = Actor::role(seed, HOME_ACCOUNT, name, 1, &agent, random);
    let session = name.trim_start_matches("AWSServiceRoleFor").to_owned();
    below(named(vec![actor], &session), path)
}

/// A role of another account.
pub(crate) fn foreign(
    seed: u64,
    account: &'static str,
    name: &str,
    addresses: &[String],
    random: &mut Random,
) -> Vec<Actor> {
    vec![Actor {
        addresses: addresses.to_vec(),
        ..Actor::role(seed, account, name, 6, &Tool::Java.agent(4), random)
    }]
}
