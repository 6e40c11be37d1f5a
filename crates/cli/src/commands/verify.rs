//! `keytrail verify`: whether log files are as CloudTrail delivered them, and what is missing.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use keytrail_event::EventTime;
use keytrail_report::digests::{write_json, write_table};

use crate::digests::{SeenByRegion, Span, verify_files};
use crate::exit_code::Exit;
use crate::failure::UsageError;
use crate::input::discover;
use crate::output::{Destination, Format};
use crate::public_keys::PublicKeys;
use crate::talk::Talk;
use crate::time_argument::TimeArgument;

/// `keytrail verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArguments {
    /// Files, folders (with their subfolders), globs or s3://BUCKET/PREFIX: digests, and the log files that they name.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Check signatures by the public keys in this file, which `aws cloudtrail list-public-keys` writes. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub public_keys: Vec<PathBuf>,
    /// Only digests of the time from here on: RFC 3339, a date (UTC), or a span before now such as 7d.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<TimeArgument>,
    /// Only digests of the time before this.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<TimeArgument>,
    /// Threads to read with. The default is one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// As a table or as JSON.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = VerifyFormat::Table)]
    pub format: VerifyFormat,
}

/// How a verification is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerifyFormat {
    /// A paragraph for each chain, with its gaps.
    Table,
    /// One JSON object.
    Json,
}

/// Verifies.
///
/// # Errors
/// When the arguments name nothing, or no digest.
pub fn run(arguments: &VerifyArguments, talk: Talk, now: EventTime) -> anyhow::Result<Exit> {
    let paths = arguments.public_keys.iter().map(PathBuf::as_path);
    let keys = PublicKeys::read(paths)?;
    let keys = (!arguments.public_keys.is_empty()).then_some(&keys);
    let found = discover(&arguments.paths)?;
    let threads = crate::arguments::threads(arguments.threads);
    let span = Span {
        since: arguments.since.map(|time| time.resolve(now)),
        until: arguments.until.map(|time| time.resolve(now)),
    };
    let mut verified = verify_files(&found, threads, span, keys, &SeenByRegion::new())?;
    if verified.digests == 0 {
        return Err(UsageError::new("no digest is among the files, or none of that time")
            .hint("digests stand beside CloudTrail/ in the bucket, in CloudTrail-Digest/: copy both folders")
            .into());
    }
    verified.verification.look_beside(&verified.log_files);
    verified
        .verification
        .look_outside(&verified.log_files, span.since, span.until);
    for file in &found.unreadable {
        talk.say(format_args!("{}: {}", file.file, file.reason));
    }
    let verification = &verified.verification;
    let mut out = Destination::standard_output(Format::Table, talk.color());
    match arguments.format {
        VerifyFormat::Table => write_table(verification, keys.is_some(), &talk.page(), &mut out)?,
        VerifyFormat::Json => write_json(verification, &mut out)?,
    }
    out.finish()?;
    Ok(if verification.gaps.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    })
}
