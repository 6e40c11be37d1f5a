//! A small organisation with a normal life and labelled attacks.
//!
//! Two accounts, some twenty principals and a dozen keys. People keep office hours, applications follow their
//! customers, jobs run by the clock, AWS services call for themselves and for others. Deliveries are as in life:
//! records shuffled within a file, a few files hours late after an outage, a few records delivered twice by a
//! second trail, and objects that are no logs (a digest, an Insight). Towards the end the attacks happen.

mod applications;
mod attack;
mod calendar;
mod cast;
mod delivery;
mod extras;
mod people;
mod platform;
mod sabotage;
mod stage;
mod theft;
mod upkeep;

use jiff::civil::Date;

use crate::label::{Label, labels_file};
use crate::moment::{DAY, Moment};
use crate::record::Record;
use crate::{SimulateError, Sink};

use attack::Labels;
use calendar::Calendar;
use cast::Cast;
use stage::{Damage, Stage};

pub use attack::AttackKind;

/// The longest archive a scenario makes, in days.
pub const DAYS_MAX: u32 = 366;

/// What to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioOptions {
    /// One seed, one archive.
    pub seed: u64,
    /// The first day, UTC.
    pub start: Date,
    /// How many days, from 1 to [`DAYS_MAX`].
    pub days: u32,
    /// Which attacks happen, each once.
    pub attacks: Vec<AttackKind>,
}

impl Default for ScenarioOptions {
    /// The bundled example: three weeks from a Monday on, with every attack.
    fn default() -> Self {
        Self {
            seed: 1,
            start: jiff::civil::date(2026, 3, 2),
            days: 21,
            attacks: AttackKind::ALL.to_vec(),
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
    /// How many of those are KMS records.
    pub kms_records: u64,
    /// Records delivered a second time.
    pub duplicates: u64,
    /// Records delivered later than two hours after their hour's end.
    pub late: u64,
    /// Bytes before compression.
    pub bytes: u64,
    /// Bytes as handed to the sink.
    pub bytes_compressed: u64,
    /// Which records are attacks; also in the archive, as `labels.jsonl`.
    pub labels: Vec<Label>,
}

/// Makes an organisation's archive, file by file.
///
/// # Errors
/// When the options are out of range, or when the sink refuses a file.
pub fn generate(options: &ScenarioOptions, sink: &mut Sink<'_>) -> Result<Summary, SimulateError> {
    let calendar = calendar(options)?;
    let cast = Cast::new(options.seed);
    let sabotaged = options.attacks.contains(&AttackKind::Sabotage);
    let damage = if sabotaged {
        sabotage::damage(&cast, calendar)
    } else {
        Damage::default()
    };
    let mut labels = Labels::default();
    let mut stages = applications::play(&cast, &damage, calendar);
    stages.extend(people::play(&cast, &damage, calendar));
    stages.extend(upkeep::play(&cast, &damage, calendar));
    if options.attacks.contains(&AttackKind::KeyTheft) {
        stages.push(theft::play(&cast, &damage, calendar, &mut labels));
    }
    if sabotaged {
        stages.push(sabotage::play(&cast, &damage, calendar, &mut labels));
    }
    let records = in_order(stages, calendar);
    if sabotaged {
        sabotage::label_aftermath(&cast, &damage, &mut labels, &records);
    }
    let mut summary = delivery::deliver(options.seed, calendar, &records, sink)?;
    summary.labels = labels.finish(&records);
    let labels = labels_file(summary.labels.iter().map(Label::to_json));
    summary.files += 1;
    summary.bytes += labels.bytes.len() as u64;
    summary.bytes_compressed += labels.bytes.len() as u64;
    sink(labels)?;
    Ok(summary)
}

fn calendar(options: &ScenarioOptions) -> Result<Calendar, SimulateError> {
    if !(1..=DAYS_MAX).contains(&options.days) {
        return Err(SimulateError::Options("days is a number from 1 to 366"));
    }
    if !(1970..=9000).contains(&options.start.year()) {
        return Err(SimulateError::Options("start is a day from 1970 to 9000"));
    }
    Ok(Calendar {
        start: Moment::midnight(options.start),
        days: i64::from(options.days),
    })
}

/// All records within the archive's days, by time.
fn in_order(stages: Vec<Stage<'_>>, calendar: Calendar) -> Vec<Record> {
    let end = calendar.start + calendar.days * DAY;
    let mut records: Vec<Record> = stages
        .into_iter()
        .flat_map(|stage| stage.records)
        .filter(|record| record.time >= calendar.start && record.time < end)
        .collect();
    records.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
    records
}

#[cfg(test)]
mod tests;
