//! An organisation of about two hundred principals and eighty-five keys: the judge that detection is measured with.
//!
//! It has a normal life (people in several time zones, jobs by the clock, builds, services that scale with their
//! customers, AWS services, partners), legitimate changes, and attacks at several strengths, each labelled. The life
//! follows from the seed alone: attacks add records and move none. Days are made one after another, so memory does
//! not grow with their number.

mod applications;
pub(crate) mod call;
mod change;
pub(crate) mod day;
mod delivery;
mod dispersion;
pub(crate) mod habit;
pub(crate) mod keys;
mod label;
mod legacy;
pub(crate) mod life;
pub(crate) mod places;
mod platform;
pub(crate) mod principal;
pub(crate) mod rhythm;
mod staff;
pub(crate) mod world;

use jiff::civil::Date;

use crate::attacks::{self, AttackKind};
use crate::label::labels_file;
use crate::moment::Moment;
use crate::record::Record;
use crate::{SimulateError, Sink};

use delivery::Delivery;
use life::Traces;
use world::World;

pub use change::ChangeKind;
pub use label::{Category, Label};

/// The longest archive of an organisation, in days.
pub const DAYS_MAX: u32 = 366;
/// The most attacks of each kind.
pub const ATTACKS_MAX: u32 = 50;

/// What to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationOptions {
    /// One seed, one organisation.
    pub seed: u64,
    /// The first day, UTC.
    pub start: Date,
    /// How many days, from 1 to [`DAYS_MAX`].
    pub days: u32,
    /// Which kinds of attack happen.
    pub attacks: Vec<AttackKind>,
    /// How many attacks of each kind, up to [`ATTACKS_MAX`]; their strengths alternate.
    pub attack_count: u32,
    /// How much everybody calls, in percent of some twenty thousand records a day; up to 1,000.
    pub volume_percent: u32,
}

impl Default for OrganisationOptions {
    /// Sixty days from a Monday on, with two attacks of every kind.
    fn default() -> Self {
        Self {
            seed: 1,
            start: jiff::civil::date(2026, 1, 5),
            days: 60,
            attacks: AttackKind::ALL.to_vec(),
            attack_count: 2,
            volume_percent: 100,
        }
    }
}

/// What was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files handed to the sink, the labels' file included.
    pub files: u64,
    /// Records in them, each as often as it was delivered.
    pub records: u64,
    /// How many of those a second trail delivered.
    pub duplicates: u64,
    /// Records delivered later than two hours after their hour's end.
    pub late: u64,
    /// Bytes before compression.
    pub bytes: u64,
    /// Bytes as handed to the sink.
    pub bytes_compressed: u64,
    /// Which records are attacks and which changes; also in the archive, as `labels.jsonl`.
    pub labels: Vec<Label>,
}

/// Makes an organisation's archive, day by day, file by file.
///
/// # Errors
/// When the options are out of range, or when the sink refuses a file.
pub fn generate(
    options: &OrganisationOptions,
    sink: &mut Sink<'_>,
) -> Result<Summary, SimulateError> {
    check(options)?;
    let start = Moment::midnight(options.start);
    let volume = f64::from(options.volume_percent) / 100.0;
    let world = World::new(options.seed, start, i64::from(options.days), volume);
    let mut attacks = attacks::plan(&world, &options.attacks, options.attack_count);
    let mut delivery = Delivery::new(options.seed, start)?;
    let mut summary = Summary::default();
    let mut traces: Traces = vec![Vec::new(); world.changes.len()];
    let mut records = Vec::new();
    for index in 0..world.days {
        let day = world.day(index);
        for principal in 0..world.principals.len() {
            life::live(&world, principal, day, &mut records, &mut traces);
        }
        for change in 0..world.changes.len() {
            life::bouts(&world, change, day, &mut records, &mut traces);
        }
        for attack in &mut attacks {
            attack.play(&world, day, &mut records);
        }
        // What runs past midnight belongs to the next day.
        let tomorrow: Vec<Record> = records.extract_if(.., |it| it.time >= day.end()).collect();
        delivery.deliver(day, &records, &mut summary, sink)?;
        records = tomorrow;
    }
    delivery.hand_over(Moment(i64::MAX), &mut summary, sink)?;
    summary.labels = labels(&world, &traces, attacks);
    let labels = labels_file(summary.labels.iter().map(Label::to_json));
    summary.files += 1;
    summary.bytes += labels.bytes.len() as u64;
    summary.bytes_compressed += labels.bytes.len() as u64;
    sink(labels)?;
    Ok(summary)
}

fn check(options: &OrganisationOptions) -> Result<(), SimulateError> {
    let problem = if !(1..=DAYS_MAX).contains(&options.days) {
        "days is a number from 1 to 366"
    } else if !(1970..=9000).contains(&options.start.year()) {
        "start is a day from 1970 to 9000"
    } else if options.attack_count > ATTACKS_MAX {
        "attack-count is a number up to 50"
    } else if !(1..=1_000).contains(&options.volume_percent) {
        "volume is a number of percent from 1 to 1,000"
    } else {
        return Ok(());
    };
    Err(SimulateError::Options(problem))
}

/// Attacks first, then changes. What left no record within the archive's days is no label.
fn labels(world: &World, traces: &Traces, attacks: Vec<attacks::Attack>) -> Vec<Label> {
    let mut labels: Vec<Label> = attacks
        .into_iter()
        .filter_map(attacks::Attack::label)
        .collect();
    for (change, ids) in world.changes.iter().zip(traces) {
        let Some(principal) = world.principals.get(change.principal) else {
            continue;
        };
        if ids.is_empty() {
            continue;
        }
        let keys = change.keys.iter().filter_map(|key| world.keys.key(*key));
        labels.push(Label {
            id: change.id.clone(),
            kind: change.kind.name(),
            category: Category::Change,
            strength: "",
            account: places::HOME_ACCOUNT.to_owned(),
            principal: principal.canonical(),
            keys: keys.map(crate::key::Key::arn).collect(),
            first: change.first.0,
            last: change.last.0,
            event_ids: ids.clone(),
        });
    }
    labels
}

#[cfg(test)]
mod tests;
