//! One account's Region: its records' templates, its callers' current sessions, and its clock.

use std::collections::HashMap;

use crate::actor::{Actor, Kind};
use crate::key::Key;
use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::random::Random;
use crate::record::Record;

use super::template::{IDENTITY, TIME, Template, UUID};
use super::world::{REGIONS, World};
use super::{BulkOptions, RECORDS_PER_ACCOUNT_DAY, SPAN_MAX, beginning, habits, objects, services};

/// Records are out of order within as many as these.
const SHUFFLE: usize = 64;
/// What stands for the time in a draft, until it becomes a hole.
const DRAFT_TIME: Moment = Moment(0);

/// In which role an actor speaks in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Voice {
    /// By a call of its own.
    Own,
    /// Through a service, which records name as `invokedBy`.
    Through(&'static str),
    /// As the principal of another account, in the records of the key's owner.
    Foreign,
}

/// An actor's `userIdentity` in one voice, with the span of time it holds for.
struct Speaker {
    actor: Actor,
    voice: Voice,
    from: i64,
    until: i64,
    text: Vec<u8>,
}

/// Templates and the running sum of their weights.
#[derive(Default)]
struct Repertoire {
    sums: Vec<f64>,
    entries: Vec<(Template, usize)>,
}

/// One account's Region.
pub(crate) struct Place {
    pub(crate) account: &'static str,
    pub(crate) region: &'static str,
    /// Milliseconds since 1970.
    pub(crate) clock: i64,
    gap_ms: u64,
    kms_fraction: f64,
    s3_data_fraction: f64,
    speakers: Vec<Speaker>,
    /// Where each account's actor with its voice is among the speakers.
    known: HashMap<(&'static str, String, Voice), usize>,
    kms: Repertoire,
    objects: Repertoire,
    services: Repertoire,
}

/// What [`Place::write`] wrote.
pub(crate) struct Written {
    pub(crate) records: u64,
    pub(crate) kms_records: u64,
    /// The latest of their times.
    pub(crate) last: Moment,
}

/// Fills a place.
pub(crate) struct Builder<'a> {
    pub(crate) account: &'static str,
    pub(crate) region: &'static str,
    pub(crate) random: Random,
    place: &'a mut Place,
}

impl Place {
    /// All places of the archive.
    pub(crate) fn all(options: &BulkOptions, world: &World) -> Vec<Self> {
        let mut places = Vec::new();
        for account in &world.accounts {
            for (region, share) in REGIONS {
                places.push(Self::new(options, world, account, region, share));
            }
        }
        places
    }

    fn new(
        options: &BulkOptions,
        world: &World,
        account: &'static str,
        region: &'static str,
        share: f64,
    ) -> Self {
        let per_day = RECORDS_PER_ACCOUNT_DAY as f64 * share;
        let mut place = Self {
            account,
            region,
            clock: beginning(options).0 * 1_000,
            gap_ms: ((DAY * 1_000) as f64 / per_day) as u64,
            kms_fraction: options.kms_fraction,
            s3_data_fraction: options.s3_data_fraction,
            speakers: Vec::new(),
            known: HashMap::new(),
            kms: Repertoire::default(),
            objects: Repertoire::default(),
            services: Repertoire::default(),
        };
        let own: Vec<&Key> = world
            .keys
            .iter()
            .filter(|key| key.account == account)
            .collect();
        let near: Vec<&Key> = own
            .iter()
            .copied()
            .filter(|key| key.region == region)
            .collect();
        // With very few keys a Region borrows those of the other one, as replicas.
        let keys = if near.is_empty() { &own } else { &near };
        let principals: Vec<&Actor> = world
            .principals
            .iter()
            .filter(|actor| actor.account == account)
            .collect();
        let mut builder = Builder {
            account,
            region,
            random: Random::stream(options.seed, &format!("bulk {account} {region}")),
            place: &mut place,
        };
        habits::add(&mut builder, keys, &principals, world);
        objects::add(&mut builder, keys, &principals);
        services::add(&mut builder, &principals, world);
        place
    }

    /// Appends the text of one file: records up to about `target` bytes, no more than `limit` of them.
    pub(crate) fn write(
        &mut self,
        out: &mut Vec<u8>,
        random: &mut Random,
        target: usize,
        limit: u64,
    ) -> Written {
        let first = self.clock / 1_000;
        let mut written = Written {
            records: 0,
            kms_records: 0,
            last: Moment(first),
        };
        let mut times = [0; SHUFFLE];
        out.extend_from_slice(b"{\"Records\":[");
        while written.records < limit
            && (written.records == 0 || out.len() < target)
            && self.clock / 1_000 - first < SPAN_MAX
        {
            let count = (limit - written.records).min(SHUFFLE as u64) as usize;
            let times = &mut times[..count];
            for time in times.iter_mut() {
                self.clock += random.below(2 * self.gap_ms + 1) as i64;
                *time = self.clock / 1_000;
            }
            written.last = Moment(self.clock / 1_000);
            random.shuffle(times);
            for &mut time in times {
                if written.records > 0 {
                    out.push(b',');
                }
                written.records += 1;
                written.kms_records += u64::from(self.record(out, random, Moment(time)));
            }
        }
        out.extend_from_slice(b"]}");
        written
    }

    /// Appends one record; says whether it is one of KMS.
    fn record(&mut self, out: &mut Vec<u8>, random: &mut Random, time: Moment) -> bool {
        let class = random.unit();
        let is_kms = class < self.kms_fraction;
        let repertoire = if is_kms {
            &self.kms
        } else if class < self.kms_fraction + self.s3_data_fraction {
            &self.objects
        } else {
            &self.services
        };
        if let Some((template, speaker)) = repertoire.pick(random) {
            let identity = self
                .speakers
                .get_mut(*speaker)
                .map(|speaker| speaker.at(time));
            template.fill(out, random, &time.bytes(), identity.unwrap_or(b"{}"));
        }
        is_kms
    }
}

impl Repertoire {
    fn add(&mut self, weight: f64, template: Template, speaker: usize) {
        let sum = self.sums.last().copied().unwrap_or(0.0);
        self.sums.push(sum + weight);
        self.entries.push((template, speaker));
    }

    fn pick(&self, random: &mut Random) -> Option<&(Template, usize)> {
        let total = self.sums.last().copied().unwrap_or(0.0);
        let point = random.unit() * total;
        let index = self.sums.partition_point(|sum| *sum <= point);
        self.entries.get(index).or(self.entries.last())
    }
}

impl Speaker {
    /// The identity's text at this time, made anew when its session has ended.
    fn at(&mut self, time: Moment) -> &[u8] {
        if !(self.from..self.until).contains(&time.0) {
            (self.from, self.until) = match (self.actor.kind, self.voice) {
                // A user's call through a service has a session of its own.
                (Kind::User, Voice::Through(_)) => (time.0, time.0 + MINUTE),
                (Kind::User | Kind::Service, _) => (i64::MIN, i64::MAX),
                (Kind::Role { hours } | Kind::NamedRole { hours }, _) => {
                    let created = self.actor.session_at(time).created.0;
                    (created, created + hours * HOUR)
                }
                (Kind::Person, _) => {
                    let day = time.floor(DAY).0;
                    (day, day + DAY)
                }
            };
            let identity = match self.voice {
                Voice::Own => self.actor.identity(time, None),
                Voice::Through(service) => self.actor.identity(time, Some(service)),
                Voice::Foreign => self.actor.foreign_identity(time),
            };
            self.text = identity.into_bytes();
        }
        &self.text
    }
}

impl Builder<'_> {
    /// A record of this place with holes for all that changes.
    pub(crate) fn draft(
        &mut self,
        actor: &Actor,
        voice: Voice,
        source: &'static str,
        name: &'static str,
    ) -> Record {
        let via = match voice {
            Voice::Through(service) => Some(service),
            Voice::Own | Voice::Foreign => None,
        };
        let own_service = actor.kind == Kind::Service;
        let mut record = Record::draft(actor, DRAFT_TIME, via, (source, name), self.region);
        if source != "kms.amazonaws.com" {
            record.origin.endpoint = None;
        }
        let shared = own_service || voice == Voice::Foreign;
        Record {
            identity_json: IDENTITY.to_owned(),
            account: self.account,
            request_id: Some(UUID.to_owned()),
            id: UUID.to_owned(),
            shared_id: shared.then(|| UUID.to_owned()),
            ..record
        }
    }

    /// Adds a KMS record to what this place says.
    pub(crate) fn add_kms(&mut self, actor: &Actor, voice: Voice, record: Record, weight: f64) {
        let (template, speaker) = self.compile(actor, voice, &record);
        self.place.kms.add(weight, template, speaker);
    }

    /// Adds an S3 data event.
    pub(crate) fn add_object(&mut self, actor: &Actor, record: Record, weight: f64) {
        let (template, speaker) = self.compile(actor, Voice::Own, &record);
        // Other records hold a few of them too.
        let service_weight = weight * services::OBJECTS_SHARE;
        self.place
            .services
            .add(service_weight, template.clone(), speaker);
        self.place.objects.add(weight, template, speaker);
    }

    /// Adds a record of another service.
    pub(crate) fn add_service(&mut self, actor: &Actor, record: Record, weight: f64) {
        let (template, speaker) = self.compile(actor, Voice::Own, &record);
        self.place.services.add(weight, template, speaker);
    }

    fn compile(&mut self, actor: &Actor, voice: Voice, record: &Record) -> (Template, usize) {
        let mut text = String::new();
        record.write(&mut text);
        let text = text.replacen(&DRAFT_TIME.to_string(), TIME, 1);
        (Template::compile(&text), self.speaker(actor, voice))
    }

    fn speaker(&mut self, actor: &Actor, voice: Voice) -> usize {
        let speakers = &mut self.place.speakers;
        let name = (actor.account, actor.name.clone(), voice);
        *self.place.known.entry(name).or_insert_with(|| {
            speakers.push(Speaker {
                actor: actor.clone(),
                voice,
                from: 0,
                until: 0,
                text: Vec::new(),
            });
            speakers.len() - 1
        })
    }
}
