//! `keytrail events`: the normalised KMS records themselves.
//!
//! Records of one event id come several times: two trails deliver one event, files are delivered
//! again. The smallest by (time, bytes) wins, whatever the order of files. So the records go
//! through two sorts: by event id, to choose; then by time, to show. Both spill to temporary files.

mod collect;
mod write;

use keytrail_event::EventTime;
use keytrail_report::summary::{Coverage, Summary, write_json, write_summary};

use crate::arguments::EventsArguments;
use crate::coverage;
use crate::exit_code::Exit;
use crate::failure::unless_closed;
use crate::filter::Filter;
use crate::output::{Destination, Format};
use crate::places::check_places;
use crate::progress::Progress;
use crate::scan::{Part, scan};
use crate::sorter::{Entry, Keep, Sorter};
use crate::talk::Talk;
use crate::threads::Threads;
use collect::{Chosen, EventsCollector};
use write::RowWriters;

/// Records that are sorted in memory, in bytes; more go to temporary files.
const RUN_BYTES_MAX: usize = 32 << 20;

/// Lists the KMS records.
///
/// # Errors
/// When the arguments are wrong, or an output cannot be written.
pub fn run(arguments: &EventsArguments, talk: Talk, now: EventTime) -> anyhow::Result<Exit> {
    let filter = Filter::new(&arguments.filter, now)?;
    let found = arguments.input.discover(talk, now)?;
    let output = &arguments.output;
    let results = output.output.iter().map(|output| &*output.path);
    check_places(
        results.chain(output.stats.as_deref()),
        None,
        &arguments.input.paths,
        &found,
    )?;
    let stats_file = output.stats.as_deref().map(Destination::file).transpose()?;
    let mut writers = RowWriters::open(output, !arguments.count, stats_file.is_some(), talk)?;
    let progress = Progress::new(talk.is_progress_wanted(), found.bytes());
    let mut by_id = Sorter::new(Keep::First, RUN_BYTES_MAX);
    let mut coverage = Coverage::default();
    coverage::add_all_unopened(&mut coverage, found.unreadable);
    scan(
        &found.files,
        &Threads::new(arguments.input.threads().min(found.files.len()))?,
        &progress,
        || EventsCollector::new(&filter, !arguments.count, arguments.other_services),
        &mut coverage,
        |_, part| match part {
            Part::Batch(entries) => Ok(by_id.push_all(&entries)?),
            Part::End => Ok(()),
        },
    )?;
    progress.finish();
    let mut by_time = Sorter::new(Keep::All, RUN_BYTES_MAX);
    let mut matched = 0;
    let duplicates = by_id.drain(|entry| {
        if let Some(chosen) = Chosen::of(entry) {
            matched += 1;
            if !arguments.count {
                by_time.push(Entry {
                    group: &chosen.time_and_id(),
                    rank: b"",
                    payload: chosen.row,
                })?;
            }
        }
        Ok(())
    })?;
    by_time.drain(|entry| writers.row(entry.payload))?;
    writers.finish()?;
    let reading = &coverage.reading;
    let listed = match arguments.other_services {
        true => reading.kms + reading.other_services,
        false => reading.kms,
    };
    let summary = Summary {
        distinct: listed - duplicates,
        coverage,
        duplicates,
        matched: Some(matched),
        ..Summary::default()
    };
    conclude(summary, arguments, &filter, talk, stats_file)
}

/// Says and writes what was counted.
fn conclude(
    mut summary: Summary,
    arguments: &EventsArguments,
    filter: &Filter,
    talk: Talk,
    stats_file: Option<Destination>,
) -> anyhow::Result<Exit> {
    if let Some(mut file) = stats_file {
        write_json(&summary, &mut file)?;
        file.finish()?;
    }
    let notes = match summary.distinct {
        0 => Vec::new(),
        _ => filter.notes(summary.matched.unwrap_or_default()),
    };
    // That every record passes no filter at all need not be said.
    summary.matched = summary.matched.filter(|_| !filter.is_empty());
    if arguments.count {
        let mut stdout = Destination::standard_output(Format::Table, talk.color());
        write_summary(&summary, talk.detail(), &talk.page(), &mut stdout)?;
        unless_closed(stdout.finish())?;
    } else {
        talk.say_page(|page, out| write_summary(&summary, talk.detail(), page, out));
    }
    for note in notes {
        talk.say(note);
    }
    Ok(if arguments.input.is_missed(&summary.coverage) {
        Exit::Unreadable
    } else {
        Exit::Done
    })
}
