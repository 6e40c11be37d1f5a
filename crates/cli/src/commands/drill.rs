//! `keytrail drill`: a small labelled attack, delivered as CloudTrail would, to test a deployment from delivery to
//! pager.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use keytrail_event::{EventTime, REGION_HINT, is_region_name};
use keytrail_report::escape;
use keytrail_sim::drill::{self, Drill, DrillAttack, DrillOptions};
use keytrail_sim::{LABELS_PATH, SimulateError, SimulatedFile};

use crate::archive_folder;
use crate::bucket::{Buckets, Location};
use crate::exit_code::Exit;
use crate::failure::UsageError;
use crate::output::{Destination, Format};
use crate::talk::Talk;
use crate::time_argument::TimeArgument;

/// `keytrail drill`.
#[derive(Debug, Clone, Args)]
pub struct DrillArguments {
    /// Where to deliver: a folder that is empty or not there, or s3://BUCKET/PREFIX where PREFIX is
    /// what the trail has before AWSLogs/, if anything.
    #[arg(long, value_name = "PLACE")]
    pub out: PathBuf,
    /// The account that the attack happens in. Filters of alerts see it.
    #[arg(long, value_name = "ACCOUNT")]
    pub account: String,
    /// The Region that the attack happens in.
    #[arg(long, value_name = "REGION")]
    pub region: String,
    /// The id of the organisation whose trail delivers, where it is one's: o-….
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    pub organisation: String,
    /// An attack. May be repeated; the default is key-deletion.
    #[arg(long, value_enum, value_name = "ATTACK")]
    pub attack: Vec<Attack>,
    /// When it is delivered: RFC 3339, or a span before now such as 12h. The default is now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<TimeArgument>,
}

/// What the drill plays, by a caller and with keys that nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Attack {
    /// Three keys are scheduled for deletion.
    KeyDeletion,
    /// A key policy is opened to everyone.
    PolicyPublic,
    /// A grant lets another account use a key.
    GrantExternal,
    /// Somebody looks at all keys, and decrypts in a burst.
    KeyTheft,
    /// Six keys are tried and refused.
    DeniedSweep,
    /// The trail is stopped.
    TrailStopped,
    /// All of these.
    All,
}

impl Attack {
    fn drilled(self) -> Vec<DrillAttack> {
        match self {
            Self::KeyDeletion => vec![DrillAttack::KeyDeletion],
            Self::PolicyPublic => vec![DrillAttack::PolicyPublic],
            Self::GrantExternal => vec![DrillAttack::GrantExternal],
            Self::KeyTheft => vec![DrillAttack::KeyTheft],
            Self::DeniedSweep => vec![DrillAttack::DeniedSweep],
            Self::TrailStopped => vec![DrillAttack::TrailStopped],
            Self::All => DrillAttack::ALL.to_vec(),
        }
    }
}

/// Delivers a drill.
///
/// # Errors
/// When the options make no sense, or the drill cannot be written.
pub fn run(arguments: &DrillArguments, talk: Talk, now: EventTime) -> anyhow::Result<Exit> {
    let region = &arguments.region;
    if !is_region_name(region) {
        let shown = escape::terminal(region);
        return Err(UsageError::new(format_args!("`{shown}` is no Region"))
            .hint(REGION_HINT)
            .into());
    }
    let default = [Attack::KeyDeletion];
    let attacks = match &arguments.attack[..] {
        [] => &default[..],
        several => several,
    };
    let options = DrillOptions {
        now: arguments
            .at
            .map_or(now, |at| at.resolve(now))
            .unix_seconds(),
        account: arguments.account.clone(),
        region: arguments.region.clone(),
        organisation: arguments.organisation.clone(),
        attacks: attacks.iter().flat_map(|attack| attack.drilled()).collect(),
    };
    let drill = drill::generate(&options).map_err(|error| match error {
        SimulateError::Options(reason) => anyhow::Error::from(UsageError::new(reason)),
        error => anyhow::Error::from(error).context("cannot make the drill"),
    })?;
    match Location::parse(&arguments.out)? {
        Some(place) => deliver(&drill, &place, talk)?,
        None => write(&drill, &arguments.out, talk)?,
    }
    say_promises(&drill, talk);
    Ok(Exit::Done)
}

/// Delivers into a bucket. The labels go to standard output: in the bucket they would be taken for a delivery.
fn deliver(drill: &Drill, place: &Location, talk: Talk) -> anyhow::Result<()> {
    let place = place.below(&drill.file.path);
    Buckets::connect()?.write(&place, drill.file.bytes.clone())?;
    talk.say(format_args!(
        "{} records of a drill are delivered as `{}`",
        drill.records,
        escape::terminal(&place.to_string())
    ));
    let mut out = Destination::standard_output(Format::Jsonl, talk.color());
    out.write_all(labels(drill).as_bytes())?;
    out.finish()
}

/// Writes into a folder, the labels beside the deliveries.
fn write(drill: &Drill, folder: &Path, talk: Talk) -> anyhow::Result<()> {
    archive_folder::check(folder)?;
    let labels = SimulatedFile {
        path: LABELS_PATH.to_owned(),
        bytes: labels(drill).into_bytes(),
    };
    for file in [&drill.file, &labels] {
        archive_folder::write(folder, file).map_err(|error| {
            let shown = escape::path(folder);
            UsageError::new(format_args!("cannot write into `{shown}`: {error}"))
        })?;
    }
    talk.say(format_args!(
        "{} records of a drill are below `{}`; `{}` says which of them lead to which finding",
        drill.records,
        escape::path(&folder.join("AWSLogs")),
        escape::path(&folder.join(LABELS_PATH))
    ));
    Ok(())
}

fn labels(drill: &Drill) -> String {
    let lines = drill.labels.iter().map(|label| label.to_json() + "\n");
    lines.collect()
}

/// Says which findings must come.
fn say_promises(drill: &Drill, talk: Talk) {
    talk.say("These findings must come, at least:");
    for label in &drill.labels {
        talk.say(format_args!("  {} by {}", label.step, label.principal));
    }
}
