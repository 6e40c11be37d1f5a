//! `keytrail evaluate`: how good the scores of a labelled archive are.

mod json;
mod lines;
mod table;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use keytrail_event::EventTime;
use keytrail_report::escape;
use keytrail_sim::measure::{self, BUDGETS, Measurement, Score, Span};

use crate::exit_code::Exit;
use crate::failure::UsageError;
use crate::input::discover;
use crate::output::{Destination, Format};
use crate::talk::Talk;

use lines::Labels;

/// Seconds in a day.
const DAY_SECONDS: i64 = 86_400;

/// `keytrail evaluate`.
#[derive(Debug, Clone, Args)]
pub struct EvaluateArguments {
    /// The archive that was scored: its days are those that count.
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
    /// What is an attack in it and what a legitimate change: the labels.jsonl of `keytrail simulate --organisation`.
    #[arg(long, value_name = "FILE")]
    pub labels: PathBuf,
    /// The scores: one JSON object a line, for each principal and hour.
    #[arg(long, value_name = "FILE")]
    pub scores: PathBuf,
    /// Days from the archive's first on that are for learning and do not count.
    #[arg(long, value_name = "DAYS", default_value_t = 15)]
    pub learning_days: u16,
    /// As a table or as JSON.
    #[arg(long, value_enum, default_value_t = EvaluateFormat::Table)]
    pub format: EvaluateFormat,
}

/// How a measurement is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EvaluateFormat {
    /// Columns to read on a terminal.
    Table,
    /// One JSON object.
    Json,
}

/// What was measured, and over which days.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The days that count, and their accounts.
    pub span: Span,
    /// The numbers.
    pub measurement: Measurement,
}

/// Measures.
///
/// # Errors
/// When a file cannot be read or holds something else, or when no day is left after learning.
pub fn run(arguments: &EvaluateArguments, talk: Talk) -> anyhow::Result<Exit> {
    let labels = lines::labels(&arguments.labels)?;
    let scores = scores(arguments)?;
    let span = span(&arguments.archive, arguments.learning_days, &labels)?;
    let evaluation = Evaluation {
        span,
        measurement: measure::measure(&scores, &labels.truth, span, &BUDGETS),
    };
    let out = match arguments.format {
        EvaluateFormat::Table => {
            let mut out = Destination::standard_output(Format::Table, talk.color());
            table::write(&evaluation, &mut out)?;
            out
        }
        EvaluateFormat::Json => {
            let mut out = Destination::standard_output(Format::Json, talk.color());
            json::write(&evaluation, &mut out)?;
            out
        }
    };
    out.finish()?;
    Ok(Exit::Done)
}

/// Where scores come from: the one place that has to know.
fn scores(arguments: &EvaluateArguments) -> Result<Vec<Score>, UsageError> {
    lines::scores(&arguments.scores)
}

/// The archive's whole days after those for learning. A day is whole when a file is stamped after its end; the first
/// is that of the earliest stamp.
fn span(archive: &Path, learning_days: u16, labels: &Labels) -> anyhow::Result<Span> {
    let found = discover(&[archive.to_owned()])?;
    let stamps = found.files.iter().filter_map(|file| file.delivery.stamp);
    let stamps = stamps.map(EventTime::unix_seconds);
    let bounds = stamps.clone().min().zip(stamps.max());
    let (first, last) = bounds.ok_or_else(|| {
        UsageError::new(format_args!(
            "no file in `{}` has a time in its name",
            escape::path(archive)
        ))
        .hint(
            "evaluate reads the days of an archive from the names that CloudTrail gives its files",
        )
    })?;
    let midnight = |seconds: i64| seconds.div_euclid(DAY_SECONDS) * DAY_SECONDS;
    let span = Span {
        from: midnight(first) + i64::from(learning_days) * DAY_SECONDS,
        until: midnight(last),
        accounts: labels.accounts,
    };
    if span.until <= span.from {
        let days = (midnight(last) - midnight(first)) / DAY_SECONDS;
        return Err(UsageError::new(format_args!(
            "`{}` has {days} whole days, and the first {learning_days} are for learning",
            escape::path(archive)
        ))
        .hint("simulate more days, or choose --learning-days")
        .into());
    }
    Ok(span)
}
