//! `keytrail simulate`: simulated archives, to try rules on and to measure with.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use keytrail_sim::attacks;
use keytrail_sim::bulk::{self, BulkOptions};
use keytrail_sim::organisation::{self, OrganisationOptions};
use keytrail_sim::scenario::{self, AttackKind, ScenarioOptions};
use keytrail_sim::{LABELS_PATH, SimulateError, SimulatedFile};

use crate::archive_folder;
use crate::exit_code::Exit;
use crate::failure::UsageError;
use crate::talk::Talk;
use keytrail_report::{escape, grouped};

/// `keytrail simulate`.
#[derive(Debug, Clone, Args)]
pub struct SimulateArguments {
    /// The folder to write into. It must be empty or not there.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// One seed, one archive.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The first day, such as 2026-03-02. The default is 2026-03-02, or 2026-01-05 with --organisation.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub start: Option<jiff::civil::Date>,
    /// Days of the organisation's life. The default is 21, or 60 with --organisation.
    #[arg(long, conflicts_with = "records")]
    pub days: Option<u32>,
    /// An attack on the small organisation. May be repeated; the default is all.
    #[arg(long, value_enum, value_name = "ATTACK", conflicts_with_all = ["records", "organisation"])]
    pub attack: Vec<Attack>,
    /// Write the life of two hundred principals, to measure detection with.
    #[arg(long, conflicts_with = "records")]
    pub organisation: bool,
    /// Which attacks on them, with commas between.
    #[arg(
        long,
        value_name = "KINDS",
        value_delimiter = ',',
        default_value = "all",
        value_parser = PossibleValuesParser::new(attack_names()),
        requires = "organisation"
    )]
    pub attacks: Vec<String>,
    /// Attacks of each kind, of three strengths in turn.
    #[arg(long, value_name = "N", default_value_t = 2, requires = "organisation")]
    pub attack_count: u32,
    /// How much everybody calls, in percent of some 20,000 records a day.
    #[arg(
        long,
        value_name = "PERCENT",
        default_value_t = 100,
        requires = "organisation"
    )]
    pub volume: u32,
    /// Write that many records for measuring, in place of an organisation's life.
    #[arg(long, value_name = "N")]
    pub records: Option<u64>,
    /// The share of KMS records, 0 to 1.
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.1,
        requires = "records"
    )]
    pub kms_fraction: f64,
    /// The share of S3 data events, 0 to 1.
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.0,
        requires = "records"
    )]
    pub s3_data_fraction: f64,
    /// Accounts the records are spread over, 1 to 16.
    #[arg(long, value_name = "N", default_value_t = 4, requires = "records")]
    pub accounts: u32,
    /// Principals the records are spread over.
    #[arg(long, value_name = "N", default_value_t = 200, requires = "records")]
    pub principals: u32,
    /// Keys the records are spread over.
    #[arg(long, value_name = "N", default_value_t = 80, requires = "records")]
    pub keys: u32,
}

/// What happens to the organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Attack {
    /// A stolen role looks around, is refused, and reads what it can.
    KeyTheft,
    /// An administrator gives keys away, takes keys away, and stops the trail.
    Sabotage,
    /// Nothing: normal life.
    None,
}

impl Attack {
    fn kind(self) -> Option<AttackKind> {
        match self {
            Self::KeyTheft => Some(AttackKind::KeyTheft),
            Self::Sabotage => Some(AttackKind::Sabotage),
            Self::None => None,
        }
    }
}

/// `none`, `all`, and every kind of attack on the large organisation.
fn attack_names() -> impl Iterator<Item = &'static str> {
    let kinds = attacks::AttackKind::ALL.iter().map(|kind| kind.name());
    ["none", "all"].into_iter().chain(kinds)
}

/// The kinds that these names stand for.
fn attack_kinds(names: &[String]) -> Result<Vec<attacks::AttackKind>, UsageError> {
    if let [name] = names {
        match name.as_str() {
            "none" => return Ok(Vec::new()),
            "all" => return Ok(attacks::AttackKind::ALL.to_vec()),
            _ => {}
        }
    }
    if names.iter().any(|name| name == "none" || name == "all") {
        return Err(UsageError::new(
            "--attacks none and --attacks all stand alone",
        ));
    }
    let mut kinds = attacks::AttackKind::ALL.to_vec();
    kinds.retain(|kind| names.iter().any(|name| name == kind.name()));
    Ok(kinds)
}

fn date(text: &str) -> Result<jiff::civil::Date, String> {
    text.parse()
        .map_err(|_| "not a date; write it as 2026-03-02".to_owned())
}

/// Writes an archive.
///
/// # Errors
/// When the options make no sense, or a file cannot be written.
pub fn run(arguments: &SimulateArguments, talk: Talk) -> anyhow::Result<Exit> {
    archive_folder::check(&arguments.out)?;
    let mut sink = |file: SimulatedFile| archive_folder::write(&arguments.out, &file);
    let told = match arguments.records {
        Some(records) => write_bulk(arguments, records, &mut sink),
        None if arguments.organisation => write_organisation(arguments, &mut sink)?,
        None => write_scenario(arguments, &mut sink)?,
    };
    let told = told.map_err(|error| match error {
        SimulateError::Options(reason) => anyhow::Error::from(UsageError::new(reason)),
        error => anyhow::Error::from(error).context("cannot write the archive"),
    })?;
    talk.say(format_args!("{told} in `{}`", escape::path(&arguments.out)));
    let labels = arguments.out.join(LABELS_PATH);
    if labels.exists() {
        talk.say(format_args!(
            "the records to replay are below `{}`; `{}` says which of them are an attack",
            escape::path(&arguments.out.join("AWSLogs")),
            escape::path(&labels)
        ));
    }
    Ok(Exit::Done)
}

type FileSink<'a> = dyn FnMut(SimulatedFile) -> std::io::Result<()> + 'a;

fn write_scenario(
    arguments: &SimulateArguments,
    sink: &mut FileSink<'_>,
) -> Result<Result<String, SimulateError>, UsageError> {
    let attacks = match &arguments.attack[..] {
        [] => AttackKind::ALL.to_vec(),
        [Attack::None] => Vec::new(),
        several if several.contains(&Attack::None) => {
            return Err(UsageError::new("--attack none stands alone"));
        }
        several => several.iter().filter_map(|attack| attack.kind()).collect(),
    };
    let defaults = ScenarioOptions::default();
    let options = ScenarioOptions {
        seed: arguments.seed,
        start: arguments.start.unwrap_or(defaults.start),
        days: arguments.days.unwrap_or(defaults.days),
        attacks,
    };
    Ok(scenario::generate(&options, sink).map(|made| {
        format!(
            "{} records ({} of KMS) in {} files, {} labelled attack steps,",
            grouped(made.records),
            grouped(made.kms_records),
            grouped(made.files),
            made.labels.len()
        )
    }))
}

fn write_organisation(
    arguments: &SimulateArguments,
    sink: &mut FileSink<'_>,
) -> Result<Result<String, SimulateError>, UsageError> {
    let defaults = OrganisationOptions::default();
    let options = OrganisationOptions {
        seed: arguments.seed,
        start: arguments.start.unwrap_or(defaults.start),
        days: arguments.days.unwrap_or(defaults.days),
        attacks: attack_kinds(&arguments.attacks)?,
        attack_count: arguments.attack_count,
        volume_percent: arguments.volume,
    };
    Ok(organisation::generate(&options, sink).map(|made| {
        let is_attack = |label: &&organisation::Label| {
            label.category == organisation::Category::Attack
        };
        let attacks = made.labels.iter().filter(is_attack).count();
        format!(
            "{} records in {} files, {} bytes compressed, {attacks} attacks and {} legitimate changes,",
            grouped(made.records),
            grouped(made.files),
            grouped(made.bytes_compressed),
            made.labels.len() - attacks
        )
    }))
}

fn write_bulk(
    arguments: &SimulateArguments,
    records: u64,
    sink: &mut FileSink<'_>,
) -> Result<String, SimulateError> {
    let defaults = BulkOptions::default();
    let options = BulkOptions {
        records,
        kms_fraction: arguments.kms_fraction,
        s3_data_fraction: arguments.s3_data_fraction,
        seed: arguments.seed,
        start: arguments.start.unwrap_or(defaults.start),
        accounts: arguments.accounts,
        principals: arguments.principals,
        keys: arguments.keys,
        ..defaults
    };
    bulk::generate(&options, sink).map(|made| {
        format!(
            "{} records ({} of KMS) in {} files, {} bytes, {} compressed,",
            grouped(made.records),
            grouped(made.kms_records),
            grouped(made.files),
            grouped(made.bytes),
            grouped(made.bytes_compressed)
        )
    })
}
