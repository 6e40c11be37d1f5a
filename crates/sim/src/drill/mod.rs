//! A drill: a small labelled attack with made-up keys, over within five minutes, to test a deployment with.
//!
//! Everything says that it is a drill: the callers are roles called `keytrail-drill-…`, and so is their agent.
//! No attack needs a past, so a deployment tells of it from its first day on. Callers and keys are new in each
//! drill, since a finding that is known already alerts nobody a second time.

mod attacks;
mod call;

use crate::label::Label;
use crate::layout::{Folder, GZIP_USUAL, Packer, path};
use crate::moment::{HOUR, MINUTE, Moment};
use crate::random::Random;
use crate::{SimulateError, SimulatedFile};

use attacks::Stage;

pub use attacks::DrillAttack;

/// How long a drill's attacks take at most, in seconds.
const SPAN: i64 = 5 * MINUTE;
/// What the stamps of deliveries are whole multiples of.
const STAMP: i64 = 5 * MINUTE;

/// What to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillOptions {
    /// When the file is delivered, in seconds since 1970. The attacks are over then.
    pub now: i64,
    /// The account whose trail delivers.
    pub account: String,
    /// The Region of the keys. That it is formed as one is for who takes it in to check; here it must be good for names
    /// of folders.
    pub region: String,
    /// The organisation whose trail it is; empty for an account's own trail.
    pub organisation: String,
    /// Which attacks are played.
    pub attacks: Vec<DrillAttack>,
}

/// A drill, ready to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    /// The log file, as CloudTrail would deliver it.
    pub file: SimulatedFile,
    /// Records in it.
    pub records: u64,
    /// One label for each finding that the records must lead to; its step is the id of the rule.
    pub labels: Vec<Label>,
}

/// Makes a drill. The same options make the same drill.
///
/// # Errors
/// When the options are out of range.
pub fn generate(options: &DrillOptions) -> Result<Drill, SimulateError> {
    check(options)?;
    let (now, start) = (Moment(options.now), begin(Moment(options.now)));
    let mut records = Vec::new();
    let mut labels = Vec::new();
    for attack in DrillAttack::ALL {
        if options.attacks.contains(&attack) {
            let mut stage = Stage::new(options, attack, start);
            attacks::play(&mut stage);
            records.extend(stage.records);
            labels.extend(stage.labels);
        }
    }
    let mut random = Random::stream(options.now.unsigned_abs(), &options.account);
    random.shuffle(&mut records);
    let path = path(
        &options.organisation,
        Folder::Logs,
        &options.account,
        &options.region,
        now.floor(STAMP),
        &format!("drill{}", random.alphanumeric(11)),
    );
    let text = format!("{{\"Records\":[{}]}}", records.join(","));
    Ok(Drill {
        file: Packer::new(GZIP_USUAL)?.gzip(path, text.as_bytes())?,
        records: records.len() as u64,
        labels,
    })
}

/// When the attacks begin: so late that they have just ended, and in one hour of one day, so that what a rule
/// finds does not depend on the time of the drill.
fn begin(now: Moment) -> Moment {
    let start = now + -(SPAN + MINUTE);
    if start.floor(HOUR) == (start + SPAN).floor(HOUR) {
        start
    } else {
        (start + SPAN).floor(HOUR) + -SPAN
    }
}

fn check(options: &DrillOptions) -> Result<(), SimulateError> {
    let is_name = |text: &str| {
        let is_usual =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (5..=34).contains(&text.len()) && text.bytes().all(is_usual)
    };
    let account = &options.account;
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SimulateError::Options("an account is twelve digits"));
    }
    if !is_name(&options.region) {
        return Err(SimulateError::Options("a Region is a short name"));
    }
    let organisation = &options.organisation;
    let is_organisation = is_name(organisation) && organisation.starts_with("o-");
    if !organisation.is_empty() && !is_organisation {
        return Err(SimulateError::Options(
            "an organisation is an id such as o-a1b2c3d4e5",
        ));
    }
    if options.attacks.is_empty() {
        return Err(SimulateError::Options("a drill has at least one attack"));
    }
    // Years with four digits.
    if !(HOUR..250_000_000_000).contains(&options.now) {
        return Err(SimulateError::Options(
            "a drill is after 1970 and before 9890",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
