//! `keytrail replay`: what was unusual or wrong in an archive, and why.

mod collect;
mod conclude;
mod in_memory;
pub mod kept;
mod repeats;
pub mod room;
mod scores;
pub mod unkept;

use std::io::IsTerminal as _;

use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::Triage;
use keytrail_detect::packed_finding::PackedFinding;
use keytrail_detect::plan::Metrics;
use keytrail_detect::tally::TallyCounts;
use keytrail_event::EventTime;
use keytrail_report::findings;
use keytrail_report::summary::Coverage;

use self::room::Room;
use super::finding_filter::FindingFilter;
use crate::arguments::ReplayArguments;
use crate::configuration;
use crate::exit_code::Exit;
use crate::failure::{UsageError, unless_closed};
use crate::finding_list::FindingList;
use crate::input::Discovered;
use crate::output::{Destination, Format};
use crate::places::check_places;
use crate::progress::Progress;
use crate::sigma::Sigma;
use crate::state_file;
use crate::talk::Talk;
use scores::AccountScore;

/// What a replay came to.
#[derive(Debug)]
pub struct Replayed {
    /// What was read.
    pub coverage: Coverage,
    /// The findings in their last revision, sorted by (episode, id).
    pub findings: FindingList,
    /// How the records stood to the stamps of their files.
    pub counts: TallyCounts,
    /// Distinct records among those that were kept.
    pub distinct: u64,
    /// Accounts that are still being learnt.
    pub learning_accounts: u64,
    /// Pairs that were forgotten because an account had too many.
    pub forgotten_pairs: u64,
    /// What was counted while judging.
    pub metrics: Metrics,
    /// The memory that it outgrew, so that it went on in a temporary database.
    pub outgrown: Option<Room>,
    /// What hours scored, where that was asked for.
    pub scores: Vec<AccountScore>,
}

/// Replays an archive.
///
/// # Errors
/// When the arguments are wrong, or an output cannot be written.
pub fn run(arguments: &ReplayArguments, talk: Talk, now: EventTime) -> anyhow::Result<Exit> {
    let filter = FindingFilter::new(&arguments.filter, now)?;
    let mut configuration = configuration::load(&arguments.configuration)?;
    configuration.with_scores = arguments.scores.is_some();
    for expired in configuration::expired(&configuration, now) {
        talk.say(expired);
    }
    let sigma = arguments.sigma.as_deref().map(Sigma::load).transpose()?;
    let found = arguments.input.discover(talk, now)?;
    check_readings(&found, sigma.is_some())?;
    // Every place is opened before anything is read: an archive takes hours, a typing error seconds.
    let output = &arguments.output;
    let others = [&output.stats, &arguments.scores];
    let others = others.into_iter().flatten().map(|path| &**path);
    let results = output.output.iter().map(|output| &*output.path);
    let state = arguments.state.as_deref();
    check_places(results.chain(others), state, &arguments.input.paths, &found)?;
    let stats_file = output.stats.as_deref().map(Destination::file).transpose()?;
    let scores_file = arguments
        .scores
        .as_deref()
        .map(Destination::file)
        .transpose()?;
    let mut places = Vec::new();
    for output in &output.output {
        places.push((output.format, Destination::file(&output.path)?));
    }
    let state = state
        .map(|path| state_file::open_or_make(path, arguments.state_limit.map(|size| size.0)))
        .transpose()?;
    let default = output.output.is_empty().then_some(Format::Table);
    let progress = Progress::new(talk.is_progress_wanted(), found.bytes());
    let threads = arguments.input.threads();
    let room = Room::of_bytes(arguments.memory.0);
    let mut replayed = match &state {
        None => unkept::replay(&found, threads, &progress, &configuration, room, talk)?,
        Some(store) => kept::replay(
            &found,
            store,
            threads,
            &progress,
            &configuration,
            room,
            talk,
        )?,
    };
    let mut sigma_counts = None;
    if let Some(sigma) = sigma {
        let progress = Progress::new(talk.is_progress_wanted(), found.bytes());
        let (findings, counts) = sigma.run(&found, threads, &progress)?;
        replayed.findings.extend(findings);
        sigma_counts = Some(counts);
    }
    replayed.findings.dispose(&configuration);
    // Most of what is decided about a state's findings fits none of one run.
    let unmatched = match &state {
        None => unmatched(&replayed, &configuration, now),
        Some(_) => Vec::new(),
    };
    if let Some(file) = scores_file {
        scores::write(&replayed.scores, replayed.findings.iter(), file)?;
    }
    let filtered_out = if filter.is_empty() {
        0
    } else {
        replayed.findings.retain(|finding| filter.accepts(finding))
    };
    for (format, mut destination) in places {
        let page = talk.plain_page();
        let findings = replayed.findings.visible(format, arguments.show_suppressed);
        let written = findings::write(format.into(), &findings, &page, &mut destination);
        unless_closed(
            written
                .map_err(Into::into)
                .and_then(|()| destination.finish()),
        )?;
    }
    let summary = conclude::summarise(&replayed, filtered_out as u64, sigma_counts);
    if let Some(file) = stats_file {
        conclude::write_stats(&summary, file)?;
    }
    let shown = match output.format.or(default) {
        Some(format) => show(
            format,
            &replayed.findings.visible(format, arguments.show_suppressed),
            talk,
        ),
        None => Ok(()),
    };
    if std::io::stdout().is_terminal() {
        talk.say("");
    }
    conclude::say(&summary, talk);
    for sentence in unmatched {
        talk.say(sentence);
    }
    if filtered_out > 0 || !replayed.findings.packed().is_empty() {
        for note in filter.notes(replayed.findings.len()) {
            talk.say(note);
        }
    }
    // Who closed the pipe still gets the exit code that was asked for.
    unless_closed(shown)?;
    let is_failed = |severity| {
        replayed
            .findings
            .packed()
            .iter()
            .filter(|finding| finding.state().is_alerting() && finding.severity() >= severity)
            .any(|finding| finding.unpack().triage != Triage::Resolved)
    };
    Ok(if arguments.fail_on.is_some_and(is_failed) {
        Exit::Findings
    } else if arguments.input.is_missed(&replayed.coverage) {
        Exit::Unreadable
    } else {
        Exit::Done
    })
}

/// What users decided about findings that this run has none of; nothing where no record was kept.
fn unmatched(replayed: &Replayed, configuration: &Configuration, now: EventTime) -> Vec<String> {
    let coverage = &replayed.coverage;
    let (Some(first), Some(last)) = (coverage.first_event, coverage.last_event) else {
        return Vec::new();
    };
    let findings = &replayed.findings;
    configuration::unmatched(&findings.unmatched(configuration, (first, last), now))
}

/// Refuses what would be read a second time and cannot be. Replaying itself finds another way.
///
/// # Errors
/// When it is so.
pub fn check_readings(found: &Discovered, with_sigma: bool) -> Result<(), UsageError> {
    let what = match (with_sigma, found.is_verified_once()) {
        (true, _) if found.is_read_once() => "--sigma reads the input a second time",
        (_, true) => "log files are read a second time where there are digests, to hash them",
        _ => return Ok(()),
    };
    Err(UsageError::new(format_args!(
        "{what}, which standard input or a pipe cannot be"
    ))
    .hint("write it into a file and name that"))
}

fn show(format: Format, findings: &[PackedFinding], talk: Talk) -> anyhow::Result<()> {
    let mut stdout = Destination::standard_output(format, talk.color());
    findings::write(format.into(), findings, &talk.page(), &mut stdout)?;
    stdout.finish()
}
